package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/videosdk"
)

// A hall is a media engine that does nothing but remember. What a real one does
// is tested in rooms/.
type hall struct {
	mu      sync.Mutex
	there   map[string]map[string]bool // who is in which room
	calls   []string
	failing error
	gone    error
}

func (h *hall) call(what ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing == nil {
		h.calls = append(h.calls, strings.Join(what, " "))
	}
	return h.failing
}

func (h *hall) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing = err
}

func (h *hall) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.calls...)
}

func (h *hall) enter(room, id string, in bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.there == nil {
		h.there = map[string]map[string]bool{}
	}
	if h.there[room] == nil {
		h.there[room] = map[string]bool{}
	}
	h.there[room][id] = in
}

func (h *hall) Ready(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

func (h *hall) goes(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = err
}

func (h *hall) Token(p gate.Pass) (string, string, error) {
	return "ws://hall.example", fmt.Sprintf("%s %s %s %s %v", p.Room, p.Identity, p.Name, p.Role, p.Life), nil
}

func (h *hall) Present(_ context.Context, room string) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []string
	for id, in := range h.there[room] {
		if in {
			ids = append(ids, id)
		}
	}
	return ids, h.failing
}

func (h *hall) Remove(_ context.Context, room, id string) error { return h.call("remove", id) }
func (h *hall) Mute(_ context.Context, room, id string) error   { return h.call("mute", id) }
func (h *hall) SetRole(_ context.Context, room, id, role string) error {
	return h.call("role", id, role)
}
func (h *hall) End(_ context.Context, room string) error { return h.call("end", room) }

// Receive takes webhooks that carry the word "genuine"; how real ones are
// verified is tested in rooms/.
func (h *hall) Receive(r *http.Request) (*gate.Happening, error) {
	if r.Header.Get("Authorization") != "genuine" {
		return nil, errors.New("forged")
	}
	var happening gate.Happening
	return &happening, json.NewDecoder(r.Body).Decode(&happening)
}

// openRooms makes a house with a hall.
func openRooms(t *testing.T, settings ...func(*app.Config)) (*house, *hall) {
	t.Helper()
	engine := &hall{}
	return open(t, append([]func(*app.Config){operated, func(c *app.Config) { c.Engine = engine }}, settings...)...), engine
}

// signature asks for one as the operator.
func (h *house) signature(r api.SignatureRequest) string {
	h.t.Helper()
	s, err := h.as("").Sign(ctx, r)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Signature
}

func host(session, userKey string) api.SignatureRequest {
	return api.SignatureRequest{SessionName: session, Role: "host", UserKey: userKey}
}

func participant(session, userKey string) api.SignatureRequest {
	return api.SignatureRequest{SessionName: session, UserKey: userKey}
}

// join joins as somebody without any key.
func (h *house) join(topic, signature, name, password string) (*api.Joined, error) {
	h.t.Helper()
	return h.as("").Join(ctx, api.JoinRequest{Topic: topic, Signature: signature, UserName: name, Password: password})
}

func (h *house) mustJoin(topic, signature, name string) *api.Joined {
	h.t.Helper()
	j, err := h.join(topic, signature, name, "")
	if err != nil {
		h.t.Fatalf("%s can't join: %v", name, err)
	}
	return j
}

// act does something in a room with a ticket.
func (h *house) act(ticket, action, user string) error {
	h.t.Helper()
	return h.as(ticket).ActInRoom(ctx, ticket, api.RoomAction{Action: action, User: user})
}

// events are those of the ledger about a session, the oldest first.
func (h *house) events(session string) []string {
	h.t.Helper()
	var out []string
	in := api.QueryLedgerIn{Session: session, Page: api.Page{Limit: 200}}
	l, err := h.as("").QueryLedger(ctx, in)
	ok(h.t, err)
	for _, r := range l.Rows {
		if r.Event != "signature.issued" && r.Event != "session.changed" {
			out = append([]string{strings.TrimSpace(r.Event + " " + r.Reason)}, out...)
		}
	}
	return out
}

func (h *house) rooms() []string {
	h.t.Helper()
	l, err := h.as("").ListRooms(ctx, api.Page{Limit: 200})
	ok(h.t, err)
	var out []string
	for _, r := range l.Rooms {
		out = append(out, r.Session)
	}
	return out
}

