package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPolicyReload changes the policy of a running server: by the file alone,
// by SIGHUP, and with a mistake, which must leave the rules in force.
func TestPolicyReload(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.cedar")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const closed = `@id("closed") forbid (principal, action, resource) when { resource.name like "secret*" };`
	write(`// no rules yet`)
	n := start(t, "USHER_DATABASE="+filepath.Join(dir, "usher.db"), "USHER_POLICY="+rules)
	const ask = `{"sessionName":"Secret Meeting"}`
	if a, err := n.ask(apiKey, ask); err != nil || a.status != http.StatusOK {
		t.Fatalf("%+v, %v", a, err)
	}

	write(closed)
	soon(t, n, apiKey, ask, http.StatusForbidden)

	write(`forbid (principal, action, resource) when { resource.colour == "red" };`)
	n.cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, "the log to say that the policy was not reloaded", func() bool {
		return strings.Contains(n.out.String(), "not reloaded")
	})
	if a, err := n.ask(apiKey, ask); err != nil || a.status != http.StatusForbidden {
		t.Errorf("a faulty policy changed the rules in force: %+v, %v", a, err)
	}

	write(`// no rules again`)
	n.cmd.Process.Signal(syscall.SIGHUP)
	soon(t, n, apiKey, ask, http.StatusOK)
}
