package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

var update = flag.Bool("update", false, "write golden files anew")

// canary stands in the secret; it must never come out anywhere.
const canary = "canary-secret-4f1b9d0c7e2a"

var (
	creds = videosdk.Credentials{Key: "test-key-1", Secret: canary + "-of-enough-bytes"}
	start = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
)

func newIssuer(t testing.TB) *usher.Issuer {
	t.Helper()
	issuer, err := usher.NewIssuer(usher.Config{Credentials: creds, Policy: usher.PermitAll, Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// newServer returns a handler that logs into the returned buffer.
func newServer(t testing.TB, change func(*server.Config)) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	cfg := server.Config{Issuer: newIssuer(t), Callers: endpoint.Anyone, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	if change != nil {
		change(&cfg)
	}
	h, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h, &log
}

func do(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// lines returns the records of a log.
func lines(t testing.TB, log *bytes.Buffer) (out []map[string]any) {
	t.Helper()
	for dec := json.NewDecoder(bytes.NewReader(log.Bytes())); ; {
		var line map[string]any
		if err := dec.Decode(&line); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatalf("log %q: %v", log, err)
		}
		out = append(out, line)
	}
}

// recorded is one request as a client of Zoom's sends it, and what we answer.
type recorded struct {
	Path   string          `json:"path"`
	Body   string          `json:"body"`
	Status int             `json:"status"`
	Claims json.RawMessage `json:"claims"`
	Answer string          `json:"answer"`
}

// TestClientsOfZoomsSample holds the answers to the bodies that Zoom's own
// clients send, each as it stands in their code.
func TestClientsOfZoomsSample(t *testing.T) {
	h, _ := newServer(t, nil)
	srv := httptest.NewServer(h)
	defer srv.Close()
	files, err := filepath.Glob("testdata/clients/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want recorded
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			res, err := http.Post(srv.URL+want.Path, "application/json", strings.NewReader(want.Body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			var a struct{ Signature string }
			if err := json.Unmarshal(body, &a); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			report := videosdk.Inspect(a.Signature, videosdk.Known{Key: creds.Key, Secret: creds.Secret, Now: start})
			if !report.Sound() || report.Signature != videosdk.SignatureVerified {
				t.Errorf("the signature is not sound: %+v", report.Findings)
			}
			got := recorded{Path: want.Path, Body: want.Body, Status: res.StatusCode, Claims: report.Payload, Answer: string(body)}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(got); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(b.Bytes(), data) {
				t.Errorf("got\n%s", b.Bytes())
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	h, _ := newServer(t, func(c *server.Config) { c.Origins = []string{"https://a.example"} })
	const ask = `{"sessionName":"s"}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		allow, contains    string
	}{
		{"POST", "/", ask, 200, "", `"signature":"eyJ`},
		{"POST", "/zoomtoken", ask, 200, "", `"signature":"eyJ`},
		{"POST", "/zoomtoken?password=x", ask, 200, "", `"signature":"eyJ`},
		{"GET", "/", "", 405, "OPTIONS, POST", `"property":"method"`},
		{"OPTIONS", "/", "", 204, "OPTIONS, POST", ""},
		{"GET", "/healthz", "", 200, "", `{"status":"ok"}`},
		{"HEAD", "/healthz", "", 200, "", ""},
		{"GET", "/readyz", "", 200, "", `{"status":"ready"}`},
		{"POST", "/healthz", ask, 405, "GET, HEAD, OPTIONS", `"property":"method"`},
		{"OPTIONS", "/readyz", "", 204, "GET, HEAD, OPTIONS", ""},
		{"POST", "//", ask, 404, "", `"property":"path"`},
		{"POST", "/zoomtoken/", ask, 404, "", `"property":"path"`},
		{"POST", "/inspect", ask, 404, "", `"property":"path"`},
		{"GET", "/v1/sessions", "", 404, "", `"property":"path"`},
		{"GET", "/../etc/passwd", "", 404, "", `"property":"path"`},
		{"GET", "/favicon.ico", "", 404, "", `"property":"path"`},
	} {
		w := do(h, tt.method, tt.path, tt.body, "Origin", "https://a.example")
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow || !strings.Contains(w.Body.String(), tt.contains) {
			t.Errorf("%s %s: %d Allow %q %s", tt.method, tt.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "https://a.example" || w.Header().Get("Vary") != "Origin" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s: headers %v", tt.method, tt.path, w.Header())
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: %q is not JSON", tt.method, tt.path, w.Body)
		}
	}
}

func TestReadiness(t *testing.T) {
	down := errors.New("database at db.internal refused the connection")
	h, log := newServer(t, func(c *server.Config) { c.Ready = func(context.Context) error { return down } })
	if w := do(h, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("healthz: %d", w.Code)
	}
	w := do(h, "GET", "/readyz", "")
	if w.Code != 503 || strings.Contains(w.Body.String(), "db.internal") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "db.internal") {
		t.Errorf("log %q doesn't say why", log)
	}
}

func TestRequestIDs(t *testing.T) {
	h, log := newServer(t, nil)
	for _, tt := range []struct {
		sent string
		kept bool
	}{
		{"", false}, {"abc-123_DEF.4:5", true}, {strings.Repeat("x", 64), true}, {strings.Repeat("x", 65), false},
		{"a b", false}, {"a\tb", false}, {`a"b`, false}, {"ä", false}, {"<b>", false},
	} {
		log.Reset()
		w := do(h, "POST", "/", `{"sessionName":"s"}`, "X-Request-Id", tt.sent)
		got := w.Header().Get("X-Request-Id")
		if got == "" || (got == tt.sent) != tt.kept {
			t.Errorf("sent %q, got %q", tt.sent, got)
		}
		if line := lines(t, log)[0]; line["id"] != got {
			t.Errorf("answered with id %q, logged %q", got, line["id"])
		}
	}
	seen := map[string]bool{}
	for range 1000 {
		id := do(h, "GET", "/healthz", "").Header().Get("X-Request-Id")
		if seen[id] {
			t.Fatalf("id %q came twice", id)
		}
		seen[id] = true
	}
}

func TestAccessLog(t *testing.T) {
	h, log := newServer(t, func(c *server.Config) {
		c.Callers = endpoint.CallersFunc(func(r *http.Request) (*usher.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return nil, &usher.Error{Code: usher.CodeUnauthenticated, Message: "No."}
			}
			return &usher.Caller{Kind: usher.KindKey, ID: "k1"}, nil
		})
	})
	w := do(h, "POST", "/zoomtoken?password=hunter2", `{"sessionName":"s","sessionPasscode":"hunter2"}`, "Authorization", "Bearer good")
	do(h, "POST", "/", `{"sessionName":"s"}`, "Authorization", "Bearer hunter2")
	do(h, "POST", "/", `{"sessionPasscode":"hunter2hunter2","sessionName":"hunter2/"}`, "Authorization", "Bearer good")
	got := lines(t, log)
	if len(got) != 3 {
		t.Fatalf("%d lines: %s", len(got), log)
	}
	for i, want := range []map[string]any{
		{"level": "INFO", "method": "POST", "path": "/zoomtoken", "status": 200.0, "bytes": float64(w.Body.Len()), "caller": "key:k1", "code": nil},
		{"level": "INFO", "path": "/", "status": 401.0, "caller": nil, "code": "unauthenticated"},
		{"level": "INFO", "path": "/", "status": 400.0, "caller": "key:k1", "code": "faulty_request"},
	} {
		for k, v := range want {
			if got[i][k] != v {
				t.Errorf("line %d: %s is %v, want %v", i, k, got[i][k], v)
			}
		}
	}
	for _, secret := range []string{"hunter2", "eyJ", canary, "Bearer"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, log)
		}
	}
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	h, log := newServer(t, func(c *server.Config) {
		c.Origins = []string{"*"}
		c.Callers = endpoint.CallersFunc(func(*http.Request) (*usher.Caller, error) { panic("a slip in " + canary[:6]) })
	})
	w := do(h, "POST", "/", `{"sessionName":"s"}`, "Origin", "https://a.example")
	if w.Code != 500 || strings.Contains(w.Body.String(), "slip") || strings.Contains(w.Body.String(), ".go") || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	line := lines(t, log)[0]
	if stack, _ := line["stack"].(string); line["level"] != "ERROR" || !strings.Contains(stack, "server_test.go") || !strings.Contains(line["error"].(string), "slip") {
		t.Errorf("log %s", log)
	}
	// The next request is none the worse for it.
	if w := do(h, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	issuer := newIssuer(t)
	for _, cfg := range []server.Config{
		{Callers: endpoint.Anyone}, {Issuer: issuer}, {Issuer: issuer, Callers: endpoint.Anyone, Origins: []string{"a.example"}},
	} {
		if _, err := server.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}
