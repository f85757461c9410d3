package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

// Queries are written once, with ? for parameters. This file is all that
// stands between them and the two databases.

// bind writes a query the way the database wants it.
func (s *Store) bind(query string) string {
	if s.pool == nil {
		return query
	}
	if b, ok := s.bound.Load(query); ok {
		return b.(string)
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	s.bound.Store(query, b.String())
	return b.String()
}

// statement returns the prepared form of a query on SQLite, where parsing costs
// more than running; nil if it can't be prepared. PostgreSQL's driver prepares by itself.
func (s *Store) statement(ctx context.Context, query string) *sql.Stmt {
	if st, ok := s.stmts.Load(query); ok {
		return st.(*sql.Stmt)
	}
	st, err := s.read.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	if have, loaded := s.stmts.LoadOrStore(query, st); loaded {
		st.Close()
		return have.(*sql.Stmt)
	}
	return st
}

func (s *Store) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if s.pool == nil {
		if st := s.statement(ctx, query); st != nil {
			return st.QueryRowContext(ctx, args...)
		}
	}
	return s.read.QueryRowContext(ctx, s.bind(query), args...)
}

// queryAll calls scan for each row of the answer.
func (s *Store) queryAll(ctx context.Context, query string, args []any, scan func(scanner) error) error {
	var rows *sql.Rows
	var err error
	var st *sql.Stmt
	if s.pool == nil {
		st = s.statement(ctx, query)
	}
	if st != nil {
		rows, err = st.QueryContext(ctx, args...)
	} else {
		rows, err = s.read.QueryContext(ctx, s.bind(query), args...)
	}
	if isUnfindable(err) {
		return nil
	}
	if err != nil {
		return s.fault(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return s.fault(err)
		}
	}
	if err := rows.Err(); !isUnfindable(err) {
		return s.fault(err)
	}
	return nil
}

// A scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// A tx is one transaction that writes.
type tx struct {
	*sql.Tx
	s       *Store
	changes []Change
}

// inTx runs do in a transaction that is durable once inTx returns nil. Changes
// that do noted are written last, and told to who listens in this process.
func (s *Store) inTx(ctx context.Context, do func(*tx) error) (err error) {
	defer func() {
		if usher.ErrorCode(err) == usher.CodeUnavailable {
			s.renew(ctx)
		}
	}()
	s.prepareWanted(ctx)
	begun, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(err)
	}
	return s.runTx(ctx, begun, do)
}

// inTxBefore is inTx for what counts only once something durable follows, such
// as a row of the ledger: SQLite then waits for the disk once, and with the
// second all of the first has reached it. Until then a power cut may take it.
func (s *Store) inTxBefore(ctx context.Context, do func(*tx) error) (err error) {
	if s.pool != nil {
		return s.inTx(ctx, do)
	}
	s.prepareWanted(ctx)
	c, err := s.write.Conn(ctx)
	if err != nil {
		return s.fault(err)
	}
	defer func() {
		if _, full := c.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous=FULL"); full != nil || usher.ErrorCode(err) == usher.CodeUnavailable {
			c.Raw(func(any) error { return driver.ErrBadConn }) // the next is opened with FULL
		}
		c.Close()
	}()
	if _, err := c.ExecContext(ctx, "PRAGMA synchronous=NORMAL"); err != nil {
		return s.fault(err)
	}
	begun, err := c.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(err)
	}
	return s.runTx(ctx, begun, do)
}

func (s *Store) runTx(ctx context.Context, begun *sql.Tx, do func(*tx) error) error {
	defer begun.Rollback()
	t := &tx{Tx: begun, s: s}
	if err := do(t); err != nil {
		return s.fault(err)
	}
	if err := t.writeChanges(ctx); err != nil {
		return s.fault(err)
	}
	if err := begun.Commit(); err != nil {
		return s.fault(err)
	}
	s.commits.Add(1)
	for _, c := range t.changes {
		s.feed.tell(c)
	}
	return nil
}

// exec returns how many rows the statement touched.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	for _, a := range args {
		if text, ok := a.(string); ok && (!utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0) {
			return 0, errUnstorable
		}
	}
	var res sql.Result
	var err error
	if st := t.s.prepared(query); st != nil {
		res, err = t.StmtContext(ctx, st).ExecContext(ctx, args...)
	} else {
		res, err = t.ExecContext(ctx, t.s.bind(query), args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// writing holds prepared statements of the connection that writes, SQLite's
// alone. A transaction has that connection to itself, so what one of them misses
// is prepared before the next.
type writing struct {
	mu     sync.Mutex
	stmts  map[string]*sql.Stmt
	wanted []string
}

// mostPrepared is far above how many queries there are.
const mostPrepared = 500

// prepared returns the statement of a query, nil while there is none.
func (s *Store) prepared(query string) *sql.Stmt {
	if s.pool != nil {
		return nil
	}
	w := &s.writing
	w.mu.Lock()
	defer w.mu.Unlock()
	st := w.stmts[query]
	if st == nil && len(w.stmts) < mostPrepared {
		w.wanted = append(w.wanted, query)
	}
	return st
}

func (s *Store) prepareWanted(ctx context.Context) {
	w := &s.writing
	w.mu.Lock()
	wanted := w.wanted
	w.wanted = nil
	w.mu.Unlock()
	for _, query := range wanted {
		st, err := s.write.PrepareContext(ctx, query)
		if err != nil {
			continue // it is run as it is
		}
		w.mu.Lock()
		if w.stmts == nil {
			w.stmts = map[string]*sql.Stmt{}
		}
		if w.stmts[query] != nil {
			st.Close()
		} else {
			w.stmts[query] = st
		}
		w.mu.Unlock()
	}
}

// errUnstorable is refused on both databases, as PostgreSQL can't keep it.
var errUnstorable = videosdk.FieldErrors{{Field: "a text", Reason: "holds a NUL character or isn't valid UTF-8; leave that out"}}

func (t *tx) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if st := t.s.prepared(query); st != nil {
		return t.StmtContext(ctx, st).QueryRowContext(ctx, args...)
	}
	return t.QueryRowContext(ctx, t.s.bind(query), args...)
}
