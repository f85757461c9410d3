package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/rooms/internal/visitor"
)

// stays reports whom something has dropped who shouldn't notice it.
func stays(t *testing.T, people ...*guest) {
	t.Helper()
	for _, g := range people {
		select {
		case why := <-g.Gone:
			t.Errorf("%s was dropped: %s", g.User.Name, why)
		default:
		}
	}
}

func TestUsherRestartsWhilePeopleTalk(t *testing.T) {
	for name, end := range map[string]func(*node){"asked to stop": (*node).stop, "killed": (*node).kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, database := freePort(t), filepath.Join(t.TempDir(), "usher.db")
			lk := startLiveKit(t, nil, port)
			n := serve(t, port, database, with(lk)...)
			ana, bo, dee := n.join(t, "Talk", "ana", "host"), n.join(t, "Talk", "bo", ""), n.join(t, "Talk", "dee", "")
			ana.Speak()
			bo.Hears()
			agree(t, n, lk, ana.User.ID, bo.User.ID, dee.User.ID)

			end(n)
			bo.Hears()
			dee.Leave() // while nobody listens to LiveKit

			n = serve(t, port, database, with(lk)...)
			bo.Hears()
			cy := n.join(t, "Talk", "cy", "")
			cy.Hears()
			if cy.Session.ID != ana.Session.ID {
				t.Error("who comes after the restart is in another room")
			}
			stays(t, ana, bo, cy)
			if ana.User.Cohost || !n.join(t, "Talk", "eve", "host").User.Cohost {
				t.Error("the first host isn't the host any more")
			}
			// A host's ticket holds on, and so does what it does.
			if err := n.ActInRoom(t.Context(), ana.Ticket, api.RoomAction{Action: "remove", User: cy.User.ID}); err != nil {
				t.Fatal(err)
			}
			cy.Dropped()
			_, err := n.Join(t.Context(), api.JoinRequest{Topic: "Talk", Signature: cy.signature, UserName: "cy"})
			refused(t, err, http.StatusForbidden, "removed")
			room, err := n.GetRoom(t.Context(), ana.Ticket)
			if err != nil {
				t.Fatal(err)
			}
			var there []string
			for _, p := range room.Participants {
				if p.UserKey != "dee" && p.UserKey != "cy" {
					there = append(there, p.ID)
				}
			}
			agree(t, n, lk, there...)
			stays(t, ana, bo)
		})
	}
}

func TestLiveKitRestarts(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	lk := startLiveKit(t, nil, freePort(t)) // it dies without a word
	n := serve(t, port, filepath.Join(t.TempDir(), "usher.db"), with(lk)...)
	if _, err := n.operator.CreateSession(t.Context(), api.NewSession{Name: "Wait", WaitingRoom: true}); err != nil {
		t.Fatal(err)
	}
	ana := n.join(t, "Talk", "ana", "host")

	lk.Stop()
	ana.Leave() // else she tries on by herself
	visitor.Until(t, "a join is refused", func() bool { _, err := n.ask("Talk", "bo", ""); return err != nil })
	for what, do := range map[string]func() error{
		"joining":           func() error { _, err := n.ask("Talk", "bo", ""); return err },
		"another token":     func() error { _, err := n.PollJoin(t.Context(), ana.Ticket); return err },
		"coming back":       func() error { _, err := n.RenewJoin(t.Context(), ana.Ticket, ana.signature); return err },
		"muting everybody":  func() error { return n.ActInRoom(t.Context(), ana.Ticket, api.RoomAction{Action: "mute-all"}) },
		"muting by the key": func() error { return n.operator.ActOnRoom(t.Context(), "Talk", api.RoomAction{Action: "mute-all"}) },
	} {
		began := time.Now()
		p := refused(t, do(), http.StatusServiceUnavailable, "unavailable")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %s to refuse", what, took)
		}
		if !strings.Contains(p.Detail, "media engine") || p.RequestID == "" {
			t.Errorf("%s: the problem says too little: %+v", what, p)
		}
	}
	// The rest goes on.
	if _, err := n.Sign(t.Context(), api.SignatureRequest{SessionName: "Talk"}); err != nil {
		t.Errorf("signing without LiveKit: %v", err)
	}
	if g, err := n.ask("Wait", "cy", ""); err != nil || g.State != "waiting" {
		t.Errorf("waiting without LiveKit: %v", err)
	}

	lk = startLiveKit(t, lk, port)
	var bo *guest
	visitor.Until(t, "joins work again", func() (ok bool) {
		var err error
		bo, err = n.tryJoin(t, "Talk", "bo", "")
		return err == nil
	})
	back, err := n.RenewJoin(t.Context(), ana.Ticket, ana.signature)
	if err != nil {
		t.Fatal(err)
	}
	if back.User.ID != ana.User.ID || back.User.Cohost {
		t.Errorf("the host comes back as %+v", back.User)
	}
	ana.Visitor = visitor.Enter(t, back.Room.URL, back.Room.Token)
	ana.Speak()
	bo.Hears()
	agree(t, n, lk, ana.User.ID, bo.User.ID)
}

// Where LiveKit's word never arrives, Usher finds out by itself.
func TestWordIsLost(t *testing.T) {
	t.Parallel()
	nowhere := freePort(t)
	lk := startLiveKit(t, nil, nowhere)
	n := serve(t, freePort(t), filepath.Join(t.TempDir(), "usher.db"), with(lk)...)
	ana, bo := n.join(t, "Talk", "ana", "host"), n.join(t, "Talk", "bo", "")
	agree(t, n, lk, ana.User.ID, bo.User.ID)
	bo.Leave()
	agree(t, n, lk, ana.User.ID)
}

func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	port := freePort(t)
	lk := startLiveKit(t, nil, port)
	n := serve(t, port, pg.URL(t), with(lk)...)
	ana, bo := n.join(t, "Talk", "ana", "host"), n.join(t, "Talk", "bo", "")
	ana.Speak()
	bo.Hears()
	agree(t, n, lk, ana.User.ID, bo.User.ID)
	signed, err := n.Sign(t.Context(), api.SignatureRequest{SessionName: "Talk", UserKey: "cy"})
	if err != nil {
		t.Fatal(err)
	}
	cy := api.JoinRequest{Topic: "Talk", Signature: signed.Signature, UserName: "cy"}

	pg.Stop()
	bo.Hears()
	_, err = n.Join(t.Context(), cy)
	refused(t, err, http.StatusServiceUnavailable, "unavailable")
	bo.Leave() // while nothing can be noted

	pg.Up(t)
	visitor.Until(t, "joins work again", func() bool { _, err = n.Join(t.Context(), cy); return err == nil })
	stays(t, ana)
	agree(t, n, lk, ana.User.ID)
}
