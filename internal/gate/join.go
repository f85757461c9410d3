package gate

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

// A Request asks to be let in.
type Request struct {
	Topic, Signature, UserName, Password string
	// NoWait refuses where the user would have to wait.
	NoWait bool
	Addr   netip.Addr
	// ID ties log, ledger and answer together.
	ID string
}

// An Answer says how far somebody has come.
type Answer struct {
	Entrant *usher.Entrant
	Room    *usher.Room
	// Session is the directory's.
	Session *usher.Session
	// Ticket is for the user's further calls; set by Join alone.
	Ticket string
	// URL and Token open the room; empty while the user waits.
	URL, Token string
}

// proof is what a signature turned out to say.
type proof struct {
	*videosdk.Claims
	sum    [32]byte
	caller *usher.Caller // to whom it was issued; Kind "" if it isn't in the ledger
	// issued is when it was made: as the ledger has it, else as it says itself.
	issued  time.Time
	session *usher.Session
}

// Join verifies the signature and lets its user in, or to the waiting room. The
// error is an *usher.Error or, for what the user typed, videosdk.FieldErrors.
func (g *Gate) Join(ctx context.Context, r *Request) (*Answer, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p, err := g.prove(ctx, r)
	if err != nil {
		return nil, g.refuse(ctx, r, p, err)
	}
	e := &usher.Entrant{
		Session: p.session.Name, Name: r.UserName, UserKey: p.UserKey, Signature: p.sum, Host: p.Role == videosdk.Host,
		Caller: p.caller.String(), IssuedAt: p.issued, ExpiresAt: p.ExpiresAt, State: usher.EntrantAdmitted,
	}
	if p.session.WaitingRoom && !e.Host {
		e.State = usher.EntrantWaiting
		if r.NoWait {
			return nil, g.refuse(ctx, r, p, refusal(usher.CodeWaitingRoom, "This session has a waiting room; enter with a client that can wait (POST /v1/join)."))
		}
	}
	// Before anything is kept: who gets no token hasn't come in.
	if err := g.ready(ctx, e); err != nil {
		return nil, err
	}
	if e.ID, err = g.cfg.Store.NewID(); err != nil {
		return nil, err
	}
	ticket, err := g.newTicket()
	if err != nil {
		return nil, err
	}
	e.Ticket = sha256.Sum256([]byte(ticket))
	opens := r.Password // by the first to come; see Store.Enter
	if p.session.Listed() {
		opens = ""
	}
	room, err := g.cfg.Store.Enter(ctx, e, opens, func(a *usher.Arrival) error {
		e.Cohost = e.Host && a.HostThere
		return g.receive(a, e, p, r)
	})
	if err != nil {
		return nil, g.refuse(ctx, r, p, err)
	}
	event := usher.EventAdmitted
	if e.State == usher.EntrantWaiting {
		event = usher.EventWaiting
	}
	if err := g.record(ctx, event, e, r, ""); err != nil {
		g.cfg.Store.MoveEntrant(context.WithoutCancel(ctx), e.ID, e.State, usher.EntrantLeft)
		return nil, err
	}
	a := &Answer{Entrant: e, Room: room, Session: p.session, Ticket: ticket}
	return a, g.open(a)
}

