package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// onBoth runs a test on an SQLite file and on a PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, location string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "usher.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

func open(t testing.TB, location string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Location: location})
	noError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func begin(t testing.TB, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.New(cfg)
	noError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	if usher.ErrorCode(err) != usher.CodeUnavailable {
		t.Errorf("%s: got %v, want %s", what, err, usher.CodeUnavailable)
	}
}

// whole fails the test unless the ledger verifies and has that many rows.
func whole(t *testing.T, s *store.Store, rows int64) {
	t.Helper()
	r, err := ledger.Verify(context.Background(), s, ledger.VerifyOptions{})
	noError(t, err)
	if len(r.Faults) > 0 || r.Rows != rows {
		t.Fatalf("%d rows, want %d; faults: %v", r.Rows, rows, r.Faults)
	}
}

func TestWhatIsRecordedIsReadBack(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		l := begin(t, ledger.Config{Book: s, Writer: "a"})
		e := issued(1)
		e.Time = e.Time.Add(123456789 * time.Nanosecond)
		e.Session, e.Rules, e.Reason, e.Subject = "Ärzte", []string{"one", "two words"}, "because", "s1"
		noError(t, l.Record(t.Context(), e))
		noError(t, l.Record(t.Context(), &usher.Entry{}))
		rows, next, err := s.QueryLedger(t.Context(), usher.LedgerFilter{Session: "äRZTE"}, "", 10)
		noError(t, err)
		if len(rows) != 1 || next != "" {
			t.Fatalf("read %v, %q", rows, next)
		}
		got, want := rows[0].Entry, *e
		want.Time = want.Time.Truncate(time.Microsecond)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || rows[0].Writer != "a" || rows[0].Number != 1 {
			t.Errorf("read  %+v\nwrote %+v", rows[0], want)
		}
		whole(t, s, 2)
	})
}

func TestHostileEntriesAreRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		l := begin(t, ledger.Config{Book: s, Writer: "a"})
		hostile := []string{"\x00", "a\x00b", "\xff\xfe", strings.Repeat("ü", 5000), "'; DROP TABLE ledger; --", "\r\n", "\u202E", strings.Repeat("\xf0\x9f", 3000)}
		for _, h := range hostile {
			noError(t, l.Record(t.Context(), &usher.Entry{
				Time: start, Event: usher.Event(h), Caller: h, UserKey: h, Session: h, Role: h, Decision: h, Rules: []string{h, "", h},
				Reason: h, Address: h, SignatureSHA256: h, Subject: h, RequestID: h,
			}))
		}
		many := &usher.Entry{Time: start, Rules: make([]string, 1000)}
		noError(t, l.Record(t.Context(), many))
		whole(t, s, int64(len(hostile))+1)
	})
}

func TestManyRecordAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		// Three writers: two share a chain, as a server and a command on one machine do.
		s, other := open(t, location), open(t, location)
		ledgers := []*ledger.Ledger{
			begin(t, ledger.Config{Book: s, Writer: "a", Patience: time.Minute}), begin(t, ledger.Config{Book: other, Writer: "a", Patience: time.Minute}),
			begin(t, ledger.Config{Book: other, Writer: "b", Patience: time.Minute}),
		}
		const callers, each = 48, 10
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					if err := ledgers[c%len(ledgers)].Record(context.Background(), issued(c*each+i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		whole(t, s, callers*each)
		heads, err := s.LedgerHeads(t.Context())
		noError(t, err)
		if len(heads) != 2 {
			t.Errorf("%d chains, want 2", len(heads))
		}
	})
}

// A gate is a Book whose appends wait until they are let through.
type gate struct {
	ledger.Book
	arrived chan int // how many rows
	let     chan error
}

func (g *gate) AppendLedger(ctx context.Context, head usher.LedgerHead, rows []usher.LedgerRow) error {
	g.arrived <- len(rows)
	if err := <-g.let; err != nil {
		return err
	}
	return g.Book.AppendLedger(ctx, head, rows)
}

