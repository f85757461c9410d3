package endpoint_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
)

// FuzzRequestBody: whatever is sent, the answer is JSON and no fault of the
// server; what is accepted makes a signature that verifies and says what an
// ordinary JSON reader finds in the body too.
func FuzzRequestBody(f *testing.F) {
	for _, body := range []string{
		`{"sessionName":"Cool Cars","sessionPasscode":"Ilovecars!"}`,
		`{"sessionName":"Cool Cars","role":1,"sessionKey":"k","userIdentity":"u","expirationSeconds":3600,"geoRegions":"DE, US","cloudRecordingOption":1,"videoWebRtcMode":0}`,
		`{"sessionName":"s","role":"1","userKey":"null","sessionkey":"k","geo_regions":["DE"],"cloud_recording_election":"1","telemetry_tracking_id":null}`,
		`{"sessionName":"\u0041\ud83d\ude00","role":"best","x":[{"y":[[]]}]}`,
		`{"sessionName":"a","sessionName":"b"}`, `{"sessionName":"\ud800"}`, `[]`, `null`, ``, `{"role":1e0}`, `{"expirationSeconds":1800.0}`, "{\"a\":\"\xff\"}",
		`{"sessionName":"s","userKey":"a","userIdentity":"b"}`, `{"session\u004eame":"s"}`, `{"geoRegions":["DE,US"]}`, `{"sessionName":"s"}{}`,
	} {
		f.Add([]byte(body))
	}
	h := newHandler(f, usher.Config{}, endpoint.Config{})
	f.Fuzz(func(t *testing.T, body []byte) {
		w := post(h, string(body))
		a := read(t, w)
		switch w.Code {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			return
		case http.StatusOK:
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		c := verified(t, a)
		var said map[string]any
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", body, err)
		}
		name, ok := said["sessionName"].(string)
		if !ok {
			name, _ = said["session_name"].(string)
		}
		if c.SessionName != name {
			t.Errorf("signed for %q, asked for %q", c.SessionName, name)
		}
		host := said["role"] == 1.0 || said["role"] == "1" || said["role"] == "host" || said["role"] == "best"
		if host != (a.Role == 1) {
			t.Errorf("role %d for %v", a.Role, said["role"])
		}
		if key := c.UserKey; key != "" {
			found := false
			for _, n := range []string{"userKey", "userIdentity", "user_key", "user_identity"} {
				found = found || said[n] == key
			}
			if !found {
				t.Errorf("user key %q from nowhere", key)
			}
		}
	})
}
