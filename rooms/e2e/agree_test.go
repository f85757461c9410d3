package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/store"

	"github.com/usher-sessions/usher/api"
)

// Fifty users come to five sessions, some leave, some come back, some are removed:
// at every stage the ledger says the same as LiveKit, and each row by whose authority.
func TestLedgerAgreesWithLiveKit(t *testing.T) {
	port := freePort(t)
	lk := startLiveKit(t, nil, port)
	database := filepath.Join(t.TempDir(), "usher.db")
	n := serve(t, port, database, with(lk)...)

	const users, sessions, atOnce = 50, 5, 8
	var mu sync.Mutex
	in, comings := map[string]*guest{}, map[string]string{} // by id; id to user key
	enter := func(i int) *guest {
		role := "participant"
		if i < sessions {
			role = "host"
		}
		g, err := n.tryJoin(t, fmt.Sprintf("session %d", i%sessions), fmt.Sprintf("u%02d", i), role)
		if err == nil {
			err = n.settle(g)
		}
		if err != nil {
			t.Error(err)
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		in[g.User.ID], comings[g.User.ID] = g, fmt.Sprintf("u%02d", i)
		return g
	}
	leave := func(g *guest) {
		g.Leave()
		mu.Lock()
		defer mu.Unlock()
		delete(in, g.User.ID)
	}
	each(users, atOnce, func(i int) {
		g := enter(i)
		if g == nil {
			return
		}
		switch {
		case i < sessions || i%4 == 0: // stays
		case i%4 == 1: // leaves
			leave(g)
		case i%4 == 2: // goes and comes back
			leave(g)
			enter(i)
		case i%4 == 3: // is removed
			if err := n.operator.ActOnRoom(t.Context(), g.Session.Name, api.RoomAction{Action: "remove", User: g.User.ID}); err != nil {
				t.Error(err)
			}
			g.Dropped()
			leave(g)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	agree(t, n, lk, ids(in)...)

	// What hosts and back ends see is the same again.
	shown := 0
	for i := range sessions {
		room, err := n.operator.ShowRoom(t.Context(), fmt.Sprintf("session %d", i))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range room.Participants {
			if in[p.ID] == nil {
				t.Errorf("%s is shown in the room, where they aren't", p.Name)
			}
			shown++
		}
	}
	if shown != len(in) {
		t.Errorf("%d are shown, %d are there", shown, len(in))
	}

	for _, g := range in {
		g.Leave()
	}
	agree(t, n, lk)

	// Every coming is told once, with who it was and who let them.
	signed := map[string]bool{}
	for _, r := range n.rows(t, "signature.issued") {
		signed[r.SignatureSHA256] = true
	}
	for _, event := range []string{"room.joined", "room.left"} {
		rows := n.rows(t, event)
		if len(rows) != len(comings) {
			t.Errorf("%d rows say %s, %d came", len(rows), event, len(comings))
		}
		for _, r := range rows {
			if r.UserKey != comings[r.Subject] || r.Caller != "key:e2e" || !signed[r.SignatureSHA256] {
				t.Errorf("%s: the row says %+v", event, r)
			}
			if event == "room.left" {
				if d, err := time.ParseDuration(strings.TrimPrefix(r.Reason, "after ")); err != nil || d < 0 || d > 5*time.Minute {
					t.Errorf("the row of a leave says %q", r.Reason)
				}
			}
		}
	}

	n.stop()
	s, err := store.Open(t.Context(), store.Options{Location: database})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	report, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{})
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("the ledger is not whole: %v %v", err, report)
	}
}

// each calls f for 0 to n-1, some at once.
func each(n, atOnce int, f func(int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

func ids(in map[string]*guest) []string {
	out := make([]string, 0, len(in))
	for id := range in {
		out = append(out, id)
	}
	return out
}
