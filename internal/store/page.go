package store

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/usher-sessions/usher"
)

// A where is put together from conditions that must all hold.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// equal asks for a column's value unless the value is "".
func (w *where) equal(column, value string) {
	if value != "" {
		w.and(column+" = ?", value)
	}
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.conditions, " AND ")
}

// Cursors hold the sort key of the last row seen, so that they stay valid while
// rows come and go. Callers must not look into them.

func writeCursor(keys ...any) string {
	b, _ := json.Marshal(keys) // strings and numbers alone, which always succeed
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(cursor string, into ...any) error {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	var keys []json.RawMessage
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err == nil && len(keys) == len(into) {
		for i, k := range keys {
			if err == nil {
				err = json.Unmarshal(k, into[i])
			}
		}
		if err == nil {
			return nil
		}
	}
	return &usher.Error{Code: usher.CodeNotFound, Message: "The cursor is not one of this list; leave it out to begin at the start.", Cause: err}
}
