package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// openSQLite opens the file, which only its owner may read: one connection to
// write, some to read. A commit waits for the disk (synchronous=FULL); readers
// and the writer don't wait for each other (WAL).
func (s *Store) openSQLite(ctx context.Context) error {
	path, err := filepath.Abs(s.opts.Location)
	if err != nil {
		return fmt.Errorf("store: %s: %w", s.opts.Location, err)
	}
	// SQLite would make the file readable for everybody; its -wal and -shm follow it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: can't open %s for reading and writing: %w", path, err)
	}
	f.Close()
	if s.write, err = sql.Open("sqlite", sqliteDSN(path, "busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(1)", "cache_size(-8192)", "trusted_schema(0)",
		fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages))); err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	s.write.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, s.write, path); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", sqliteDSN(path, "busy_timeout(5000)", "query_only(1)", "cache_size(-4096)", "trusted_schema(0)")); err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	s.tidy(path)
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return nil
}

// SQLite copies what was written from its log (the -wal file) into the database
// every so often, and whoever writes at that moment would wait for it. So that
// is done beside the writing, and by a writer only once the log is this long,
// which then has little left to copy.
const (
	checkpointPages = 4000 // of 4096 bytes
	checkpointEvery = 200 * time.Millisecond
)

// tidy keeps copying until the store is closed.
func (s *Store) tidy(path string) {
	db, err := sql.Open("sqlite", sqliteDSN(path, "busy_timeout(0)", "synchronous(FULL)"))
	if err != nil {
		return // the writers do it
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	s.endTidy = func() {
		cancel()
		<-ended
		db.Close()
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(checkpointEvery)
		defer tick.Stop()
		var seen int64
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if n := s.commits.Load(); n != seen {
				seen = n
				db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)") // what fails is tried again, and done by writers at the latest
			}
		}
	}()
}

func sqliteDSN(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String()
}

// renew closes the connection that writes after it failed, so that the next use
// opens the file anew: one that was opened while the disk was read-only would
// stay so. PostgreSQL's pool sees to its connections by itself.
func (s *Store) renew(ctx context.Context) {
	if s.pool != nil {
		return
	}
	c, err := s.write.Conn(ctx)
	if err != nil {
		return
	}
	c.Raw(func(any) error { return driver.ErrBadConn })
	c.Close()
}
