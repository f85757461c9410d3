package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/usher-sessions/usher"
)

const roomColumns = "id, session, passcode, locked, created_at, ended_at, ended_by"

const sealRoomPasscode = "room passcode"

func (s *Store) scanRoom(row scanner) (*usher.Room, error) {
	var r usher.Room
	var sealed []byte
	var locked, created, ended int64
	if err := row.Scan(&r.ID, &r.Session, &sealed, &locked, &created, &ended, &r.EndedBy); err != nil {
		return nil, notFoundOr("room", err)
	}
	passcode, err := s.opts.Sealer.Open(sealRoomPasscode, r.ID, sealed)
	if err != nil {
		return nil, usher.Unavailable("The room", err)
	}
	r.Passcode, r.Locked, r.CreatedAt, r.EndedAt = string(passcode), locked != 0, moment(created), moment(ended)
	return &r, nil
}

// Enter lets decide judge an arrival at the session and keeps e in the state
// that decide leaves it in, in the session's open room; where there is none it
// opens one with that passcode. All of it is one transaction, in which nobody
// else enters the session, on however many replicas. What decide refuses leaves
// nothing behind. On SQLite it counts once a row of the ledger follows. It sets e's RoomID, Session and CameAt and returns the room.
func (s *Store) Enter(ctx context.Context, e *usher.Entrant, passcode string, decide func(*usher.Arrival) error) (*usher.Room, error) {
	var room *usher.Room
	n := *e
	try := func() error {
		return s.inTxBefore(ctx, func(t *tx) (err error) {
			n = *e
			a, err := s.arrival(ctx, t, &n)
			if err != nil {
				return err
			}
			before := n
			if err := decide(a); err != nil {
				return err
			}
			n = *e // what decide said of the state
			n.Session = before.Session
			now := s.now()
			if room = a.Room; room == nil {
				if room, err = s.openRoom(ctx, t, n.Session, passcode, now); err != nil {
					return err
				}
			}
			n.RoomID, n.Session, n.CameAt, n.SeenAt = room.ID, room.Session, now, now
			if n.State == usher.EntrantAdmitted {
				n.AdmittedAt = now
			}
			_, err = t.exec(ctx, "INSERT INTO entrants ("+entrantColumns+", folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
				n.ID, n.RoomID, n.Session, n.Name, n.UserKey, n.Ticket[:], n.Signature[:], asInt(n.Host), asInt(n.Cohost), string(n.State),
				n.Caller, micros(n.IssuedAt), micros(n.ExpiresAt), micros(n.CameAt), micros(n.SeenAt), micros(n.AdmittedAt), usher.FoldName(n.Session))
			return err
		})
	}
	err := try()
	for again := 0; usher.ErrorCode(err) == usher.CodeConflict && again < 3; again++ { // another replica opened the room this moment
		err = try()
	}
	if err != nil {
		return nil, err
	}
	*e = n
	return room, nil
}

// arrival reads what decides about e, and locks the session's open room.
func (s *Store) arrival(ctx context.Context, t *tx, e *usher.Entrant) (*usher.Arrival, error) {
	a := &usher.Arrival{}
	folded := usher.FoldName(e.Session)
	room, err := s.scanRoom(t.queryRow(ctx, "UPDATE rooms SET locked = locked WHERE folded = ? AND ended_at = 0 RETURNING "+roomColumns, folded))
	if err != nil && usher.ErrorCode(err) != usher.CodeNotFound {
		return nil, err
	}
	a.Room = room
	var ended, removed, here sql.NullInt64
	id := ""
	if room != nil {
		id = room.ID
		var hosts int
		if err := t.queryRow(ctx, "SELECT count(*), coalesce(sum(CASE WHEN host = 1 AND cohost = 0 THEN 1 ELSE 0 END), 0) FROM entrants WHERE room_id = ? AND state = 'admitted'",
			id).Scan(&a.Admitted, &hosts); err != nil {
			return nil, err
		}
		a.HostThere = hosts > 0
	}
	if err := t.queryRow(ctx, "SELECT max(ended_at) FROM rooms WHERE folded = ? AND ended_at > 0 AND ended_by <> ''", folded).Scan(&ended); err != nil {
		return nil, err
	}
	if err := t.queryRow(ctx, "SELECT max(left_at), max(CASE WHEN room_id = ? THEN 1 ELSE 0 END) FROM entrants "+
		"WHERE folded = ? AND state = 'removed' AND (signature = ? OR user_key <> '' AND user_key = ?)",
		id, folded, e.Signature[:], e.UserKey).Scan(&removed, &here); err != nil {
		return nil, err
	}
	a.Ended, a.Removed, a.RemovedHere = moment(ended.Int64), moment(removed.Int64), here.Int64 == 1
	return a, nil
}

