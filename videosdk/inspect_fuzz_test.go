package videosdk_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/usher-sessions/usher/videosdk"
)

// FuzzInspect holds that no token makes Inspect panic, show a secret or answer
// without bounds, and that it calls nothing sound that a Verifier refuses.
func FuzzInspect(f *testing.F) {
	for _, v := range readInspectVectors(f) {
		passcode := ""
		if v.Known.Passcode != nil {
			passcode = *v.Known.Passcode
		}
		f.Add(v.Token, v.Known.Key, v.Known.Secret, v.Known.SessionName, passcode, v.Known.ErrorShown, v.Known.Now)
	}
	for _, payload := range []string{
		"{" + strings.Repeat(`"a":1,`, 1500) + `"a":1}`,
		`{"a":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + "}",
		`{"app_key":"` + strings.Repeat(`\u0000`, 1500) + `","tpc":"` + strings.Repeat("\U0001F697", 500) + `"}`,
		`{"iat":1e999,"exp":-9223372036854775809,"nbf":99999999999999999999999,"tpc":"x","role_type":1e2}`,
	} {
		f.Add(makeToken(casesHeader, payload, casesSecret), casesKey, casesSecret, "Cool Cars", "", "200", int64(casesNow))
	}
	f.Add(strings.Repeat("{", 9000), "", "", "", "", "", int64(0))
	f.Add(strings.Repeat("%25", 5000), "", "", "", "", strings.Repeat("200 ", 1000), int64(-1)<<62)
	f.Fuzz(func(t *testing.T, token, key, secret, name, passcode, shown string, now int64) {
		known := videosdk.Known{Key: key, Secret: secret, SessionName: name, Passcode: &passcode, ErrorShown: shown,
			Others: []videosdk.Credentials{{Key: "k", Secret: secret + "x"}}}
		if now != 0 {
			known.Now = time.Unix(now, 0)
		}
		r := videosdk.Inspect(token, known)
		checked := known
		if !looksLikeSecret(secret) {
			checked.Secret, checked.Others = "", nil // such text stands in any report
		}
		checkReport(t, r, checked)
		if !r.Sound() || r.Signature != videosdk.SignatureVerified || known.Now.IsZero() || key == "" {
			return
		}
		v, err := videosdk.NewVerifier([]videosdk.Credentials{{Key: key, Secret: secret}})
		if err != nil {
			return
		}
		if _, err := v.Verify(token, known.Now); err != nil {
			t.Errorf("called sound, but refused: %v\n%s", err, describeFindings(r))
		}
	})
}

// FuzzInspectSigned signs whatever header and payload it is given, so that the
// rules behind a good signature are reached: what is called sound must verify.
func FuzzInspectSigned(f *testing.F) {
	for _, v := range readInspectVectors(f) {
		parts := strings.Split(v.Token, ".")
		if len(parts) != 3 {
			continue
		}
		header, err1 := base64.RawURLEncoding.DecodeString(parts[0])
		payload, err2 := base64.RawURLEncoding.DecodeString(parts[1])
		if err1 == nil && err2 == nil {
			f.Add(string(header), string(payload))
		}
	}
	now := time.Unix(casesNow, 0)
	verifier, err := videosdk.NewVerifier([]videosdk.Credentials{{Key: casesKey, Secret: casesSecret}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		known := videosdk.Known{Key: casesKey, Secret: casesSecret, Now: now}
		token := makeToken(header, payload, casesSecret)
		r := videosdk.Inspect(token, known)
		checkReport(t, r, known)
		if _, err := verifier.Verify(token, now); err != nil && r.Sound() {
			t.Errorf("called sound, but refused: %v\n%s", err, describeFindings(r))
		}
	})
}

// looksLikeSecret reports whether s is so unlike other text that it can't be in a report by chance.
func looksLikeSecret(s string) bool {
	var upper, lower, digit bool
	for _, r := range s {
		upper, lower, digit = upper || unicode.IsUpper(r), lower || unicode.IsLower(r), digit || unicode.IsDigit(r)
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return upper && lower && digit
}

// TestInspectFindsSignedGrantsSound: what a Signer signs is sound, whatever the grant.
func TestInspectFindsSignedGrantsSound(t *testing.T) {
	creds := videosdk.Credentials{Key: casesKey, Secret: casesSecret}
	signer, err := videosdk.NewSigner(creds)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const nameChars = "abcxyzABCXYZ0189 !#$%&()+-:;<=.>?@[]^_{}|~,\\"
	text := func(chars string, most int) string {
		b := make([]byte, 1+rng.IntN(most))
		for i := range b {
			b[i] = chars[rng.IntN(len(chars))]
		}
		return string(b)
	}
	for range 3000 {
		g := videosdk.Grant{SessionName: text(nameChars, videosdk.MaxSessionName)}
		maybe := func() bool { return rng.IntN(2) == 0 }
		number := func(most int) *int { return new(rng.IntN(most + 1)) }
		if maybe() {
			g.Role = videosdk.Host
			g.CloudRecordingOption = number(1)
		}
		if maybe() {
			g.Life = videosdk.MinLife + time.Duration(rng.Int64N(int64((videosdk.MaxLife-videosdk.MinLife)/time.Second)+1))*time.Second
		}
		if maybe() {
			g.Passcode = text(nameChars, videosdk.MaxPasscode)
		}
		if maybe() {
			g.UserKey = text(nameChars+"'/\"ü", videosdk.MaxUserKey/2)
			g.UserKey = strings.ToValidUTF8(g.UserKey, "é")
		}
		if maybe() {
			g.SessionKey = text(nameChars, videosdk.MaxSessionKey)
		}
		if maybe() {
			g.GeoRegions = videosdk.GeoRegions()[:1+rng.IntN(12)]
		}
		if maybe() {
			g.CloudRecordingElection, g.CloudRecordingTranscriptOption = number(1), number(2)
			g.VideoWebRTCMode, g.AudioWebRTCMode = number(1), number(1)
			g.TelemetryTrackingID = text(nameChars, videosdk.MaxTelemetryID)
		}
		if maybe() {
			g.Extra = map[string]any{"tenant": "t1", "limits": map[string]any{"max": 3}, "topic": "x", "sessionKey": "y", "sub": "z"}
		}
		now := time.Unix(1_600_000_000+rng.Int64N(2_000_000_000), rng.Int64N(1e9))
		token, err := signer.Sign(g, now)
		if err != nil {
			t.Fatalf("%+v: %v", g, err)
		}
		known := videosdk.Known{Key: creds.Key, Secret: creds.Secret, SessionName: strings.ToUpper(g.SessionName), Now: now}
		if g.Passcode != "" {
			known.Passcode = &g.Passcode
		}
		if r := videosdk.Inspect(token, known); !r.Sound() || r.Signature != videosdk.SignatureVerified || r.Kind != videosdk.KindVideoSDK {
			t.Fatalf("%+v at %v: %s %s\n%s", g, now, r.Kind, r.Signature, describeFindings(r))
		}
	}
}
