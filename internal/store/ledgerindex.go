package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"github.com/usher-sessions/usher"
)

// The index of the ledger on SQLite. Users and sessions come in no order, so in
// a tree ordered by them each row of the ledger would stand on another page, and
// SQLite writes whole pages: two such trees cost far more than the rows. So rows
// that follow each other in their chain make a block, and all that is kept is one
// row a block: when its oldest and its newest row are from, and a print of eight
// bytes of each. It is brought up to date in the transaction that appends, which
// writes as much whatever the ledger's size. Whoever looks for a user reads the
// prints of all blocks of the time asked for, and of the ledger only the rows
// whose prints fit: for a million rows a few milliseconds.
//
// PostgreSQL, which logs what changes on a page, has an index each.

// blockRows is how many rows make a block: as many as SQLite keeps the prints of
// on one page. Changing it makes every index of before worthless.
const blockRows = 480

// A print tells rows apart by what is looked for often. Rows may share one by
// chance; so what it finds is held against the row itself.
type rowPrint uint64

// Its parts, of 16 and of 8 bits.
const (
	printUser      = 0
	printSession   = 16
	printSignature = 32
	printDecision  = 48
	printEvent     = 56

	printBytes = 8
)

func printOf(r *usher.LedgerRow) rowPrint {
	return rowPrint(wide(r.UserKey))<<printUser | rowPrint(wide(r.FoldedSession))<<printSession | rowPrint(wide(r.SignatureSHA256))<<printSignature |
		rowPrint(narrow(r.Decision))<<printDecision | rowPrint(narrow(string(r.Event)))<<printEvent
}

func wide(s string) uint16 {
	sum := crc32.ChecksumIEEE([]byte(s))
	return uint16(sum>>16) ^ uint16(sum)
}

func narrow(s string) uint8 {
	sum := wide(s)
	return uint8(sum>>8) ^ uint8(sum)
}

// blockOf returns the block of the row with that number, and its place in it.
func blockOf(number int64) (block int64, place int) {
	return (number - 1) / blockRows, int((number - 1) % blockRows)
}

// A block is a row of ledger_blocks.
type block struct {
	writer, number int64
	oldest, newest int64 // microseconds since 1970
	prints         []byte
}

// find returns the numbers of those rows whose prints are want where mask has bits.
func (b *block) find(numbers []int64, want, mask rowPrint) []int64 {
	for i := 0; (i+1)*printBytes <= len(b.prints); i++ {
		if rowPrint(binary.LittleEndian.Uint64(b.prints[i*printBytes:]))&mask == want {
			numbers = append(numbers, b.number*blockRows+int64(i)+1)
		}
	}
	return numbers
}

// hides reports whether a row can't be found by b, in whose place it must be.
func (b *block) hides(r *usher.LedgerRow, place int) bool {
	at := micros(r.Time)
	return (place+1)*printBytes > len(b.prints) || rowPrint(binary.LittleEndian.Uint64(b.prints[place*printBytes:])) != printOf(r) ||
		at < b.oldest || at > b.newest
}

// openBlock is the block at the end of a chain while rows are appended.
type openBlock struct {
	block
	end    usher.LedgerHead // the head that it is in accord with; zero for none
	stored bool             // the database has it, begun at stale
	stale  int64
}

const (
	insertBlock = "INSERT OR REPLACE INTO ledger_blocks (writer, block, oldest, newest, prints) VALUES (?, ?, ?, ?, ?)"
	updateBlock = "UPDATE ledger_blocks SET newest = ?, prints = ? WHERE writer = ? AND block = ?"
)

// load makes b the block in which the row after head stands.
func (b *openBlock) load(ctx context.Context, t *sql.Tx, head usher.LedgerHead) error {
	number, place := blockOf(head.Number + 1)
	if b.end.WriterID == head.WriterID && b.end.Number == head.Number && b.number == number {
		return nil
	}
	b.begin(head.WriterID, number)
	if place == 0 {
		return nil
	}
	err := t.QueryRowContext(ctx, "SELECT oldest, newest, prints FROM ledger_blocks WHERE writer = ? AND block = ?", b.writer, b.number).Scan(&b.oldest, &b.newest, &b.prints)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	b.stored, b.stale = err == nil, b.oldest
	// If somebody has tampered with it, verifying tells; what follows is in its place.
	whole := make([]byte, place*printBytes, blockRows*printBytes)
	copy(whole, b.prints)
	b.prints = whole
	return nil
}

func (b *openBlock) begin(writer, number int64) {
	b.block = block{writer: writer, number: number, oldest: math.MaxInt64, newest: math.MinInt64, prints: b.prints[:0]}
	b.stored = false
}

// add takes in the rows, which follow each other, and writes every block that they touch.
func (b *openBlock) add(ctx context.Context, t *sql.Tx, l *sqliteLedger, rows []usher.LedgerRow) error {
	for i := range rows {
		r := &rows[i]
		if number, _ := blockOf(r.Number); number != b.number {
			if err := b.write(ctx, t, l); err != nil {
				return err
			}
			b.begin(b.writer, number)
		}
		b.prints = binary.LittleEndian.AppendUint64(b.prints, uint64(printOf(r)))
		at := micros(r.Time)
		b.oldest, b.newest = min(b.oldest, at), max(b.newest, at)
	}
	return b.write(ctx, t, l)
}

func (b *openBlock) write(ctx context.Context, t *sql.Tx, l *sqliteLedger) error {
	if b.stored && b.stale == b.oldest { // which spares writing the index of oldest
		res, err := t.StmtContext(ctx, l.updateBlock).ExecContext(ctx, b.newest, b.prints, b.writer, b.number)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
	}
	b.stored, b.stale = true, b.oldest
	_, err := t.StmtContext(ctx, l.insertBlock).ExecContext(ctx, b.writer, b.number, b.oldest, b.newest, b.prints)
	return err
}

// findHidden sets Hidden in those rows, of one chain, that the index doesn't
// find. The rows were read before: it may know more rows by now, but not fewer.
func (s *Store) findHidden(ctx context.Context, rows []usher.LedgerRow) error {
	if s.pool != nil || len(rows) == 0 {
		return nil
	}
	first, _ := blockOf(rows[0].Number)
	last, _ := blockOf(rows[len(rows)-1].Number)
	blocks := map[int64]*block{}
	err := s.queryAll(ctx, "SELECT block, oldest, newest, prints FROM ledger_blocks WHERE writer = ? AND block BETWEEN ? AND ?",
		[]any{rows[0].WriterID, first, last}, func(row scanner) error {
			b := &block{}
			err := row.Scan(&b.number, &b.oldest, &b.newest, &b.prints)
			blocks[b.number] = b
			return err
		})
	for i := range rows {
		number, place := blockOf(rows[i].Number)
		b := blocks[number]
		rows[i].Hidden = rows[i].Number > 0 && (b == nil || b.hides(&rows[i], place))
	}
	return err
}