func TestJoining(t *testing.T) {
	h, _ := openRooms(t)
	early := h.mustJoin("cool cars", h.signature(participant("Cool Cars", "u2")), "Ben") // participants may come first
	first := h.mustJoin("COOL CARS", h.signature(host("Cool Cars", "u1")), "  Ada  ")
	second := h.mustJoin("Cool Cars", h.signature(host("Cool Cars", "u3")), "Cleo")
	if first.State != "admitted" || first.User.Role != "host" || first.User.Cohost || first.User.Name != "Ada" || first.Ticket == "" || first.Room == nil {
		t.Errorf("the first host: %+v", first)
	}
	if !second.User.Cohost || early.User.Role != "participant" || early.User.Cohost {
		t.Errorf("second host %+v, participant %+v", second.User, early.User)
	}
	if early.Session.ID != first.Session.ID || first.Session.ID != second.Session.ID || first.User.ID == second.User.ID {
		t.Error("they aren't in one room")
	}
	if want := first.Session.ID + " " + first.User.ID + " Ada host 1m0s"; first.Room.Token != want || first.Room.URL != "ws://hall.example" {
		t.Errorf("the room token is for %q, want %q", first.Room.Token, want)
	}
	if !strings.HasSuffix(second.Room.Token, " cohost 1m0s") || !strings.HasSuffix(early.Room.Token, " participant 1m0s") {
		t.Errorf("tokens: %q, %q", second.Room.Token, early.Room.Token)
	}
	view, err := h.as("").GetRoom(ctx, early.Ticket)
	ok(t, err)
	seen := func(v *api.Room) string {
		users := map[string]string{}
		for _, p := range v.Participants {
			users[p.Name] = p.UserKey
		}
		return fmt.Sprint(users)
	}
	if got := seen(view); got != "map[Ada: Ben:u2 Cleo:]" {
		t.Errorf("what a participant sees: %s", got)
	}
	view, err = h.as("").GetRoom(ctx, first.Ticket)
	ok(t, err)
	if got := seen(view); got != "map[Ada:u1 Ben:u2 Cleo:u3]" {
		t.Errorf("what a host sees: %s", got)
	}
	if got := strings.Join(h.events("Cool Cars"), "; "); got != "gate.admitted; gate.admitted; gate.admitted" {
		t.Errorf("the ledger: %s", got)
	}
}

