package videosdk_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

func rawJSON(s string) json.RawMessage { return json.RawMessage(s) }

// everything is a grant with every field set.
func everything() videosdk.Grant {
	return videosdk.Grant{
		SessionName: "Cool Cars", Role: videosdk.Host, Life: time.Hour, Passcode: "Ilovecars!", UserKey: "u1", SessionKey: "s1",
		GeoRegions: []string{"US", "DE", "US", "AU", "DE"}, CloudRecordingOption: new(1), CloudRecordingElection: new(0),
		CloudRecordingTranscriptOption: new(2), TelemetryTrackingID: "t1", VideoWebRTCMode: new(1), AudioWebRTCMode: new(0),
		Extra: map[string]any{"z": 1, "a": []any{true, nil, 1.5, "x"}, "B": map[string]any{"y": 1, "x": 2}},
	}
}

// parts decodes the header and the payload of a token.
func parts(t testing.TB, token string) (header, payload string) {
	t.Helper()
	ps := strings.Split(token, ".")
	if len(ps) != 3 {
		t.Fatalf("%d parts: %q", len(ps), token)
	}
	var out [3]string
	for i, p := range ps {
		b, err := base64.RawURLEncoding.Strict().DecodeString(p)
		if err != nil {
			t.Fatalf("part %d of %q: %v", i, token, err)
		}
		out[i] = string(b)
	}
	if len(out[2]) != 32 {
		t.Fatalf("the MAC of %q has %d bytes", token, len(out[2]))
	}
	return out[0], out[1]
}

func TestSignedBytes(t *testing.T) {
	const begin = `{"app_key":"` + testKey + `","role_type":`
	for _, tc := range []struct {
		name  string
		grant videosdk.Grant
		want  string // payload
	}{
		{"only what is required", videosdk.Grant{SessionName: "Cool Cars"},
			begin + `0,"tpc":"Cool Cars","version":1,"iat":1782907170,"exp":1782914400}`},
		{"everything, in the order that never changes", everything(),
			begin + `1,"tpc":"Cool Cars","version":1,"iat":1782907170,"exp":1782910800,"pwd":"Ilovecars!","user_key":"u1","user_identity":"u1",` +
				`"session_key":"s1","geo_regions":"US,DE,AU","cloud_recording_option":1,"cloud_recording_election":0,"cloud_recording_transcript_option":2,` +
				`"telemetry_tracking_id":"t1","video_webrtc_mode":1,"audio_webrtc_mode":0,"B":{"x":2,"y":1},"a":[true,null,1.5,"x"],"z":1}`},
		{"zeros that were given", videosdk.Grant{SessionName: "s", CloudRecordingOption: new(0), CloudRecordingTranscriptOption: new(0), VideoWebRTCMode: new(0), AudioWebRTCMode: new(0)},
			begin + `0,"tpc":"s","version":1,"iat":1782907170,"exp":1782914400,"cloud_recording_option":0,"cloud_recording_transcript_option":0,"video_webrtc_mode":0,"audio_webrtc_mode":0}`},
		{"text as JavaScript writes it", videosdk.Grant{SessionName: `<a>&\`, Passcode: `"\/`, UserKey: "é/<&>\u2028\u2029" + car + "\u00a0", Extra: map[string]any{"<\u2028>": "\u0000\b\t\n\v\f\r\x1b\"\\/<>&\u2028\u2029\x7f"}},
			begin + `0,"tpc":"<a>&\\","version":1,"iat":1782907170,"exp":1782914400,"pwd":"\"\\/","user_key":"é/<&>` + "\u2028\u2029" + car + "\u00a0" + `","user_identity":"é/<&>` + "\u2028\u2029" + car + "\u00a0" +
				`","<` + "\u2028" + `>":"\u0000\b\t\n\u000b\f\r\u001b\"\\/<>&` + "\u2028\u2029\x7f" + `"}`},
		{"raw JSON in one form", videosdk.Grant{SessionName: "s", Extra: map[string]any{"raw": rawJSON(` { "a" : [ 1.50 , "\u0041\ud83d\ude97\/" ] } `)}},
			begin + `0,"tpc":"s","version":1,"iat":1782907170,"exp":1782914400,"raw":{"a":[1.50,"A` + car + `/"]}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			token, err := newSigner(t).Sign(tc.grant, testNow)
			if err != nil {
				t.Fatal(err)
			}
			header, payload := parts(t, token)
			if header != `{"alg":"HS256","typ":"JWT"}` {
				t.Errorf("header %s", header)
			}
			if payload != tc.want {
				t.Errorf("got  %s\nwant %s", payload, tc.want)
			}
			if want := makeToken(header, payload, testSecret); token != want {
				t.Errorf("got  %s\nwant %s", token, want)
			}
		})
	}
}

// The token's unchanging beginning is encoded once; its length modulo three must not show.
func TestKeysOfEveryLength(t *testing.T) {
	for n := 1; n <= 40; n++ {
		for _, filler := range []string{"k", `"k`, "é", car} {
			creds := videosdk.Credentials{Key: "a" + strings.Repeat(filler, n) + "z", Secret: testSecret}
			s, err := videosdk.NewSigner(creds)
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.Sign(videosdk.Grant{SessionName: "s"}, testNow)
			if err != nil {
				t.Fatal(err)
			}
			_, payload := parts(t, token)
			var claims struct {
				AppKey string `json:"app_key"`
			}
			if err := json.Unmarshal([]byte(payload), &claims); err != nil || claims.AppKey != creds.Key {
				t.Errorf("key %q: %s, %v", creds.Key, payload, err)
			}
			v, err := videosdk.NewVerifier([]videosdk.Credentials{creds})
			if err != nil {
				t.Fatal(err)
			}
			if c, err := v.Verify(token, testNow); err != nil || c.AppKey != creds.Key {
				t.Errorf("key %q: %v", creds.Key, err)
			}
		}
	}
}

