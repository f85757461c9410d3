package gate

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-sessions/usher"
)

// tokensByTicket is for how long after an admission a ticket alone still gets
// room tokens, so that an answer that was lost can be asked for again. After it
// a signature is needed; see [Gate.Renew].
const tokensByTicket = 2 * TokenLife

// holder returns whose ticket it is, the room and the session.
func (g *Gate) holder(ctx context.Context, ticket string) (*Answer, error) {
	e, err := g.cfg.Store.EntrantByTicket(ctx, sha256.Sum256([]byte(ticket)))
	if usher.ErrorCode(err) == usher.CodeNotFound {
		return nil, refusal(usher.CodeUnauthenticated, "There is no such ticket; send the one of the answer to join as Authorization: Bearer.")
	}
	if err != nil {
		return nil, err
	}
	a := &Answer{Entrant: e}
	if a.Room, err = g.cfg.Store.Room(ctx, e.RoomID); err != nil {
		return nil, err
	}
	a.Session, err = g.session(ctx, e.Session)
	return a, err
}

// standing returns the refusal for whoever is neither waiting nor admitted.
func standing(a *Answer) error {
	switch e := a.Entrant; {
	case e.State == usher.EntrantRemoved:
		return refusal(usher.CodeRemoved, "A host removed you from the session.")
	case e.State == usher.EntrantDenied:
		return refusal(usher.CodeWaitDenied, "A host did not let you in.")
	case e.State == usher.EntrantTimedOut:
		return refusal(usher.CodeWaitTimeout, "Nobody let you in for too long; join again.")
	case !a.Room.EndedAt.IsZero():
		return refusal(usher.CodeEnded, "The session has ended.")
	case e.State == usher.EntrantLeft:
		return refusal(usher.CodeLeft, "You have left; join again.")
	}
	return nil
}

// waits returns the state that somebody who waits is in at now: still waiting,
// left for want of polls, or out of time.
func waits(e *usher.Entrant, now time.Time) usher.EntrantState {
	switch {
	case now.Sub(e.SeenAt) > goneAfter:
		return usher.EntrantLeft
	case now.Sub(e.CameAt) > longestWait:
		return usher.EntrantTimedOut
	}
	return usher.EntrantWaiting
}

// Poll says how far the holder of a ticket has come, with a room token once admitted.
func (g *Gate) Poll(ctx context.Context, ticket string) (*Answer, error) {
	a, err := g.holder(ctx, ticket)
	if err != nil {
		return nil, err
	}
	now := g.cfg.Now()
	if e := a.Entrant; e.State == usher.EntrantWaiting {
		if next := waits(e, now); next != usher.EntrantWaiting {
			moved, err := g.cfg.Store.MoveEntrant(ctx, e.ID, usher.EntrantWaiting, next)
			if err != nil {
				return nil, err
			}
			if !moved { // admitted, denied or removed this moment
				return g.Poll(ctx, ticket)
			}
			e.State = next
		} else if now.Sub(e.SeenAt) >= seenEvery {
			if err := g.cfg.Store.EntrantSeen(ctx, e.ID); err != nil {
				return nil, err
			}
		}
	}
	if err := standing(a); err != nil {
		return nil, err
	}
	if a.Entrant.State == usher.EntrantAdmitted && now.Sub(a.Entrant.AdmittedAt) > tokensByTicket {
		return nil, refusal(usher.CodeExpired, "You were admitted some time ago; ask for a new room token with your signature (POST /v1/join/renew).")
	}
	if err := g.ready(ctx, a.Entrant); err != nil {
		return nil, err
	}
	return a, g.open(a)
}

// Renew gives somebody who was admitted another room token, for a reconnect. All
// that Join asks of a signature is asked again; who was in needs no passcode and
// passes a lock.
func (g *Gate) Renew(ctx context.Context, ticket, signature string, r *Request) (*Answer, error) {
	a, err := g.holder(ctx, ticket)
	if err != nil {
		return nil, err
	}
	e := a.Entrant
	if err := standing(a); err != nil && usher.ErrorCode(err) != usher.CodeLeft {
		return nil, err
	}
	if e.State == usher.EntrantWaiting || e.AdmittedAt.IsZero() {
		return nil, refusal(usher.CodeWaitDenied, "You have not been let in; join again.")
	}
	r.Topic, r.Signature, r.UserName = e.Session, signature, e.Name
	p, err := g.prove(ctx, r)
	if usher.ErrorCode(err) == usher.CodeLocked {
		err = nil
	}
	if err == nil && (p.UserKey != e.UserKey || p.Role.String() != e.Role()) {
		err = refusal(usher.CodeRole, "The signature is for another user or role than the one who joined.")
	}
	if err != nil {
		return nil, g.refuse(ctx, r, p, err)
	}
	from := e.State
	e.Signature, e.IssuedAt, e.ExpiresAt, e.Caller, e.State = p.sum, p.issued, p.ExpiresAt, p.caller.String(), usher.EntrantAdmitted
	if err := g.ready(ctx, e); err != nil {
		return nil, err
	}
	if err := g.cfg.Store.Readmit(ctx, e, from, p.session.Capacity); err != nil {
		return nil, g.refuse(ctx, r, p, err)
	}
	if err := g.record(ctx, usher.EventAdmitted, e, r, "reconnect"); err != nil {
		return nil, err
	}
	return a, g.open(a)
}
