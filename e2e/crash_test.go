package e2e

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/pgtest"
)

// crashes is how often usher is killed on each store; `make crash N=1000` for more.
var crashes = flag.Int("crashes", 20, "how often to kill usher on each store")

// TestCrash kills usher under load again and again: every signature that a
// client received must be in the ledger, whatever was in flight.
func TestCrash(t *testing.T) {
	for _, tt := range []struct {
		name     string
		location func(t *testing.T) (location, setting string)
	}{
		{"SQLite", func(t *testing.T) (string, string) {
			path := filepath.Join(t.TempDir(), "usher.db")
			return path, "USHER_DATABASE=" + path
		}},
		{"PostgreSQL", func(t *testing.T) (string, string) {
			url := pgtest.URL(t)
			return url, "DATABASE_URL=" + url
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			location, setting := tt.location(t)
			var received []string
			random := rand.New(rand.NewPCG(1, 2))
			for range *crashes {
				n := start(t, setting)
				l := startLoad(16, n)
				// At a random moment, but not before there is something to lose.
				for l.signed.Load() == 0 {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
				n.kill()
				received = append(received, l.stop()...)
				if w := l.wrong.String(); w != "" {
					t.Fatalf("answers that are neither a signature nor 503:\n%s", w)
				}
			}
			rows := mustBeRecorded(t, location, received)
			if len(received) < *crashes {
				t.Errorf("only %d signatures in %d runs; the load was no load", len(received), *crashes)
			}
			t.Logf("%d kills, %d signatures received, %d rows", *crashes, len(received), rows)
		})
	}
}

// TestFullDisk lets the ledger's disk fill up under load: then there are no
// signatures, with 503 and Retry-After, and service comes back by itself.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "6m")
	path := filepath.Join(dir, "usher.db")
	n := start(t, "USHER_DATABASE="+path)
	l := startLoad(8, n)
	waitFor(t, "signatures", func() bool { return l.signed.Load() > 100 })

	fillers := fillUp(t, dir)
	waitFor(t, "the disk to be full", func() bool { return l.refused.Load() > 50 })
	signed := l.signed.Load()
	refused := l.refused.Load()
	waitFor(t, "more refusals", func() bool { return l.refused.Load() > refused+200 })
	if more := l.signed.Load() - signed; more > 400 {
		t.Errorf("%d signatures were given while the disk was full", more)
	}
	if a, err := n.ask(apiKey, `{"sessionName":"x"}`); err == nil && a.status == http.StatusServiceUnavailable && !strings.Contains(a.body, "ledger") {
		t.Errorf("the refusal doesn't say what is wrong: %s", a.body)
	}

	for _, f := range fillers {
		os.Remove(f)
	}
	signed = l.signed.Load()
	waitFor(t, "service to come back by itself", func() bool { return l.signed.Load() > signed+100 })
	received := l.stop()
	if w := l.wrong.String(); w != "" {
		t.Errorf("answers that are neither a signature nor 503:\n%s", w)
	}
	n.kill()
	mustBeRecorded(t, path, received)
}

// TestReadOnlyDisk starts usher on a ledger that can't be written: it must say
// so and not serve, or serve and sign nothing.
func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "6m")
	path := filepath.Join(dir, "usher.db")
	n := start(t, "USHER_DATABASE="+path)
	if a, err := n.ask(apiKey, `{"sessionName":"before"}`); err != nil || a.signature == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	n.kill()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatalf("making the disk read-only: %v", err)
	}
	n = launch(t, "USHER_DATABASE="+path)
	deadline := time.After(10 * time.Second)
	for {
		select {
		case <-n.gone:
			if out := n.out.String(); n.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(out, "read-only") && !strings.Contains(out, "readonly") {
				t.Errorf("exit %d, and the output doesn't say that the disk is read-only:\n%s", n.cmd.ProcessState.ExitCode(), out)
			}
			return
		case <-deadline:
			t.Fatalf("it still runs on a read-only disk:\n%s", n.out)
		default:
			if a, err := n.ask(apiKey, `{"sessionName":"x"}`); err == nil && a.signature != "" {
				t.Fatal("a signature left without a record")
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// smallDisk mounts a small file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Fatal("this test mounts a small disk and needs root; run it as root, or in a container with CAP_SYS_ADMIN")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fillUp leaves no byte free on the disk of dir, and returns the files that it wrote.
func fillUp(t *testing.T, dir string) (files []string) {
	t.Helper()
	block := make([]byte, 64<<10)
	for i := 0; ; i++ {
		name := filepath.Join(dir, fmt.Sprintf("filler-%d", i))
		files = append(files, name)
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(block)
		}
		f.Close()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if i > 0 {
			return files
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}
