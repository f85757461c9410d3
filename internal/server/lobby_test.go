package server

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func lobbyAnswer(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	h, err := Lobby("wss://rooms.example.com:7880/livekit")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestLobbyIsWholeAndShutOff(t *testing.T) {
	res := lobbyAnswer(t, "GET", "/lobby/")
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("got %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	csp := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self' wss://rooms.example.com:7880 https://rooms.example.com:7880", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the policy allows what it must not: %s", csp)
	}
	// Whatever the page names is there, and nothing of it lies elsewhere.
	named := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(body), -1)
	if len(named) < 3 {
		t.Fatalf("the page names %d files:\n%s", len(named), body)
	}
	for _, n := range named {
		rest, ok := strings.CutPrefix(n[1], "./")
		if !ok {
			t.Errorf("%s is not beside the page", n[1])
			continue
		}
		if res := lobbyAnswer(t, "GET", "/lobby/"+rest); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", rest, res.Status)
		} else if cache := res.Header.Get("Cache-Control"); strings.HasPrefix(rest, "assets/") != strings.Contains(cache, "immutable") {
			t.Errorf("%s may be kept as %q", rest, cache)
		}
	}
}

func TestLobbySendsTheLibrary(t *testing.T) {
	plain := lobbyAnswer(t, "GET", "/lobby/usher-client.js")
	whole, _ := io.ReadAll(plain.Body)
	packed := lobbyAnswer(t, "GET", "/lobby/usher-client.js", "Accept-Encoding", "br;q=1.0, gzip;q=0.8")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("not packed: %v", packed.Header)
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(z); err != nil || string(unpacked) != string(whole) {
		t.Errorf("packed and plain differ (%v)", err)
	}
	if !strings.Contains(string(whole), "createClient") || plain.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("the library can't be imported by other pages")
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("packed and plain have the same tag")
	}
	for _, res := range []*http.Response{plain, packed} {
		again := lobbyAnswer(t, "GET", "/lobby/usher-client.js", "If-None-Match", res.Header.Get("ETag"), "Accept-Encoding", map[bool]string{true: "gzip"}[res == packed])
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("asked again with its tag: %s", again.Status)
		}
	}
	if res := lobbyAnswer(t, "GET", "/lobby/usher-client.js", "Accept-Encoding", "gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Error("packed for one who refuses it")
	}
}

func TestLobbyRefuses(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/lobby", http.StatusPermanentRedirect},
		{"HEAD", "/lobby/", http.StatusOK},
		{"POST", "/lobby/", http.StatusMethodNotAllowed},
		{"GET", "/lobby/nothing.js", http.StatusNotFound},
		{"GET", "/lobby/assets", http.StatusNotFound},
		{"GET", "/lobby/../web/embed.go", http.StatusNotFound},
	} {
		if res := lobbyAnswer(t, c.method, c.path); res.StatusCode != c.status {
			t.Errorf("%s %s: %s, want %d", c.method, c.path, res.Status, c.status)
		}
	}
	for _, bad := range []string{"", "rooms.example.com", "ftp://rooms.example.com", "wss://", "wss://a;script-src", "wss://a b", "wss://a,b"} {
		if _, err := Lobby(bad); err == nil {
			t.Errorf("the media server may be %q", bad)
		}
	}
}

func TestTheAddressLeadsToTheLobby(t *testing.T) {
	signed := false
	h := leadToLobby(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { signed = true }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != "/lobby/" || signed {
		t.Errorf("GET: %d to %q", w.Code, w.Header().Get("Location"))
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil))
	if !signed {
		t.Error("POST didn't reach what signs")
	}
}