// TestRefusals holds every way of not being let in to a code of its own, and to
// leaving nothing behind.
func TestRefusals(t *testing.T) {
	signed := func(c videosdk.Credentials, at time.Time, g videosdk.Grant) string {
		s, err := videosdk.NewSigner(c)
		ok(t, err)
		token, err := s.Sign(g, at)
		ok(t, err)
		return token
	}
	grant := videosdk.Grant{SessionName: "Room", UserKey: "u1"}
	for _, tt := range []struct {
		name, code, says string
		// do prepares the house and returns what is sent.
		do func(h *house) api.JoinRequest
	}{
		{"forged", "bad_signature", "doesn't hold", func(h *house) api.JoinRequest {
			return api.JoinRequest{Signature: signed(videosdk.Credentials{Key: "houseKey", Secret: "another-secret-of-more-than-32-bytes"}, h.now(), grant)}
		}},
		{"of other credentials", "bad_signature", "", func(h *house) api.JoinRequest {
			return api.JoinRequest{Signature: signed(videosdk.Credentials{Key: "otherKey", Secret: credentials.Secret}, h.now(), grant)}
		}},
		{"damaged", "bad_signature", "", func(h *house) api.JoinRequest { return api.JoinRequest{Signature: "abc"} }},
		{"expired", "expired", "5m0s ago", func(h *house) api.JoinRequest {
			return api.JoinRequest{Signature: signed(credentials, h.now().Add(-2*time.Hour-5*time.Minute), grant)}
		}},
		{"of tomorrow", "not_yet_valid", "clock", func(h *house) api.JoinRequest {
			return api.JoinRequest{Signature: signed(credentials, h.now().Add(24*time.Hour), grant)}
		}},
		{"for another session", "wrong_session", "another session", func(h *house) api.JoinRequest {
			return api.JoinRequest{Topic: "Other", Signature: signed(credentials, h.now(), grant)}
		}},
		{"passcode of the signature", "wrong_passcode", "passcode", func(h *house) api.JoinRequest {
			return api.JoinRequest{Password: "wrong", Signature: signed(credentials, h.now(), videosdk.Grant{SessionName: "Room", Passcode: "right"})}
		}},
		{"passcode of the directory", "wrong_passcode", "passcode", func(h *house) api.JoinRequest {
			_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Room", Passcode: "right"})
			ok(t, err)
			return api.JoinRequest{Signature: signed(credentials, h.now(), grant)}
		}},
		{"passcode of who came first", "wrong_passcode", "passcode", func(h *house) api.JoinRequest {
			_, err := h.join("Room", h.signature(participant("Room", "u0")), "First", "right")
			ok(t, err)
			return api.JoinRequest{Password: "wrong", Signature: signed(credentials, h.now(), grant)}
		}},
		{"before it opens", "not_open_yet", "opens at", func(h *house) api.JoinRequest {
			opens := h.now().Add(time.Hour)
			s := h.signature(participant("Room", "u1"))
			_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Room", NotBefore: &opens})
			ok(t, err)
			return api.JoinRequest{Signature: s}
		}},
		{"after it closed", "closed", "closed at", func(h *house) api.JoinRequest {
			closed := h.now().Add(-time.Hour)
			s := h.signature(participant("Room", "u1"))
			_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Room", NotAfter: &closed})
			ok(t, err)
			return api.JoinRequest{Signature: s}
		}},
		{"locked in the directory", "locked", "locked", func(h *house) api.JoinRequest { return h.inState("locked") }},
		{"ended in the directory", "ended", "ended", func(h *house) api.JoinRequest { return h.inState("ended") }},
		{"locked by a host", "locked", "locked", func(h *house) api.JoinRequest {
			ada := h.mustJoin("Room", h.signature(host("Room", "u0")), "Ada")
			ok(t, h.act(ada.Ticket, "lock", ""))
			return api.JoinRequest{Signature: h.signature(participant("Room", "u1"))}
		}},
		{"ended by a host", "ended", "ended", func(h *house) api.JoinRequest {
			s := h.signature(participant("Room", "u1"))
			ada := h.mustJoin("Room", h.signature(host("Room", "u0")), "Ada")
			h.advance(time.Second)
			ok(t, h.act(ada.Ticket, "end", ""))
			return api.JoinRequest{Signature: s}
		}},
		{"removed by a host", "removed", "removed", func(h *house) api.JoinRequest {
			ada := h.mustJoin("Room", h.signature(host("Room", "u0")), "Ada")
			s := h.signature(participant("Room", "u1"))
			ben := h.mustJoin("Room", s, "Ben")
			ok(t, h.act(ada.Ticket, "remove", ben.User.ID))
			return api.JoinRequest{Signature: s}
		}},
		{"removed by a host, with a new signature for the same user", "removed", "removed", func(h *house) api.JoinRequest {
			ada := h.mustJoin("Room", h.signature(host("Room", "u0")), "Ada")
			ben := h.mustJoin("Room", h.signature(participant("Room", "u1")), "Ben")
			ok(t, h.act(ada.Ticket, "remove", ben.User.ID))
			h.advance(time.Minute)
			return api.JoinRequest{Signature: h.signature(participant("Room", "u1"))}
		}},
		{"full", "full", "As many", func(h *house) api.JoinRequest {
			_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Room", Capacity: 1})
			ok(t, err)
			h.mustJoin("Room", h.signature(participant("Room", "u0")), "Ada")
			return api.JoinRequest{Signature: h.signature(participant("Room", "u1"))}
		}},
		{"of a key that was revoked since", "revoked", "key", func(h *house) api.JoinRequest {
			k := h.key(api.KeyRequest{Name: "k"})
			s, err := h.as(k.Secret).Sign(ctx, participant("Room", "u1"))
			ok(t, err)
			ok(t, h.as("").RevokeKey(ctx, k.ID))
			return api.JoinRequest{Signature: s.Signature}
		}},
		{"of an invite that was revoked since", "revoked", "invite", func(h *house) api.JoinRequest {
			i, err := h.as("").CreateInvite(ctx, api.InviteRequest{Session: "Room"})
			ok(t, err)
			s, err := h.as("").RedeemInvite(ctx, api.Redemption{Code: i.Code, Guest: "guest-0123456789abcdefgh"})
			ok(t, err)
			ok(t, h.as("").RevokeInvite(ctx, i.ID))
			return api.JoinRequest{Signature: s.Signature}
		}},
		{"of a user who was banned since", "banned", "spam", func(h *house) api.JoinRequest {
			s := h.signature(participant("Room", "u1"))
			_, err := h.as("").CreateBan(ctx, api.BanRequest{Subject: "user:u1", Reason: "spam"})
			ok(t, err)
			h.advance(2 * time.Second)
			return api.JoinRequest{Signature: s}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, engine := openRooms(t)
			r := tt.do(h)
			if r.Topic == "" {
				r.Topic = "Room"
			}
			r.UserName = "Mallory"
			before, calls, rows := fmt.Sprint(h.rooms(), h.present("Room")), len(engine.told()), len(h.events(r.Topic))
			_, err := h.as("").Join(ctx, r)
			var p *api.Problem
			if !errors.As(err, &p) || p.Code != tt.code || !strings.Contains(p.Detail, tt.says) {
				t.Fatalf("%v (%s), want %s: …%s…", err, code(err), tt.code, tt.says)
			}
			if after := fmt.Sprint(h.rooms(), h.present("Room")); after != before || len(engine.told()) != calls {
				t.Errorf("the refusal left something behind: %s, then %s", before, after)
			}
			if got := h.events(r.Topic); len(got) != rows+1 || !strings.HasPrefix(got[rows], "gate.refused "+tt.code) {
				t.Errorf("the ledger tells %q", got)
			}
		})
	}
}

