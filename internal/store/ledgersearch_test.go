package store_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/store"
)

// A scribe appends rows to a chain; their hashes are hashes of nothing.
type scribe struct {
	t    *testing.T
	head usher.LedgerHead
}

func newScribe(t *testing.T, s *store.Store, writer string) *scribe {
	head, err := s.LedgerHead(t.Context(), writer)
	noError(t, err)
	return &scribe{t, head}
}

func (w *scribe) append(s *store.Store, entries ...usher.Entry) {
	w.t.Helper()
	rows := make([]usher.LedgerRow, len(entries))
	head := w.head
	for i, e := range entries {
		head.Number++
		head.Hash[0], head.Hash[1] = byte(head.Number), byte(head.Number>>8)
		rows[i] = usher.LedgerRow{Entry: e, Number: head.Number, Hash: head.Hash}
	}
	noError(w.t, s.AppendLedger(w.t.Context(), w.head, rows))
	w.head = head
}

// entries makes n of them, of few users and sessions, at times that go on,
// stand still and jump back.
func entries(r *rand.Rand, n int) []usher.Entry {
	out := make([]usher.Entry, n)
	for i := range out {
		at := start.Add(time.Duration(i/2) * time.Second)
		if r.IntN(50) == 0 {
			at = at.Add(-time.Duration(r.IntN(1000)) * time.Second)
		}
		sum := make([]byte, 32)
		for j := range sum {
			sum[j] = byte(r.Uint32())
		}
		out[i] = usher.Entry{
			Time: at, Event: usher.EventSigned, Decision: usher.Allowed, Caller: fmt.Sprint("key:", r.IntN(3)),
			UserKey: fmt.Sprint("user ", r.IntN(40)), Session: fmt.Sprint("Class ", r.IntN(9)), SignatureSHA256: hex.EncodeToString(sum),
		}
		if r.IntN(20) == 0 {
			out[i].Event, out[i].Decision = usher.EventRefused, usher.Denied
		}
	}
	return out
}

// randomFilter asks for some of what entries makes, and for what there is none of.
func randomFilter(r *rand.Rand) (f usher.LedgerFilter) {
	if r.IntN(2) == 0 {
		f.UserKey = fmt.Sprint("user ", r.IntN(41))
	}
	if r.IntN(3) == 0 {
		f.Session = fmt.Sprint("CLASS ", r.IntN(10))
	}
	if r.IntN(4) == 0 {
		f.Decision = usher.Denied
	}
	if r.IntN(4) == 0 {
		f.Event = usher.EventSigned
	}
	if r.IntN(4) == 0 {
		f.Caller = "key:1"
	}
	if r.IntN(3) == 0 {
		f.From = start.Add(time.Duration(r.IntN(900)) * time.Second)
	}
	if r.IntN(3) == 0 {
		f.To = start.Add(time.Duration(r.IntN(900)) * time.Second)
	}
	f.OldestFirst = r.IntN(2) == 0
	return f
}

// scan selects and orders rows the slow way.
func scan(rows []usher.LedgerRow, f usher.LedgerFilter) (out []usher.LedgerRow) {
	is := func(want, have string) bool { return want == "" || want == have }
	for _, r := range rows {
		if is(f.UserKey, r.UserKey) && is(usher.FoldName(f.Session), usher.FoldName(r.Session)) && is(f.Caller, r.Caller) && is(f.Decision, r.Decision) &&
			is(string(f.Event), string(r.Event)) && (f.From.IsZero() || !r.Time.Before(f.From)) && (f.To.IsZero() || r.Time.Before(f.To)) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b usher.LedgerRow) int {
		c := cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.WriterID, b.WriterID), cmp.Compare(a.Number, b.Number))
		if !f.OldestFirst {
			c = -c
		}
		return c
	})
	return out
}

func TestSearchFindsWhatAScanFinds(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, _ *clock) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		s, again := open(t), open(t)
		// Two chains of more than one block each, in batches of any size, by two
		// processes that take turns at one of the chains.
		a, b := newScribe(t, s, "a"), newScribe(t, s, "b")
		for all := entries(r, 1300); len(all) > 0; {
			n := min(len(all), 1+r.IntN(200))
			a.append([]*store.Store{s, again}[r.IntN(2)], all[:n]...)
			all = all[n:]
		}
		for all := entries(r, 700); len(all) > 0; all = all[min(len(all), 350):] {
			b.append(s, all[:min(len(all), 350)]...)
		}
		for _, removed := range []int64{0, 1000} { // and what retention leaves of them
			if removed > 0 {
				gone, err := s.PruneLedger(t.Context(), a.head.WriterID, removed, 5000)
				if noError(t, err); gone != removed {
					t.Fatalf("%d rows went, want %d", gone, removed)
				}
			}
			var rows []usher.LedgerRow
			for _, w := range []*scribe{a, b} {
				chain, err := s.LedgerChain(t.Context(), w.head.WriterID, 0, 5000)
				noError(t, err)
				rows = append(rows, chain...)
			}
			if len(rows) != 2000-int(removed) {
				t.Fatalf("there are %d rows", len(rows))
			}
			for _, row := range rows {
				if row.Hidden {
					t.Fatalf("row %d of %s is hidden (seed %d)", row.Number, row.Writer, seed)
				}
			}
			for range 40 {
				f, limit := randomFilter(r), 15+r.IntN(300)
				var got []usher.LedgerRow
				for cursor, more := "", true; more; more = cursor != "" {
					page, next, err := s.QueryLedger(t.Context(), f, cursor, limit)
					noError(t, err)
					got, cursor = append(got, page...), next
				}
				same := func(a, b usher.LedgerRow) bool { return a.WriterID == b.WriterID && a.Number == b.Number }
				if want := scan(rows, f); !slices.EqualFunc(got, want, same) {
					t.Fatalf("%+v by %d finds %d rows, want %d, or in another order (seed %d)", f, limit, len(got), len(want), seed)
				}
			}
			for range 20 {
				want := rows[r.IntN(len(rows))]
				got, err := s.Issued(t.Context(), want.Session, want.SignatureSHA256, want.Time.Add(-time.Duration(r.IntN(600))*time.Second))
				noError(t, err)
				if found := got != nil && got.Number == want.Number && got.WriterID == want.WriterID; found != (want.Event == usher.EventSigned) {
					t.Errorf("signature of row %d of %s, %s: found %v (seed %d)", want.Number, want.Writer, want.Event, found, seed)
				}
			}
		}
	})
}
