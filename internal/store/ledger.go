package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/usher-sessions/usher"
)

// MaxLedgerRows is the most rows that AppendLedger takes at once.
const MaxLedgerRows = 512

// LedgerHead returns the head of the writer's chain, and begins the chain if there is none.
func (s *Store) LedgerHead(ctx context.Context, writer string) (usher.LedgerHead, error) {
	h := usher.LedgerHead{Writer: writer}
	read := func() error {
		var hash []byte
		err := s.write.QueryRowContext(ctx, s.bind("SELECT id, number, hash FROM ledger_writers WHERE name = ?"), writer).Scan(&h.WriterID, &h.Number, &hash)
		h.Hash = hash32(hash)
		return err
	}
	err := read()
	for try := 0; errors.Is(err, sql.ErrNoRows) && try < 10; try++ {
		// Ids count without a gap, so that a chain that was taken out of the middle is
		// missed. Two that begin at once collide, and one of them tries again.
		err = s.inTx(ctx, func(t *tx) error {
			_, err := t.exec(ctx, "INSERT INTO ledger_writers (id, name, number, hash) SELECT coalesce(max(id), 0) + 1, ?, 0, ? FROM ledger_writers", writer, h.Hash[:])
			return err
		})
		if err == nil || usher.ErrorCode(err) == usher.CodeConflict {
			err = read()
		}
	}
	return h, s.fault(err)
}

// AppendLedger appends rows to a chain, all or none, and returns once they have
// reached the disk. The rows must be numbered on from head. It gives conflict if
// head isn't the chain's head any more; after unavailable the rows may have been
// appended or not. It sets their FoldedSession.
func (s *Store) AppendLedger(ctx context.Context, head usher.LedgerHead, rows []usher.LedgerRow) error {
	if len(rows) == 0 || len(rows) > MaxLedgerRows {
		return fmt.Errorf("store: %d rows to append, there must be 1 to %d", len(rows), MaxLedgerRows)
	}
	if s.pool != nil {
		return s.fault(s.appendPostgres(ctx, head, rows))
	}
	err := s.fault(s.appendSQLite(ctx, head, rows))
	if usher.ErrorCode(err) == usher.CodeUnavailable {
		s.renew(ctx)
	}
	return err
}

var errHeadMoved = &usher.Error{Code: usher.CodeConflict, Message: "The ledger's chain has another head by now."}

const moveHead = "UPDATE ledger_writers SET number = ?, hash = ? WHERE id = ? AND number = ? AND hash = ?"

const ledgerColumns = "writer, number, time, event, caller, user_key, session, folded_session, role, decision, rules, reason, " +
	"expires, address, signature_sha256, subject, request_id, prev, hash"

const ledgerWidth = 19

// sqliteLedger holds the statements that insert rows, by how many they insert:
// a batch is put together from powers of two, so that few statements do.
type sqliteLedger struct {
	mu     sync.Mutex
	move   *sql.Stmt
	insert []*sql.Stmt // 1, 2, 4 … 32 rows
	args   []any

	insertBlock, updateBlock *sql.Stmt
	open                     openBlock
}

func (l *sqliteLedger) prepare(ctx context.Context, db *sql.DB) (err error) {
	for _, st := range []struct {
		into  **sql.Stmt
		query string
	}{{&l.move, moveHead}, {&l.insertBlock, insertBlock}, {&l.updateBlock, updateBlock}} {
		if *st.into == nil {
			if *st.into, err = db.PrepareContext(ctx, st.query); err != nil {
				return err
			}
		}
	}
	for len(l.insert) < 6 {
		values := strings.Repeat(", (?"+strings.Repeat(", ?", ledgerWidth-1)+")", 1<<len(l.insert))[2:]
		st, err := db.PrepareContext(ctx, "INSERT OR ROLLBACK INTO ledger ("+ledgerColumns+") VALUES "+values)
		if err != nil {
			return err
		}
		l.insert = append(l.insert, st)
	}
	return nil
}

