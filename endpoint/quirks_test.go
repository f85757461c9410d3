package endpoint_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/videosdk"
)

// TestWhatZoomsSampleLetsThrough walks through the known faults of the sample
// endpoint, one by one, with what happens here instead.
func TestWhatZoomsSampleLetsThrough(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{Origins: []string{"*"}})
	refused := func(t *testing.T, body, property string) {
		t.Helper()
		w := post(h, body)
		if a := read(t, w); w.Code != http.StatusBadRequest || a.Errors[0].Property != property {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	signed := func(t *testing.T, body string) *videosdk.Claims {
		t.Helper()
		return verified(t, read(t, post(h, body)))
	}
	t.Run("anyone is a host: here somebody must say who may ask", func(t *testing.T) {
		issuer, err := usher.NewIssuer(usher.Config{Credentials: creds, Policy: usher.PermitAll})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := endpoint.New(issuer, endpoint.Config{}); err == nil {
			t.Error("made without callers")
		}
		if c := signed(t, `{"sessionName":"s"}`); c.Role != videosdk.Participant {
			t.Errorf("who asks for no role is %s", c.Role)
		}
	})
	t.Run("an empty secret signs, a missing key is left out: here neither starts", func(t *testing.T) {
		for _, c := range []videosdk.Credentials{{Key: "k"}, {Secret: "s"}, {}} {
			if _, err := usher.NewIssuer(usher.Config{Credentials: c, Policy: usher.PermitAll}); err == nil {
				t.Errorf("started with %v", c)
			}
		}
	})
	t.Run("iat is the present: here a slow clock elsewhere doesn't refuse it", func(t *testing.T) {
		if c := signed(t, `{"sessionName":"s"}`); start.Sub(c.IssuedAt) != videosdk.DefaultBackdate {
			t.Errorf("iat is %s before the present", start.Sub(c.IssuedAt))
		}
	})
	t.Run("a UUID is too long a user identity", func(t *testing.T) {
		const uuid = "0b9a9f5e-6d2e-4b1e-8f2c-3a4d5e6f7081"
		if c := signed(t, `{"sessionName":"s","userIdentity":"`+uuid+`"}`); c.UserKey != uuid {
			t.Errorf("user key %q", c.UserKey)
		}
	})
	t.Run("lengths: the limit itself passes, in UTF-16 units", func(t *testing.T) {
		signed(t, `{"sessionName":"`+strings.Repeat("x", 200)+`"}`)
		signed(t, `{"sessionName":"s","userIdentity":"`+strings.Repeat("😀", 18)+`"}`)
		refused(t, `{"sessionName":"s","userIdentity":"`+strings.Repeat("😀", 18)+`x"}`, "userIdentity")
	})
	t.Run("an empty session name is signed", func(t *testing.T) { refused(t, `{"sessionName":""}`, "sessionName") })
	t.Run("an empty session key or user identity is signed: here it is not given", func(t *testing.T) {
		w := post(h, `{"sessionName":"s","sessionKey":"","userIdentity":""}`)
		report := videosdk.Inspect(read(t, w).Signature, videosdk.Known{})
		if strings.Contains(string(report.Payload), "session_key") || strings.Contains(string(report.Payload), "user_") {
			t.Errorf("claims %s", report.Payload)
		}
	})
	t.Run("any character is signed", func(t *testing.T) {
		for _, name := range []string{`\u0000`, `a\nb`, `😀`, `会议`, `a*b`, `a/b`, `it's`} {
			refused(t, `{"sessionName":"`+name+`"}`, "sessionName")
		}
	})
	t.Run("strings are parsed as far as they go", func(t *testing.T) {
		for _, r := range []string{`"1abc"`, `"1.9"`, `"0x1"`, `1.9`, `true`, `""`} {
			refused(t, `{"sessionName":"s","role":`+r+`}`, "role")
		}
		refused(t, `{"sessionName":"s","expirationSeconds":"3600abc"}`, "expirationSeconds")
	})
	t.Run("a fractional life", func(t *testing.T) { refused(t, `{"sessionName":"s","expirationSeconds":1800.5}`, "expirationSeconds") })
	t.Run("any telemetry id", func(t *testing.T) {
		refused(t, `{"sessionName":"s","telemetryTrackingId":{"a":1}}`, "telemetryTrackingId")
	})
	t.Run("spaces inside a region vanish", func(t *testing.T) { refused(t, `{"sessionName":"s","geoRegions":"D E"}`, "geoRegions") })
	t.Run("newer options look accepted and have no effect", func(t *testing.T) {
		c := signed(t, `{"sessionName":"s","userKey":"u","cloudRecordingTranscriptOption":1}`)
		if c.UserKey != "u" || *c.CloudRecordingTranscriptOption != 1 {
			t.Errorf("claims %+v", c)
		}
	})
	t.Run("a participant may have a recording option", func(t *testing.T) {
		refused(t, `{"sessionName":"s","role":0,"cloudRecordingOption":1}`, "cloudRecordingOption")
	})
	t.Run("faults come as HTML, with a stack trace, and no page may read them", func(t *testing.T) {
		for _, body := range []string{`{`, strings.Repeat(" ", 200<<10)} {
			w := post(h, body, "Origin", "https://a.example")
			if read(t, w); w.Header().Get("Access-Control-Allow-Origin") != "*" || strings.Contains(w.Body.String(), " at ") && strings.Contains(w.Body.String(), ".go:") {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		}
	})
	t.Run("a form is answered as if it were empty", func(t *testing.T) {
		if w := post(h, "sessionName=s&role=1", "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%d", w.Code)
		}
	})
	t.Run("the server names its maker, and caches may keep the signature", func(t *testing.T) {
		w := post(h, `{"sessionName":"s"}`)
		if read(t, w); w.Header().Get("X-Powered-By")+w.Header().Get("Server")+w.Header().Get("ETag") != "" {
			t.Errorf("%v", w.Header())
		}
	})
	t.Run("no passcode", func(t *testing.T) {
		if c := signed(t, `{"sessionName":"s","sessionPasscode":"Ilovecars!"}`); c.Passcode != "Ilovecars!" {
			t.Errorf("passcode %q", c.Passcode)
		}
	})
}