// present are the names of those in the room of a session.
func (h *house) present(session string) []string {
	h.t.Helper()
	view, err := h.as("").ShowRoom(ctx, session)
	if code(err) == "not_found" {
		return nil
	}
	ok(h.t, err)
	var names []string
	for _, p := range view.Participants {
		names = append(names, p.Name)
	}
	return names
}

// inState puts the session Room into a state after a signature for it was made.
func (h *house) inState(state string) api.JoinRequest {
	s := h.signature(participant("Room", "u1"))
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Room"})
	ok(h.t, err)
	_, err = h.as("").UpdateSession(ctx, "Room", api.SessionChange{State: &state})
	ok(h.t, err)
	h.advance(2 * time.Second)
	return api.JoinRequest{Signature: s}
}

func TestGatePolicyIsAskedAgain(t *testing.T) {
	h, _ := openRooms(t)
	k := h.key(api.KeyRequest{Name: "k"})
	s, err := h.as(k.Secret).Sign(ctx, participant("Room", "u1"))
	ok(t, err)
	h.mustJoin("Room", s.Signature, "Ben")
	// A signature that another server made with the same credentials is its own decision.
	signer, err := videosdk.NewSigner(credentials)
	ok(t, err)
	elsewhere, err := signer.Sign(videosdk.Grant{SessionName: "Room", UserKey: "u2"}, h.now())
	ok(t, err)
	h.mustJoin("Room", elsewhere, "Cleo")
}

