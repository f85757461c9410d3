package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options say how a store is opened. Only Location is required.
type Options struct {
	// Location is the path of an SQLite file, whose folder must exist, or a
	// postgres:// URL.
	Location string
	// Sealer seals passcodes and answers; nil refuses to keep any.
	Sealer *Sealer
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Rand gives ids; nil is crypto/rand.
	Rand io.Reader
	// Poll is how often the feed of changes is read while somebody listens; 0 is half a second.
	Poll time.Duration
	// Log hears of faults that no caller gets to see; nil discards them.
	Log *slog.Logger
	// Connections is the most that are open to PostgreSQL at once, unless the URL
	// says pool_max_conns; 0 is 16.
	Connections int
}

// A Store keeps everything. It is safe for use by many goroutines and, on
// either database, by many processes at once.
type Store struct {
	opts  Options
	read  *sql.DB
	write *sql.DB // SQLite: one connection, so that writers wait in line here and not on the file's lock
	// pool is nil for SQLite.
	pool *pgxpool.Pool

	stmts   sync.Map // query -> *sql.Stmt of read, SQLite alone
	writing writing
	bound   sync.Map // query -> query with $n, PostgreSQL alone
	ledger  sqliteLedger
	// commits counts transactions; endTidy ends what copies them from SQLite's log.
	commits atomic.Int64
	endTidy func()
	feed    feed
}

// Open opens the store and brings its schema up to date, under a lock that
// makes processes that start at the same time wait for each other.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	if opts.Poll == 0 {
		opts.Poll = 500 * time.Millisecond
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Connections == 0 {
		opts.Connections = 16
	}
	s := &Store{opts: opts}
	open := s.openSQLite
	if strings.HasPrefix(opts.Location, "postgres://") || strings.HasPrefix(opts.Location, "postgresql://") {
		open = s.openPostgres
	}
	if err := open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the feed and closes all connections.
func (s *Store) Close() error {
	s.feed.stop()
	if s.endTidy != nil {
		s.endTidy()
	}
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.fault(s.queryRow(ctx, "SELECT 1").Scan(&one))
}

// Shared reports whether several machines can share the store.
func (s *Store) Shared() bool { return s.pool != nil }

// NewID returns an id of 100 random bits in 20 small letters and digits.
func (s *Store) NewID() (string, error) {
	var b [13]byte
	if _, err := io.ReadFull(s.opts.Rand, b[:]); err != nil {
		return "", fmt.Errorf("store: reading random bytes for an id: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:20], nil
}

func (s *Store) now() time.Time { return s.opts.Now().UTC().Truncate(time.Microsecond) }

// micros is how times are stored: microseconds since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
