package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

func newPage(t *testing.T) (http.Handler, func() string) {
	h, log := newServer(t, func(c *server.Config) {
		c.Origins = []string{"http://localhost:*"}
		c.Page = &server.PageConfig{Credentials: []videosdk.Credentials{creds}, Now: func() time.Time { return start }}
	})
	return h, log.String
}

func TestPageLoadsNothingFromAnywhere(t *testing.T) {
	h, _ := newPage(t)
	w := do(h, "GET", "http://localhost:4000/", "")
	page, csp := w.Body.String(), w.Header().Get("Content-Security-Policy")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %s", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
		t.Errorf("policy %q is not strict", csp)
	}
	// The one style and the one script in the page are those that the policy names.
	for _, tag := range []string{"style", "script"} {
		found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1)
		if len(found) != 1 {
			t.Fatalf("%d %s elements", len(found), tag)
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %s", csp, want)
		}
	}
	links := regexp.MustCompile(`(?i)\b(src|href|action|srcset)\s*=|url\(|@import|https?://[^\s'"]*`).FindAllString(page, -1)
	for _, l := range links {
		if l != "http://www.w3.org/2000/svg" { // a namespace, which nothing fetches
			t.Errorf("the page holds %q", l)
		}
	}
	for _, attr := range []string{`style="`, `onclick=`, `innerHTML`, canary} {
		if strings.Contains(page, attr) {
			t.Errorf("the page holds %s", attr)
		}
	}
	// Each control has a label.
	for _, m := range regexp.MustCompile(`<(?:input|select|textarea) id="(\w+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `<label for="`+m[1]+`">`) {
			t.Errorf("%s has no label", m[1])
		}
	}
}

// TestPageKeepsToThisMachine: a page elsewhere that reaches this server under a
// name of its own, by pointing it at 127.0.0.1, gets nothing.
func TestPageKeepsToThisMachine(t *testing.T) {
	h, _ := newPage(t)
	for host, want := range map[string]int{
		"localhost:4000": 200, "127.0.0.1:4000": 200, "[::1]:4000": 200, "localhost": 200, "[::1]": 200,
		"evil.example": 421, "evil.example:4000": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "192.168.0.7:4000": 421,
	} {
		for _, target := range []string{"/", "/healthz"} {
			if w := do(h, "GET", "http://"+host+target, ""); w.Code != want {
				t.Errorf("GET %s%s: %d, want %d", host, target, w.Code, want)
			}
		}
		if w := do(h, "POST", "http://"+host+"/", `{"sessionName":"s"}`); w.Code != want || want == 421 && strings.Contains(w.Body.String(), "eyJ") {
			t.Errorf("POST %s: %d, want %d", host, w.Code, want)
		}
	}
}

func TestPageInspects(t *testing.T) {
	h, log := newPage(t)
	var signed struct{ Signature string }
	if err := json.Unmarshal(do(h, "POST", "http://localhost/", `{"sessionName":"Cool Cars","role":0}`).Body.Bytes(), &signed); err != nil {
		t.Fatal(err)
	}
	ask := func(in any, headers ...string) *httptest.ResponseRecorder {
		body, _ := json.Marshal(in)
		return do(h, "POST", "http://localhost/inspect", string(body), headers...)
	}
	w := ask(map[string]any{"token": signed.Signature, "sessionName": "Cool Cats", "passcode": "hunter2"})
	var report struct {
		Sound     bool
		Cause     string
		Signature string
		Findings  []struct{ Code, Severity, Problem, Remedy string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil || w.Code != 200 {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	if report.Sound || report.Cause != "name-differs" || report.Signature != "verified" || len(report.Findings) == 0 {
		t.Errorf("%+v", report)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", w.Header().Get("Cache-Control"))
	}
	for _, tt := range []struct {
		w    *httptest.ResponseRecorder
		want int
	}{
		{ask(map[string]any{}), 400}, {ask("x"), 400}, {ask(map[string]any{"token": 5}), 400},
		{ask(map[string]any{"token": strings.Repeat("x", 65<<10)}), 413},
		{ask(map[string]any{"token": "x"}, "Content-Type", "text/plain"), 415},
		{do(h, "GET", "http://localhost/inspect", ""), 405},
	} {
		if tt.w.Code != tt.want || !json.Valid(tt.w.Body.Bytes()) {
			t.Errorf("%d %s, want %d", tt.w.Code, tt.w.Body, tt.want)
		}
	}
	// Other pages may not ask what this server's secret says to a signature, not even those that may have one signed.
	if w := ask(map[string]any{"token": "x"}, "Origin", "http://localhost:3000"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("inspect may be read by other origins")
	}
	for _, secret := range []string{"eyJ", "hunter2", canary} {
		if strings.Contains(log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
