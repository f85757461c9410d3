package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/store"
)

// BenchmarkRecord shows what a durable row costs for one caller and for many at once.
func BenchmarkRecord(b *testing.B) {
	for _, callers := range []int{1, 16, 32, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Options{Location: filepath.Join(b.TempDir(), "usher.db")})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			l, err := ledger.New(ledger.Config{Book: s, Writer: "bench"})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for n := left.Add(-1); n >= 0; n = left.Add(-1) {
						if err := l.Record(context.Background(), issued(int(n))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") // what is left when the disk is slow or busy
		})
	}
}

// cpuTime is what the process has used of all processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// issued is a row such as an issued signature has.
func issued(n int) *usher.Entry {
	at := time.Date(2026, 11, 23, 12, 0, 0, n*1000, time.UTC)
	return &usher.Entry{
		Time: at, Event: usher.EventSigned, Caller: "key:k3v5b7n9m1q2w4e6r8t0", UserKey: fmt.Sprintf("user-%08x", n*2654435761),
		Session: fmt.Sprintf("Class %d", n/30), Role: "participant", Decision: usher.Allowed, Rules: []string{"back-ends-sign"},
		Expires: at.Add(2 * time.Hour), Address: "203.0.113.7", RequestID: "r0123456789abcdef",
		SignatureSHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	}
}
