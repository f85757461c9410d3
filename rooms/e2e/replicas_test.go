package e2e

import (
	"net/http"
	"testing"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/rooms/internal/visitor"
)

// Two Ushers on one PostgreSQL and one LiveKit: whatever one begins any can go on with.
func TestReplicas(t *testing.T) {
	database := pgtest.URL(t)
	first, second := freePort(t), freePort(t)
	lk := startLiveKit(t, nil, first)
	a := serve(t, first, database, append(with(lk), "USHER_INSTANCE=a")...)
	b := serve(t, second, database, append(with(lk), "USHER_INSTANCE=b")...)
	ctx := t.Context()
	if _, err := a.operator.CreateSession(ctx, api.NewSession{Name: "Practice", WaitingRoom: true}); err != nil {
		t.Fatal(err)
	}

	// Waiting at one, asked after at the other, shown to a host who came in there.
	waits := func(n *node, name string) *guest {
		t.Helper()
		g, err := n.ask("Practice", name, "")
		if err != nil {
			t.Fatal(err)
		}
		if g.State != "waiting" || g.Joined.Room != nil {
			t.Fatalf("%s is %s", name, g.State)
		}
		return g
	}
	ben, eve := waits(a, "ben"), waits(b, "eve")
	doctor := b.join(t, "Practice", "doctor", "host")
	room, err := a.GetRoom(ctx, doctor.Ticket)
	if err != nil || len(room.Waiting) != 2 {
		t.Fatalf("the host sees %+v waiting (%v)", room.Waiting, err)
	}
	if p, err := b.PollJoin(ctx, ben.Ticket); err != nil || p.State != "waiting" || p.Room != nil {
		t.Fatalf("before admission: %+v (%v)", p, err)
	}

	if err := a.ActInRoom(ctx, doctor.Ticket, api.RoomAction{Action: "admit", User: ben.User.ID}); err != nil {
		t.Fatal(err)
	}
	if err := b.ActInRoom(ctx, doctor.Ticket, api.RoomAction{Action: "deny", User: eve.User.ID}); err != nil {
		t.Fatal(err)
	}
	p, err := b.PollJoin(ctx, ben.Ticket)
	if err != nil || p.State != "admitted" || p.Room == nil {
		t.Fatalf("after admission: %+v (%v)", p, err)
	}
	_, err = a.PollJoin(ctx, eve.Ticket)
	refused(t, err, http.StatusForbidden, "waiting_denied")
	ben.Visitor = visitor.Enter(t, p.Room.URL, p.Room.Token)
	doctor.Speak()
	ben.Hears()
	agree(t, b, lk, doctor.User.ID, ben.User.ID)

	// A replica dies; the other has everything, and the talk goes on.
	b.kill()
	ben.Hears()
	if err := a.ActInRoom(ctx, doctor.Ticket, api.RoomAction{Action: "lock"}); err != nil {
		t.Fatal(err)
	}
	_, err = a.ask("Practice", "late", "")
	refused(t, err, http.StatusConflict, "locked")
	if err := a.ActInRoom(ctx, doctor.Ticket, api.RoomAction{Action: "remove", User: ben.User.ID}); err != nil {
		t.Fatal(err)
	}
	ben.Dropped()
	stays(t, doctor)
	agree(t, a, lk, doctor.User.ID)
}
