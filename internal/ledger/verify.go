package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math"

	"github.com/usher-sessions/usher"
)

// An Archive is where rows are read. The store is one.
type Archive interface {
	Shelf
	// LedgerHeads returns the heads of all chains in the order of their WriterID.
	LedgerHeads(ctx context.Context) ([]usher.LedgerHead, error)
	// LedgerChain returns up to limit rows of a writer, those numbered above after, in order.
	LedgerChain(ctx context.Context, writerID, after int64, limit int) ([]usher.LedgerRow, error)
	// LedgerStrays returns up to limit rows that stand in no chain or behind its head.
	LedgerStrays(ctx context.Context, limit int) ([]usher.LedgerRow, error)
}

// FaultKind says what is wrong with rows.
type FaultKind string

const (
	Changed   FaultKind = "changed"   // the row isn't as it was written
	Missing   FaultKind = "missing"   // rows are gone, or a whole chain
	Misplaced FaultKind = "misplaced" // the row was written as another of the chain
	Added     FaultKind = "added"     // the row belongs to no chain, or behind its end
	BadHead   FaultKind = "head"      // the head doesn't fit the rows
	BadMark   FaultKind = "checkpoint"
)

// A Fault names rows of one chain, from First to Last, both zero where the whole chain is meant.
type Fault struct {
	Kind        FaultKind `json:"kind"`
	Writer      string    `json:"writer"`
	First       int64     `json:"first,omitempty"`
	Last        int64     `json:"last,omitempty"`
	Description string    `json:"description"`
}

func (f Fault) String() string {
	switch {
	case f.Kind == BadMark:
		return "checkpoint: " + f.Description
	case f.First == 0:
		return fmt.Sprintf("chain %s: %s: %s", f.Writer, f.Kind, f.Description)
	case f.First == f.Last:
		return fmt.Sprintf("row %s/%d: %s: %s", f.Writer, f.First, f.Kind, f.Description)
	}
	return fmt.Sprintf("rows %s/%d to %d: %s: %s", f.Writer, f.First, f.Last, f.Kind, f.Description)
}

// A Report says what Verify found; the ledger is whole if it has no Faults.
type Report struct {
	Chains int   `json:"chains"`
	Rows   int64 `json:"rows"`
	// Removed is how many rows retention took, as a checkpoint says.
	Removed int64   `json:"removed"`
	Faults  []Fault `json:"faults"`
	// More says that there are more faults than are named.
	More bool `json:"more,omitempty"`
}

// VerifyOptions say what rows are held against.
type VerifyOptions struct {
	// Keys are those that may have signed checkpoints.
	Keys []ed25519.PublicKey
	// Checkpoints were kept in another place; the newest in the database is always used.
	Checkpoints []*Checkpoint
	// Most is how many faults are named; 0 is 1000.
	Most int
}

// Verify reads the whole ledger, a page at a time, and names each row that isn't
// as it was written. It can run beside writers and needs no lock: a ledger is
// only added to. Its error says that it couldn't read, not that it found something.
func Verify(ctx context.Context, a Archive, opts VerifyOptions) (*Report, error) {
	v, err := examine(ctx, a, opts, false)
	if err != nil {
		return nil, err
	}
	return &v.report, nil
}

func examine(ctx context.Context, a Archive, opts VerifyOptions, sinceCheckpoint bool) (*verification, error) {
	if opts.Most == 0 {
		opts.Most = 1000
	}
	for {
		v := &verification{archive: a, opts: opts, sinceCheckpoint: sinceCheckpoint}
		if err := v.run(ctx); err != nil || len(v.report.Faults) == 0 {
			return v, err
		}
		now, _, err := a.LastCheckpoint(ctx)
		if err != nil {
			return nil, err
		}
		if now == v.checkpoint { // else retention may have taken rows while they were read
			return v, nil
		}
	}
}

// A verification is one reading of the ledger.
type verification struct {
	archive Archive
	opts    VerifyOptions
	// sinceCheckpoint reads the rows after the last checkpoint alone.
	sinceCheckpoint bool

	checkpoint int64              // id of the newest one
	newest     *Checkpoint        // nil if there is none that can be trusted
	heads      []usher.LedgerHead // up to which rows were read
	report     Report
	buf        []byte
}

