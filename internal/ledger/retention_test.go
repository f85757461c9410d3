package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/store"
	"github.com/usher-sessions/usher/videosdk"
)

// days records a row a day of November by each of two writers.
func days(t *testing.T, s *store.Store, from, to int) {
	t.Helper()
	for _, w := range []string{"a", "b"} {
		l := begin(t, ledger.Config{Book: s, Writer: w})
		for d := from; d <= to; d++ {
			e := issued(d)
			e.Time = day(d)
			noError(t, l.Record(t.Context(), e))
		}
		noError(t, l.Close())
	}
}

func day(d int) time.Time { return time.Date(2026, 11, d, 12, 0, 0, 0, time.UTC) }

func verified(t *testing.T, s *store.Store) *ledger.Report {
	t.Helper()
	r, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{Keys: ledger.Public(keys(t, "key"))})
	noError(t, err)
	return r
}

func prune(t *testing.T, a ledger.Attic, s *store.Store, before int) (int64, error) {
	t.Helper()
	l := begin(t, ledger.Config{Book: s, Writer: "b"})
	defer l.Close()
	return ledger.Prune(t.Context(), a, ledger.PruneOptions{Before: day(before), Now: day(30), Keys: keys(t, "key"), Ledger: l, Caller: "test"})
}

func TestRetentionKeepsTheRestVerifiable(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		days(t, s, 1, 10)
		if gone, err := prune(t, s, s, 1); gone != 0 || err != nil {
			t.Errorf("nothing is old enough, yet %d rows went, %v", gone, err)
		}
		whole(t, s, 20)
		if gone, err := prune(t, s, s, 4); gone != 6 || err != nil {
			t.Errorf("%d rows went, %v; want 6", gone, err)
		}
		if r := verified(t, s); len(r.Faults) > 0 || r.Rows != 15 || r.Removed != 6 {
			t.Errorf("after the first: %+v", r)
		}
		days(t, s, 11, 12)
		if gone, err := prune(t, s, s, 9); gone != 10 || err != nil {
			t.Errorf("%d rows went, %v; want 10", gone, err)
		}
		if r := verified(t, s); len(r.Faults) > 0 || r.Rows != 10 || r.Removed != 16 {
			t.Errorf("after the second: %+v", r)
		}
		rows, _, err := s.QueryLedger(t.Context(), usher.LedgerFilter{Event: usher.EventLedgerPruned}, "", 10)
		noError(t, err)
		if len(rows) != 2 || rows[0].Reason != "10 rows from before 2026-11-09T12:00:00Z" && rows[1].Reason != "10 rows from before 2026-11-09T12:00:00Z" {
			t.Errorf("recorded %+v", rows)
		}
		// What is missing beyond what was signed away is still found.
		raw := openRaw(t, location)
		exec(t, raw, "DELETE FROM ledger WHERE number = (SELECT min(number) FROM ledger l WHERE l.writer = ledger.writer)")
		if r := verified(t, s); len(r.Faults) != 2 {
			t.Errorf("two rows dropped, found %v", r.Faults)
		}
		exec(t, raw, "DELETE FROM ledger_checkpoints")
		if r := verified(t, s); len(r.Faults) != 2 {
			t.Errorf("without the checkpoint, found %v", r.Faults)
		}
		if _, err := prune(t, s, s, 20); !errors.Is(err, ledger.ErrTampered) {
			t.Errorf("pruning what doesn't verify: %v", err)
		}
	})
}

func TestEverythingMayGo(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		days(t, s, 1, 3)
		if gone, err := prune(t, s, s, 29); gone != 6 || err != nil {
			t.Errorf("%d rows went, %v; want 6", gone, err)
		}
		days(t, s, 4, 5)
		if r := verified(t, s); len(r.Faults) > 0 || r.Rows != 5 {
			t.Errorf("after: %+v", r)
		}
	})
}

// A crash is an Attic that ends in the middle of a removal.
type crash struct {
	ledger.Attic
	left int
}

func (c *crash) PruneLedger(ctx context.Context, writer, through int64, _ int) (int64, error) {
	if c.left--; c.left < 0 {
		return 0, errors.New("killed")
	}
	return c.Attic.PruneLedger(ctx, writer, through, 1)
}