func (s *Store) appendSQLite(ctx context.Context, head usher.LedgerHead, rows []usher.LedgerRow) error {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.prepare(ctx, s.write); err != nil {
		return err
	}
	t, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	ctx = context.WithoutCancel(ctx) // the transaction ends with it anyway; a statement would start a goroutine to watch
	last := &rows[len(rows)-1]
	res, err := t.StmtContext(ctx, l.move).ExecContext(ctx, last.Number, last.Hash[:], head.WriterID, head.Number, head.Hash[:])
	if err != nil {
		return err
	}
	if moved, err := res.RowsAffected(); err != nil || moved != 1 {
		return errors.Join(err, errHeadMoved)
	}
	for i := range rows {
		rows[i].FoldedSession = usher.FoldName(rows[i].Session)
	}
	if err := l.open.load(ctx, t, head); err != nil {
		return err
	}
	l.open.end = usher.LedgerHead{} // until it is committed
	if err := l.open.add(ctx, t, l, rows); err != nil {
		return err
	}
	for size := len(l.insert) - 1; size >= 0; size-- {
		for n := 1 << size; len(rows) >= n; rows = rows[n:] {
			l.args = l.args[:0]
			for i := range rows[:n] {
				l.args = appendLedgerArgs(l.args, head.WriterID, &rows[i])
			}
			if _, err := t.StmtContext(ctx, l.insert[size]).ExecContext(ctx, l.args...); err != nil {
				return err
			}
		}
	}
	s.commits.Add(1)
	if err := t.Commit(); err != nil {
		return err
	}
	l.open.end = usher.LedgerHead{WriterID: head.WriterID, Number: last.Number}
	return nil
}

func appendLedgerArgs(args []any, writer int64, r *usher.LedgerRow) []any {
	return append(args, writer, r.Number, micros(r.Time), string(r.Event), r.Caller, r.UserKey, r.Session, r.FoldedSession,
		r.Role, r.Decision, strings.Join(r.Rules, "\n"), r.Reason, micros(r.Expires), r.Address, r.SignatureSHA256, r.Subject, r.RequestID,
		r.Prev[:], r.Hash[:])
}

// appendOnPostgres is one statement for any number of rows: one round trip, and
// nothing is inserted where the head has moved.
const appendOnPostgres = `WITH head AS (
	UPDATE ledger_writers SET number = $1, hash = $2 WHERE id = $3 AND number = $4 AND hash = $5 RETURNING id)
INSERT INTO ledger (` + ledgerColumns + `)
SELECT head.id, row.* FROM head, unnest($6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
	$14::text[], $15::text[], $16::text[], $17::bigint[], $18::text[], $19::text[], $20::text[], $21::text[], $22::bytea[], $23::bytea[]) AS row`

func (s *Store) appendPostgres(ctx context.Context, head usher.LedgerHead, rows []usher.LedgerRow) error {
	var numbers, times, expires []int64
	var texts [13][]string
	var prevs, hashes [][]byte
	for i := range rows {
		r := &rows[i]
		numbers, times, expires = append(numbers, r.Number), append(times, micros(r.Time)), append(expires, micros(r.Expires))
		for j, v := range [13]string{string(r.Event), r.Caller, r.UserKey, r.Session, usher.FoldName(r.Session), r.Role, r.Decision,
			strings.Join(r.Rules, "\n"), r.Reason, r.Address, r.SignatureSHA256, r.Subject, r.RequestID} {
			texts[j] = append(texts[j], v)
		}
		prevs, hashes = append(prevs, r.Prev[:]), append(hashes, r.Hash[:])
	}
	last := &rows[len(rows)-1]
	run := func() (pgconn.CommandTag, error) {
		return s.pool.Exec(ctx, appendOnPostgres, last.Number, last.Hash[:], head.WriterID, head.Number, head.Hash[:],
			numbers, times, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8],
			expires, texts[9], texts[10], texts[11], texts[12], prevs, hashes)
	}
	tag, err := run()
	if err != nil && pgconn.SafeToRetry(err) { // a connection that was cut while it lay idle
		tag, err = run()
	}
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return errHeadMoved
	}
	return nil
}

// LedgerHeads returns the heads of all chains, by the store's number of the writer.
func (s *Store) LedgerHeads(ctx context.Context) ([]usher.LedgerHead, error) {
	var out []usher.LedgerHead
	err := s.queryAll(ctx, "SELECT id, name, number, hash FROM ledger_writers ORDER BY id", nil, func(row scanner) error {
		var h usher.LedgerHead
		var hash []byte
		if err := row.Scan(&h.WriterID, &h.Writer, &h.Number, &hash); err != nil {
			return err
		}
		h.Hash = hash32(hash)
		out = append(out, h)
		return nil
	})
	return out, err
}

const selectLedger = "SELECT l.writer, coalesce(w.name, ''), l.number, l.time, l.event, l.caller, l.user_key, l.session, l.folded_session, l.role, " +
	"l.decision, l.rules, l.reason, l.expires, l.address, l.signature_sha256, l.subject, l.request_id, l.prev, l.hash " +
	"FROM ledger l LEFT JOIN ledger_writers w ON w.id = l.writer "