func TestWaitingRoom(t *testing.T) {
	h, engine := openRooms(t)
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Clinic", WaitingRoom: true})
	ok(t, err)
	wait := func(name string) *api.Joined {
		j := h.mustJoin("Clinic", h.signature(participant("Clinic", "u-"+name)), name)
		if j.State != "waiting" || j.Room != nil || j.RetryAfterSeconds == 0 {
			t.Fatalf("%s came early and got %+v", name, j)
		}
		return j
	}
	ben := wait("Ben") // before any host
	ada := h.mustJoin("Clinic", h.signature(host("Clinic", "u1")), "Ada")
	if ada.State != "admitted" {
		t.Fatalf("the host waits: %+v", ada)
	}
	cleo, dora, emil := wait("Cleo"), wait("Dora"), wait("Emil")
	view, err := h.as("").GetRoom(ctx, ada.Ticket)
	ok(t, err)
	if len(view.Waiting) != 4 || len(view.Participants) != 1 {
		t.Errorf("the host sees %+v", view)
	}
	_, err = h.as("").GetRoom(ctx, ben.Ticket)
	mustBe(t, "who waits looks into the room", err, "wrong_role")
	mustBe(t, "who waits admits themselves", h.act(ben.Ticket, "admit", ben.User.ID), "wrong_role")
	poll := func(j *api.Joined) (*api.Joined, error) { return h.as("").PollJoin(ctx, j.Ticket) }
	again, err := poll(ben)
	ok(t, err)
	if again.State != "waiting" || again.Room != nil {
		t.Errorf("polling: %+v", again)
	}
	ok(t, h.act(ada.Ticket, "admit", ben.User.ID))
	in, err := poll(ben)
	ok(t, err)
	if in.State != "admitted" || in.Room == nil || in.Ticket != "" {
		t.Errorf("admitted: %+v", in)
	}
	mustBe(t, "admitted twice", h.act(ada.Ticket, "admit", ben.User.ID), "conflict")
	ok(t, h.act(ada.Ticket, "deny", cleo.User.ID))
	_, err = poll(cleo)
	mustBe(t, "turned away", err, "waiting_denied")

	// The policy is asked again at admission.
	_, err = h.as("").CreateBan(ctx, api.BanRequest{Subject: "user:u-Dora", Reason: "spam"})
	ok(t, err)
	h.advance(2 * time.Second)
	mustBe(t, "admitting somebody who was banned while waiting", h.act(ada.Ticket, "admit", dora.User.ID), "banned")
	_, err = poll(dora)
	mustBe(t, "banned while waiting", err, "waiting_denied")

	// Who goes without a word has left; who polls waits on, but not for ever.
	h.advance(31 * time.Second)
	_, err = poll(emil)
	mustBe(t, "after half a minute without a poll", err, "left")
	finn := wait("Finn")
	for range 130 {
		h.advance(29 * time.Second)
		if _, err = poll(finn); err != nil {
			break
		}
	}
	mustBe(t, "after an hour", err, "waiting_timed_out")

	gus, hal := wait("Gus"), wait("Hal")
	mustBe(t, "a participant admits", h.act(ben.Ticket, "admit", gus.User.ID), "wrong_role")
	ok(t, h.act(ada.Ticket, "admit-all", ""))
	for _, j := range []*api.Joined{gus, hal} {
		if in, err := poll(j); err != nil || in.State != "admitted" {
			t.Errorf("after admit-all: %+v, %v", in, err)
		}
	}
	ivy := wait("Ivy")
	ok(t, h.act(ada.Ticket, "end", ""))
	_, err = poll(ivy)
	mustBe(t, "the session ended while waiting", err, "ended")
	if calls := engine.told(); len(calls) != 1 || !strings.HasPrefix(calls[0], "end ") {
		t.Errorf("the engine was told %q", calls)
	}
	// Nobody can come through LiveKit's own endpoint either.
	status, _, answer := h.send("POST", "/v1/livekit/token", `{"room_name":"Clinic","participant_name":"Jo"}`, "Authorization", "Bearer "+h.signature(participant("Clinic", "u9")))
	if status != http.StatusConflict || !strings.Contains(answer, `"code":"waiting_room"`) {
		t.Errorf("past the waiting room: %d %s", status, answer)
	}
}

