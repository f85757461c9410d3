package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/rooms/internal/sockets"
)

// One command and no settings: signatures, rooms, and LiveKit in one process,
// for this machine alone.
func TestEverythingInOneProcess(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	n := startIn(t, dir, "dev", port)
	n.operator = n.Client
	ana, bo := n.join(t, "Talk", "ana", "host"), n.join(t, "Talk", "bo", "")
	ana.Speak()
	bo.Hears()

	opened, err := sockets.Of(n.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if len(opened) < 3 { // Usher's, LiveKit's, and that of the media
		t.Errorf("only %v are open; is the search for them right?", opened)
	}
	for _, address := range opened {
		if !address.Addr().IsLoopback() {
			t.Errorf("usher-rooms dev listens on %s", address)
		}
	}

	// The page may reach LiveKit, and nothing else outside.
	res, err := http.Get(n.url + "/lobby/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if policy := res.Header.Get("Content-Security-Policy"); res.StatusCode != http.StatusOK || !strings.Contains(policy, "connect-src 'self' "+ana.Joined.Room.URL+" ") {
		t.Errorf("the lobby: %s, %s", res.Status, policy)
	}

	// Its end is told to those inside, and the ledger tells of theirs.
	if err := n.settle(bo); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	n.stop()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	ana.Dropped()
	bo.Dropped()
	again := startIn(t, dir, "dev", port)
	again.operator = again.Client
	if in := again.inside(t); len(in) > 0 {
		t.Errorf("after a stop these are in the rooms by the ledger: %v", in)
	}
	if rows := again.rows(t, "room.left"); len(rows) != 2 {
		t.Errorf("%d rows say who left, want 2", len(rows))
	}
	// The same names are good again.
	if _, err := again.ask("Talk", "ana", "host"); err != nil {
		t.Error(err)
	}
	_, err = again.Join(t.Context(), api.JoinRequest{Topic: "Other", Signature: ana.signature, UserName: "ana"})
	refused(t, err, http.StatusForbidden, "wrong_session")
}