func TestAnInterruptedRemovalVerifiesAndIsFinished(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		days(t, s, 1, 6)
		for left := range 3 {
			if _, err := prune(t, &crash{s, left}, s, 5); err == nil {
				t.Error("it wasn't interrupted")
			}
			if r := verified(t, s); len(r.Faults) > 0 {
				t.Errorf("after %d rows of 8: %v", left, r.Faults)
			}
		}
		if gone, err := prune(t, s, s, 5); gone != 8-0-1-2 || err != nil {
			t.Errorf("%d rows went, %v; want 5", gone, err)
		}
		if r := verified(t, s); len(r.Faults) > 0 || r.Rows != 5 {
			t.Errorf("after: %+v", r)
		}
	})
}

func TestMaintain(t *testing.T) {
	s := open(t, t.TempDir()+"/usher.db")
	days(t, s, 1, 6)
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		ledger.Maintain(ctx, ledger.MaintainConfig{Archive: s, Keys: keys(t, "key"), Ledger: l, Retention: 48 * time.Hour, Every: time.Millisecond,
			Now: func() time.Time { return day(6) }})
		close(ended)
	}()
	for {
		rows, _, err := s.QueryLedger(t.Context(), usher.LedgerFilter{To: day(4)}, "", 10)
		noError(t, err)
		if len(rows) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
	if r := verified(t, s); len(r.Faults) > 0 || r.Removed != 6 {
		t.Errorf("after: %+v", r)
	}
}

// A clock that jumps ahead makes every row old. It must be that late twice in a
// row before anything goes.
func TestMaintainDoesNotTrustAClockThatJumps(t *testing.T) {
	s := open(t, t.TempDir()+"/usher.db")
	days(t, s, 1, 6)
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var asked atomic.Int64
	go func() {
		ledger.Maintain(ctx, ledger.MaintainConfig{Archive: s, Keys: keys(t, "key"), Ledger: l, Retention: 48 * time.Hour, Every: time.Millisecond,
			Now: func() time.Time {
				switch n := asked.Add(1); {
				case n == 2, n == 4:
					return day(6).AddDate(10, 0, 0)
				case n == 8:
					cancel()
				}
				return day(3)
			}})
		close(ended)
	}()
	<-ended
	if r := verified(t, s); len(r.Faults) > 0 || r.Removed != 0 {
		t.Errorf("after: %+v", r)
	}
}

func TestQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		l, other := begin(t, ledger.Config{Book: s, Writer: "a"}), begin(t, ledger.Config{Book: s, Writer: "b"})
		for i := range 30 {
			e := &usher.Entry{Time: start.Add(time.Duration(i/3) * time.Second), Event: usher.EventSigned, Decision: usher.Allowed, // three in a moment
				UserKey: fmt.Sprint("u", i%5), Session: fmt.Sprint("Class ", i%2), Caller: "key:k"}
			if i%10 == 0 {
				e.Event, e.Decision = usher.EventRefused, usher.Denied
			}
			if i%2 == 0 {
				noError(t, l.Record(t.Context(), e))
			} else {
				noError(t, other.Record(t.Context(), e))
			}
		}
		for _, tt := range []struct {
			f    usher.LedgerFilter
			want int
		}{
			{usher.LedgerFilter{}, 30}, {usher.LedgerFilter{UserKey: "u1"}, 6}, {usher.LedgerFilter{Session: "CLASS 1"}, 15},
			{usher.LedgerFilter{Decision: usher.Denied}, 3}, {usher.LedgerFilter{Event: usher.EventSigned, UserKey: "u0"}, 3},
			{usher.LedgerFilter{From: start.Add(time.Second), To: start.Add(3 * time.Second)}, 6},
			{usher.LedgerFilter{Caller: "key:k", Session: "class 0", UserKey: "u2"}, 3}, {usher.LedgerFilter{UserKey: "none"}, 0}, {usher.LedgerFilter{UserKey: "\x00"}, 0},
		} {
			for _, tt.f.OldestFirst = range []bool{false, true} {
				for _, limit := range []int{1, 4, 100} {
					var got []usher.LedgerRow
					for cursor, more := "", true; more; more = cursor != "" {
						page, next, err := s.QueryLedger(t.Context(), tt.f, cursor, limit)
						noError(t, err)
						got, cursor = append(got, page...), next
					}
					sorted := slices.IsSortedFunc(got, func(a, b usher.LedgerRow) int {
						if tt.f.OldestFirst {
							return a.Time.Compare(b.Time)
						}
						return b.Time.Compare(a.Time)
					})
					seen := map[string]bool{}
					for _, r := range got {
						seen[fmt.Sprint(r.Writer, r.Number)] = true
					}
					if len(got) != tt.want || len(seen) != tt.want || !sorted {
						t.Errorf("%+v by %d: %d rows, %d different, sorted %v; want %d", tt.f, limit, len(got), len(seen), sorted, tt.want)
					}
				}
			}
		}
		_, _, err := s.QueryLedger(t.Context(), usher.LedgerFilter{}, "rubbish", 1)
		var faults videosdk.FieldErrors
		if !errors.As(err, &faults) || faults[0].Field != "cursor" {
			t.Errorf("a wrong cursor: %v", err)
		}
	})
}

