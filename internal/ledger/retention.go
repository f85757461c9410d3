package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/usher-sessions/usher"
)

// An Attic is an Archive whose oldest rows can be removed. The store is one.
type Attic interface {
	Archive
	// LedgerEnd returns the number of the last of those rows at the start of the
	// writer's chain that are all older than before; 0 for none.
	LedgerEnd(ctx context.Context, writerID int64, before time.Time) (int64, error)
	// PruneLedger removes up to limit rows of the writer, the oldest first, of those
	// numbered up to through, and returns how many went.
	PruneLedger(ctx context.Context, writerID, through int64, limit int) (int64, error)
}

// PruneOptions say what goes. All are required.
type PruneOptions struct {
	// Before is the time from which on rows stay.
	Before time.Time
	Now    time.Time
	// Keys of which the first signs, and each may have signed the checkpoint before.
	Keys []ed25519.PrivateKey
	// Ledger records the removal, before it happens, as done by Caller.
	Ledger usher.Ledger
	Caller string
}

// pruneStep is how many rows go in one transaction, so that none who record have to wait for long.
const pruneStep = 2000

// Prune removes rows that are older than a time, of each chain from its start.
// The whole ledger is verified first, so that nothing is removed that could show
// a fault (ErrTampered). A signed checkpoint takes the place of what goes, and
// the rest verifies as before. It returns how many rows went; what an
// interruption left over goes the next time.
func Prune(ctx context.Context, a Attic, opts PruneOptions) (gone int64, err error) {
	v, err := examine(ctx, a, VerifyOptions{Keys: Public(opts.Keys), Most: 1}, false)
	if err == nil {
		err = v.tampered()
	}
	if err != nil {
		return 0, err
	}
	c := &Checkpoint{Time: opts.Now.UTC().Truncate(time.Microsecond)}
	var goes int64
	for _, h := range v.heads {
		c.Heads = append(c.Heads, Mark{h.Writer, h.Number, h.Hash})
		was := v.newest.base(h.Writer)
		base, err := newBase(ctx, a, h, was, opts.Before)
		if err != nil {
			return 0, err
		}
		if base.Number > 0 {
			c.Bases = append(c.Bases, base)
		}
		goes += base.Number - was.Number
	}
	if goes > 0 {
		if err := opts.Ledger.Record(ctx, &usher.Entry{
			Time: opts.Now, Event: usher.EventLedgerPruned, Caller: opts.Caller, Decision: usher.Allowed,
			Reason: fmt.Sprintf("%d rows from before %s", goes, opts.Before.UTC().Format(time.RFC3339)),
		}); err != nil {
			return 0, err
		}
		if err := save(ctx, a, v.checkpoint+1, c, opts.Keys); err != nil {
			return 0, err
		}
	}
	for _, h := range v.heads {
		base := c.base(h.Writer)
		for more := base.Number > 0; more; {
			n, err := a.PruneLedger(ctx, h.WriterID, base.Number, pruneStep)
			if err != nil {
				return gone, err
			}
			gone += n
			more = n > 0
		}
	}
	return gone, nil
}

// newBase returns the last row of the chain that goes.
func newBase(ctx context.Context, a Attic, h usher.LedgerHead, was Mark, before time.Time) (Mark, error) {
	end, err := a.LedgerEnd(ctx, h.WriterID, before)
	if err != nil || end <= was.Number {
		return was, err
	}
	// Those that came after the heads were read weren't verified, and stay.
	end = min(end, h.Number)
	rows, err := a.LedgerChain(ctx, h.WriterID, end-1, 1)
	if err != nil {
		return was, err
	}
	if len(rows) != 1 || rows[0].Number != end {
		return was, fmt.Errorf("%w: row %s/%d is gone", ErrTampered, h.Writer, end)
	}
	return Mark{h.Writer, end, rows[0].Hash}, nil
}

// MaintainConfig says what [Maintain] does. All but Retention and Every are required.
type MaintainConfig struct {
	Archive Attic
	Ledger  usher.Ledger
	// Keys of which the first signs, and each may have signed before.
	Keys []ed25519.PrivateKey
	// Retention is how long rows are kept; 0 keeps them for ever.
	Retention time.Duration
	// Every is the time between checkpoints; 0 is an hour.
	Every time.Duration
	Now   func() time.Time
	Log   *slog.Logger
}

// Maintain makes checkpoints, and removes what is past its age once a day, unless
// the clock seems to have jumped since the last checkpoint, until ctx ends. Several replicas may do so at once.
func Maintain(ctx context.Context, cfg MaintainConfig) {
	if cfg.Every == 0 {
		cfg.Every = time.Hour
	}
	tick := time.NewTicker(cfg.Every)
	defer tick.Stop()
	var pruned time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := cfg.Now()
		steady, err := clockRuns(ctx, cfg.Archive, now, 2*cfg.Every)
		if err == nil {
			_, err = NewCheckpoint(ctx, cfg.Archive, cfg.Keys, now)
		}
		if err == nil && cfg.Retention > 0 && steady && now.Sub(pruned) >= 24*time.Hour {
			if _, err = Prune(ctx, cfg.Archive, PruneOptions{Before: now.Add(-cfg.Retention), Now: now, Keys: cfg.Keys, Ledger: cfg.Ledger, Caller: "retention"}); err == nil {
				pruned = now
			}
		}
		switch {
		case err == nil, usher.ErrorCode(err) == usher.CodeConflict, ctx.Err() != nil: // another replica was quicker
		case errors.Is(err, ErrTampered):
			cfg.Log.Error("the ledger does not verify", "error", err)
		default:
			cfg.Log.Warn("maintaining the ledger failed; it is tried again", "error", err)
		}
	}
}

// clockRuns reports whether the last checkpoint was made at most so long before
// now, and not after it. If it wasn't, the clock may have jumped, and by a clock
// that jumped ahead for an hour every row would be past its age; after an outage
// removing only waits for the next time.
func clockRuns(ctx context.Context, s Shelf, now time.Time, most time.Duration) (bool, error) {
	_, body, err := s.LastCheckpoint(ctx)
	if err != nil || body == nil {
		return false, err
	}
	c, err := ParseCheckpoint(body)
	if err != nil {
		return false, nil // verifying says what is wrong with it
	}
	ago := now.Sub(c.Time)
	return ago >= 0 && ago <= most, nil
}

// Follow calls each for every row that is appended after it was called, in the
// order of each chain, until ctx ends or each fails. It asks every interval.
func Follow(ctx context.Context, a Archive, interval time.Duration, each func(*usher.LedgerRow) error) error {
	heads, err := a.LedgerHeads(ctx)
	if err != nil {
		return err
	}
	seen := map[int64]int64{}
	for _, h := range heads {
		seen[h.WriterID] = h.Number
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if heads, err = a.LedgerHeads(ctx); err != nil {
			return err
		}
		var fresh []usher.LedgerRow
		for _, h := range heads {
			for seen[h.WriterID] < h.Number {
				rows, err := a.LedgerChain(ctx, h.WriterID, seen[h.WriterID], page)
				if err != nil {
					return err
				}
				if len(rows) == 0 {
					break
				}
				seen[h.WriterID] = rows[len(rows)-1].Number
				fresh = append(fresh, rows...)
			}
		}
		slices.SortStableFunc(fresh, func(a, b usher.LedgerRow) int { return a.Time.Compare(b.Time) })
		for i := range fresh {
			if err := each(&fresh[i]); err != nil {
				return err
			}
		}
	}
}
