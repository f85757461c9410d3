package ledger

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-sessions/usher"
)

// A Book is where rows are appended. The store is one.
type Book interface {
	// LedgerHead returns the head of the writer's chain, and begins the chain if there is none.
	LedgerHead(ctx context.Context, writer string) (usher.LedgerHead, error)
	// AppendLedger appends rows, all or none, and returns once they can't be lost.
	// It gives conflict if head isn't the chain's head any more.
	AppendLedger(ctx context.Context, head usher.LedgerHead, rows []usher.LedgerRow) error
}

// Config is what a [Ledger] is made of. Book and Writer are required.
type Config struct {
	Book Book
	// Writer names the chain: one for each replica. Processes that share a name
	// share the chain, correctly but not quickly.
	Writer string
	// Queue is how many entries may wait; 0 is 4096. Beyond it entries are refused.
	Queue int
	// Patience is how long one transaction may take before it counts as failed; 0 is five seconds.
	Patience time.Duration
}

// maxBatch is the most rows of one transaction.
const maxBatch = 512

// A Ledger records entries in groups. It is safe for use by many goroutines.
type Ledger struct {
	cfg     Config
	queue   chan *pending
	awaited awaited
	closed  chan struct{}
	once    sync.Once
	ended   chan struct{}
}

// pending is an entry on its way to the disk.
type pending struct {
	ctx   context.Context
	entry usher.Entry
	done  chan error // holds one
}

var pendings = sync.Pool{New: func() any { return &pending{done: make(chan error, 1)} }}

// New returns a Ledger that writes until Close.
func New(cfg Config) (*Ledger, error) {
	if cfg.Book == nil || cfg.Writer == "" {
		return nil, errors.New("ledger: Config.Book and Config.Writer are required")
	}
	if cfg.Queue == 0 {
		cfg.Queue = 4096
	}
	if cfg.Patience == 0 {
		cfg.Patience = 5 * time.Second
	}
	l := &Ledger{cfg: cfg, queue: make(chan *pending, cfg.Queue), awaited: newAwaited(), closed: make(chan struct{}), ended: make(chan struct{})}
	go l.run()
	return l, nil
}

// Record returns nil once the entry has reached the disk. It gives unavailable
// if the store fails, if more entries wait than the queue holds, if ctx ends, or
// after Close; the entry may then have been recorded or not.
func (l *Ledger) Record(ctx context.Context, e *usher.Entry) error {
	p := pendings.Get().(*pending)
	p.ctx, p.entry = ctx, clean(*e)
	select {
	case <-l.closed:
		return usher.Unavailable("The ledger", errClosed)
	default:
	}
	select {
	case l.queue <- p:
		l.awaited.arrived(len(l.queue))
	default:
		return usher.Unavailable("The ledger", errFull)
	}
	select {
	case err := <-p.done:
		p.ctx, p.entry = nil, usher.Entry{}
		pendings.Put(p)
		return err
	case <-ctx.Done(): // p stays the writer's
		return usher.Unavailable("The ledger", ctx.Err())
	case <-l.ended:
		select { // it may have been among the last
		case err := <-p.done:
			return err
		default:
			return usher.Unavailable("The ledger", errClosed)
		}
	}
}

var (
	errClosed = errors.New("the ledger is closed")
	errFull   = errors.New("too many entries wait for the disk")
)

// Close records what waits and ends the ledger. The Book stays open.
func (l *Ledger) Close() error {
	l.once.Do(func() { close(l.closed) })
	<-l.ended
	return nil
}

// run is the one goroutine that writes.
func (l *Ledger) run() {
	defer close(l.ended)
	w := &writer{cfg: l.cfg, queue: l.queue, awaited: &l.awaited, batch: make([]*pending, 0, maxBatch), rows: make([]usher.LedgerRow, 0, maxBatch)}
	for {
		select {
		case p := <-l.queue:
			w.take(p)
		case <-l.closed:
			select {
			case p := <-l.queue:
				w.take(p)
			default:
				return
			}
		}
		w.gather()
		w.commit()
	}
}

