package app_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

// What an attacker would try on the whole of Usher, in one process.

// open returns an App over a database of its own.
func open(t *testing.T, change func(*app.Config)) *app.App {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	cfg := app.Config{
		Credentials: videosdk.Credentials{Key: "abuse-sdk-key", Secret: "canary-abuse-sdk-secret-0123456789"},
		Database:    filepath.Join(t.TempDir(), "usher.db"), StorageKeys: [][]byte{key}, Instance: "one",
	}
	if change != nil {
		change(&cfg)
	}
	a, err := app.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// operator lets requests without a credential do everything, as `usher dev` does.
func operator(c *app.Config) {
	c.Local = &usher.Caller{Kind: usher.KindKey, ID: "local"}
}

// send asks a for something; headers come in pairs of name and value.
func send(a *app.App, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	if strings.HasPrefix(target, "/") {
		target = "http://127.0.0.1:4000" + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, r)
	return w
}

// Whoever sits at the machine needs no credential for `usher dev`, so the pages
// that they look at must not be able to send anything in their name. A browser
// sends a POST anywhere for any page if it has a plain media type, or none.
func TestForeignPagesChangeNothingInDevelopment(t *testing.T) {
	a := open(t, func(c *app.Config) {
		operator(c)
		c.Origins = []string{"http://localhost:*"}
		c.Page = &server.PageConfig{Now: time.Now}
	})
	const session = `{"name":"Cool Cars"}`
	for _, tt := range []struct{ origin, media string }{
		{"https://evil.example", ""}, {"https://evil.example", "text/plain"}, {"https://evil.example", "application/json"},
		{"null", ""}, {"null", "application/json"}, {"http://localhost.evil.example", "application/json"},
		{"http://127.0.0.1:4000.evil.example", "application/json"}, {"", ""}, {"http://localhost:3000", ""},
	} {
		for path, body := range map[string]string{
			"/v1/sessions": session, "/v1/keys": `{"name":"mine"}`, "/v1/bans": `{"subject":"user:anna"}`,
			"/v1/signatures": `{"sessionName":"Cool Cars"}`, "/": `{"sessionName":"Cool Cars"}`, "/inspect": `{"token":"x"}`,
		} {
			if w := send(a, "POST", path, body, "Origin", tt.origin, "Content-Type", tt.media); w.Code != http.StatusForbidden && w.Code != http.StatusUnsupportedMediaType {
				t.Errorf("%s from %q as %q: %d %s", path, tt.origin, tt.media, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/v1/sessions/Cool%20Cars", "/v1/keys/x"} {
		if w := send(a, "DELETE", path, "", "Origin", "https://evil.example"); w.Code != http.StatusForbidden {
			t.Errorf("DELETE %s: %d", path, w.Code)
		}
	}
	for i, origin := range []string{"", "http://localhost:3000", "http://127.0.0.1:4000"} {
		body := `{"name":"Cool Cars ` + string(rune('0'+i)) + `"}`
		if w := send(a, "POST", "/v1/sessions", body, "Origin", origin); w.Code != http.StatusCreated {
			t.Errorf("from %q: %d %s", origin, w.Code, w.Body)
		}
	}
}
