package ledger

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
)

// A Source answers queries, a page at a time. The store is one.
type Source interface {
	// QueryLedger returns up to limit rows that f selects after cursor, and the next
	// cursor, "" at the end.
	QueryLedger(ctx context.Context, f usher.LedgerFilter, cursor string, limit int) ([]usher.LedgerRow, string, error)
}

// A Format is how rows are exported.
type Format string

const (
	// JSONLines is one JSON object a line.
	JSONLines Format = "jsonl"
	// CSV has a first line of names. A cell that a spreadsheet would take for a
	// formula gets a ' in front.
	CSV Format = "csv"
)

// exported is a row as exports have it. With writer, number, prev and the other
// fields its hash can be computed again; see appendRow.
type exported struct {
	Writer          string   `json:"writer"`
	Number          int64    `json:"number"`
	Time            string   `json:"time"`
	Event           string   `json:"event"`
	Caller          string   `json:"caller,omitempty"`
	UserKey         string   `json:"userKey,omitempty"`
	Session         string   `json:"session,omitempty"`
	Role            string   `json:"role,omitempty"`
	Decision        string   `json:"decision,omitempty"`
	Rules           []string `json:"rules,omitempty"`
	Reason          string   `json:"reason,omitempty"`
	Expires         string   `json:"expiresAt,omitempty"`
	Address         string   `json:"address,omitempty"`
	SignatureSHA256 string   `json:"signatureSha256,omitempty"`
	Subject         string   `json:"subject,omitempty"`
	RequestID       string   `json:"requestId,omitempty"`
	Prev            string   `json:"prev"`
	Hash            string   `json:"hash"`
}

var csvHeader = []string{"writer", "number", "time", "event", "caller", "userKey", "session", "role", "decision", "rules", "reason",
	"expiresAt", "address", "signatureSha256", "subject", "requestId", "prev", "hash"}

func export(r *usher.LedgerRow) exported {
	return exported{
		Writer: r.Writer, Number: r.Number, Time: exportTime(r.Time), Event: string(r.Event), Caller: r.Caller, UserKey: r.UserKey,
		Session: r.Session, Role: r.Role, Decision: r.Decision, Rules: r.Rules, Reason: r.Reason, Expires: exportTime(r.Expires),
		Address: r.Address, SignatureSHA256: r.SignatureSHA256, Subject: r.Subject, RequestID: r.RequestID,
		Prev: hex.EncodeToString(r.Prev[:]), Hash: hex.EncodeToString(r.Hash[:]),
	}
}

func exportTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// An Encoder writes rows in a format.
type Encoder struct {
	out  *bufio.Writer
	csv  *csv.Writer
	json *json.Encoder
}

// NewEncoder returns an Encoder, or an error if there is no such format.
func NewEncoder(w io.Writer, format Format) (*Encoder, error) {
	e := &Encoder{out: bufio.NewWriterSize(w, 64<<10)}
	switch format {
	case JSONLines:
		e.json = json.NewEncoder(e.out)
		e.json.SetEscapeHTML(false)
		return e, nil
	case CSV:
		e.csv = csv.NewWriter(e.out)
		return e, e.csv.Write(csvHeader)
	}
	return nil, fmt.Errorf("ledger: no format %q; there are %s and %s", format, JSONLines, CSV)
}

// Encode writes one row; Flush must follow the last.
func (e *Encoder) Encode(r *usher.LedgerRow) error {
	x := export(r)
	if e.json != nil {
		return e.json.Encode(&x)
	}
	cells := []string{x.Writer, strconv.FormatInt(x.Number, 10), x.Time, x.Event, x.Caller, x.UserKey, x.Session, x.Role, x.Decision,
		strings.Join(x.Rules, " "), x.Reason, x.Expires, x.Address, x.SignatureSHA256, x.Subject, x.RequestID, x.Prev, x.Hash}
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r\n", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	return e.csv.Write(cells)
}

// Flush hands everything on to the writer beneath.
func (e *Encoder) Flush() error {
	if e.csv != nil {
		e.csv.Flush()
		if err := e.csv.Error(); err != nil {
			return err
		}
	}
	return e.out.Flush()
}

// Export writes all rows that f selects and returns how many.
func Export(ctx context.Context, w io.Writer, format Format, s Source, f usher.LedgerFilter) (int64, error) {
	e, err := NewEncoder(w, format)
	if err != nil {
		return 0, err
	}
	var n int64
	for cursor, more := "", true; more; more = cursor != "" {
		rows, next, err := s.QueryLedger(ctx, f, cursor, page)
		if err != nil {
			return n, err
		}
		for i := range rows {
			if err := e.Encode(&rows[i]); err != nil {
				return n, err
			}
			n++
		}
		cursor = next
	}
	return n, e.Flush()
}
