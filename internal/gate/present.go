package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usher-sessions/usher"
)

// A Happening is what the media engine says has happened.
type Happening struct {
	Kind HappeningKind
	Room string
	// Identity is empty where it is about the room.
	Identity string
	At       time.Time
}

// HappeningKind says what a happening is.
type HappeningKind string

// The kinds; others are of no concern here.
const (
	HappenedJoined HappeningKind = "joined"
	HappenedLeft   HappeningKind = "left"
	HappenedEnded  HappeningKind = "ended" // the engine closed the room
)

// Happened puts what the engine says into store and ledger, once, however often
// it says so. After an error the engine should say it again.
func (g *Gate) Happened(ctx context.Context, h *Happening) error {
	switch h.Kind {
	case HappenedJoined:
		e, room, err := g.entrantIn(ctx, h)
		if e == nil || err != nil {
			return err
		}
		// Whoever was in was in, even if they were removed before word of it came.
		if err := g.present(ctx, e, true, h.At); err != nil {
			return err
		}
		// A token lives a minute, so somebody may come who may not any more.
		switch {
		case !room.EndedAt.IsZero():
			return engineFault(g.cfg.Engine.End(ctx, room.ID))
		case e.State != usher.EntrantAdmitted && e.State != usher.EntrantLeft:
			return engineFault(g.cfg.Engine.Remove(ctx, room.ID, e.ID))
		}
		return nil
	case HappenedLeft:
		e, _, err := g.entrantIn(ctx, h)
		if e == nil || err != nil {
			return err
		}
		return g.present(ctx, e, false, h.At)
	case HappenedEnded:
		return g.empty(ctx, h.Room, h.At)
	}
	return nil
}

// entrantIn returns who it is about; nil if nobody of ours.
func (g *Gate) entrantIn(ctx context.Context, h *Happening) (*usher.Entrant, *usher.Room, error) {
	e, err := g.cfg.Store.Entrant(ctx, h.Identity)
	if usher.ErrorCode(err) == usher.CodeNotFound || err == nil && e.RoomID != h.Room {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	room, err := g.cfg.Store.Room(ctx, e.RoomID)
	return e, room, err
}

// notedWithin bounds the two writes of present.
const notedWithin = 10 * time.Second

// present notes that somebody is in the room, or is no more, and records it if
// that is news. Without the row it isn't noted either, so that it is told again.
// That whoever told it has gone meanwhile cuts neither short: a database may have
// done what it was cut short at, and then nobody would write the row.
func (g *Gate) present(ctx context.Context, e *usher.Entrant, there bool, at time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notedWithin)
	defer cancel()
	news, err := g.cfg.Store.EntrantPresent(ctx, e.ID, there, at)
	if err != nil || !news {
		return err
	}
	event, reason := usher.EventJoined, ""
	if !there {
		event, reason = usher.EventLeft, "after "+max(0, at.Sub(e.JoinedAt)).Round(time.Second).String() // the engine's clock may be another
	}
	if err := g.record(ctx, event, e, nil, reason); err != nil {
		_, undone := g.cfg.Store.EntrantPresent(context.WithoutCancel(ctx), e.ID, !there, at)
		return errors.Join(err, undone)
	}
	return nil
}

// empty notes that nobody is in the room any more, and ends it if nobody may come.
func (g *Gate) empty(ctx context.Context, room string, at time.Time) error {
	all, err := g.cfg.Store.Entrants(ctx, room)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Present {
			if err := g.present(ctx, e, false, at); err != nil {
				return err
			}
		}
	}
	_, err = g.cfg.Store.EndEmptyRoom(ctx, room)
	return err
}

// settled is how long the engine and the store may differ before a sweep holds
// one of them right: tokens outstanding, word on its way.
const settled = TokenLife + 30*time.Second

// chased is how long after a room's end people are looked for who are still in it.
const chased = time.Hour

// kept is how long rooms that ended are remembered: longer than any signature of their users lives.
const kept = 72 * time.Hour

// Sweep compares the store with the engine and sets right what lost words left
// wrong on either side: who is present, rooms that ended, waiting users who went;
// and who is still in a room that a host ended or removed them from. Any replica
// may do it at any time. Rooms about which the engine can't be asked stay as they are.
func (g *Gate) Sweep(ctx context.Context) error {
	var faults []error
	for cursor := ""; ; {
		rooms, next, err := g.cfg.Store.UnsettledRooms(ctx, g.cfg.Now().Add(-chased), cursor, 100)
		if err != nil {
			return errors.Join(append(faults, err)...)
		}
		for _, r := range rooms {
			faults = append(faults, g.sweepRoom(ctx, r))
		}
		if cursor = next; next == "" {
			break
		}
	}
	_, err := g.cfg.Store.SweepRooms(ctx, g.cfg.Now().Add(-kept))
	return errors.Join(append(faults, err)...)
}

func (g *Gate) sweepRoom(ctx context.Context, room *usher.Room) error {
	all, err := g.cfg.Store.Entrants(ctx, room.ID)
	if err != nil {
		return err
	}
	there, err := g.cfg.Engine.Present(ctx, room.ID)
	if err != nil {
		return err
	}
	if !room.EndedAt.IsZero() && len(there) > 0 {
		return g.cfg.Engine.End(ctx, room.ID)
	}
	var faults []error
	for _, e := range all {
		in, now := slices.Contains(there, e.ID), g.cfg.Now()
		switch {
		case e.State == usher.EntrantWaiting:
			if next := waits(e, now); next != usher.EntrantWaiting {
				_, err := g.cfg.Store.MoveEntrant(ctx, e.ID, usher.EntrantWaiting, next)
				faults = append(faults, err)
			}
		case in && e.State == usher.EntrantRemoved:
			faults = append(faults, g.cfg.Engine.Remove(ctx, room.ID, e.ID))
		case in && !e.Present:
			faults = append(faults, g.present(ctx, e, true, now))
		case !in && e.Present && now.Sub(e.JoinedAt) > goneAfter/2:
			faults = append(faults, g.present(ctx, e, false, now))
		case !in && !e.Present && now.Sub(e.AdmittedAt) > settled:
			_, err := g.cfg.Store.MoveEntrant(ctx, e.ID, usher.EntrantAdmitted, usher.EntrantLeft)
			faults = append(faults, err)
		}
	}
	for _, id := range there {
		if !slices.ContainsFunc(all, func(e *usher.Entrant) bool { return e.ID == id }) {
			faults = append(faults, g.sweepStray(ctx, room, id))
		}
	}
	if g.cfg.Now().Sub(room.CreatedAt) > settled {
		_, err := g.cfg.Store.EndEmptyRoom(ctx, room.ID)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// sweepStray sets right that somebody is in the room who left it or never was let in.
func (g *Gate) sweepStray(ctx context.Context, room *usher.Room, id string) error {
	e, err := g.cfg.Store.Entrant(ctx, id)
	switch {
	case usher.ErrorCode(err) == usher.CodeNotFound: // an agent or recorder of the operator's own
		return nil
	case err != nil || e.RoomID != room.ID:
		return err
	case e.State == usher.EntrantLeft: // and came back with what the engine gives its clients for that
		return g.present(ctx, e, true, g.cfg.Now())
	}
	return g.cfg.Engine.Remove(ctx, room.ID, id)
}
