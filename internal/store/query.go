package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
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
	begun, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(err)
	}
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
	res, err := t.ExecContext(ctx, t.s.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// errUnstorable is refused on both databases, as PostgreSQL can't keep it.
var errUnstorable = videosdk.FieldErrors{{Field: "a text", Reason: "holds a NUL character or isn't valid UTF-8; leave that out"}}

func (t *tx) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.QueryRowContext(ctx, t.s.bind(query), args...)
}
