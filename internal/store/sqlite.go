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
		"foreign_keys(1)", "cache_size(-65536)", "trusted_schema(0)")); err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	s.write.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, s.write, path); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", sqliteDSN(path, "busy_timeout(5000)", "query_only(1)", "cache_size(-16384)", "trusted_schema(0)")); err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return nil
}

func sqliteDSN(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String()
}

// renew closes the connection that writes, so that the next use opens the file
// anew: one that was opened while the disk was read-only would stay so.
func (s *Store) renew(ctx context.Context) {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return
	}
	c.Raw(func(any) error { return driver.ErrBadConn })
	c.Close()
}
