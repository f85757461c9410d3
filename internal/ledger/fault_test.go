package ledger_test

import (
	"context"
	"database/sql"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/pgtest"
)

// recovers waits until entries are recorded again.
func recovers(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := l.Record(context.Background(), issued(0))
		if err == nil {
			return
		}
		wantUnavailable(t, "on the way back", err)
		if time.Now().After(deadline) {
			t.Fatalf("it never came back: %v", err)
		}
	}
}

// A limit on the size of files makes write(2) fail as a full disk does, for any user.
func TestAFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ) // the failed write shall say so, not end the process
	defer signal.Reset(syscall.SIGXFSZ)
	path := filepath.Join(t.TempDir(), "usher.db")
	s := open(t, path)
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	noError(t, l.Record(t.Context(), issued(0)))
	wal, err := os.Stat(path + "-wal")
	noError(t, err)

	var was syscall.Rlimit
	noError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	full := was
	full.Cur = uint64(wal.Size()) + 8<<10
	noError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full))
	recorded, refused := int64(1), 0
	for i := 0; i < 1000 && refused < 5; i++ {
		if err := l.Record(t.Context(), issued(i)); err == nil {
			recorded++
		} else {
			wantUnavailable(t, "on a full disk", err)
			refused++
		}
	}
	noError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))
	if refused == 0 {
		t.Fatal("the disk never filled up")
	}
	recovers(t, l)
	whole(t, s, recorded+1)
}

// Another process that doesn't let go of the file.
func TestALockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	s := open(t, path)
	l := begin(t, ledger.Config{Book: s, Writer: "a", Patience: 2 * time.Second}) // far more than a write takes on a busy machine
	noError(t, l.Record(t.Context(), issued(0)))
	db, err := sql.Open("sqlite", "file:"+path)
	noError(t, err)
	defer db.Close()
	held, err := db.Conn(t.Context())
	noError(t, err)
	defer held.Close()
	_, err = held.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	noError(t, err)
	wantUnavailable(t, "while it is locked", l.Record(t.Context(), issued(1)))
	_, err = held.ExecContext(t.Context(), "ROLLBACK")
	noError(t, err)
	recovers(t, l)
	whole(t, s, 2)
}

// What any fault of the file looks like that goes away again: the rows can't be written for a while.
func TestABrokenTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	s := open(t, path)
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	noError(t, l.Record(t.Context(), issued(0)))
	db, err := sql.Open("sqlite", "file:"+path)
	noError(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TRIGGER broken BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
	noError(t, err)
	wantUnavailable(t, "while rows can't be written", l.Record(t.Context(), issued(1)))
	_, err = db.Exec("DROP TRIGGER broken")
	noError(t, err)
	recovers(t, l)
	whole(t, s, 2)
}

func TestPostgreSQLStopsAndStarts(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.URL(t))
	l := begin(t, ledger.Config{Book: s, Writer: "a"})
	recorded := int64(0)
	for range 3 {
		noError(t, l.Record(t.Context(), issued(0)))
		server.Stop()
		wantUnavailable(t, "while the database is down", l.Record(t.Context(), issued(1)))
		server.Up(t)
		recovers(t, l)
		recorded += 2
	}
	whole(t, s, recorded)
}
