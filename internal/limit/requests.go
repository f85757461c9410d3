package limit

import (
	"container/list"
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-sessions/usher"
)

const (
	maxCallers = 100_000 // whose rates are kept apart
	crowds     = 256     // shared rates for those beyond
)

// Requests bounds how often one caller may ask, on one replica. Who is known by
// name counts by name; who isn't, by address (see [Network]).
//
// At most 100,000 callers are kept, the longest unheard of forgotten first, and
// only once their rate has fully recovered, when forgetting changes nothing. If
// there is no such caller newcomers share rates among themselves until there is.
type Requests struct {
	perSecond rate.Limit
	burst     int
	now       func() time.Time
	seed      maphash.Seed

	mu     sync.Mutex
	byName map[requester]*list.Element
	order  *list.List // of *account, last heard of first
	crowd  [crowds]*rate.Limiter
	most   int
}

type requester struct {
	kind usher.CallerKind
	id   string
	from netip.Prefix
}

type account struct {
	who   requester
	limit *rate.Limiter
}

// NewRequests returns a Requests that lets each caller ask so many times a
// second, and burst times at once.
func NewRequests(perSecond float64, burst int, now func() time.Time) (*Requests, error) {
	if !(perSecond > 0) || perSecond > 1e6 {
		return nil, fmt.Errorf("%g requests in a second can't be the limit; choose more than 0, at most 1000000", perSecond)
	}
	if burst < 1 {
		return nil, fmt.Errorf("%d requests at once can't be the limit; choose at least 1", burst)
	}
	q := &Requests{
		perSecond: rate.Limit(perSecond), burst: burst, now: now, seed: maphash.MakeSeed(),
		byName: map[requester]*list.Element{}, order: list.New(), most: maxCallers,
	}
	for i := range q.crowd {
		q.crowd[i] = rate.NewLimiter(q.perSecond, burst)
	}
	return q, nil
}

// Allow counts one request of c and returns nil, or the refusal if c has asked
// too often. What is refused doesn't count.
func (q *Requests) Allow(c *usher.Caller) error {
	who := requester{kind: c.Kind, id: c.ID}
	if c.ID == "" {
		who.from = Network(c.Addr)
	}
	now := q.now()
	if after := q.take(who, now); after > 0 {
		return limited("You are asking too often; slow down.", after)
	}
	return nil
}

func (q *Requests) take(who requester, now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.limiter(who, now)
	if l.AllowN(now, 1) {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	return max(time.Duration(missing/float64(q.perSecond)*float64(time.Second)), time.Millisecond)
}

// limiter returns the rate that counts for who. The caller holds mu.
func (q *Requests) limiter(who requester, now time.Time) *rate.Limiter {
	if e, ok := q.byName[who]; ok {
		q.order.MoveToFront(e)
		return e.Value.(*account).limit
	}
	if len(q.byName) >= q.most {
		last := q.order.Back()
		old := last.Value.(*account)
		if old.limit.TokensAt(now) < float64(q.burst) {
			return q.crowd[maphash.Comparable(q.seed, who)%crowds]
		}
		q.order.Remove(last)
		delete(q.byName, old.who)
	}
	a := &account{who, rate.NewLimiter(q.perSecond, q.burst)}
	q.byName[who] = q.order.PushFront(a)
	return a.limit
}
