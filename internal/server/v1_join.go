package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/videosdk"
)

const roomsTag = "Rooms"

// provenByItself are the operations that carry their own proof: a code, a signature or a ticket.
var provenByItself = map[string]bool{
	api.RedeemInvite.ID: true, api.Join.ID: true, api.PollJoin.ID: true, api.RenewJoin.ID: true,
	api.GetRoom.ID: true, api.ActInRoom.ID: true, api.LiveKitToken.ID: true,
}

// zoomCodes are the numbers that Zoom's web client shows for the same refusals;
// what it lumps together under 200 has codes of its own here.
var zoomCodes = map[usher.Code]int{
	usher.CodePasscode: 3004, usher.CodeRemoved: 3009, usher.CodeRole: 3010,
	usher.CodeBadSignature: 200, usher.CodeExpired: 200, usher.CodeNotYetValid: 200, usher.CodeWrongSession: 200,
	usher.CodeEnded: 4004, usher.CodeFull: 4005,
}

func (v *v1) registerRooms(a huma.API) {
	register(a, v, api.Join, v.join)
	register(a, v, api.PollJoin, v.pollJoin)
	register(a, v, api.RenewJoin, v.renewJoin)
	register(a, v, api.GetRoom, v.getRoom)
	register(a, v, api.ActInRoom, v.actInRoom)
	register(a, v, api.ListRooms, v.listRooms)
	register(a, v, api.ShowRoom, v.showRoom)
	register(a, v, api.ActOnRoom, v.actOnRoom)
	register(a, v, api.LiveKitToken, v.liveKitToken)
	v.mux.HandleFunc("POST /v1/livekit/webhook", v.liveKitWebhook)
}

// gate returns the gate, or the refusal of a server that has none.
func (v *v1) gate() (*gate.Gate, error) {
	if v.Gate == nil {
		return nil, newProblem(http.StatusNotFound, codeNoGate, "No rooms here",
			"This server signs, but has no media engine to join. Start usher-rooms, which has one, or join with Zoom's client.")
	}
	return v.Gate, nil
}

// gateRequest is what the gate wants to know of who sent the request.
func (v *v1) gateRequest(ctx context.Context) *gate.Request {
	rc := requestOf(ctx)
	r := &gate.Request{ID: rc.id}
	if v.Addr != nil {
		r.Addr = v.Addr(rc.r)
	}
	return r
}

func (v *v1) join(ctx context.Context, in *api.JoinIn) (*api.JoinOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	r := v.gateRequest(ctx)
	r.Topic, r.Signature, r.UserName, r.Password = in.Body.Topic, in.Body.Signature, in.Body.UserName, in.Body.Password
	return joined(g.Join(ctx, r))
}

func (v *v1) pollJoin(ctx context.Context, in *api.TicketIn) (*api.JoinOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	return joined(g.Poll(ctx, bearer(in.Ticket)))
}

func (v *v1) renewJoin(ctx context.Context, in *api.RenewIn) (*api.JoinOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	return joined(g.Renew(ctx, bearer(in.Ticket), in.Body.Signature, v.gateRequest(ctx)))
}

