package gate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

// An Action is what hosts do in a room.
type Action string

// The actions; those of the second group are done to one user.
const (
	ActAdmitAll Action = "admit-all"
	ActMuteAll  Action = "mute-all"
	ActLock     Action = "lock"
	ActUnlock   Action = "unlock"
	ActEnd      Action = "end"

	ActAdmit      Action = "admit"
	ActDeny       Action = "deny"
	ActRemove     Action = "remove"
	ActMute       Action = "mute"
	ActMakeCohost Action = "make-cohost"
)

var toOne = []Action{ActAdmit, ActDeny, ActRemove, ActMute, ActMakeCohost}

// A View is who is in a room and who waits.
type View struct {
	Room         *usher.Room
	Session      *usher.Session
	Participants []*usher.Entrant
	// Waiting is for hosts alone.
	Waiting []*usher.Entrant
}

// An Actor is whoever acts in a room: a host by ticket, an API key.
type Actor struct {
	// Caller and UserKey stand in the ledger.
	Caller, UserKey string
	// Entrant is nil for an API key.
	Entrant *usher.Entrant
	Request *Request
}

// View shows the holder of a ticket the room.
func (g *Gate) View(ctx context.Context, ticket string) (*View, *usher.Entrant, error) {
	a, err := g.holder(ctx, ticket)
	if err != nil {
		return nil, nil, err
	}
	if err := standing(a); err != nil {
		return nil, nil, err
	}
	if a.Entrant.State != usher.EntrantAdmitted {
		return nil, nil, refusal(usher.CodeRole, "Who is in the room is shown once you are admitted.")
	}
	v, err := g.view(ctx, a.Room, a.Session)
	if err == nil && !a.Entrant.MayManage() {
		v.Waiting = nil
	}
	return v, a.Entrant, err
}

// ViewOf shows the open room of a session; not_found if it has none.
func (g *Gate) ViewOf(ctx context.Context, session string) (*View, error) {
	room, err := g.cfg.Store.RoomOf(ctx, session)
	if err != nil {
		return nil, err
	}
	s, err := g.session(ctx, room.Session)
	if err != nil {
		return nil, err
	}
	return g.view(ctx, room, s)
}

// Rooms lists open rooms, the newest first, in pages.
func (g *Gate) Rooms(ctx context.Context, cursor string, limit int) ([]*usher.Room, string, error) {
	return g.cfg.Store.OpenRooms(ctx, cursor, limit)
}

func (g *Gate) view(ctx context.Context, room *usher.Room, s *usher.Session) (*View, error) {
	all, err := g.cfg.Store.Entrants(ctx, room.ID)
	if err != nil {
		return nil, err
	}
	v, now := &View{Room: room, Session: s}, g.cfg.Now()
	for _, e := range all {
		switch {
		case e.State == usher.EntrantAdmitted && (e.Present || now.Sub(e.AdmittedAt) < TokenLife):
			v.Participants = append(v.Participants, e)
		case e.State == usher.EntrantWaiting && waits(e, now) == usher.EntrantWaiting:
			v.Waiting = append(v.Waiting, e)
		}
	}
	return v, nil
}

// Act does what the holder of a host's or co-host's ticket asks for; user is the
// id of whom it is done to, where it is to one.
func (g *Gate) Act(ctx context.Context, ticket string, action Action, user string, r *Request) error {
	a, err := g.holder(ctx, ticket)
	if err != nil {
		return err
	}
	if err := standing(a); err != nil {
		return err
	}
	if e := a.Entrant; e.State != usher.EntrantAdmitted || !e.MayManage() {
		return refusal(usher.CodeRole, "Only hosts and co-hosts may do this.")
	}
	by := &Actor{Caller: a.Entrant.Caller, UserKey: a.Entrant.UserKey, Entrant: a.Entrant, Request: r}
	return g.act(ctx, by, a.Room, action, user)
}

// ActBy does it for somebody who may manage the session from outside.
func (g *Gate) ActBy(ctx context.Context, by *Actor, session string, action Action, user string) error {
	room, err := g.cfg.Store.RoomOf(ctx, session)
	if err != nil {
		return err
	}
	return g.act(ctx, by, room, action, user)
}

