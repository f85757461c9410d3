package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/api"
)

// TestManagingARunningServer uses the command line beside a server, on its
// database and through its address.
func TestManagingARunningServer(t *testing.T) {
	db := filepath.Join(t.TempDir(), "usher.db")
	n := start(t, "USHER_DATABASE="+db)
	manager := operatorKey(t, "USHER_DATABASE="+db)
	usher := func(key string, args ...string) (string, error) {
		return runUsher(t, []string{"USHER_SERVER=" + n.url, "USHER_KEY=" + key}, args...)
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := usher(manager, args...)
		if err != nil {
			t.Fatalf("usher %v: %v\n%s", args, err, out)
		}
		return out
	}
	must("sessions", "create", "Cool Cars", "--hosts", "u1")
	if out := must("sessions", "list"); !strings.Contains(out, "Cool Cars") {
		t.Errorf("sessions list doesn't show it:\n%s", out)
	}
	signer := strings.TrimSpace(must("keys", "create", "--name", "signer", "--sessions", "cool*"))
	soon(t, n, signer, `{"sessionName":"Cool Cars","role":1}`, 200)
	if out, err := usher(signer, "keys", "list"); err == nil || !strings.Contains(err.Error(), "keys list: ") {
		t.Errorf("a key that may only sign lists keys: %v\n%s", err, out)
	}
	if out := must("policy", "explain", "--user", "u1", "--session", "cool cars", "--role", "host"); !strings.Contains(out, `permitted by "hosts"`) {
		t.Errorf("policy explain doesn't know the server's session:\n%s", out)
	}
	if out := must("ledger", "query", "--session", "cool cars"); !strings.Contains(out, "signature.issued") {
		t.Errorf("ledger query doesn't show the signature:\n%s", out)
	}

	// What happens shows up in a tail that follows, once.
	ctx, cancel := context.WithCancel(context.Background())
	tail := exec.CommandContext(ctx, binary, "ledger", "tail", "-n", "0", "-f")
	tail.Env, tail.Dir = []string{"USHER_SERVER=" + n.url, "USHER_KEY=" + manager}, t.TempDir()
	var shown safeBuffer
	tail.Stdout, tail.Stderr = &shown, &shown
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); tail.Wait() }()
	c := newClient(t, n, manager)
	i := 0
	waitFor(t, "the tail to show a row", func() bool {
		// Until the tail has begun, what happens isn't new to it.
		i++
		if _, err := c.UpdateSession(ctx, "Cool Cars", api.SessionChange{State: new([]string{"locked", "open"}[i%2])}); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(shown.String(), "session.changed")
	})
}