func TestHostsInTheRoom(t *testing.T) {
	h, engine := openRooms(t)
	ada := h.mustJoin("Room", h.signature(host("Room", "u1")), "Ada")
	ben := h.mustJoin("Room", h.signature(participant("Room", "u2")), "Ben")
	cleo := h.mustJoin("Room", h.signature(participant("Room", "u3")), "Cleo")
	other := h.mustJoin("Elsewhere", h.signature(host("Elsewhere", "u4")), "Dora")
	for _, j := range []*api.Joined{ada, ben, cleo} {
		engine.enter(j.Session.ID, j.User.ID, true)
	}
	for _, action := range []string{"lock", "unlock", "end", "mute-all", "admit-all"} {
		mustBe(t, "a participant: "+action, h.act(ben.Ticket, action, ""), "wrong_role")
		mustBe(t, "a made-up ticket: "+action, h.act("usher_t_"+strings.Repeat("A", 32), action, ""), "unauthenticated")
	}
	for _, action := range []string{"remove", "mute", "make-cohost", "admit", "deny"} {
		mustBe(t, "a participant: "+action, h.act(ben.Ticket, action, cleo.User.ID), "wrong_role")
		mustBe(t, "a host of another room: "+action, h.act(other.Ticket, action, cleo.User.ID), "not_found")
		mustBe(t, "to nobody: "+action, h.act(ada.Ticket, action, ""), "invalid_request")
	}
	mustBe(t, "an action that there is not", h.act(ada.Ticket, "explode", ""), "invalid_request")
	mustBe(t, "remove the host", h.act(ada.Ticket, "remove", ada.User.ID), "wrong_role")
	if calls := engine.told(); len(calls) != 0 {
		t.Errorf("what was refused reached the engine: %q", calls)
	}

	ok(t, h.act(ada.Ticket, "make-cohost", ben.User.ID))
	ok(t, h.act(ben.Ticket, "mute", cleo.User.ID))
	ok(t, h.act(ada.Ticket, "mute-all", ""))
	mustBe(t, "a co-host removes the host", h.act(ben.Ticket, "remove", ada.User.ID), "wrong_role")
	ok(t, h.act(ben.Ticket, "remove", cleo.User.ID))
	calls := strings.Join(engine.told(), "; ")
	for _, want := range []string{"role " + ben.User.ID + " cohost", "mute " + cleo.User.ID, "mute " + ben.User.ID, "remove " + cleo.User.ID} {
		if !strings.Contains(calls, want) {
			t.Errorf("the engine wasn't told %q: %s", want, calls)
		}
	}
	if strings.Contains(calls, "mute "+ada.User.ID) {
		t.Error("who mutes all was muted")
	}
	_, err := h.as("").RenewJoin(ctx, cleo.Ticket, h.signature(participant("Room", "u3")))
	mustBe(t, "who was removed comes back", err, "removed")

	// The same from outside, with a key.
	manager := h.as(h.key(api.KeyRequest{Name: "m", May: []string{"inspect", "manage"}, Sessions: []string{"room"}}).Secret)
	view, err := manager.ShowRoom(ctx, "room")
	ok(t, err)
	if len(view.Participants) != 2 {
		t.Errorf("%+v", view)
	}
	_, err = manager.ShowRoom(ctx, "Elsewhere")
	mustBe(t, "a room outside of the key's scope", err, "out_of_scope")
	if l, err := manager.ListRooms(ctx, api.Page{}); err != nil || len(l.Rooms) != 1 {
		t.Errorf("rooms that the key may see: %+v, %v", l, err)
	}
	ok(t, manager.ActOnRoom(ctx, "Room", api.RoomAction{Action: "remove", User: ada.User.ID})) // from outside even the host
	ok(t, manager.ActOnRoom(ctx, "Room", api.RoomAction{Action: "end"}))
	if got := h.rooms(); len(got) != 1 || got[0] != "Elsewhere" {
		t.Errorf("rooms: %q", got)
	}
	told := strings.Join(h.events("Room"), "; ")
	for _, want := range []string{"room.changed make-cohost", "room.changed mute", "room.changed mute-all", "room.changed remove", "room.changed end"} {
		if !strings.Contains(told, want) {
			t.Errorf("the ledger lacks %q: %s", want, told)
		}
	}
}

func TestComingBack(t *testing.T) {
	h, _ := openRooms(t)
	s := h.signature(participant("Room", "u1"))
	ada := h.mustJoin("Room", h.signature(host("Room", "u0")), "Ada")
	ben := h.mustJoin("Room", s, "Ben")
	ok(t, h.act(ada.Ticket, "lock", ""))
	h.advance(10 * time.Minute)
	_, err := h.as("").PollJoin(ctx, ben.Ticket)
	mustBe(t, "a ticket alone after some time", err, "expired")
	back, err := h.as("").RenewJoin(ctx, ben.Ticket, s)
	ok(t, err)
	if back.State != "admitted" || back.Room == nil || back.User.ID != ben.User.ID {
		t.Errorf("%+v", back)
	}
	_, err = h.as("").RenewJoin(ctx, ben.Ticket, h.signature(participant("Room", "u2")))
	mustBe(t, "with somebody else's signature", err, "wrong_role")
	_, err = h.as("").RenewJoin(ctx, ben.Ticket, h.signature(host("Room", "u1")))
	mustBe(t, "with another role", err, "wrong_role")
	_, err = h.as("").RenewJoin(ctx, ben.Ticket, h.signature(participant("Other", "u1")))
	mustBe(t, "with a signature for another session", err, "wrong_session")
	_, err = h.as("").RenewJoin(ctx, ben.Ticket, "nonsense")
	mustBe(t, "without a signature", err, "bad_signature")
	h.advance(2 * time.Hour)
	_, err = h.as("").RenewJoin(ctx, ben.Ticket, s)
	mustBe(t, "with an expired signature", err, "expired")
}