func (v *verification) fault(kind FaultKind, writer string, first, last int64, description string, args ...any) {
	if len(v.report.Faults) >= v.opts.Most {
		v.report.More = true
		return
	}
	v.report.Faults = append(v.report.Faults, Fault{kind, writer, first, last, fmt.Sprintf(description, args...)})
}

// tampered returns the first fault that was found, or nil.
func (v *verification) tampered() error {
	if len(v.report.Faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrTampered, v.report.Faults[0])
}

func (v *verification) run(ctx context.Context) error {
	v.report.Faults = []Fault{}
	marks, err := v.checkpoints(ctx)
	if err != nil {
		return err
	}
	if v.heads, err = v.archive.LedgerHeads(ctx); err != nil {
		return err
	}
	v.chainsAreThere(marks)
	for i := range v.heads {
		h := &v.heads[i]
		c := &chain{v: v, head: h, base: v.newest.base(h.Writer), marks: map[int64]Digest{}}
		for _, cp := range marks {
			for _, m := range cp.Heads {
				if m.Writer != h.Writer {
					continue
				}
				if v.sinceCheckpoint && cp == v.newest {
					c.base = m
				}
				c.mark(m)
			}
		}
		if err := c.read(ctx); err != nil {
			return err
		}
		v.report.Chains++
		v.report.Removed += v.newest.base(h.Writer).Number
	}
	strays, err := v.archive.LedgerStrays(ctx, v.opts.Most)
	for _, r := range strays {
		writer := r.Writer
		if writer == "" {
			writer = fmt.Sprintf("number %d", r.WriterID)
		}
		v.fault(Added, writer, r.Number, r.Number, "it stands in no chain or behind its chain's end")
	}
	return err
}

// checkpoints returns those that can be trusted: the newest beside the rows, and those that were given.
func (v *verification) checkpoints(ctx context.Context) (trusted []*Checkpoint, err error) {
	var body []byte
	if v.checkpoint, body, err = v.archive.LastCheckpoint(ctx); err != nil {
		return nil, err
	}
	if body != nil {
		c, err := ParseCheckpoint(body)
		if err == nil {
			err = c.check(v.opts.Keys)
		}
		if err == nil {
			v.newest, trusted = c, append(trusted, c)
		} else {
			v.fault(BadMark, "", 0, 0, "the newest in the database can't be trusted: %v", err)
		}
	}
	for _, c := range v.opts.Checkpoints {
		if err := c.check(v.opts.Keys); err != nil {
			v.fault(BadMark, "", 0, 0, "the one of %s that was given can't be trusted: %v", exportTime(c.Time), err)
			continue
		}
		trusted = append(trusted, c)
	}
	return trusted, nil
}

// chainsAreThere looks for whole chains that are gone: writers are numbered
// without a gap, and those of a checkpoint must still be there.
func (v *verification) chainsAreThere(marks []*Checkpoint) {
	next := int64(1)
	names := map[string]bool{}
	for _, h := range v.heads {
		if h.WriterID != next {
			v.fault(Missing, fmt.Sprintf("number %d", next), 0, 0, "the chain is gone; the next is number %d, %s", h.WriterID, h.Writer)
		}
		next = h.WriterID + 1
		names[h.Writer] = true
	}
	for _, c := range marks {
		for _, m := range c.Heads {
			if !names[m.Writer] {
				v.fault(Missing, m.Writer, 0, 0, "the checkpoint of %s knows the chain, and it is gone", exportTime(c.Time))
				names[m.Writer] = true
			}
		}
	}
}

// A chain is read from its base to its head.
type chain struct {
	v     *verification
	head  *usher.LedgerHead
	base  Mark
	marks map[int64]Digest // what checkpoints say of rows

	next    int64 // number that the next row must have
	prev    [32]byte
	known   bool // whether prev is what the next row must carry
	blamed  int64
	probing int // rows for which another place was looked for
}

// mark notes what a checkpoint says of a row, if the row is still there to be read.
func (c *chain) mark(m Mark) {
	switch said, ok := c.marks[m.Number]; {
	case m.Number > c.head.Number:
		c.v.fault(Missing, m.Writer, c.head.Number+1, m.Number, "a checkpoint knows them")
	case m.Number == c.base.Number && m.Number > 0 && m.Hash != c.base.Hash, ok && said != m.Hash:
		c.v.fault(BadMark, m.Writer, m.Number, m.Number, "checkpoints contradict each other about row %s/%d", m.Writer, m.Number)
	case m.Number > c.base.Number:
		c.marks[m.Number] = m.Hash
	}
}