func (g *Gate) act(ctx context.Context, by *Actor, room *usher.Room, action Action, user string) error {
	var target *usher.Entrant
	if slices.Contains(toOne, action) {
		var err error
		if target, err = g.target(ctx, by, room, action, user); err != nil {
			return err
		}
	} else if user != "" {
		return videosdk.FieldErrors{{Field: "user", Reason: "doesn't go with " + string(action) + "; leave it out"}}
	}
	// What follows is recorded first: the ledger may tell of something that failed, but never miss what was done.
	row := &usher.Entry{
		Time: g.cfg.Now(), Event: usher.EventRoomChange, Caller: by.Caller, UserKey: by.UserKey, Session: room.Session,
		Decision: usher.Allowed, Reason: string(action), Subject: room.ID, RequestID: by.Request.ID,
	}
	if target != nil {
		row.Subject = target.ID
	}
	if by.Request.Addr.IsValid() {
		row.Address = by.Request.Addr.String()
	}
	if err := g.write(ctx, row); err != nil {
		return err
	}
	return g.do(ctx, by, room, action, target)
}

// target finds whom an action is done to, and refuses what can't be done to them.
func (g *Gate) target(ctx context.Context, by *Actor, room *usher.Room, action Action, user string) (*usher.Entrant, error) {
	if user == "" {
		return nil, videosdk.FieldErrors{{Field: "user", Reason: "is missing; it says to whom it is done"}}
	}
	e, err := g.cfg.Store.Entrant(ctx, user)
	if err != nil {
		return nil, err
	}
	want := usher.EntrantAdmitted
	if action == ActAdmit || action == ActDeny {
		want = usher.EntrantWaiting
	}
	switch {
	case e.RoomID != room.ID:
		return nil, refusal(usher.CodeNotFound, "There is no such user in this room.")
	case e.State != want:
		return nil, refusal(usher.CodeConflict, "The user is "+string(e.State)+", not "+string(want)+".")
	case want == usher.EntrantWaiting && waits(e, g.cfg.Now()) != usher.EntrantWaiting:
		return nil, refusal(usher.CodeConflict, "The user has left the waiting room.")
	case action == ActRemove && by.Entrant != nil && (e.ID == by.Entrant.ID || e.Host && !e.Cohost):
		return nil, refusal(usher.CodeRole, "The host can't be removed from within the session; end it instead.")
	}
	return e, nil
}

func (g *Gate) do(ctx context.Context, by *Actor, room *usher.Room, action Action, e *usher.Entrant) error {
	switch action {
	case ActAdmit:
		return g.admit(ctx, by, e)
	case ActAdmitAll:
		return g.admitAll(ctx, by, room)
	case ActDeny:
		if err := g.move(ctx, e, usher.EntrantDenied); err != nil {
			return err
		}
		return g.turnAway(ctx, by, e, refusal(usher.CodeWaitDenied, "A host did not let the user in."))
	case ActRemove:
		if err := g.move(ctx, e, usher.EntrantRemoved); err != nil {
			return err
		}
		return engineFault(g.cfg.Engine.Remove(ctx, room.ID, e.ID))
	case ActMute:
		return engineFault(g.cfg.Engine.Mute(ctx, room.ID, e.ID))
	case ActMuteAll:
		return g.muteAll(ctx, by, room)
	case ActMakeCohost:
		if err := g.cfg.Store.MakeCohost(ctx, e.ID); err != nil {
			return err
		}
		return engineFault(g.cfg.Engine.SetRole(ctx, room.ID, e.ID, "cohost"))
	case ActLock, ActUnlock:
		return g.cfg.Store.LockRoom(ctx, room.ID, action == ActLock)
	case ActEnd:
		who := by.Caller
		if who == "" && by.Entrant != nil { // its signature was made elsewhere
			who = "entrant:" + by.Entrant.ID
		}
		if err := g.cfg.Store.EndRoom(ctx, room.ID, who); err != nil {
			return err
		}
		return engineFault(g.cfg.Engine.End(ctx, room.ID))
	}
	return videosdk.FieldErrors{{Field: "action", Reason: fmt.Sprintf("is %q, which there is not", action)}}
}

