package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
)

const keyColumns = "id, name, hash, may, sessions, created_at, expires_at, revoked_at, last_used_at"

// CreateKey adds an API key and sets its ID and its time if it has
// none. It gives conflict if there is a key with that ID or hash.
func (s *Store) CreateKey(ctx context.Context, k *usher.Key) (err error) {
	n := *k
	if n.ID == "" {
		if n.ID, err = s.NewID(); err != nil {
			return err
		}
	}
	if n.CreatedAt.IsZero() {
		n.CreatedAt = s.now()
	}
	sessions, err := json.Marshal(n.Sessions)
	if err != nil {
		return err
	}
	may := make([]string, len(n.May))
	for i, a := range n.May {
		may[i] = string(a)
	}
	err = s.inTx(ctx, func(t *tx) error {
		t.changed(KindKey, n.ID, hex.EncodeToString(n.Hash[:]))
		_, err := t.exec(ctx, "INSERT INTO api_keys ("+keyColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0)",
			n.ID, n.Name, n.Hash[:], strings.Join(may, " "), string(sessions), micros(n.CreatedAt), micros(n.ExpiresAt))
		return err
	})
	if err == nil {
		*k = n
	}
	return err
}

func (s *Store) scanKey(row scanner) (*usher.Key, error) {
	var k usher.Key
	var hash []byte
	var may, sessions string
	var created, expires, revoked, used int64
	if err := row.Scan(&k.ID, &k.Name, &hash, &may, &sessions, &created, &expires, &revoked, &used); err != nil {
		return nil, notFoundOr("key", err)
	}
	for _, a := range strings.Fields(may) {
		k.May = append(k.May, usher.Action(a))
	}
	if err := json.Unmarshal([]byte(sessions), &k.Sessions); err != nil {
		return nil, err
	}
	k.Hash = hash32(hash)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = moment(created), moment(expires), moment(revoked), moment(used)
	return &k, nil
}

// KeyByHash returns the key whose SHA-256 that is, revoked and expired ones too; nil if there is none.
func (s *Store) KeyByHash(ctx context.Context, hash [32]byte) (*usher.Key, error) {
	k, err := s.scanKey(s.queryRow(ctx, "SELECT "+keyColumns+" FROM api_keys WHERE hash = ?", hash[:]))
	if usher.ErrorCode(err) == usher.CodeNotFound {
		return nil, nil
	}
	return k, s.fault(err)
}

// KeyByID gives not_found if there is none with that id.
func (s *Store) KeyByID(ctx context.Context, id string) (*usher.Key, error) {
	k, err := s.scanKey(s.queryRow(ctx, "SELECT "+keyColumns+" FROM api_keys WHERE id = ?", id))
	return k, s.fault(err)
}

// ListKeys returns up to limit keys, the newest first, after the cursor of the
// page before, and the cursor of the next page, "" at the end.
func (s *Store) ListKeys(ctx context.Context, cursor string, limit int) ([]*usher.Key, string, error) {
	return listNewest(ctx, s, "SELECT "+keyColumns+" FROM api_keys", where{}, cursor, limit, s.scanKey,
		func(k *usher.Key) (time.Time, string) { return k.CreatedAt, k.ID })
}

// RevokeKey revokes a key for good. A second time changes nothing. It gives not_found if there is none.
func (s *Store) RevokeKey(ctx context.Context, id string) error {
	return s.inTx(ctx, func(t *tx) error {
		var hash []byte
		err := t.queryRow(ctx, "UPDATE api_keys SET revoked_at = CASE revoked_at WHEN 0 THEN ? ELSE revoked_at END WHERE id = ? RETURNING hash",
			micros(s.now()), id).Scan(&hash)
		if err != nil {
			return notFoundOr("key", err)
		}
		t.changed(KindKey, id, hex.EncodeToString(hash))
		return nil
	})
}

// KeysUsed notes when keys, by id, were last used. It is for a batch now and
// then, not for each use. Times never go back; ids that are gone are passed over.
func (s *Store) KeysUsed(ctx context.Context, used map[string]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		for _, id := range sortedKeys(used) { // in one order, so that two replicas don't lock each other out
			if _, err := t.exec(ctx, "UPDATE api_keys SET last_used_at = ? WHERE id = ? AND last_used_at < ?", micros(used[id]), id, micros(used[id])); err != nil {
				return err
			}
		}
		return nil
	})
}