// A writer holds what the goroutine of run works with.
type writer struct {
	cfg   Config
	queue <-chan *pending
	head  usher.LedgerHead
	known bool // whether head is what the store has
	batch []*pending
	rows  []usher.LedgerRow
	buf   []byte

	awaited  *awaited
	expected int           // how many entries come together, as far as the last transaction showed
	took     time.Duration // by a transaction, of late
}

// Waiting for more entries before a transaction begins: only where as many as
// gatherFrom come together, and no longer than gatherMost.
const (
	gatherFrom = 4
	gatherMost = 2 * time.Millisecond
)

// gather takes what waits. Under load it also waits for those who were answered
// after the last transaction and are about to come again: a transaction costs
// about the same for ten rows as for twenty, so that two of ten take far longer
// than the wait, which is at most as long as two transactions.
func (w *writer) gather() {
	w.takeWaiting()
	if missing := w.expected - len(w.batch); w.expected >= gatherFrom && missing > 0 {
		w.awaited.wait(w.queue, missing, min(2*w.took, gatherMost))
		w.takeWaiting()
	}
}

func (w *writer) takeWaiting() {
	for len(w.batch) < maxBatch {
		select {
		case p := <-w.queue:
			w.take(p)
		default:
			return
		}
	}
}

// awaited lets one goroutine wait until so many are in the queue, without being
// woken by each.
type awaited struct {
	number atomic.Int64 // 0 while nobody waits
	there  chan struct{}
	timer  *time.Timer
}

func newAwaited() awaited { return awaited{there: make(chan struct{}, 1), timer: time.NewTimer(0)} }

// arrived says that n are in the queue.
func (a *awaited) arrived(n int) {
	if number := a.number.Load(); number > 0 && int64(n) >= number {
		select {
		case a.there <- struct{}{}:
		default:
		}
	}
}

// wait returns once n are in the queue, or after most.
func (a *awaited) wait(queue <-chan *pending, n int, most time.Duration) {
	select {
	case <-a.there: // from the time before
	default:
	}
	a.number.Store(int64(n))
	defer a.number.Store(0)
	if len(queue) >= n {
		return
	}
	a.timer.Reset(most)
	defer a.timer.Stop()
	select {
	case <-a.there:
	case <-a.timer.C:
	}
}

func (w *writer) take(p *pending) {
	if err := p.ctx.Err(); err != nil { // nobody waits for it any more
		p.done <- usher.Unavailable("The ledger", err)
		return
	}
	w.batch = append(w.batch, p)
}

// commit writes the batch and tells everybody how it went.
func (w *writer) commit() {
	if len(w.batch) == 0 {
		return
	}
	began := time.Now()
	err := w.append()
	w.took = (3*w.took + time.Since(began)) / 4
	w.expected = min(len(w.batch)+len(w.queue), maxBatch)
	for i, p := range w.batch {
		p.done <- err
		w.batch[i] = nil
	}
	w.batch = w.batch[:0]
	clear(w.rows)
}

func (w *writer) append() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Patience)
	defer cancel()
	for {
		if !w.known {
			head, err := w.cfg.Book.LedgerHead(ctx, w.cfg.Writer)
			if err != nil {
				return unavailable(err)
			}
			w.head, w.known = head, true
		}
		head := w.head
		w.rows = w.rows[:0]
		for _, p := range w.batch {
			w.rows = append(w.rows, usher.LedgerRow{Entry: p.entry})
			head, w.buf = link(head, &w.rows[len(w.rows)-1], w.buf)
		}
		err := w.cfg.Book.AppendLedger(ctx, w.head, w.rows)
		if err == nil {
			w.head = head
			return nil
		}
		// After any failure the store's head may be the old one, ours, or another's.
		w.known = false
		if usher.ErrorCode(err) != usher.CodeConflict {
			return unavailable(err)
		}
	}
}

func unavailable(err error) error {
	var u *usher.Error
	if errors.As(err, &u) && u.Code == usher.CodeUnavailable {
		return u
	}
	return usher.Unavailable("The ledger", err)
}
