package app_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/videosdk"
)

// A house is a whole Usher over TCP, on an SQLite file, with a clock that can be set.
type house struct {
	t    *testing.T
	app  *app.App
	url  string
	http *http.Client // holds each answer against the OpenAPI document

	// faulty says that the test does what the log shall call an error.
	faulty bool

	mu   sync.Mutex
	time time.Time
	log  bytes.Buffer
}

// Write takes the log.
func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(p)
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

var credentials = videosdk.Credentials{Key: "houseKey", Secret: "a-house-secret-of-more-than-32-bytes"}

// open makes a house and closes it with the test, which then fails if the log
// tells of a fault of the server or holds a secret.
func open(t *testing.T, settings ...func(*app.Config)) *house {
	t.Helper()
	h := &house{t: t, time: time.Now().Truncate(time.Second)}
	cfg := app.Config{
		Version: "test", Credentials: credentials,
		Database: filepath.Join(t.TempDir(), "usher.db"), StorageKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Instance: "house",
		Log: slog.New(slog.NewJSONHandler(h, nil)), Now: h.now,
	}
	for _, set := range settings {
		set(&cfg)
	}
	a, err := app.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(a.Handler)
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewJSONHandler(h, nil), slog.LevelError) // as server.Serve does; a second WriteHeader stands there
	s.Start()
	h.app, h.url = a, s.URL
	h.http = &http.Client{Timeout: time.Minute, Transport: checked{t, documentOf(t, s.URL)}}
	t.Cleanup(func() {
		s.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		log := h.log.String()
		for _, bad := range []string{`"level":"ERROR"`, credentials.Secret, "eyJ", "usher_", "goroutine "} {
			if strings.Contains(log, bad) && !(h.faulty && bad == `"level":"ERROR"`) {
				t.Errorf("the log holds %q:\n%s", bad, log)
			}
		}
	})
	return h
}

// operated lets requests without a key do everything, as the command line does.
func operated(c *app.Config) {
	c.Local = &usher.Caller{Kind: usher.KindKey, ID: "local"}
}

// as is a client with that key; "" for none.
func (h *house) as(key string) *client.Client {
	h.t.Helper()
	c, err := client.New(h.url, client.WithKey(key), client.WithHTTPClient(h.http))
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// key makes an API key in a house that is operated.
func (h *house) key(r api.KeyRequest) *api.NewKey {
	h.t.Helper()
	k, err := h.as("").CreateKey(context.Background(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return k
}

// send sends a request as it is and returns status and body.
func (h *house) send(method, path, body string, header ...string) (int, http.Header, string) {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := h.http.Do(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// A document is what /openapi.json says, with its schemas compiled.
type document struct {
	raw    map[string]any
	schema *jsonschema.Compiler
	mu     sync.Mutex
	known  map[string]*jsonschema.Schema
}

func documentOf(t *testing.T, url string) *document {
	t.Helper()
	res, err := http.Get(url + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := jsonschema.UnmarshalJSON(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	d := &document{raw: raw.(map[string]any), schema: jsonschema.NewCompiler(), known: map[string]*jsonschema.Schema{}}
	d.schema.AssertFormat()
	if err := d.schema.AddResource("openapi.json", raw); err != nil {
		t.Fatal(err)
	}
	return d
}

// object walks the document; "" where there is nothing.
func object(v any, path ...string) map[string]any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	m, _ := v.(map[string]any)
	return m
}

// at compiles the schema at a JSON pointer.
func (d *document) at(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.known[pointer]; ok {
		return s, nil
	}
	s, err := d.schema.Compile("openapi.json#" + pointer)
	d.known[pointer] = s
	return s, err
}

// checked holds each answer of /v1 against the document.
type checked struct {
	t   *testing.T
	doc *document
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// RoundTrip sends r, and fails the test if the answer isn't what the document says.
func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/v1/") {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	told := r.Method + " " + r.URL.Path + ": " + res.Status
	if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
		c.t.Errorf("%s\n%s", told, body)
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		c.t.Errorf("%s: Cache-Control is %q", told, res.Header.Get("Cache-Control"))
	}
	if res.StatusCode == http.StatusNoContent {
		if len(body) > 0 {
			c.t.Errorf("%s: there is a body: %s", told, body)
		}
		return res, nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		c.t.Errorf("%s: the body is no JSON: %v\n%s", told, err, body)
		return res, nil
	}
	pointer, media := "/components/schemas/Problem", "application/problem+json"
	if res.StatusCode < 400 {
		media = "application/json"
		pointer = c.pointerTo(r, res.StatusCode)
	} else if p := value.(map[string]any); p["code"] == nil || p["requestId"] == nil {
		c.t.Errorf("%s: the problem lacks its code or the request's id: %s", told, body)
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), media) {
		c.t.Errorf("%s: Content-Type is %q", told, res.Header.Get("Content-Type"))
	}
	schema, err := c.doc.at(pointer)
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		c.t.Errorf("%s: the answer isn't what the document says: %v\n%s", told, err, body)
	}
	return res, nil
}

// pointerTo is where the document has the schema of an answer.
func (c checked) pointerTo(r *http.Request, status int) string {
	for path := range object(c.doc.raw, "paths") {
		if matchesPath(path, r.URL.Path) && object(c.doc.raw, "paths", path, strings.ToLower(r.Method)) != nil {
			return "/paths/" + pointerEscapes.Replace(path) + "/" + strings.ToLower(r.Method) + "/responses/" + strconv.Itoa(status) + "/content/application~1json/schema"
		}
	}
	c.t.Errorf("%s %s isn't in the document", r.Method, r.URL.Path)
	return "/components/schemas/Problem"
}

// matchesPath prefers what is written out: /v1/invites/redeem isn't an id.
func matchesPath(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && !(strings.HasPrefix(want[i], "{") && have[i] != "redeem" && have[i] != "") {
			return false
		}
	}
	return true
}
