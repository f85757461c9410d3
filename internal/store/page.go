package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usher-sessions/usher/videosdk"
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
	return videosdk.FieldErrors{{Field: "cursor", Reason: "is not one of this list; leave it out to begin at the start"}}
}

// listNewest reads one page of a table that is listed by created_at and id, the newest first.
func listNewest[T any](ctx context.Context, s *Store, query string, w where, cursor string, limit int,
	scan func(scanner) (T, error), key func(T) (time.Time, string)) ([]T, string, error) {
	if cursor != "" {
		var at int64
		var id string
		if err := readCursor(cursor, &at, &id); err != nil {
			return nil, "", err
		}
		w.and("(created_at, id) < (?, ?)", at, id)
	}
	var out []T
	err := s.queryAll(ctx, query+" "+w.String()+" ORDER BY created_at DESC, id DESC LIMIT ?", append(w.args, limit+1), func(row scanner) error {
		v, err := scan(row)
		out = append(out, v)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if len(out) <= limit {
		return out, "", nil
	}
	at, id := key(out[limit-1])
	return out[:limit], writeCursor(micros(at), id), nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
