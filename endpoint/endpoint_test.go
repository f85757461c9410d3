package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/videosdk"
)

var (
	creds = videosdk.Credentials{Key: "test-key-1", Secret: "a-secret-of-enough-bytes-for-hs256-0123"}
	start = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
)

// newHandler returns a handler at a fixed time; cfg is filled up where a test doesn't care.
func newHandler(t testing.TB, icfg usher.Config, cfg endpoint.Config) http.Handler {
	t.Helper()
	icfg.Credentials, icfg.Now = creds, func() time.Time { return start }
	if icfg.Policy == nil {
		icfg.Policy = usher.PermitAll
	}
	issuer, err := usher.NewIssuer(icfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Callers == nil {
		cfg.Callers = endpoint.Anyone
	}
	h, err := endpoint.New(issuer, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// post sends body as JSON and returns the answer.
func post(h http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// answer is any answer of the handler.
type answer struct {
	Signature       string `json:"signature"`
	ExpiresAt       int64  `json:"expiresAt"`
	Role            int    `json:"role"`
	SessionPasscode string `json:"sessionPasscode"`
	Errors          []struct {
		Property string `json:"property"`
		Reason   string `json:"reason"`
	} `json:"errors"`
}

// read reads an answer and holds it to what every answer must be.
func read(t testing.TB, w *httptest.ResponseRecorder) answer {
	t.Helper()
	var a answer
	dec := json.NewDecoder(strings.NewReader(w.Body.String()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	h := w.Header()
	if h.Get("Content-Type") != "application/json; charset=utf-8" || h.Get("Cache-Control") != "no-store" ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" {
		t.Errorf("status %d, headers %v", w.Code, h)
	}
	if (w.Code == http.StatusOK) != (a.Signature != "" && a.Errors == nil) || w.Code != http.StatusOK && len(a.Errors) == 0 {
		t.Errorf("status %d, body %s", w.Code, w.Body)
	}
	return a
}

// verified returns the claims of the answer's signature.
func verified(t testing.TB, a answer) *videosdk.Claims {
	t.Helper()
	v, err := videosdk.NewVerifier([]videosdk.Credentials{creds})
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Verify(a.Signature, start)
	if err != nil {
		t.Fatal(err)
	}
	if a.ExpiresAt != c.ExpiresAt.Unix() || a.Role != int(c.Role) {
		t.Errorf("the answer says %d and role %d, the signature %d and %d", a.ExpiresAt, a.Role, c.ExpiresAt.Unix(), c.Role)
	}
	return c
}

// TestFields has one row for each thing that a body can say; want is what the claims then hold.
func TestFields(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	num := func(p *int) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprint(*p)
	}
	long := strings.Repeat("x", 36)
	for _, tt := range []struct {
		more string // of the body, behind the session's name
		get  func(c *videosdk.Claims) string
		want string
	}{
		{``, func(c *videosdk.Claims) string { return c.SessionName }, "s"},
		{`,"role":0`, role, "participant"}, {`,"role":1`, role, "host"}, {`,"role":"0"`, role, "participant"}, {`,"role":"1"`, role, "host"},
		{`,"role":"best"`, role, "host"}, {`,"role":"host"`, role, "host"}, {`,"role":"participant"`, role, "participant"},
		{``, role, "participant"}, {`,"role":null`, role, "participant"}, {`,"role":"null"`, role, "participant"},
		{``, life, "2h0m0s"}, {`,"expirationSeconds":3600`, life, "1h0m0s"}, {`,"expirationSeconds":"3600"`, life, "1h0m0s"},
		{`,"expiration_seconds":1800`, life, "30m0s"}, {`,"expirationSeconds":null`, life, "2h0m0s"},
		{`,"sessionPasscode":"Ilovecars!"`, func(c *videosdk.Claims) string { return c.Passcode }, "Ilovecars!"},
		{`,"session_passcode":"a b"`, func(c *videosdk.Claims) string { return c.Passcode }, "a b"},
		{`,"sessionPasscode":""`, func(c *videosdk.Claims) string { return c.Passcode }, ""},
		{`,"userIdentity":"u1"`, userKey, "u1"}, {`,"userKey":"u1"`, userKey, "u1"}, {`,"user_key":"u1"`, userKey, "u1"}, {`,"user_identity":"u1"`, userKey, "u1"},
		{`,"userKey":"u1","userIdentity":"u1"`, userKey, "u1"}, {`,"userKey":"u1","userIdentity":null`, userKey, "u1"}, {`,"userKey":"null","userIdentity":"u1"`, userKey, "u1"},
		{`,"userIdentity":"null"`, userKey, ""}, {`,"userIdentity":""`, userKey, ""}, {`,"userIdentity":"` + long + `"`, userKey, long},
		{`,"userIdentity":"\u0041\ud83d\ude00"`, userKey, "A😀"}, {`,"user\u004bey":"u1"`, userKey, "u1"},
		{`,"sessionKey":"k"`, sessionKey, "k"}, {`,"sessionkey":"k"`, sessionKey, "k"}, {`,"session_key":"k"`, sessionKey, "k"},
		{`,"geoRegions":"DE,US"`, geo, "DE,US"}, {`,"geoRegions":" DE , US "`, geo, "DE,US"}, {`,"geoRegions":["DE","US"]`, geo, "DE,US"},
		{`,"geo_regions":["DE"]`, geo, "DE"}, {`,"geoRegions":"DE,DE"`, geo, "DE"}, {`,"geoRegions":""`, geo, ""}, {`,"geoRegions":[]`, geo, ""},
		{`,"geoRegions":"null"`, geo, ""}, {`,"geoRegions":null`, geo, ""},
		{`,"role":1,"cloudRecordingOption":1`, func(c *videosdk.Claims) string { return num(c.CloudRecordingOption) }, "1"},
		{`,"role":1,"cloud_recording_option":"1"`, func(c *videosdk.Claims) string { return num(c.CloudRecordingOption) }, "1"},
		{`,"cloudRecordingElection":1`, func(c *videosdk.Claims) string { return num(c.CloudRecordingElection) }, "1"},
		{`,"cloud_recording_election":0`, func(c *videosdk.Claims) string { return num(c.CloudRecordingElection) }, "0"},
		{`,"cloudRecordingTranscriptOption":2`, func(c *videosdk.Claims) string { return num(c.CloudRecordingTranscriptOption) }, "2"},
		{`,"cloud_recording_transcript_option":1`, func(c *videosdk.Claims) string { return num(c.CloudRecordingTranscriptOption) }, "1"},
		{`,"telemetryTrackingId":"t"`, func(c *videosdk.Claims) string { return c.TelemetryTrackingID }, "t"},
		{`,"telemetry_tracking_id":"t"`, func(c *videosdk.Claims) string { return c.TelemetryTrackingID }, "t"},
		{`,"videoWebRtcMode":1`, func(c *videosdk.Claims) string { return num(c.VideoWebRTCMode) }, "1"},
		{`,"video_webrtc_mode":0`, func(c *videosdk.Claims) string { return num(c.VideoWebRTCMode) }, "0"},
		{`,"videoWebRtcMode":"null"`, func(c *videosdk.Claims) string { return num(c.VideoWebRTCMode) }, "-"},
		{`,"audioWebRtcMode":1`, audio, "1"}, {`,"audio_webrtc_mode":1`, audio, "1"}, {`,"audioCompatibleMode":1`, audio, "1"},
		{`,"audioCompatibleMode":1,"audioWebRtcMode":0`, audio, "0"},
		{`,"unknown":{"role":1},"Role":1,"extra":[1,[2]]`, role, "participant"},
	} {
		w := post(h, `{"sessionName":"s"`+tt.more+`}`)
		a := read(t, w)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %s", tt.more, w.Body)
			continue
		}
		if got := tt.get(verified(t, a)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.more, got, tt.want)
		}
	}
}

func role(c *videosdk.Claims) string       { return c.Role.String() }
func userKey(c *videosdk.Claims) string    { return c.UserKey }
func sessionKey(c *videosdk.Claims) string { return c.SessionKey }
func geo(c *videosdk.Claims) string        { return c.GeoRegions }
func life(c *videosdk.Claims) string       { return c.ExpiresAt.Sub(start).String() }
func audio(c *videosdk.Claims) string {
	if c.AudioWebRTCMode == nil {
		return "-"
	}
	return fmt.Sprint(*c.AudioWebRTCMode)
}

// TestFaults has a row for each way a body can be wrong: the properties that
// the answer names, and a part of the first reason.
func TestFaults(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	for _, tt := range []struct{ body, properties, reason string }{
		{``, "body", "must be a JSON object"},
		{`  `, "body", "must be a JSON object"},
		{`null`, "body", "must be a JSON object"},
		{`["sessionName"]`, "body", "must be a JSON object"},
		{`"x"`, "body", "must be a JSON object"},
		{`{`, "body", "ends before"},
		{`{"sessionName":"s"`, "body", "ends before"},
		{`{"sessionName":"s",}`, "body", "not valid JSON at byte 18"},
		{`{'sessionName':'s'}`, "body", "not valid JSON at byte 1"},
		{`{"sessionName":"s"} {}`, "body", "more behind"},
		{`{"sessionName":"s"}x`, "body", ""},
		{"{\"sessionName\":\"\xff\"}", "body", "UTF-8"},
		{"\xef\xbb\xbf{\"sessionName\":\"s\"}", "body", "not valid JSON"},
		{`{"sessionName":"\ud800"}`, "body", ""},
		{`{"sessionName":"a","sessionName":"a"}`, "sessionName", "more than once"},
		{`{"sessionName":"a","x":{"y":1,"y":2}}`, "y", "more than once"},
		{`{}`, "sessionName", "required"},
		{`{"sessionName":null}`, "sessionName", "is null; it must be a string"},
		{`{"sessionName":""}`, "sessionName", "empty"},
		{`{"session_name":7}`, "session_name", "is a number; it must be a string"},
		{`{"sessionName":"a/b"}`, "sessionName", "'/' at position 2"},
		{`{"sessionName":"` + strings.Repeat("x", 201) + `"}`, "sessionName", "201 characters; at most 200"},
		{`{"sessionName":"s","role":"1abc"}`, "role", `is "1abc"; it must be 0`},
		{`{"sessionName":"s","role":1.9}`, "role", "is 1.9"},
		{`{"sessionName":"s","role":1.0}`, "role", "is 1.0"},
		{`{"sessionName":"s","role":"0x1"}`, "role", ""},
		{`{"sessionName":"s","role":true}`, "role", "is a boolean"},
		{`{"sessionName":"s","role":2}`, "role", "is 2"},
		{`{"sessionName":"s","role":""}`, "role", `is ""`},
		{`{"sessionName":"s","role":[1]}`, "role", "is an array"},
		{`{"sessionName":"s","expirationSeconds":1799}`, "expirationSeconds", "is 1799; it must be between 1800 and 172800"},
		{`{"sessionName":"s","expirationSeconds":172801}`, "expirationSeconds", "is 172801"},
		{`{"sessionName":"s","expirationSeconds":0}`, "expirationSeconds", "is 0"},
		{`{"sessionName":"s","expirationSeconds":-3600}`, "expirationSeconds", "is -3600"},
		{`{"sessionName":"s","expirationSeconds":1800.5}`, "expirationSeconds", "is 1800.5; it must be a whole number"},
		{`{"sessionName":"s","expirationSeconds":"3600abc"}`, "expirationSeconds", `is "3600abc"`},
		{`{"sessionName":"s","expirationSeconds":"+3600"}`, "expirationSeconds", ""},
		{`{"sessionName":"s","expirationSeconds":" 3600"}`, "expirationSeconds", ""},
		{`{"sessionName":"s","expirationSeconds":4294970896}`, "expirationSeconds", "is 4294970896"},
		{`{"sessionName":"s","expirationSeconds":1e4}`, "expirationSeconds", "is 1e4"},
		{`{"sessionName":"s","expirationSeconds":99999999999999999999}`, "expirationSeconds", ""},
		{`{"sessionName":"s","sessionPasscode":"12345678901"}`, "sessionPasscode", "11 characters; at most 10"},
		{`{"sessionName":"s","sessionPasscode":12345}`, "sessionPasscode", "is a number; it must be a string"},
		{`{"sessionName":"s","userKey":"` + strings.Repeat("x", 37) + `"}`, "userKey", "37 characters; at most 36"},
		{`{"sessionName":"s","user_identity":"` + strings.Repeat("x", 37) + `"}`, "user_identity", "37 characters"},
		{`{"sessionName":"s","userKey":"a","userIdentity":"b"}`, "userIdentity", "something else than userKey"},
		{`{"sessionName":"s","sessionkey":"a","session_key":"b"}`, "session_key", "something else than sessionkey"},
		{`{"sessionName":"s","geoRegions":"DE,XX"}`, "geoRegions", `names "XX"; allowed are AU,`},
		{`{"sessionName":"s","geoRegions":"D E"}`, "geoRegions", `names "D E"`},
		{`{"sessionName":"s","geoRegions":"de"}`, "geoRegions", `names "de"`},
		{`{"sessionName":"s","geoRegions":"DE,,US"}`, "geoRegions", `names ""`},
		{`{"sessionName":"s","geoRegions":["DE,US"]}`, "geoRegions", "comma"},
		{`{"sessionName":"s","geoRegions":["DE",1]}`, "geoRegions", "holds a number"},
		{`{"sessionName":"s","geoRegions":[""]}`, "geoRegions", `names ""`},
		{`{"sessionName":"s","geoRegions":{"DE":1}}`, "geoRegions", "is an object"},
		{`{"sessionName":"s","cloudRecordingOption":1}`, "cloudRecordingOption", "needs the host role"},
		{`{"sessionName":"s","role":1,"cloudRecordingOption":2}`, "cloudRecordingOption", "is 2; it must be 0 or 1"},
		{`{"sessionName":"s","cloudRecordingElection":true}`, "cloudRecordingElection", "is a boolean; it must be a whole number"},
		{`{"sessionName":"s","cloudRecordingTranscriptOption":3}`, "cloudRecordingTranscriptOption", "0, 1 or 2"},
		{`{"sessionName":"s","telemetryTrackingId":{"a":1}}`, "telemetryTrackingId", "is an object; it must be a string"},
		{`{"sessionName":"s","videoWebRtcMode":"on"}`, "videoWebRtcMode", `is "on"`},
		{`{"sessionName":"s","audioCompatibleMode":2}`, "audioCompatibleMode", "is 2"},
		{`{"sessionName":"s","audioWebRtcMode":""}`, "audioWebRtcMode", `is ""`},
		// Everything at once, in the order of the fields, whoever found it.
		{`{"telemetryTrackingId":1,"videoWebRtcMode":7,"userIdentity":"` + strings.Repeat("é", 37) + `","role":"x","expirationSeconds":true,"sessionName":"*","cloudRecordingOption":1}`,
			"sessionName role expirationSeconds userIdentity telemetryTrackingId videoWebRtcMode", "'*'"},
	} {
		w := post(h, tt.body)
		a := read(t, w)
		var properties []string
		for _, e := range a.Errors {
			properties = append(properties, e.Property)
		}
		if w.Code != http.StatusBadRequest || strings.Join(properties, " ") != tt.properties || !strings.Contains(a.Errors[0].Reason, tt.reason) {
			t.Errorf("%s\n%d %swant %s with %q", tt.body, w.Code, w.Body, tt.properties, tt.reason)
		}
	}
}

func TestReasonsNeverRepeatThePasscode(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	for _, body := range []string{
		`{"sessionName":"s","sessionPasscode":"hunter2-hunter2"}`,
		`{"sessionName":"s","sessionPasscode":"hunter2é"}`,
		`{"sessionName":"s","sessionPasscode":{"hunter2":1}}`,
		`{"sessionName":"s","sessionPasscode":"hunter2","session_passcode":"hunter3"}`,
	} {
		if w := post(h, body); w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "hunter") {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	for _, tt := range []struct {
		contentType, encoding string
		want                  int
	}{
		{"application/json", "", 200}, {"application/json; charset=utf-8", "", 200}, {"Application/JSON;charset=UTF-8", "", 200},
		{"application/json", "identity", 200}, {`application/json; charset="utf-8"; x=y`, "", 200},
		{"", "", 415}, {"text/plain", "", 415}, {"application/x-www-form-urlencoded", "", 415}, {"multipart/form-data; boundary=x", "", 415},
		{"application/json; charset=utf-16", "", 415}, {"application/problem+json", "", 415}, {"application/json", "gzip", 415}, {"application/json;;", "", 415},
	} {
		w := post(h, `{"sessionName":"s"}`, "Content-Type", tt.contentType, "Content-Encoding", tt.encoding)
		if tt.encoding == "" {
			r := httptest.NewRequest("POST", "/", strings.NewReader(`{"sessionName":"s"}`))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			w = httptest.NewRecorder()
			h.ServeHTTP(w, r)
		}
		a := read(t, w)
		if w.Code != tt.want || w.Code == 415 && a.Errors[0].Property != "content-type" {
			t.Errorf("%q %q: %d %s", tt.contentType, tt.encoding, w.Code, w.Body)
		}
	}
}

func TestBodySize(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	for _, n := range []int{endpoint.MaxBody - 1, endpoint.MaxBody, endpoint.MaxBody + 1, 4 * endpoint.MaxBody} {
		for _, chunked := range []bool{false, true} {
			body := `{"sessionName":"s","x":"` + strings.Repeat("x", n-26) + `"}`
			r := httptest.NewRequest("POST", "/", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			if chunked {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want := http.StatusOK
			if n > endpoint.MaxBody {
				want = http.StatusRequestEntityTooLarge
			}
			if read(t, w); w.Code != want {
				t.Errorf("%d bytes, chunked %v: %d, want %d", len(body), chunked, w.Code, want)
			}
		}
	}
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(`{"session`), broken{}))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if read(t, w); w.Code != http.StatusBadRequest {
		t.Errorf("a body that breaks off: %d %s", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestMethods(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{Origins: []string{"*"}})
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/", nil)
		r.Header.Set("Origin", "https://a.example")
		h.ServeHTTP(w, r)
		if read(t, w); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "OPTIONS, POST" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

func TestOrigins(t *testing.T) {
	local := []string{"http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"}
	for _, tt := range []struct {
		origins []string
		from    string
		want    string
	}{
		{[]string{"*"}, "https://a.example", "*"}, {[]string{"*"}, "null", "*"},
		{[]string{"https://a.example"}, "https://a.example", "https://a.example"},
		{[]string{"https://a.example"}, "https://b.example", ""},
		{[]string{"https://a.example"}, "http://a.example", ""},
		{[]string{"https://a.example"}, "https://a.example:8443", ""},
		{[]string{"https://a.example"}, "https://a.example.evil.example", ""},
		{local, "http://localhost", "http://localhost"}, {local, "http://localhost:3000", "http://localhost:3000"},
		{local, "http://127.0.0.1:5173", "http://127.0.0.1:5173"}, {local, "http://[::1]:80", "http://[::1]:80"},
		{local, "http://localhost.evil.example", ""}, {local, "http://localhost:3000.evil.example", ""}, {local, "http://localhost:", ""},
		{local, "https://localhost:3000", ""}, {local, "null", ""}, {nil, "https://a.example", ""},
	} {
		h := newHandler(t, usher.Config{}, endpoint.Config{Origins: tt.origins})
		preflight := httptest.NewRequest("OPTIONS", "/", nil)
		preflight.Header.Set("Origin", tt.from)
		preflight.Header.Set("Access-Control-Request-Method", "POST")
		preflight.Header.Set("Access-Control-Request-Headers", "content-type")
		pre := httptest.NewRecorder()
		h.ServeHTTP(pre, preflight)
		if pre.Code != http.StatusNoContent {
			t.Errorf("%v: preflight answered %d", tt.origins, pre.Code)
		}
		for name, w := range map[string]*httptest.ResponseRecorder{
			"preflight": pre,
			"answer":    post(h, `{"sessionName":"s"}`, "Origin", tt.from),
			"bad JSON":  post(h, `{`, "Origin", tt.from),
			"too large": post(h, strings.Repeat(" ", endpoint.MaxBody+1), "Origin", tt.from),
			"form":      post(h, `a=b`, "Origin", tt.from, "Content-Type", "text/plain"),
		} {
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != tt.want {
				t.Errorf("%v, %s from %q: allows %q, want %q", tt.origins, name, tt.from, got, tt.want)
			}
			if tt.want != "*" && w.Header().Get("Vary") != "Origin" {
				t.Errorf("%v, %s: Vary %q", tt.origins, name, w.Header().Get("Vary"))
			}
		}
		if allowed := pre.Header().Get("Access-Control-Allow-Headers"); tt.want != "" && !strings.Contains(allowed, "Content-Type") {
			t.Errorf("preflight allows headers %q", allowed)
		}
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	issuer, err := usher.NewIssuer(usher.Config{Credentials: creds, Policy: usher.PermitAll})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		issuer *usher.Issuer
		cfg    endpoint.Config
		want   string
	}{
		{nil, endpoint.Config{Callers: endpoint.Anyone}, "issuer is required"},
		{issuer, endpoint.Config{}, "Callers is required"},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{"https://a.example/"}}, `"https://a.example/"`},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{"a.example"}}, "not an origin"},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{"https://*.example"}}, "not an origin"},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{"https://A.example"}}, "lower case"},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{""}}, "not an origin"},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{"null"}}, "not an origin"},
		{issuer, endpoint.Config{Callers: endpoint.Anyone, Origins: []string{"http://localhost:80:*"}}, "not an origin"},
	} {
		if _, err := endpoint.New(tt.issuer, tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.cfg, err, tt.want)
		}
	}
}

// book counts the rows of a ledger.
type book struct {
	rows int
	err  error
}

func (b *book) Record(context.Context, *usher.Entry) error {
	b.rows++
	return b.err
}
