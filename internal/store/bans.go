package store

import (
	"context"
	"time"

	"github.com/usher-sessions/usher"
)

const banColumns = "id, subject, reason, created_at"

// AddBan bans a subject and sets the ban's ID and time if it has none. It
// gives conflict if the subject is banned already.
func (s *Store) AddBan(ctx context.Context, b *usher.Ban) (err error) {
	n := *b
	if n.ID == "" {
		if n.ID, err = s.NewID(); err != nil {
			return err
		}
	}
	if n.CreatedAt.IsZero() {
		n.CreatedAt = s.now()
	}
	err = s.inTx(ctx, func(t *tx) error {
		t.changed(KindBan, n.ID, n.Subject)
		_, err := t.exec(ctx, "INSERT INTO bans ("+banColumns+") VALUES (?, ?, ?, ?)", n.ID, n.Subject, n.Reason, micros(n.CreatedAt))
		return err
	})
	if err == nil {
		*b = n
	} else if usher.ErrorCode(err) == usher.CodeConflict {
		return &usher.Error{Code: usher.CodeConflict, Message: n.Subject + " is banned already.", Cause: err}
	}
	return err
}

func (s *Store) scanBan(row scanner) (*usher.Ban, error) {
	var b usher.Ban
	var created int64
	if err := row.Scan(&b.ID, &b.Subject, &b.Reason, &created); err != nil {
		return nil, notFoundOr("ban", err)
	}
	b.CreatedAt = moment(created)
	return &b, nil
}

// Ban reports whether subject is banned, and the reason that was given.
func (s *Store) Ban(ctx context.Context, subject string) (reason string, banned bool, err error) {
	b, err := s.scanBan(s.queryRow(ctx, "SELECT "+banColumns+" FROM bans WHERE subject = ?", subject))
	switch err = s.fault(err); {
	case err == nil:
		return b.Reason, true, nil
	case usher.ErrorCode(err) == usher.CodeNotFound:
		return "", false, nil
	}
	return "", false, err
}

// ListBans returns up to limit bans, the newest first, after the cursor of the
// page before, and the cursor of the next page, "" at the end.
func (s *Store) ListBans(ctx context.Context, cursor string, limit int) ([]*usher.Ban, string, error) {
	return listNewest(ctx, s, "SELECT "+banColumns+" FROM bans", where{}, cursor, limit, s.scanBan,
		func(b *usher.Ban) (time.Time, string) { return b.CreatedAt, b.ID })
}

// RemoveBan lifts a ban. It gives not_found if there is none.
func (s *Store) RemoveBan(ctx context.Context, id string) error {
	return s.inTx(ctx, func(t *tx) error {
		var subject string
		if err := t.queryRow(ctx, "DELETE FROM bans WHERE id = ? RETURNING subject", id).Scan(&subject); err != nil {
			return notFoundOr("ban", err)
		}
		t.changed(KindBan, id, subject)
		return nil
	})
}