func TestFollow(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		days(t, s, 1, 2)
		enough := errors.New("seen enough")
		got := make(chan usher.LedgerRow, 10_000)
		done := make(chan error)
		go func() {
			done <- ledger.Follow(t.Context(), s, time.Millisecond, func(r *usher.LedgerRow) error {
				got <- *r
				if r.Writer == "c" {
					return enough
				}
				return nil
			})
		}()
		l := begin(t, ledger.Config{Book: s, Writer: "a"})
		for len(got) == 0 { // until Follow has begun
			noError(t, l.Record(t.Context(), issued(0)))
		}
		for range 5 {
			noError(t, l.Record(t.Context(), issued(0)))
		}
		heads, err := s.LedgerHeads(t.Context())
		noError(t, err)
		first := (<-got).Number
		for n := first + 1; n <= heads[0].Number; n++ {
			if r := <-got; r.Number != n || r.Writer != "a" {
				t.Fatalf("followed %s/%d, want a/%d", r.Writer, r.Number, n)
			}
		}
		if first <= 2 {
			t.Errorf("followed row %d, which was there before", first)
		}
		noError(t, begin(t, ledger.Config{Book: s, Writer: "c"}).Record(t.Context(), issued(0)))
		if err := <-done; !errors.Is(err, enough) {
			t.Error(err)
		}
	})
}

func TestExport(t *testing.T) {
	s := open(t, t.TempDir()+"/usher.db")
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	for _, name := range []string{"plain", `=HYPERLINK("http://evil")`, "+1", "-1", "@x", "a,b\n\"c\"", "<b>"} {
		noError(t, l.Record(t.Context(), &usher.Entry{Time: start, Event: usher.EventSigned, Session: name, Rules: []string{"r1", "r2"}}))
	}
	var csv, lines strings.Builder
	n, err := ledger.Export(t.Context(), &csv, ledger.CSV, s, usher.LedgerFilter{OldestFirst: true})
	noError(t, err)
	if n != 7 {
		t.Errorf("%d rows", n)
	}
	for _, want := range []string{
		"writer,number,time,event,caller,userKey,session,", "a,1,2026-11-23T12:00:00.000000Z,signature.issued,,,plain,,,r1 r2,",
		`,"'=HYPERLINK(""http://evil"")",`, ",'+1,", ",'-1,", ",'@x,", "\"a,b\n\"\"c\"\"\"",
	} {
		if !strings.Contains(csv.String(), want) {
			t.Errorf("no %q in\n%s", want, csv.String())
		}
	}
	_, err = ledger.Export(t.Context(), &lines, ledger.JSONLines, s, usher.LedgerFilter{OldestFirst: true})
	noError(t, err)
	var last struct {
		Session, Prev, Hash string
		Number              int64
		Rules               []string
	}
	for i, line := range strings.Split(strings.TrimSuffix(lines.String(), "\n"), "\n") {
		before := last.Hash
		noError(t, json.Unmarshal([]byte(line), &last))
		if last.Number != int64(i+1) || i > 0 && last.Prev != before || len(last.Rules) != 2 {
			t.Errorf("line %d: %s", i, line)
		}
	}
	if last.Session != "<b>" {
		t.Errorf("last session %q", last.Session)
	}
	if _, err := ledger.Export(t.Context(), &lines, "xlsx", s, usher.LedgerFilter{}); err == nil {
		t.Error("an unknown format was taken")
	}
}
