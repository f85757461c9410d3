package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// screenshots is where the pictures of the pages are kept, for people to look at.
const screenshots = "../build/screenshots"

// TestPage uses the page of `usher dev` in a real Chromium.
func TestPage(t *testing.T) {
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	n := startCommand(t, "dev")
	folder, err := filepath.Abs(screenshots)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "../interop/browser/page.mjs", n.url+"/", folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the browser's script failed ('make setup' installs Chromium and what drives it): %v\n%s", err, out)
	}
	var said struct{ Faults []string }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range said.Faults {
		t.Error(f)
	}
}