func TestEntriesThatWaitGoTogether(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "usher.db"))
	g := &gate{Book: s, arrived: make(chan int), let: make(chan error)}
	const most = 600 // one batch holds 512
	l := begin(t, ledger.Config{Book: g, Writer: "a", Queue: most})
	errs := make(chan error, most+1)
	record := func() { errs <- l.Record(context.Background(), issued(0)) }
	go record()
	if n := <-g.arrived; n != 1 {
		t.Errorf("the first went with %d rows", n)
	}
	for range most {
		go record()
	}
	for ledger.Waiting(l) < most {
		time.Sleep(time.Millisecond)
	}
	wantUnavailable(t, "one more than the queue holds", l.Record(context.Background(), issued(0)))
	g.let <- nil
	for _, want := range []int{512, 88} {
		if n := <-g.arrived; n != want {
			t.Errorf("a batch of %d, want %d", n, want)
		}
		g.let <- nil
	}
	for range most + 1 {
		noError(t, <-errs)
	}
	whole(t, s, most+1)
}

func TestAFailureReachesAllWhoWait(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "usher.db"))
	g := &gate{Book: s, arrived: make(chan int), let: make(chan error)}
	l := begin(t, ledger.Config{Book: g, Writer: "a"})
	errs := make(chan error)
	record := func() { errs <- l.Record(context.Background(), issued(0)) }
	go record()
	<-g.arrived
	for range 10 {
		go record()
	}
	for ledger.Waiting(l) < 10 {
		time.Sleep(time.Millisecond)
	}
	g.let <- errors.New("disk on fire")
	<-g.arrived
	g.let <- errors.New("disk on fire")
	for range 11 {
		wantUnavailable(t, "with a broken disk", <-errs)
	}
	whole(t, s, 0)
	go record()
	<-g.arrived
	g.let <- nil
	noError(t, <-errs)
	whole(t, s, 1)
}

// A liar is a Book that appends and says that it failed: a commit whose answer was lost.
type liar struct {
	ledger.Book
	lies bool
}

func (l *liar) AppendLedger(ctx context.Context, head usher.LedgerHead, rows []usher.LedgerRow) error {
	if err := l.Book.AppendLedger(ctx, head, rows); err != nil || !l.lies {
		return err
	}
	return errors.New("connection reset")
}

func TestTheChainGoesOnAfterALostAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		book := &liar{Book: s}
		l := begin(t, ledger.Config{Book: book, Writer: "a"})
		for i := range 6 {
			book.lies = i%2 == 1
			err := l.Record(t.Context(), issued(i))
			if book.lies {
				wantUnavailable(t, "a lost answer", err)
			} else {
				noError(t, err)
			}
		}
		whole(t, s, 6)
	})
}

func TestRecordEndsWithItsContext(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "usher.db"))
	g := &gate{Book: s, arrived: make(chan int), let: make(chan error)}
	l := begin(t, ledger.Config{Book: g, Writer: "a"})
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error)
	go func() { errs <- l.Record(ctx, issued(0)) }()
	<-g.arrived
	gone := make(chan error)
	go func() { gone <- l.Record(ctx, issued(1)) }()
	for ledger.Waiting(l) < 1 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	wantUnavailable(t, "while it is written", <-errs)
	wantUnavailable(t, "while it waits", <-gone)
	g.let <- nil
	noError(t, l.Close())
	whole(t, s, 1) // the one that nobody waited for any more wasn't written
}

func TestCloseWritesWhatWaits(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "usher.db"))
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var recorded int64
	for i := range 50 {
		wg.Go(func() {
			err := l.Record(context.Background(), issued(i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				recorded++
			} else {
				wantUnavailable(t, "after Close", err)
			}
		})
	}
	noError(t, l.Close())
	noError(t, l.Close())
	wg.Wait()
	whole(t, s, recorded)
	wantUnavailable(t, "after Close", l.Record(context.Background(), issued(0)))
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []ledger.Config{{}, {Writer: "a"}} {
		if _, err := ledger.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}
