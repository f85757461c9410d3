package limit

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Defaults for failed tries in an hour, on one replica.
const (
	// AddrPerHour leaves a household, an office or a class behind one address
	// room for slips.
	AddrPerHour = 60
	// TargetPerHour is for all addresses together: of a 4-digit passcode it lets
	// an attacker with any number of them try one hundredth in an hour.
	TargetPerHour = 100
)

// sitesPerAddr is how many times the share of one address a whole IPv6 /48 gets,
// the network that a site or a tunnel has: it holds 65,536 of /64.
const sitesPerAddr = 16

// Guesses counts failed proofs: credentials that don't hold, wrong passcodes.
// At most so many count in any hour for one address (see [Network]) and for one
// target; beyond that tries are refused before they are looked at. Half of them
// may come at once. An IPv6 /48 as a whole gets 16 times the share of an address.
//
// Where a guess is hopeless (a key of 178 random bits), ask [Guesses.Check]
// first and call [Guesses.Failed] after a failure: callers with good credentials
// are never in each other's way. Where it isn't (a passcode), [Guesses.Begin]
// counts the try before it is made, so that tries made at the same moment can't
// outrun the count.
//
// A target that is under attack refuses everybody's tries until the attack ends;
// whoever needs no passcode isn't affected.
type Guesses struct {
	addrs, sites, targets *sketch
	now                   func() time.Time
}

// NewGuesses returns a Guesses for so many failures in an hour, each at least 2.
func NewGuesses(addrPerHour, targetPerHour int, now func() time.Time) (*Guesses, error) {
	for _, n := range []int{addrPerHour, targetPerHour} {
		if n < 2 || n > 1_000_000 {
			return nil, fmt.Errorf("%d failed tries in an hour can't be the limit; choose 2 to 1000000", n)
		}
	}
	return &Guesses{
		addrs: newSketch(addrPerHour), sites: newSketch(addrPerHour * sitesPerAddr), targets: newSketch(targetPerHour), now: now,
	}, nil
}

// Check returns the refusal if address or target have no try left, nil if they
// have. It counts nothing. The target "" is none.
func (g *Guesses) Check(addr netip.Addr, target string) error {
	now := g.now()
	for _, m := range g.marks(addr, target) {
		if after := m.in.wait(m.at, now); after > 0 {
			return tooManyFailures(after)
		}
	}
	return nil
}

// Failed counts one failure. If there was no try left for it (others failed
// since Check) it returns the refusal to give instead of the failure's own
// answer, which would tell something about a try that should not have been made.
func (g *Guesses) Failed(addr netip.Addr, target string) error {
	_, err := g.Begin(addr, target)
	return err
}

// Begin counts one try as failed, or returns the refusal if there is none left.
func (g *Guesses) Begin(addr netip.Addr, target string) (*Try, error) {
	t := &Try{g: g, marks: g.marks(addr, target), at: g.now()}
	for _, m := range t.marks { // address before target: what the target refuses counts for the address all the same
		if after := m.in.take(m.at, t.at); after > 0 {
			return nil, tooManyFailures(after)
		}
	}
	return t, nil
}

// A Try is one that has begun and counts as failed until it has passed.
type Try struct {
	g     *Guesses
	marks []mark
	at    time.Time
	once  sync.Once
}

// Passed takes the mark away again. Only the first call does.
func (t *Try) Passed() {
	t.once.Do(func() {
		now := t.g.now()
		for _, m := range t.marks {
			m.in.giveBack(m.at, t.at, now)
		}
	})
}

// A mark is a place where a try counts.
type mark struct {
	in *sketch
	at [rows]uint32
}

func (g *Guesses) marks(addr netip.Addr, target string) []mark {
	network := Network(addr)
	marks := append(make([]mark, 0, 3), mark{g.addrs, placesOf(g.addrs, network)})
	if network.Addr().Is6() {
		site, _ := network.Addr().Prefix(48)
		marks = append(marks, mark{g.sites, placesOf(g.sites, site)})
	}
	if target != "" {
		marks = append(marks, mark{g.targets, placesOf(g.targets, target)})
	}
	return marks
}

func tooManyFailures(after time.Duration) error {
	return limited("Too many tries have failed; wait and try again.", after)
}

// A sketch holds a leaky bucket for every key there can be, in memory of a fixed
// size: each key has one cell in each row, which it shares with others at random,
// and its bucket is as full as the emptiest of its cells. A cell gets all that
// the key gets and leaks as fast, so it is never emptier than a bucket of the
// key's own would be: the limit holds for every key whatever the others do.
// Nothing is ever evicted. The price is strictness under a flood: with 10,000
// networks failing as fast as they may, about 1 in 200 others shares all of its
// cells with some of them. Cells are chosen with a secret seed.
type sketch struct {
	seed     maphash.Seed
	interval time.Duration // in which one mark leaks away
	burst    time.Duration // the highest level, as the time in which it leaks away

	mu    sync.Mutex
	base  time.Time
	cells [rows][columns]time.Duration // when the cell is empty, as time since base
}

const (
	rows    = 4
	columns = 1 << 15 // with 4 rows of 8 bytes: 1 MiB
)

// newSketch returns one that takes at most n marks in any hour: half of them at
// once, and as many as are left over the hour.
func newSketch(n int) *sketch {
	s := &sketch{seed: maphash.MakeSeed()}
	atOnce := n / 2
	s.interval = time.Hour / time.Duration(n-atOnce)
	if time.Hour%time.Duration(n-atOnce) != 0 {
		s.interval++ // round up, or one mark more would fit into the hour
	}
	s.burst = s.interval * time.Duration(atOnce)
	return s
}

func placesOf[K comparable](s *sketch, key K) (places [rows]uint32) {
	h := maphash.Comparable(s.seed, key)
	for i := range places {
		places[i] = uint32(h>>(16*i)) % columns
	}
	return places
}

// scale returns t on the sketch's own scale, which begins with its first use. The caller holds mu.
func (s *sketch) scale(t time.Time) time.Duration {
	if s.base.IsZero() {
		s.base = t
	}
	return t.Sub(s.base)
}

// wait returns how long it takes until a mark fits, 0 if one does now.
func (s *sketch) wait(places [rows]uint32, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waitLocked(places, s.scale(now))
}

func (s *sketch) waitLocked(places [rows]uint32, now time.Duration) time.Duration {
	level := s.most()
	for row, place := range places {
		level = min(level, s.cells[row][place]-now)
	}
	return max(level+s.interval-s.burst, 0)
}

// most is the highest level of a cell: just over what a key of its own could
// reach, so that a cell that a flood filled is of use again soon after it.
func (s *sketch) most() time.Duration { return s.burst + s.interval }

// take adds one mark if it fits, else it returns how long that takes.
func (s *sketch) take(places [rows]uint32, at time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scale(at)
	if after := s.waitLocked(places, now); after > 0 {
		return after
	}
	for row, place := range places {
		s.cells[row][place] = min(max(s.cells[row][place], now)+s.interval, now+s.most())
	}
	return 0
}

// giveBack takes away a mark that was made at begin. Two things keep it from
// taking away what others of the cell have there: what may have leaked since is
// not given back, nor is anything if the cell may have been full since, when
// marks of others found no room in it.
func (s *sketch) giveBack(places [rows]uint32, begin, at time.Time) {
	ago := max(at.Sub(begin), 0)
	if ago >= s.interval {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scale(at)
	for row, place := range places {
		if cell := &s.cells[row][place]; *cell-now < s.most()-ago {
			*cell -= s.interval - ago
		}
	}
}