// page is how many rows are read at once.
const page = 1000

func (c *chain) read(ctx context.Context) error {
	from := int64(math.MinInt64)
	if c.v.sinceCheckpoint {
		from = c.base.Number
	}
	c.next, c.prev, c.known = c.base.Number+1, c.base.Hash, true
	for first := true; ; {
		rows, err := c.v.archive.LedgerChain(ctx, c.head.WriterID, from, page)
		if err != nil {
			return err
		}
		for i := range rows {
			r := &rows[i]
			from = r.Number
			if r.Number < 1 {
				continue // a stray
			}
			if r.Number > c.head.Number { // written since, or a stray
				c.end()
				return nil
			}
			if first && r.Number <= c.base.Number { // retention was interrupted before it took these
				c.next, c.known = r.Number, false
			}
			first = false
			c.row(r)
		}
		if len(rows) < page {
			c.end()
			return nil
		}
	}
}

// row holds one row against the one before.
func (c *chain) row(r *usher.LedgerRow) {
	c.v.report.Rows++
	writer, n := c.head.Writer, r.Number
	if n > c.next {
		c.v.fault(Missing, writer, c.next, n-1, "the rows are gone")
		c.known = false
	}
	c.next = n + 1
	switch {
	case c.hash(r, n) != r.Hash || r.FoldedSession != usher.FoldName(r.Session):
		c.blame(r)
	case r.Hidden:
		c.blamed = r.Number
		c.v.fault(Changed, writer, n, n, "the index doesn't find it")
	case c.known && r.Prev != c.prev && c.blamed != n-1:
		c.v.fault(Changed, writer, n-1, n-1, "the row after it holds another hash of it")
	}
	if said, ok := c.marks[n]; ok && said != r.Hash && c.blamed != n {
		c.blamed = n
		c.v.fault(Changed, writer, n, n, "it, or rows before it, were written anew: a checkpoint holds another hash of it")
	}
	if n == c.base.Number && r.Hash != c.base.Hash && c.blamed != n {
		c.blamed = n
		c.v.fault(Changed, writer, n, n, "the checkpoint of its removal holds another hash of it")
	}
	c.prev, c.known = r.Hash, true
}

// hash computes what r's hash would be as number n of the chain.
func (c *chain) hash(r *usher.LedgerRow, n int64) [32]byte {
	as := *r
	as.Writer, as.Number = c.head.Writer, n
	c.v.buf = appendRow(c.v.buf[:0], &as)
	return sha256.Sum256(c.v.buf)
}

// How far and for how many rows another place is looked for.
const (
	probeReach = 10_000
	probeRows  = 50
)

// blame says what is wrong with a row that doesn't fit its own hash.
func (c *chain) blame(r *usher.LedgerRow) {
	c.blamed = r.Number
	if c.probing++; c.probing <= probeRows {
		for n := max(1, r.Number-probeReach); n <= min(c.head.Number, r.Number+probeReach); n++ {
			if n != r.Number && c.hash(r, n) == r.Hash {
				c.v.fault(Misplaced, c.head.Writer, r.Number, r.Number, "it was written as row %d", n)
				return
			}
		}
	}
	c.v.fault(Changed, c.head.Writer, r.Number, r.Number, "it doesn't fit its hash")
}

// end holds the head against the last row.
func (c *chain) end() {
	h := c.head
	switch {
	case h.Number < c.base.Number:
		c.v.fault(BadHead, h.Writer, 0, 0, "it says that there are %d rows, and a checkpoint knows of %d", h.Number, c.base.Number)
	case c.next <= h.Number:
		c.v.fault(Missing, h.Writer, c.next, h.Number, "the rows are gone")
	case c.known && c.prev != h.Hash && h.Number > 0 && c.blamed != h.Number:
		c.v.fault(Changed, h.Writer, h.Number, h.Number, "the chain's head holds another hash of it")
	case h.Number == 0 && h.Hash != [32]byte{}:
		c.v.fault(BadHead, h.Writer, 0, 0, "the chain has no rows and its head has a hash")
	}
}