func TestValidity(t *testing.T) {
	const now = 1782907200
	for _, tc := range []struct {
		name     string
		backdate time.Duration
		life     time.Duration
		iat, exp int64
	}{
		{"defaults", videosdk.DefaultBackdate, 0, now - 30, now + 7200},
		{"no back-dating", 0, 0, now, now + 7200},
		{"no back-dating, shortest", 0, videosdk.MinLife, now, now + 1800},
		{"shortest", videosdk.DefaultBackdate, videosdk.MinLife, now - 30, now + 1800},
		{"most back-dating", videosdk.MaxBackdate, videosdk.MinLife, now - 600, now + 1800},
		{"no back-dating, longest", 0, videosdk.MaxLife, now, now + 172800},
		{"longest is cut by the back-dating", videosdk.DefaultBackdate, videosdk.MaxLife, now - 30, now - 30 + 172800},
		{"longest that is not cut", videosdk.DefaultBackdate, videosdk.MaxLife - 30*time.Second, now - 30, now - 30 + 172800},
		{"a second less", videosdk.DefaultBackdate, videosdk.MaxLife - 31*time.Second, now - 30, now - 31 + 172800},
		{"longest, most back-dating", videosdk.MaxBackdate, videosdk.MaxLife, now - 600, now - 600 + 172800},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSigner(t, videosdk.WithBackdate(tc.backdate))
			for _, at := range []time.Time{time.Unix(now, 0), time.Unix(now, 999999999).In(time.FixedZone("far", -12*3600))} {
				issued, expires := s.Validity(at, tc.life)
				if issued.Unix() != tc.iat || expires.Unix() != tc.exp || issued.Location() != time.UTC || expires.Location() != time.UTC {
					t.Errorf("Validity at %v: %v, %v", at, issued, expires)
				}
				token, err := s.Sign(videosdk.Grant{SessionName: "s", Life: tc.life}, at)
				if err != nil {
					t.Fatal(err)
				}
				if _, payload := parts(t, token); !strings.Contains(payload, fmt.Sprintf(`,"iat":%d,"exp":%d}`, tc.iat, tc.exp)) {
					t.Errorf("at %v: %s", at, payload)
				}
				if _, err := newVerifier(t).Verify(token, at); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestBackdateLimits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", time.Second: "", 600 * time.Second: "",
		601 * time.Second:                     "videosdk: backdate is 10m1s; it must be 0s to 10m0s in whole seconds",
		-time.Second:                          "videosdk: backdate is -1s; it must be 0s to 10m0s in whole seconds",
		1500 * time.Millisecond:               "videosdk: backdate is 1.5s; it must be 0s to 10m0s in whole seconds",
		time.Duration(math.MaxInt64):          "videosdk: backdate is 2562047h47m16.854775807s; it must be 0s to 10m0s in whole seconds",
		600*time.Second + time.Nanosecond:     "videosdk: backdate is 10m0.000000001s; it must be 0s to 10m0s in whole seconds",
		time.Duration(math.MinInt64) + 854775: "videosdk: backdate is -2562047h47m16.853921033s; it must be 0s to 10m0s in whole seconds",
	} {
		_, err := videosdk.NewSigner(testCredentials(), videosdk.WithBackdate(d))
		if want == "" && err != nil || want != "" && fmt.Sprint(err) != want {
			t.Errorf("%v: %v", d, err)
		}
	}
}

// What can't be written as epoch seconds is refused, not wrapped around.
func TestSignRefusesTimesOutOfRange(t *testing.T) {
	s := newSigner(t)
	const last = 253402300799 - 48*3600
	for name, tc := range map[string]struct {
		now  time.Time
		want bool
	}{
		"zero time": {time.Time{}, false}, "1969": {time.Unix(-1, 0), false}, "first that would be negative": {time.Unix(29, 0), false}, "first": {time.Unix(30, 0), true},
		"last": {time.Unix(last, 0), true}, "after the last": {time.Unix(last+1, 0), false}, "end of int64": {time.Unix(math.MaxInt64, 0), false},
		"begin of int64": {time.Unix(math.MinInt64, 0), false}, "milliseconds taken for seconds": {time.Unix(1782907200000, 0), false},
	} {
		token, err := s.Sign(videosdk.Grant{SessionName: "s", Life: videosdk.MaxLife}, tc.now)
		if tc.want {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if _, err := newVerifier(t).Verify(token, tc.now); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if fmt.Sprint(err) != "now is outside the years 1970 to 9999" {
			t.Errorf("%s: %v, %q", name, err, token)
		}
	}
}

func TestOneSignerForManyGoroutines(t *testing.T) {
	s := newSigner(t)
	v := newVerifier(t)
	const goroutines, each = 16, 400
	grant := func(i int) videosdk.Grant {
		g := videosdk.Grant{SessionName: fmt.Sprint("session ", i), UserKey: strings.Repeat("u", i%37), GeoRegions: videosdk.GeoRegions()[:i%12]}
		if i%5 == 0 {
			g.Extra = map[string]any{"filler": strings.Repeat("x", i%4000)} // buffers of every size go round
		}
		return g
	}
	want := make([]string, each)
	for i := range want {
		var err error
		if want[i], err = newSigner(t).Sign(grant(i), testNow); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for n := range goroutines {
		wg.Go(func() {
			for i := range each {
				i = (i + n*31) % each
				token, err := s.Sign(grant(i), testNow)
				if err != nil || token != want[i] {
					t.Errorf("grant %d: %q, %v", i, token, err)
					return
				}
				if i%7 == 0 {
					if _, err := s.Sign(videosdk.Grant{SessionName: "*"}, testNow); err == nil {
						t.Error("a bad grant was signed")
					}
				}
				c, err := v.Verify(token, testNow)
				if err != nil || c.SessionName != grant(i).SessionName {
					t.Errorf("grant %d: %v, %v", i, c, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A signature handed out earlier must not change when its buffer is used again.
func TestSignaturesDoNotShareMemory(t *testing.T) {
	s := newSigner(t)
	first, err := s.Sign(everything(), testNow)
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.Clone(first)
	for i := range 50 {
		if _, err := s.Sign(videosdk.Grant{SessionName: fmt.Sprint("other ", i)}, testNow); err != nil {
			t.Fatal(err)
		}
	}
	if first != kept {
		t.Error("an earlier signature changed")
	}
}