// bearer returns what stands after "Bearer ", "" for anything else.
func bearer(header string) string {
	scheme, secret, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

func joined(a *gate.Answer, err error) (*api.JoinOut, error) {
	if err != nil {
		return nil, err
	}
	e := a.Entrant
	out := api.Joined{
		State: string(e.State), Ticket: a.Ticket, Session: toJoinedSession(a.Room, a.Session),
		User: api.JoinedUser{ID: e.ID, Name: e.Name, Role: e.Role(), Cohost: e.Cohost, UserKey: e.UserKey},
	}
	if a.Token != "" {
		out.Room = &api.RoomPass{URL: a.URL, Token: a.Token}
	} else {
		out.RetryAfterSeconds = int(gate.PollEvery / time.Second)
	}
	return &api.JoinOut{Body: out}, nil
}

func toJoinedSession(r *usher.Room, s *usher.Session) api.JoinedSession {
	return api.JoinedSession{ID: r.ID, Name: r.Session, WaitingRoom: s.WaitingRoom, Locked: r.Locked || s.State == usher.StateLocked}
}

func toRoom(v *gate.View) *api.RoomOut {
	out := api.Room{Session: toJoinedSession(v.Room, v.Session), CreatedAt: v.Room.CreatedAt, Participants: []api.Participant{}}
	for _, e := range v.Participants {
		at := e.JoinedAt
		if at.IsZero() {
			at = e.AdmittedAt
		}
		out.Participants = append(out.Participants, api.Participant{ID: e.ID, Name: e.Name, Role: e.Role(), Cohost: e.Cohost, UserKey: e.UserKey, JoinedAt: at})
	}
	for _, e := range v.Waiting {
		out.Waiting = append(out.Waiting, api.Waiting{ID: e.ID, Name: e.Name, UserKey: e.UserKey, Since: e.CameAt})
	}
	return &api.RoomOut{Body: out}
}

func (v *v1) getRoom(ctx context.Context, in *api.TicketIn) (*api.RoomOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	view, me, err := g.View(ctx, bearer(in.Ticket))
	if err != nil {
		return nil, err
	}
	out := toRoom(view)
	if !me.MayManage() {
		for i := range out.Body.Participants { // your own ids of others are not theirs to know
			if p := &out.Body.Participants[i]; p.ID != me.ID {
				p.UserKey = ""
			}
		}
	}
	return out, nil
}

func (v *v1) actInRoom(ctx context.Context, in *api.ActIn) (*api.NoContent, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	return nil, g.Act(ctx, bearer(in.Ticket), gate.Action(in.Body.Action), in.Body.User, v.gateRequest(ctx))
}

func (v *v1) listRooms(ctx context.Context, in *api.ListRoomsIn) (*api.RoomsOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	found, next, err := g.Rooms(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.RoomsOut{Body: api.RoomList{Rooms: []api.RoomSummary{}, NextCursor: next}}
	for _, r := range found {
		// A page holds what the caller may see of it, so it may be shorter than asked for.
		if v.mayInvite(ctx, r.Session, usher.ActionInspect) == nil {
			out.Body.Rooms = append(out.Body.Rooms, api.RoomSummary{ID: r.ID, Session: r.Session, Locked: r.Locked, CreatedAt: r.CreatedAt})
		}
	}
	return out, nil
}

func (v *v1) showRoom(ctx context.Context, in *api.RoomRef) (*api.RoomOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	if err := v.mayInvite(ctx, in.Session, usher.ActionInspect); err != nil {
		return nil, err
	}
	view, err := g.ViewOf(ctx, in.Session)
	if err != nil {
		return nil, err
	}
	return toRoom(view), nil
}

func (v *v1) actOnRoom(ctx context.Context, in *api.ActOnIn) (*api.NoContent, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	if err := v.mayInvite(ctx, in.Session, usher.ActionManage); err != nil {
		return nil, err
	}
	caller := requestOf(ctx).caller
	by := &gate.Actor{Caller: caller.String(), UserKey: caller.UserKey, Request: v.gateRequest(ctx)}
	return nil, g.ActBy(ctx, by, in.Session, gate.Action(in.Body.Action), in.Body.User)
}

// Attributes in which LiveKit's clients carry what has no header there.
const (
	attributeSignature = "usher.signature"
	attributePassword  = "usher.password"
)

func (v *v1) liveKitToken(ctx context.Context, in *api.LiveKitTokenIn) (*api.LiveKitTokenOut, error) {
	g, err := v.gate()
	if err != nil {
		return nil, err
	}
	r := v.gateRequest(ctx)
	r.Topic, r.UserName, r.NoWait = in.Body.RoomName, in.Body.ParticipantName, true
	r.Signature, r.Password = bearer(in.Authorization), in.Passcode
	for name, value := range in.Body.ParticipantAttributes {
		switch {
		case name == attributeSignature && r.Signature == "":
			r.Signature = value
		case name == attributePassword && r.Password == "":
			r.Password = value
		default:
			return nil, videosdk.FieldErrors{{Field: "participant_attributes", Reason: "may hold " + attributeSignature + " and " + attributePassword +
				", where the headers don't; others are Usher's to give"}}
		}
	}
	a, err := g.Join(ctx, r)
	if err != nil {
		return nil, err
	}
	return &api.LiveKitTokenOut{Body: api.LiveKitTokenAnswer{ServerURL: a.URL, ParticipantToken: a.Token}}, nil
}

// liveKitWebhook takes what LiveKit says has happened, if LiveKit says so. An
// answer of an error lets it try again.
func (v *v1) liveKitWebhook(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	fail := func(p *api.Problem, err error) {
		if o, ok := w.(endpoint.Observer); ok {
			o.Observe(nil, err)
		}
		p.RequestID = id
		writeProblem(w, r, p, err)
	}
	g, err := v.gate()
	if err != nil {
		fail(problemOf(err), err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxOtherBody)
	h, err := v.Webhook(r)
	if err != nil {
		refused := &usher.Error{Code: usher.CodeUnauthenticated, Message: "This is no webhook that LiveKit signed with LIVEKIT_API_KEY.", Cause: err}
		fail(problemOf(refused), refused)
		return
	}
	if h != nil {
		if err := g.Happened(r.Context(), h); err != nil {
			fail(problemOf(err), err)
			return
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
