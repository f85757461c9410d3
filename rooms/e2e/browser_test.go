package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/videosdk"
)

// screenshots is where the pictures of the pages are kept, for people to look at.
const screenshots = "../../build/screenshots"

// TestBrowsersMeet has people meet in real Chromiums, by usher-rooms dev as it is
// started on a laptop; see interop/browser/rooms.mjs for what they do.
func TestBrowsersMeet(t *testing.T) {
	folder, err := filepath.Abs(screenshots)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	n := start(t, "dev", freePort(t), "ZOOM_VIDEO_SDK_KEY="+sdkKey, "ZOOM_VIDEO_SDK_SECRET="+sdkSecret)
	c, err := client.New(n.url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateSession(context.Background(), api.NewSession{Name: "Clinic", WaitingRoom: true}); err != nil {
		t.Fatal(err)
	}
	signature := func(secret, session string, at time.Time) string {
		s, err := videosdk.NewSigner(videosdk.Credentials{Key: sdkKey, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Sign(videosdk.Grant{SessionName: session, Passcode: "Ilovecars!"}, at)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	made, err := json.Marshal(map[string]string{
		"forged":    signature("another-secret-of-more-than-32-bytes", "Cool Cars", time.Now()),
		"expired":   signature(sdkSecret, "Cool Cars", time.Now().Add(-3*time.Hour)),
		"elsewhere": signature(sdkSecret, "Elsewhere", time.Now()),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "../../interop/browser/rooms.mjs", n.url+"/", folder)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(made)), os.Stderr
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
