package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/usher-sessions/usher"
)

// A ledgerSearch is what rows are looked for by: conditions, and what they mean
// to the index of SQLite.
type ledgerSearch struct {
	where
	print, mask rowPrint
	from, until int64 // the time of the rows: from is the first moment, until the last
	oldestFirst bool
}

// by asks for a column's value unless the value is "".
func (q *ledgerSearch) by(column, value string, part int, hash, bits rowPrint) {
	if value != "" {
		q.equal(column, value)
		q.print |= hash << part
		q.mask |= bits << part
	}
}

func newLedgerSearch(f usher.LedgerFilter) *ledgerSearch {
	q := &ledgerSearch{from: math.MinInt64, until: math.MaxInt64, oldestFirst: f.OldestFirst}
	folded := usher.FoldName(f.Session)
	q.by("l.user_key", f.UserKey, printUser, rowPrint(wide(f.UserKey)), math.MaxUint16)
	q.by("l.folded_session", folded, printSession, rowPrint(wide(folded)), math.MaxUint16)
	q.by("l.decision", f.Decision, printDecision, rowPrint(narrow(f.Decision)), math.MaxUint8)
	q.by("l.event", string(f.Event), printEvent, rowPrint(narrow(string(f.Event))), math.MaxUint8)
	q.equal("l.caller", f.Caller)
	if !f.From.IsZero() {
		q.from = f.From.UnixMicro()
		q.and("l.time >= ?", q.from)
	}
	if !f.To.IsZero() {
		q.until = f.To.UnixMicro() - 1
		q.and("l.time <= ?", q.until)
	}
	return q
}

// after asks for what comes after the last row of the page before.
func (q *ledgerSearch) after(cursor string) error {
	var at, writer, number int64
	if err := readCursor(cursor, &at, &writer, &number); err != nil {
		return err
	}
	before := "<"
	if q.oldestFirst {
		before, q.from = ">", max(q.from, at)
	} else {
		q.until = min(q.until, at)
	}
	q.and("l.time "+before+"= ?", at) // says to an index what the next line means
	q.and("(l.time, l.writer, l.number) "+before+" (?, ?, ?)", at, writer, number)
	return nil
}

// order is how rows are listed.
func (q *ledgerSearch) order() string {
	if q.oldestFirst {
		return " ORDER BY l.time, l.writer, l.number LIMIT ?"
	}
	return " ORDER BY l.time DESC, l.writer DESC, l.number DESC LIMIT ?"
}

func (q *ledgerSearch) compare(a, b usher.LedgerRow) int {
	c := cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.WriterID, b.WriterID), cmp.Compare(a.Number, b.Number))
	if !q.oldestFirst {
		return -c
	}
	return c
}

// QueryLedger returns up to limit rows that f selects, after the cursor of the
// page before, and the cursor of the next page, "" at the end.
func (s *Store) QueryLedger(ctx context.Context, f usher.LedgerFilter, cursor string, limit int) ([]usher.LedgerRow, string, error) {
	q := newLedgerSearch(f)
	if cursor != "" {
		if err := q.after(cursor); err != nil {
			return nil, "", err
		}
	}
	rows, err := s.searchLedger(ctx, q, limit+1)
	if err != nil || len(rows) <= limit {
		return rows, "", err
	}
	rows = rows[:limit]
	end := &rows[limit-1]
	return rows, writeCursor(micros(end.Time), end.WriterID, end.Number), nil
}

// Issued returns the row of the signature of that SHA-256, in hex, for the
// session, if one of about the time at has it; nil if none has.
func (s *Store) Issued(ctx context.Context, session, signature string, at time.Time) (*usher.LedgerRow, error) {
	for _, span := range [...]struct{ from, to time.Duration }{
		{0, 32 * time.Second},                // backdated by the default
		{-2 * time.Minute, 12 * time.Minute}, // by as much as can be, and by clocks that differ
	} {
		q := newLedgerSearch(usher.LedgerFilter{Session: session, Event: usher.EventSigned, From: at.Add(span.from), To: at.Add(span.to)})
		q.by("l.signature_sha256", signature, printSignature, rowPrint(wide(signature)), math.MaxUint16)
		rows, err := s.searchLedger(ctx, q, 1)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			return &rows[0], nil
		}
	}
	return nil, nil
}

// searchLedger returns the first rows, up to limit, that q asks for.
func (s *Store) searchLedger(ctx context.Context, q *ledgerSearch, limit int) ([]usher.LedgerRow, error) {
	if s.pool != nil {
		return s.ledgerRows(ctx, selectLedger+q.String()+q.order(), append(q.args, limit)...)
	}
	order := "newest DESC"
	if q.oldestFirst {
		order = "oldest"
	}
	blocks := s.statement(ctx, "SELECT writer, block, oldest, newest, prints FROM ledger_blocks WHERE newest >= ? AND oldest <= ? ORDER BY "+order)
	q.and("l.writer = ?")
	q.and("l.number IN (SELECT value FROM json_each(?))")
	rows := s.statement(ctx, selectLedger+q.String()+q.order())
	if blocks == nil || rows == nil {
		return nil, s.fault(errors.New("store: searching the ledger can't be prepared"))
	}
	// One look at the database for all: a block that grew meanwhile would change its place among the others.
	t, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.fault(err)
	}
	defer t.Rollback()
	found, err := q.inBlocks(ctx, t.StmtContext(ctx, blocks), t.StmtContext(ctx, rows), limit)
	return found, s.fault(err)
}

// inBlocks goes through the blocks in the order of what is asked for, until no
// further one can have a row that comes before those found.
func (q *ledgerSearch) inBlocks(ctx context.Context, selectBlocks, selectRows *sql.Stmt, limit int) (found []usher.LedgerRow, err error) {
	blocks, err := selectBlocks.QueryContext(ctx, q.from, q.until)
	if err != nil {
		return nil, err
	}
	defer blocks.Close()
	var b block
	var numbers []int64
	for blocks.Next() {
		var prints sql.RawBytes
		if err := blocks.Scan(&b.writer, &b.number, &b.oldest, &b.newest, &prints); err != nil {
			return nil, err
		}
		if len(found) == limit {
			last := micros(found[limit-1].Time)
			if q.oldestFirst && b.oldest > last || !q.oldestFirst && b.newest < last {
				break
			}
		}
		b.prints = prints
		if numbers = b.find(numbers[:0], q.print, q.mask); len(numbers) == 0 {
			continue
		}
		list, err := json.Marshal(numbers)
		if err != nil {
			return nil, err
		}
		more, err := selectRows.QueryContext(ctx, append(slices.Clip(q.args), b.writer, string(list), limit)...)
		if err == nil {
			found, err = appendLedgerRows(found, more)
		}
		if err != nil {
			return nil, err
		}
		slices.SortFunc(found, q.compare)
		found = found[:min(len(found), limit)]
	}
	return found, blocks.Err()
}

// appendLedgerRows reads rows, and closes them.
func appendLedgerRows(out []usher.LedgerRow, rows *sql.Rows) ([]usher.LedgerRow, error) {
	defer rows.Close()
	for rows.Next() {
		r, err := scanLedgerRow(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
