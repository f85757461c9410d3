package store_test

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// onBoth runs a test of the suite on SQLite and on PostgreSQL. open opens the
// same database each time it is called, as another process would.
func onBoth(t *testing.T, test func(t *testing.T, open func(testing.TB) *store.Store, c *clock)) {
	for _, db := range []struct {
		name     string
		location func(t *testing.T) string
	}{
		{"SQLite", func(t *testing.T) string { return filepath.Join(t.TempDir(), "a name with % and ?.db") }},
		{"PostgreSQL", func(t *testing.T) string { return pgtest.URL(t) }},
	} {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			location, c := db.location(t), &clock{now: start}
			test(t, func(t testing.TB) *store.Store { return openAt(t, location, c) }, c)
		})
	}
}

var start = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func openAt(t testing.TB, location string, c *clock) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{
		Location: location, Sealer: sealer(t, 1), Now: c.Now, Poll: 20 * time.Millisecond, Connections: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func sealer(t testing.TB, keys ...byte) *store.Sealer {
	t.Helper()
	var bs [][]byte
	for _, k := range keys {
		h := sha256.Sum256([]byte{k})
		bs = append(bs, h[:])
	}
	s, err := store.NewSealer(bs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func wantCode(t *testing.T, what string, err error, want usher.Code) {
	t.Helper()
	if got := usher.ErrorCode(err); got != want || (err == nil) != (want == "") {
		t.Errorf("%s: got %v, want code %q", what, err, want)
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