// check reports what the user typed wrong. The limits are Zoom's for join.
func (r *Request) check() error {
	var faults videosdk.FieldErrors
	fault := func(field, reason string) {
		faults = append(faults, &videosdk.FieldError{Field: field, Reason: reason})
	}
	if r.Topic == "" || len(r.Topic) > 4*videosdk.MaxSessionName || !utf8.ValidString(r.Topic) {
		fault("topic", "must be the session's name, at most 200 characters")
	}
	r.UserName = strings.TrimSpace(r.UserName)
	if r.UserName == "" || utf8.RuneCountInString(r.UserName) > 200 || !utf8.ValidString(r.UserName) || strings.ContainsFunc(r.UserName, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		fault("userName", "must be 1 to 200 characters of plain text")
	}
	if len(r.Password) > videosdk.MaxPasscode {
		fault("password", fmt.Sprintf("has more than %d characters", videosdk.MaxPasscode))
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// prove finds out whether the signature opens the session, today, for its user.
// The proof is nil where not even the signature holds.
func (g *Gate) prove(ctx context.Context, r *Request) (*proof, error) {
	now := g.cfg.Now()
	if g.cfg.Guesses != nil {
		if err := g.cfg.Guesses.Check(r.Addr, ""); err != nil {
			return nil, err
		}
	}
	claims, err := g.verifier.Verify(r.Signature, now)
	if err != nil {
		refused := verifyRefusal(err)
		if g.cfg.Guesses != nil && refused.Code == usher.CodeBadSignature {
			if slow := g.cfg.Guesses.Failed(r.Addr, ""); slow != nil {
				return nil, slow
			}
		}
		return nil, refused
	}
	p := &proof{Claims: claims, sum: sha256.Sum256([]byte(r.Signature)), issued: claims.IssuedAt, caller: &usher.Caller{}}
	if usher.FoldName(claims.SessionName) != usher.FoldName(r.Topic) {
		return p, refusal(usher.CodeWrongSession, "The signature is for another session than the one to be joined.")
	}
	return p, g.inForce(ctx, p, r.Addr, now)
}

// inForce asks again whether the signature would be issued: who it was issued
// to, bans, policy, and the session's state.
func (g *Gate) inForce(ctx context.Context, p *proof, addr netip.Addr, now time.Time) error {
	row, err := g.cfg.Store.Issued(ctx, p.SessionName, hex.EncodeToString(p.sum[:]), p.IssuedAt)
	if err != nil {
		return usher.Unavailable("The ledger", err)
	}
	if row != nil {
		p.issued = row.Time
		if p.caller, err = g.cfg.Recall(ctx, row); err != nil {
			return err
		}
	}
	p.caller.Addr = addr
	if g.cfg.Banned != nil {
		reason, err := g.cfg.Banned(ctx, p.caller, p.UserKey)
		switch {
		case err != nil:
			return usher.Unavailable("The list of bans", err)
		case reason != "":
			return refusal(usher.CodeBanned, "This user may not join any more: "+reason)
		}
	}
	if p.session, err = g.session(ctx, p.SessionName); err != nil {
		return err
	}
	if err := g.permitted(p, now); err != nil {
		return err
	}
	return admits(p.session, p.Role, now)
}

// permitted asks scope and policy again. A signature that isn't in the ledger
// was made with the credentials by another server, whose decision it is. What
// groups a signed-in user is in was known when the signature was made and isn't
// now: only a refusal that no group could have prevented counts.
func (g *Gate) permitted(p *proof, now time.Time) error {
	if p.caller.Kind == "" {
		return nil
	}
	action := usher.ActionJoin
	if p.Role == videosdk.Host {
		action = usher.ActionHost
	}
	if !p.caller.Scope.Covers(action, p.session.Name) {
		return refusal(usher.CodeScope, "The key that the signature was issued to isn't made for this session and role any more.")
	}
	q := &usher.Question{
		Caller: p.caller, Action: action, Session: p.session, Now: now, UserKey: p.UserKey, Life: p.ExpiresAt.Sub(p.IssuedAt),
	}
	d := g.cfg.Policy.Decide(q)
	if !d.Allowed && len(d.Rules) == 0 && p.caller.Kind == usher.KindUser && g.cfg.Groups != nil {
		member := *p.caller
		member.Groups = append(g.cfg.Groups(), p.session.Groups...)
		q.Caller = &member
		if again := g.cfg.Policy.Decide(q); again.Allowed {
			d = again
		}
	}
	if !d.Allowed {
		return &usher.Error{Code: usher.CodeDenied, Message: "The rules don't let this user into the session any more.", Rules: d.Rules}
	}
	return nil
}

// admits returns the refusal that the directory's state of the session gives.
func admits(s *usher.Session, role videosdk.Role, now time.Time) error {
	switch {
	case s.State == usher.StateEnded:
		return refusal(usher.CodeEnded, "The session has ended.")
	case !s.NotBefore.IsZero() && now.Before(s.NotBefore):
		return refusal(usher.CodeNotOpenYet, "The session opens at "+s.NotBefore.UTC().Format(time.RFC3339)+".")
	case !s.NotAfter.IsZero() && !now.Before(s.NotAfter):
		return refusal(usher.CodeClosed, "The session closed at "+s.NotAfter.UTC().Format(time.RFC3339)+".")
	case s.State == usher.StateLocked && role != videosdk.Host:
		return refusal(usher.CodeLocked, "The session is locked; only its hosts may enter.")
	}
	return nil
}

// receive judges what the room says of somebody whose signature holds. It is
// called inside the store's transaction and asks nobody.
func (g *Gate) receive(a *usher.Arrival, e *usher.Entrant, p *proof, r *Request) error {
	switch {
	case a.RemovedHere || !a.Removed.IsZero() && !p.issued.After(a.Removed):
		return refusal(usher.CodeRemoved, "A host removed this user from the session.")
	case a.Room == nil && !a.Ended.IsZero() && !p.issued.After(a.Ended):
		return refusal(usher.CodeEnded, "A host has ended the session; signatures from before don't open it again.")
	case a.Room != nil && a.Room.Locked && !e.Host:
		return refusal(usher.CodeLocked, "A host has locked the session; nobody else can enter.")
	}
	if err := g.passcode(a.Room, p, r); err != nil {
		return err
	}
	if e.State == usher.EntrantAdmitted && p.session.Capacity > 0 && a.Admitted >= p.session.Capacity {
		return refusal(usher.CodeFull, "As many users as the session takes are in it.")
	}
	return nil
}

// passcode compares what was given with what the session asks for: the
// directory's passcode, else the signature's and that of the first to come.
func (g *Gate) passcode(room *usher.Room, p *proof, r *Request) error {
	var wanted []string
	if p.session.Listed() {
		wanted = append(wanted, p.session.Passcode)
	} else {
		wanted = append(wanted, p.Passcode)
		if room != nil {
			wanted = append(wanted, room.Passcode)
		}
	}
	given, equal, asked := sha256.Sum256([]byte(r.Password)), 1, false
	for _, w := range wanted {
		if w != "" {
			want := sha256.Sum256([]byte(w))
			asked, equal = true, equal&subtle.ConstantTimeCompare(want[:], given[:])
		}
	}
	if !asked {
		return nil
	}
	right := func() {}
	if g.cfg.Guess != nil {
		var err error
		if right, err = g.cfg.Guess(&usher.Caller{Addr: r.Addr}, usher.FoldName(p.session.Name)); err != nil {
			return err
		}
	}
	if equal != 1 {
		return refusal(usher.CodePasscode, "The session's passcode is missing or wrong.")
	}
	right()
	return nil
}

// ready refuses somebody who is to have a room token that would open nothing at the moment.
func (g *Gate) ready(ctx context.Context, e *usher.Entrant) error {
	if e.State != usher.EntrantAdmitted {
		return nil
	}
	if err := g.cfg.Engine.Ready(ctx); err != nil {
		return usher.Unavailable("The media engine", err)
	}
	return nil
}

// open puts what opens the room into the answer, if the user may be in it.
func (g *Gate) open(a *Answer) (err error) {
	if a.Entrant.State != usher.EntrantAdmitted {
		return nil
	}
	e := a.Entrant
	a.URL, a.Token, err = g.cfg.Engine.Token(Pass{Room: e.RoomID, Identity: e.ID, Name: e.Name, Role: shownRole(e), UserKey: e.UserKey, Life: TokenLife})
	if err != nil {
		return usher.Unavailable("The media engine", err)
	}
	return nil
}

// shownRole is the role that others see.
func shownRole(e *usher.Entrant) string {
	if e.Cohost {
		return "cohost"
	}
	return e.Role()
}

// newTicket makes a secret of 192 bits.
func (g *Gate) newTicket() (string, error) {
	var b [24]byte
	if _, err := io.ReadFull(g.cfg.Random, b[:]); err != nil {
		return "", fmt.Errorf("gate: reading random bytes for a ticket: %w", err)
	}
	return "usher_t_" + base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// verifyRefusal puts the verifier's verdict into words that tell the cases apart.
func verifyRefusal(err error) *usher.Error {
	out := refusal(usher.CodeBadSignature, "The signature doesn't hold: "+err.Error()+".")
	if joined, many := err.(interface{ Unwrap() []error }); many && len(joined.Unwrap()) > 1 {
		out.Message = "The signature doesn't hold: " + strings.ReplaceAll(err.Error(), "\n", "; ") + "."
		return out
	}
	var v *videosdk.VerifyError
	if !errors.As(err, &v) {
		return out
	}
	switch {
	case errors.Is(err, videosdk.ErrExpired):
		out = refusal(usher.CodeExpired, "The signature expired "+v.Detail+"; ask for a new one.")
	case errors.Is(err, videosdk.ErrNotYetValid):
		out = refusal(usher.CodeNotYetValid, "The signature is not valid yet: its "+v.Claim+" "+v.Detail+". Check the clocks.")
	case v.Claim == "role_type":
		out = refusal(usher.CodeRole, "The signature's role_type is missing or wrong; it must be the number 0 or 1.")
	}
	return out
}
