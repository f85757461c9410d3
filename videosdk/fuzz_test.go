package videosdk_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/usher-sessions/usher/videosdk"
)

// FuzzVerify holds that no token makes Verify panic or err in an untyped way,
// that it accepts nothing that golang-jwt refuses, and that both read the same
// from what it accepts. With mend the first two parts are signed as they stand,
// so that the rules behind a good MAC are reached.
func FuzzVerify(f *testing.F) {
	v, tokens := soundTokens(f)
	for _, token := range tokens {
		f.Add(token, false, testNow.Unix())
		f.Add(token, true, testNow.Unix())
	}
	for _, p := range []string{
		testPayload().with("nbf", "1782907200").String(), testPayload().with("role_type", `"1"`).String(), testPayload().with("iat", "1.5").String(),
		testPayload().with("exp", "1e10").String(), testPayload().with("x", `{"a":[1e999,"\ud83d\ude97"]}`).String(), testPayload().with("x", `"\ud83d"`).String(),
		`{"app_key":"` + testKey + `","exp":1}`, `{"exp":1,"\u0065xp":2}`, "null", "{}", testPayload().with("EXP", "1").String(), testPayload().with("user_identity", `"é"`).String(),
	} {
		f.Add(sign(testHeader, p), true, testNow.Unix())
	}
	for _, h := range []string{`{"alg":"none"}`, `{"alg":"HS256","crit":["exp"]}`, `{"alg":"HS256","typ":1}`, ` {"alg":"HS\u003256"}`, `{"alg":"HS256","alg":"none"}`} {
		f.Add(sign(h, testPayload().String()), true, testNow.Unix())
	}
	f.Add("..", true, int64(0))
	f.Add(strings.Repeat(".", 300), false, int64(math.MaxInt64))
	f.Add("", false, int64(math.MinInt64))

	f.Fuzz(func(t *testing.T, token string, mend bool, epoch int64) {
		if ps := strings.Split(token, "."); mend && len(ps) >= 2 {
			token = remac(ps[0], ps[1])
		}
		now := time.Unix(epoch, 0)
		c, err := v.Verify(token, now)
		if err != nil {
			if c != nil {
				t.Fatalf("claims beside the error %v", err)
			}
			if err.Error() == "" || strings.ContainsAny(strings.ReplaceAll(err.Error(), "\nsignature ", ""), "\r\n\x00\x1b") {
				t.Fatalf("an error that can't stand in a log: %q", err)
			}
			return
		}
		again, err := v.Verify(token, now)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("the second time %+v, %v", again, err)
		}
		sameToGolangJWT(t, token, now, c)
	})
}

// sameToGolangJWT checks that golang-jwt accepts token at now, too, and reads the same claims from it.
func sameToGolangJWT(t *testing.T, token string, now time.Time, c *videosdk.Claims) {
	t.Helper()
	secrets := map[string]string{testKey: testSecret, "anotherKeyOfTheVerifier": "another secret of the verifier's, 40 by"}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(), jwt.WithTimeFunc(func() time.Time { return now }))
	parsed, err := parser.Parse(token, func(tok *jwt.Token) (any, error) {
		key, _ := tok.Claims.(jwt.MapClaims)["app_key"].(string)
		return []byte(secrets[key]), nil
	})
	if err != nil {
		t.Fatalf("golang-jwt refuses what is accepted: %v\n%s", err, token)
	}
	claims := parsed.Claims.(jwt.MapClaims)
	number := func(name string) any {
		n, ok := claims[name].(json.Number)
		if !ok {
			return nil
		}
		i, err := n.Int64()
		if err != nil {
			t.Fatalf("%s is %s", name, n)
		}
		return i
	}
	choice := func(p *int) any {
		if p == nil {
			return nil
		}
		return int64(*p)
	}
	text := func(name string) string { s, _ := claims[name].(string); return s }
	userKey := text("user_key")
	if userKey == "" {
		userKey = text("user_identity")
	}
	for _, pair := range [][2]any{
		{c.AppKey, text("app_key")}, {int64(c.Role), number("role_type")}, {c.SessionName, text("tpc")}, {c.IssuedAt.Unix(), number("iat")}, {c.ExpiresAt.Unix(), number("exp")},
		{int64(1), number("version")}, {c.Passcode, text("pwd")}, {c.UserKey, userKey}, {c.SessionKey, text("session_key")}, {c.GeoRegions, text("geo_regions")},
		{choice(c.CloudRecordingOption), number("cloud_recording_option")}, {choice(c.CloudRecordingElection), number("cloud_recording_election")},
		{choice(c.CloudRecordingTranscriptOption), number("cloud_recording_transcript_option")}, {c.TelemetryTrackingID, text("telemetry_tracking_id")},
		{choice(c.VideoWebRTCMode), number("video_webrtc_mode")}, {choice(c.AudioWebRTCMode), number("audio_webrtc_mode")},
	} {
		if pair[0] != pair[1] {
			t.Fatalf("%#v, but golang-jwt reads %#v from %s", pair[0], pair[1], token)
		}
	}
	for name, raw := range c.Extra {
		if _, ok := claims[name]; !ok || !json.Valid(raw) {
			t.Fatalf("extra claim %q is %s, golang-jwt has %v", name, raw, claims[name])
		}
	}
}