func (s *Store) openRoom(ctx context.Context, t *tx, session, passcode string, now time.Time) (*usher.Room, error) {
	id, err := s.NewID()
	if err != nil {
		return nil, err
	}
	sealed, err := s.opts.Sealer.Seal(sealRoomPasscode, id, []byte(passcode))
	if err != nil {
		return nil, usher.Unavailable("Keeping the passcode", err)
	}
	_, err = t.exec(ctx, "INSERT INTO rooms ("+roomColumns+", folded) VALUES (?, ?, ?, 0, ?, 0, '', ?)", id, session, sealed, micros(now), usher.FoldName(session))
	return &usher.Room{ID: id, Session: session, Passcode: passcode, CreatedAt: now}, err
}

// Room gives not_found if there is none with that id.
func (s *Store) Room(ctx context.Context, id string) (*usher.Room, error) {
	r, err := s.scanRoom(s.queryRow(ctx, "SELECT "+roomColumns+" FROM rooms WHERE id = ?", id))
	return r, s.fault(err)
}

// RoomOf returns the open room of the session of that name; not_found if it has none.
func (s *Store) RoomOf(ctx context.Context, session string) (*usher.Room, error) {
	r, err := s.scanRoom(s.queryRow(ctx, "SELECT "+roomColumns+" FROM rooms WHERE folded = ? AND ended_at = 0", usher.FoldName(session)))
	return r, s.fault(err)
}

// OpenRooms returns up to limit open rooms, the newest first, after the cursor
// of the page before, and the cursor of the next page, "" at the end.
func (s *Store) OpenRooms(ctx context.Context, cursor string, limit int) ([]*usher.Room, string, error) {
	var w where
	w.and("ended_at = 0")
	return listNewest(ctx, s, "SELECT "+roomColumns+" FROM rooms", w, cursor, limit, s.scanRoom,
		func(r *usher.Room) (time.Time, string) { return r.CreatedAt, r.ID })
}

// UnsettledRooms is OpenRooms with those besides that ended after since and in
// which somebody is still present.
func (s *Store) UnsettledRooms(ctx context.Context, since time.Time, cursor string, limit int) ([]*usher.Room, string, error) {
	var w where
	w.and("(ended_at = 0 OR ended_at > ? AND EXISTS (SELECT 1 FROM entrants WHERE room_id = rooms.id AND present = 1))", micros(since))
	return listNewest(ctx, s, "SELECT "+roomColumns+" FROM rooms", w, cursor, limit, s.scanRoom,
		func(r *usher.Room) (time.Time, string) { return r.CreatedAt, r.ID })
}

// LockRoom locks or unlocks an open room. It gives not_found if there is none with that id.
func (s *Store) LockRoom(ctx context.Context, id string, locked bool) error {
	return s.inTx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, "UPDATE rooms SET locked = ? WHERE id = ? AND ended_at = 0", asInt(locked), id)
		if err == nil && n == 0 {
			err = notFound("room")
		}
		return err
	})
}

// EndRoom ends an open room, and whoever was in it or waited has left. by is
// who ended it, "" for nobody. A second time changes nothing.
func (s *Store) EndRoom(ctx context.Context, id, by string) error {
	return s.inTx(ctx, func(t *tx) error {
		now := micros(s.now())
		n, err := t.exec(ctx, "UPDATE rooms SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at = 0", now, by, id)
		if err != nil || n == 0 {
			return err
		}
		_, err = t.exec(ctx, "UPDATE entrants SET state = 'left', left_at = ? WHERE room_id = ? AND state IN ('waiting', 'admitted')", now, id)
		return err
	})
}

// EndEmptyRoom ends a room in which nobody is, may be or waits, and reports whether it did.
func (s *Store) EndEmptyRoom(ctx context.Context, id string) (ended bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, "UPDATE rooms SET ended_at = ? WHERE id = ? AND ended_at = 0 AND "+
			"NOT EXISTS (SELECT 1 FROM entrants WHERE room_id = rooms.id AND state IN ('waiting', 'admitted'))", micros(s.now()), id)
		ended = n == 1
		return err
	})
	return ended, err
}

// SweepRooms removes up to 100 rooms that ended before then, with all who were in them.
func (s *Store) SweepRooms(ctx context.Context, before time.Time) (gone int64, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		gone, err = t.exec(ctx, "DELETE FROM rooms WHERE id IN (SELECT id FROM rooms WHERE ended_at > 0 AND ended_at < ? ORDER BY ended_at LIMIT 100)", micros(before))
		return err
	})
	return gone, err
}