func (g *Gate) move(ctx context.Context, e *usher.Entrant, to usher.EntrantState) error {
	moved, err := g.cfg.Store.MoveEntrant(ctx, e.ID, e.State, to)
	if err == nil && !moved {
		err = refusal(usher.CodeConflict, "The user's state changed this moment; look again.")
	}
	return err
}

// admit asks everything again that was asked when the user came, then lets them in.
func (g *Gate) admit(ctx context.Context, by *Actor, e *usher.Entrant) error {
	p := &proof{sum: e.Signature, issued: e.IssuedAt, caller: &usher.Caller{}, Claims: &videosdk.Claims{
		SessionName: e.Session, UserKey: e.UserKey, IssuedAt: e.IssuedAt, ExpiresAt: e.ExpiresAt,
	}}
	if e.Host {
		p.Role = videosdk.Host
	}
	now := g.cfg.Now()
	err := g.inForce(ctx, p, by.Request.Addr, now)
	if err == nil && !now.Before(e.ExpiresAt.Add(Leeway)) {
		err = refusal(usher.CodeExpired, "The user's signature expired while they waited; they have to join again.")
	}
	var refused *usher.Error
	if errors.As(err, &refused) && refused.Code != usher.CodeUnavailable {
		if err := g.move(ctx, e, usher.EntrantDenied); err != nil {
			return err
		}
		return errors.Join(refused, g.turnAway(ctx, by, e, refused))
	}
	if err != nil {
		return err
	}
	admitted := *e
	if err := g.record(ctx, usher.EventAdmitted, &admitted, by.Request, "from the waiting room"); err != nil {
		return err
	}
	return g.cfg.Store.Readmit(ctx, &admitted, usher.EntrantWaiting, p.session.Capacity)
}

// admitAll admits everybody who waits now. Whom the rules don't let in any more
// is turned away; the rest isn't held up by that.
func (g *Gate) admitAll(ctx context.Context, by *Actor, room *usher.Room) error {
	s, err := g.session(ctx, room.Session)
	if err != nil {
		return err
	}
	v, err := g.view(ctx, room, s)
	if err != nil {
		return err
	}
	for _, e := range v.Waiting {
		switch err := g.admit(ctx, by, e); usher.ErrorCode(err) {
		case usher.CodeFull, usher.CodeEnded, usher.CodeUnavailable:
			return err
		}
	}
	return nil
}

// turnAway writes the row of somebody who was not let in from the waiting room.
func (g *Gate) turnAway(ctx context.Context, by *Actor, e *usher.Entrant, why *usher.Error) error {
	return g.write(ctx, &usher.Entry{
		Time: g.cfg.Now(), Event: usher.EventGateRefused, Caller: e.Caller, UserKey: e.UserKey, Session: e.Session, Role: e.Role(),
		Decision: usher.Denied, Reason: string(why.Code), Rules: why.Rules, Expires: e.ExpiresAt,
		SignatureSHA256: hex.EncodeToString(e.Signature[:]), Subject: e.ID, RequestID: by.Request.ID,
	})
}

// muteAll mutes everybody in the room but whoever asks for it.
func (g *Gate) muteAll(ctx context.Context, by *Actor, room *usher.Room) error {
	there, err := g.cfg.Engine.Present(ctx, room.ID)
	if err != nil {
		return engineFault(err)
	}
	var faults []error
	for _, id := range there {
		if by.Entrant == nil || id != by.Entrant.ID {
			faults = append(faults, g.cfg.Engine.Mute(ctx, room.ID, id))
		}
	}
	return engineFault(errors.Join(faults...))
}

// engineFault says that the engine didn't hear of what is decided already.
func engineFault(err error) error {
	if err == nil {
		return nil
	}
	e := usher.Unavailable("The media engine", err)
	e.Message = "The media engine can't be reached at the moment. What was decided holds and is carried out as soon as it can be."
	return e
}
