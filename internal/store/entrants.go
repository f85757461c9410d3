package store

import (
	"context"
	"time"

	"github.com/usher-sessions/usher"
)

const entrantColumns = "id, room_id, session, name, user_key, ticket, signature, host, cohost, state, present, caller, issued_at, expires_at, " +
	"came_at, seen_at, admitted_at, joined_at, left_at"

func scanEntrant(row scanner) (*usher.Entrant, error) {
	var e usher.Entrant
	var ticket, signature []byte
	var host, cohost, present, issued, expires, came, seen, admitted, joined, left int64
	if err := row.Scan(&e.ID, &e.RoomID, &e.Session, &e.Name, &e.UserKey, &ticket, &signature, &host, &cohost, &e.State, &present, &e.Caller,
		&issued, &expires, &came, &seen, &admitted, &joined, &left); err != nil {
		return nil, notFoundOr("user in this room", err)
	}
	e.Ticket, e.Signature, e.Host, e.Cohost, e.Present = hash32(ticket), hash32(signature), host != 0, cohost != 0, present != 0
	e.IssuedAt, e.ExpiresAt, e.CameAt, e.SeenAt = moment(issued), moment(expires), moment(came), moment(seen)
	e.AdmittedAt, e.JoinedAt, e.LeftAt = moment(admitted), moment(joined), moment(left)
	return &e, nil
}

// EntrantByTicket returns whose ticket has that SHA-256; not_found if nobody's has.
func (s *Store) EntrantByTicket(ctx context.Context, ticket [32]byte) (*usher.Entrant, error) {
	e, err := scanEntrant(s.queryRow(ctx, "SELECT "+entrantColumns+" FROM entrants WHERE ticket = ?", ticket[:]))
	return e, s.fault(err)
}

// Entrant gives not_found if there is none with that id.
func (s *Store) Entrant(ctx context.Context, id string) (*usher.Entrant, error) {
	e, err := scanEntrant(s.queryRow(ctx, "SELECT "+entrantColumns+" FROM entrants WHERE id = ?", id))
	return e, s.fault(err)
}

// Entrants returns those of a room that are waiting, admitted or still present, as they came.
func (s *Store) Entrants(ctx context.Context, room string) ([]*usher.Entrant, error) {
	var out []*usher.Entrant
	err := s.queryAll(ctx, "SELECT "+entrantColumns+" FROM entrants WHERE room_id = ? AND (state IN ('waiting', 'admitted') OR present = 1) ORDER BY came_at, id", []any{room}, func(row scanner) error {
		e, err := scanEntrant(row)
		out = append(out, e)
		return err
	})
	return out, err
}

// EntrantSeen notes that somebody who waits was heard of.
func (s *Store) EntrantSeen(ctx context.Context, id string) error {
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "UPDATE entrants SET seen_at = ? WHERE id = ? AND state = 'waiting'", micros(s.now()), id)
		return err
	})
}

// MoveEntrant takes an entrant from one state to another and reports whether it
// was in the first. It sets AdmittedAt or LeftAt with the states that have them.
func (s *Store) MoveEntrant(ctx context.Context, id string, from, to usher.EntrantState) (moved bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		column := "left_at"
		if to == usher.EntrantAdmitted {
			column = "admitted_at"
		}
		n, err := t.exec(ctx, "UPDATE entrants SET state = ?, "+column+" = ? WHERE id = ? AND state = ?", string(to), micros(s.now()), id, string(from))
		moved = n == 1
		return err
	})
	return moved, err
}

// Readmit admits an entrant out of a state while fewer than capacity are
// admitted to the room (0 is no bound), in one transaction with that count. It
// gives full if there are as many, and conflict if the entrant is in another state.
func (s *Store) Readmit(ctx context.Context, e *usher.Entrant, from usher.EntrantState, capacity int) error {
	return s.inTx(ctx, func(t *tx) error {
		touched, err := t.exec(ctx, "UPDATE rooms SET locked = locked WHERE id = ? AND ended_at = 0", e.RoomID) // its lock: nobody else enters meanwhile
		if err != nil {
			return err
		}
		if touched == 0 {
			return &usher.Error{Code: usher.CodeEnded, Message: "The session has ended."}
		}
		if capacity > 0 {
			var n int
			if err := t.queryRow(ctx, "SELECT count(*) FROM entrants WHERE room_id = ? AND state = 'admitted' AND id <> ?", e.RoomID, e.ID).Scan(&n); err != nil {
				return err
			}
			if n >= capacity {
				return &usher.Error{Code: usher.CodeFull, Message: "As many users as the session takes are in it."}
			}
		}
		now := s.now()
		touched, err = t.exec(ctx, "UPDATE entrants SET state = 'admitted', admitted_at = ?, signature = ?, issued_at = ?, expires_at = ?, caller = ? WHERE id = ? AND state = ?",
			micros(now), e.Signature[:], micros(e.IssuedAt), micros(e.ExpiresAt), e.Caller, e.ID, string(from))
		if err == nil && touched == 0 {
			err = &usher.Error{Code: usher.CodeConflict, Message: "The user isn't " + string(from) + " any more."}
		}
		return err
	})
}

// MakeCohost gives an admitted entrant a host's rights; not_found if there is none with that id.
func (s *Store) MakeCohost(ctx context.Context, id string) error {
	return s.inTx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, "UPDATE entrants SET cohost = 1 WHERE id = ? AND state = 'admitted' AND host = 0", id)
		if err == nil && n == 0 {
			err = notFound("participant in this room")
		}
		return err
	})
}

// EntrantPresent notes that the media engine has an entrant in the room, or has
// it no more, and reports whether that is news. Who is present no more has left.
func (s *Store) EntrantPresent(ctx context.Context, id string, present bool, at time.Time) (news bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		query := "UPDATE entrants SET present = 1, joined_at = ?, state = CASE state WHEN 'left' THEN 'admitted' ELSE state END WHERE id = ? AND present = 0"
		if !present {
			query = "UPDATE entrants SET present = 0, left_at = ?, state = CASE state WHEN 'admitted' THEN 'left' ELSE state END WHERE id = ? AND present = 1"
		}
		n, err := t.exec(ctx, query, micros(at), id)
		news = n == 1
		return err
	})
	return news, err
}
