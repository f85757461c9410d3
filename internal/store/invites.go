package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/usher-sessions/usher"
)

const inviteColumns = "id, hash, session, host, uses, used, created_at, expires_at, revoked_at"

// CreateInvite adds an invite and sets its ID and its time if it has
// none. It gives conflict if there is one with that ID or hash.
func (s *Store) CreateInvite(ctx context.Context, v *usher.Invite) (err error) {
	n := *v
	if n.ID == "" {
		if n.ID, err = s.NewID(); err != nil {
			return err
		}
	}
	if n.CreatedAt.IsZero() {
		n.CreatedAt = s.now()
	}
	n.Used = 0
	err = s.inTx(ctx, func(t *tx) error {
		t.changed(KindInvite, n.ID, hex.EncodeToString(n.Hash[:]))
		_, err := t.exec(ctx, "INSERT INTO invites ("+inviteColumns+", folded_session) VALUES (?, ?, ?, ?, ?, 0, ?, ?, 0, ?)",
			n.ID, n.Hash[:], n.Session, asInt(n.Host), n.Uses, micros(n.CreatedAt), micros(n.ExpiresAt), usher.FoldName(n.Session))
		return err
	})
	if err == nil {
		*v = n
	}
	return err
}

func (s *Store) scanInvite(row scanner) (*usher.Invite, error) {
	var v usher.Invite
	var hash []byte
	var host, created, expires, revoked int64
	if err := row.Scan(&v.ID, &hash, &v.Session, &host, &v.Uses, &v.Used, &created, &expires, &revoked); err != nil {
		return nil, notFoundOr("invite", err)
	}
	v.Hash, v.Host = hash32(hash), host != 0
	v.CreatedAt, v.ExpiresAt, v.RevokedAt = moment(created), moment(expires), moment(revoked)
	return &v, nil
}

// InviteByHash returns the invite whose code's SHA-256 that is, revoked and
// expired ones too; not_found if there is none.
func (s *Store) InviteByHash(ctx context.Context, hash [32]byte) (*usher.Invite, error) {
	v, err := s.scanInvite(s.queryRow(ctx, "SELECT "+inviteColumns+" FROM invites WHERE hash = ?", hash[:]))
	return v, s.fault(err)
}

// Invite gives not_found if there is none with that id.
func (s *Store) Invite(ctx context.Context, id string) (*usher.Invite, error) {
	v, err := s.scanInvite(s.queryRow(ctx, "SELECT "+inviteColumns+" FROM invites WHERE id = ?", id))
	return v, s.fault(err)
}

// ListInvites returns up to limit invites, the newest first, of one session, or
// of all if session is "", after the cursor of the page before, and the cursor
// of the next page, "" at the end.
func (s *Store) ListInvites(ctx context.Context, session, cursor string, limit int) ([]*usher.Invite, string, error) {
	var w where
	w.equal("folded_session", usher.FoldName(session))
	return listNewest(ctx, s, "SELECT "+inviteColumns+" FROM invites", w, cursor, limit, s.scanInvite,
		func(v *usher.Invite) (time.Time, string) { return v.CreatedAt, v.ID })
}

// RevokeInvite revokes an invite for good, for those who came with it too. A
// second time changes nothing. It gives not_found if there is none.
func (s *Store) RevokeInvite(ctx context.Context, id string) error {
	return s.inTx(ctx, func(t *tx) error {
		var hash []byte
		err := t.queryRow(ctx, "UPDATE invites SET revoked_at = CASE revoked_at WHEN 0 THEN ? ELSE revoked_at END WHERE id = ? RETURNING hash",
			micros(s.now()), id).Scan(&hash)
		if err != nil {
			return notFoundOr("invite", err)
		}
		t.changed(KindInvite, id, hex.EncodeToString(hash))
		return nil
	})
}

// Redeem lets a guest in with an invite. invite is the SHA-256 of the code, guest
// that of the secret which the guest keeps; whoever brings the same one again
// comes back without spending a use. However many redeem at once, on however
// many replicas, no more get in than the invite has uses. It gives not_found for
// an unknown invite, and denied for one that is revoked, expired or used up.
func (s *Store) Redeem(ctx context.Context, invite, guest [32]byte, name string) (*usher.Invite, usher.Guest, error) {
	var v *usher.Invite
	var g usher.Guest
	err := s.inTx(ctx, func(t *tx) (err error) {
		// The row's lock makes those who redeem one invite wait for each other on PostgreSQL.
		if v, err = s.scanInvite(t.queryRow(ctx, "UPDATE invites SET used = used WHERE hash = ? RETURNING "+inviteColumns, invite[:])); err != nil {
			return err
		}
		now := s.now()
		switch {
		case !v.RevokedAt.IsZero():
			return refusedInvite("This invite has been revoked.")
		case !v.ExpiresAt.IsZero() && !now.Before(v.ExpiresAt):
			return refusedInvite("This invite has expired.")
		}
		switch err = t.queryRow(ctx, "SELECT number FROM guests WHERE invite_id = ? AND hash = ?", v.ID, guest[:]).Scan(&g.Number); {
		case err == nil:
			g.Back = true
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		case v.Uses != 0 && v.Used >= v.Uses:
			return refusedInvite("This invite has been used up.")
		}
		v.Used++
		g.Number = v.Used
		if _, err := t.exec(ctx, "UPDATE invites SET used = ? WHERE id = ?", v.Used, v.ID); err != nil {
			return err
		}
		_, err = t.exec(ctx, "INSERT INTO guests (invite_id, hash, number, name, created_at) VALUES (?, ?, ?, ?, ?)", v.ID, guest[:], g.Number, name, micros(now))
		return err
	})
	if err != nil {
		return nil, usher.Guest{}, err
	}
	return v, g, nil
}

func refusedInvite(why string) *usher.Error {
	return &usher.Error{Code: usher.CodeDenied, Message: why + " Ask whoever sent it for another."}
}