// TestRacesAtTheDoor has fifty come to a room for ten at once, twice through each other's doors.
func TestRacesAtTheDoor(t *testing.T) {
	h, _ := openRooms(t)
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Small", Capacity: 10})
	ok(t, err)
	var signatures []string
	for i := range 50 {
		signatures = append(signatures, h.signature(host("Small", fmt.Sprintf("u%d", i))))
	}
	var all sync.WaitGroup
	results := make(chan *api.Joined, 50)
	for i, s := range signatures {
		all.Go(func() {
			j, err := h.join("Small", s, fmt.Sprintf("user %d", i), "")
			switch {
			case err == nil:
				results <- j
			case code(err) != "full":
				t.Errorf("neither in nor full: %v", err)
			}
		})
	}
	all.Wait()
	close(results)
	rooms, hosts, in := map[string]bool{}, 0, 0
	for j := range results {
		in++
		rooms[j.Session.ID] = true
		if !j.User.Cohost {
			hosts++
		}
	}
	if in != 10 || len(rooms) != 1 || hosts != 1 {
		t.Errorf("%d are in %d rooms, %d of them the host; want 10, 1, 1", in, len(rooms), hosts)
	}
}

// webhook sends what the engine says.
func (h *house) webhook(authorization string, happening gate.Happening) int {
	h.t.Helper()
	b, err := json.Marshal(happening)
	ok(h.t, err)
	status, _, _ := h.send("POST", "/v1/livekit/webhook", string(b), "Authorization", authorization)
	return status
}

func TestWhoWasReallyIn(t *testing.T) {
	h, engine := openRooms(t)
	s := h.signature(participant("Room", "u1"))
	ada := h.mustJoin("Room", h.signature(host("Room", "u0")), "Ada")
	ben := h.mustJoin("Room", s, "Ben")
	joined := gate.Happening{Kind: gate.HappenedJoined, Room: ben.Session.ID, Identity: ben.User.ID, At: h.now()}
	for _, forged := range []string{"", "Bearer x"} {
		if status := h.webhook(forged, joined); status != http.StatusUnauthorized {
			t.Errorf("a forged webhook got %d", status)
		}
	}
	for range 3 { // LiveKit may say a thing more than once
		if status := h.webhook("genuine", joined); status != http.StatusNoContent {
			t.Errorf("a webhook got %d", status)
		}
	}
	left := joined
	left.Kind, left.At = gate.HappenedLeft, joined.At.Add(90*time.Second)
	h.webhook("genuine", left)
	h.webhook("genuine", left)
	for _, stranger := range []gate.Happening{
		{Kind: gate.HappenedJoined, Room: ben.Session.ID, Identity: "recorder"},
		{Kind: gate.HappenedJoined, Room: "another", Identity: ben.User.ID},
		{Kind: gate.HappenedEnded, Room: "another"}, {Kind: "something else"},
	} {
		if status := h.webhook("genuine", stranger); status != http.StatusNoContent {
			t.Errorf("%+v got %d", stranger, status)
		}
	}
	want := "gate.admitted; gate.admitted; room.joined; room.left after 1m30s"
	if got := strings.Join(h.events("Room"), "; "); got != want {
		t.Errorf("the ledger tells\n%s, want\n%s", got, want)
	}
	// Somebody comes with a token from before they were removed.
	back := h.mustJoin("Room", s, "Ben")
	ok(t, h.act(ada.Ticket, "remove", back.User.ID))
	h.webhook("genuine", gate.Happening{Kind: gate.HappenedJoined, Room: back.Session.ID, Identity: back.User.ID, At: h.now()})
	if calls := engine.told(); len(calls) != 2 || calls[1] != "remove "+back.User.ID {
		t.Errorf("the engine was told %q", calls)
	}
	h.webhook("genuine", gate.Happening{Kind: gate.HappenedLeft, Room: back.Session.ID, Identity: back.User.ID, At: h.now().Add(-time.Second)})
	want += "; gate.admitted; room.changed remove; room.joined; room.left after 0s"
	if got := strings.Join(h.events("Room"), "; "); got != want {
		t.Errorf("the ledger tells\n%s, want\n%s", got, want)
	}
}

func TestWithoutEngineOrLedger(t *testing.T) {
	h := open(t, operated)
	_, err := h.join("Room", h.signature(participant("Room", "u1")), "Ben", "")
	mustBe(t, "a server without rooms", err, "no_rooms")
	if status, _, _ := h.send("POST", "/v1/livekit/webhook", "{}"); status != http.StatusNotFound {
		t.Errorf("a webhook to a server without rooms got %d", status)
	}

	r, engine := openRooms(t)
	ada := r.mustJoin("Room", r.signature(host("Room", "u0")), "Ada")
	ben := r.mustJoin("Room", r.signature(participant("Room", "u1")), "Ben")
	r.faulty = true
	engine.fail(errors.New("connection refused"))
	mustBe(t, "the engine is gone", r.act(ada.Ticket, "remove", ben.User.ID), "unavailable")
	_, err = r.as("").PollJoin(ctx, ben.Ticket)
	mustBe(t, "what was decided holds", err, "removed")
}