func (s *Store) ledgerRows(ctx context.Context, query string, args ...any) (out []usher.LedgerRow, err error) {
	err = s.queryAll(ctx, query, args, func(row scanner) error {
		r, err := scanLedgerRow(row)
		out = append(out, r)
		return err
	})
	return out, err
}

func scanLedgerRow(row scanner) (r usher.LedgerRow, err error) {
	var at, expires int64
	var rules string
	var prev, hash []byte
	if err := row.Scan(&r.WriterID, &r.Writer, &r.Number, &at, &r.Event, &r.Caller, &r.UserKey, &r.Session, &r.FoldedSession, &r.Role,
		&r.Decision, &rules, &r.Reason, &expires, &r.Address, &r.SignatureSHA256, &r.Subject, &r.RequestID, &prev, &hash); err != nil {
		return r, err
	}
	r.Time, r.Expires, r.Prev, r.Hash = moment(at), moment(expires), hash32(prev), hash32(hash)
	if rules != "" {
		r.Rules = strings.Split(rules, "\n")
	}
	return r, nil
}

// hash32 is zero, which no row hashes to, for anything that isn't 32 bytes.
func hash32(b []byte) (h [32]byte) {
	if len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}

// LedgerChain returns up to limit rows of a writer, those numbered above after, in order.
func (s *Store) LedgerChain(ctx context.Context, writerID, after int64, limit int) ([]usher.LedgerRow, error) {
	rows, err := s.ledgerRows(ctx, selectLedger+"WHERE l.writer = ? AND l.number > ? ORDER BY l.number LIMIT ?", writerID, after, limit)
	if err != nil {
		return nil, err
	}
	return rows, s.findHidden(ctx, rows)
}

// LedgerStrays returns up to limit rows that stand in no chain or behind its head.
func (s *Store) LedgerStrays(ctx context.Context, limit int) ([]usher.LedgerRow, error) {
	return s.ledgerRows(ctx, selectLedger+"WHERE w.id IS NULL OR l.number > w.number OR l.number < 1 LIMIT ?", limit)
}

// LedgerEnd returns the number of the last row of the writer's chain, of those
// at its start that are all older than before; 0 for none.
func (s *Store) LedgerEnd(ctx context.Context, writerID int64, before time.Time) (int64, error) {
	var first sql.NullInt64
	err := s.queryRow(ctx, "SELECT min(number) FROM ledger WHERE writer = ? AND time >= ?", writerID, before.UnixMicro()).Scan(&first)
	if err != nil {
		return 0, s.fault(err)
	}
	if first.Valid {
		return first.Int64 - 1, nil
	}
	var last int64
	err = s.queryRow(ctx, "SELECT coalesce(max(number), 0) FROM ledger WHERE writer = ?", writerID).Scan(&last)
	return last, s.fault(err)
}

// PruneLedger removes up to limit rows of the writer, the oldest first, of those
// numbered up to through, and returns how many went.
func (s *Store) PruneLedger(ctx context.Context, writerID, through int64, limit int) (gone int64, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		gone, err = t.exec(ctx, "DELETE FROM ledger WHERE writer = ? AND number <= ? AND number < (SELECT min(number) + ? FROM ledger WHERE writer = ?)",
			writerID, through, limit, writerID)
		if err == nil && s.pool == nil {
			_, err = t.exec(ctx, "DELETE FROM ledger_blocks WHERE writer = ? AND block < (SELECT (coalesce(min(number), ? + 1) - 1) / ? FROM ledger WHERE writer = ?)",
				writerID, through, blockRows, writerID)
		}
		return err
	})
	return gone, err
}

// checkpointsKept is how many checkpoints stay; verifying asks for the newest alone.
const checkpointsKept = 100

// SaveCheckpoint keeps a signed checkpoint under the id after the last one's. It
// gives conflict if another has been saved meanwhile.
func (s *Store) SaveCheckpoint(ctx context.Context, id int64, at time.Time, body []byte) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, "INSERT INTO ledger_checkpoints (id, time, body) VALUES (?, ?, ?)", id, micros(at), string(body)); err != nil {
			return err
		}
		_, err := t.exec(ctx, "DELETE FROM ledger_checkpoints WHERE id <= ?", id-checkpointsKept)
		return err
	})
}

// LastCheckpoint returns the newest checkpoint and its id; nil and 0 if there is none.
func (s *Store) LastCheckpoint(ctx context.Context) (id int64, body []byte, err error) {
	var text string
	err = s.queryRow(ctx, "SELECT id, body FROM ledger_checkpoints ORDER BY id DESC LIMIT 1").Scan(&id, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	return id, []byte(text), s.fault(err)
}