// TestEngineGone holds that nobody is taken in who couldn't enter, and that who
// tries again is the first to come.
func TestEngineGone(t *testing.T) {
	h, engine := openRooms(t)
	h.faulty = true
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Wait", WaitingRoom: true})
	ok(t, err)
	signature := h.signature(host("Room", "u0"))

	engine.goes(errors.New("connection refused"))
	_, err = h.join("Room", signature, "Ada", "")
	mustBe(t, "joining without an engine", err, "unavailable")
	if open := h.rooms(); len(open) > 0 {
		t.Errorf("rooms are open: %v", open)
	}
	waits := h.mustJoin("Wait", h.signature(participant("Wait", "u1")), "Ben") // needs no engine yet
	if waits.State != "waiting" {
		t.Errorf("who is to wait is %s", waits.State)
	}

	engine.goes(nil)
	ada := h.mustJoin("Room", signature, "Ada")
	if ada.User.Cohost {
		t.Error("a host whose first try failed is a co-host to herself")
	}
	engine.goes(errors.New("connection refused"))
	_, err = h.as("").PollJoin(ctx, ada.Ticket)
	mustBe(t, "another token without an engine", err, "unavailable")
	_, err = h.as("").RenewJoin(ctx, ada.Ticket, signature)
	mustBe(t, "coming back without an engine", err, "unavailable")
	_, err = h.as("").PollJoin(ctx, waits.Ticket)
	ok(t, err)
}

// TestGuessingAtTheGate sends signatures that don't hold until the address is slowed.
func TestGuessingAtTheGate(t *testing.T) {
	h, _ := openRooms(t, func(c *app.Config) { c.GuessesPerAddress = 10 })
	good := h.signature(participant("Room", "u1"))
	var err error
	for range 12 {
		_, err = h.join("Room", good[:len(good)-4]+"AAAA", "Mallory", "")
	}
	mustBe(t, "after a dozen", err, "too_many_requests")
	_, err = h.join("Room", good, "Ben", "")
	mustBe(t, "with a good one, from the same address", err, "too_many_requests")
	h.advance(time.Hour)
	_, err = h.join("Room", good, "Ben", "")
	ok(t, err)
}

func TestLiveKitTokenEndpoint(t *testing.T) {
	h, _ := openRooms(t)
	s := h.signature(participant("Room", "u1"))
	body := `{"room_name":"Room","participant_name":"Swift"}`
	status, _, answer := h.send("POST", "/v1/livekit/token", body, "Authorization", "Bearer "+s)
	var got struct {
		ServerURL string `json:"server_url"`
		Token     string `json:"participant_token"`
	}
	if json.Unmarshal([]byte(answer), &got) != nil || status != http.StatusCreated || got.ServerURL != "ws://hall.example" || !strings.HasSuffix(got.Token, "Swift participant 1m0s") {
		t.Errorf("%d %s", status, answer)
	}
	status, _, answer = h.send("POST", "/v1/livekit/token", `{"room_name":"Room","participant_name":"Kotlin","participant_attributes":{"usher.signature":"`+s+`"}}`)
	if status != http.StatusCreated {
		t.Errorf("%d %s", status, answer)
	}
	for _, bad := range []string{
		`{"room_name":"Other","participant_name":"x"}`, `{"room_name":"Room","participant_name":"x","participant_attributes":{"usher.role":"host"}}`,
		`{"room_name":"Room","participant_name":"x","participant_identity":"ada"}`, `{"room_name":"Room","participant_name":"x","room_config":{}}`,
	} {
		if status, _, answer := h.send("POST", "/v1/livekit/token", bad, "Authorization", "Bearer "+s); status < 400 || status >= 500 {
			t.Errorf("%s: %d %s", bad, status, answer)
		}
	}
	if status, _, answer := h.send("POST", "/v1/livekit/token", body); status != http.StatusForbidden {
		t.Errorf("without a signature: %d %s", status, answer)
	}
}
