package videosdk_test

// The vectors of vectors/tokens.json are written from the tables of this file
// by "go test ./videosdk -run TokenVectors -update-tokens". Header and payload
// of each token are written out by hand here, never by a Signer, and put
// together by makeToken. Implementations in other languages can run the file as
// it is; vectors/README.md explains it.

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

var updateTokens = flag.Bool("update-tokens", false, "write vectors/tokens.json anew")

const tokenVectorsFile = "../vectors/tokens.json"

// tokenVector is one case of vectors/tokens.json.
type tokenVector struct {
	Name   string          `json:"name"`
	Key    string          `json:"key"`
	Secret string          `json:"secret"`
	Now    int64           `json:"now"`
	Grant  *vectorGrant    `json:"grant"`
	Token  string          `json:"token"`
	Expect string          `json:"expect"`
	Claims json.RawMessage `json:"claims"` // the payload of a sound token, else null
}

// vectorGrant is a grant as it stands in a vector; absent fields are not given.
type vectorGrant struct {
	SessionName string                     `json:"sessionName"`
	Role        int                        `json:"role"`
	Backdate    int64                      `json:"backdateSeconds"`
	AnyName     bool                       `json:"anySessionName,omitempty"`
	Life        int64                      `json:"expirationSeconds,omitempty"`
	Passcode    string                     `json:"sessionPasscode,omitempty"`
	UserKey     string                     `json:"userKey,omitempty"`
	SessionKey  string                     `json:"sessionKey,omitempty"`
	GeoRegions  []string                   `json:"geoRegions,omitempty"`
	Option      *int                       `json:"cloudRecordingOption,omitempty"`
	Election    *int                       `json:"cloudRecordingElection,omitempty"`
	Transcript  *int                       `json:"cloudRecordingTranscriptOption,omitempty"`
	TelemetryID string                     `json:"telemetryTrackingId,omitempty"`
	VideoMode   *int                       `json:"videoWebRtcMode,omitempty"`
	AudioMode   *int                       `json:"audioWebRtcMode,omitempty"`
	Extra       map[string]json.RawMessage `json:"extra,omitempty"`
}

func (g vectorGrant) grant() videosdk.Grant {
	out := videosdk.Grant{
		SessionName: g.SessionName, Role: videosdk.Role(g.Role), Life: time.Duration(g.Life) * time.Second, Passcode: g.Passcode, UserKey: g.UserKey,
		SessionKey: g.SessionKey, GeoRegions: g.GeoRegions, CloudRecordingOption: g.Option, CloudRecordingElection: g.Election,
		CloudRecordingTranscriptOption: g.Transcript, TelemetryTrackingID: g.TelemetryID, VideoWebRTCMode: g.VideoMode, AudioWebRTCMode: g.AudioMode,
	}
	for name, value := range g.Extra {
		if out.Extra == nil {
			out.Extra = map[string]any{}
		}
		out.Extra[name] = value
	}
	return out
}

// reasonNames are the values that "expect" has besides "sound".
var reasonNames = map[string]error{
	"too-large": videosdk.ErrTooLarge, "malformed": videosdk.ErrMalformed, "algorithm": videosdk.ErrAlgorithm, "critical": videosdk.ErrCritical,
	"duplicate-claim": videosdk.ErrDuplicateClaim, "unknown-key": videosdk.ErrUnknownKey, "mismatch": videosdk.ErrMismatch,
	"missing-claim": videosdk.ErrMissingClaim, "claim-type": videosdk.ErrClaimType, "claim-value": videosdk.ErrClaimValue,
	"expired": videosdk.ErrExpired, "not-yet-valid": videosdk.ErrNotYetValid,
}

func tokenVectors() []tokenVector {
	const now = 1782907200
	var out []tokenVector
	sound := func(name string, g *vectorGrant, payload string) {
		out = append(out, tokenVector{name, testKey, testSecret, now, g, sign(testHeader, payload), "sound", json.RawMessage(payload)})
	}
	broken := func(expect, name, token string) {
		out = append(out, tokenVector{name, testKey, testSecret, now, nil, token, expect, nil})
	}
	at := func(expect, name string, now int64) {
		v := tokenVector{name, testKey, testSecret, now, nil, sign(testHeader, testPayload().String()), expect, nil}
		if expect == "sound" {
			v.Claims = json.RawMessage(testPayload().String())
		}
		out = append(out, v)
	}
	begin := func(role int, name string) string {
		return fmt.Sprintf(`{"app_key":"%s","role_type":%d,"tpc":%s,"version":1,"iat":1782907170,"exp":1782914400`, testKey, role, name)
	}

	sound("least", &vectorGrant{SessionName: "Cool Cars", Backdate: 30}, begin(0, `"Cool Cars"`)+"}")
	sound("host", &vectorGrant{SessionName: "Cool Cars", Role: 1, Backdate: 30, UserKey: "u1", SessionKey: "s1"},
		begin(1, `"Cool Cars"`)+`,"user_key":"u1","user_identity":"u1","session_key":"s1"}`)
	sound("everything, in the order that never changes", &vectorGrant{
		SessionName: "Cool Cars", Role: 1, Backdate: 30, Life: 7200, Passcode: "Ilovecars!", UserKey: "u1", SessionKey: "s1", GeoRegions: []string{"US", "DE"},
		Option: new(1), Election: new(1), Transcript: new(2), TelemetryID: "t1", VideoMode: new(1), AudioMode: new(1),
		Extra: map[string]json.RawMessage{"tenant": rawJSON(`"t7"`), "limits": rawJSON(`{"a":[1,true,null,1.5]}`)},
	}, begin(1, `"Cool Cars"`)+`,"pwd":"Ilovecars!","user_key":"u1","user_identity":"u1","session_key":"s1","geo_regions":"US,DE","cloud_recording_option":1,`+
		`"cloud_recording_election":1,"cloud_recording_transcript_option":2,"telemetry_tracking_id":"t1","video_webrtc_mode":1,"audio_webrtc_mode":1,`+
		`"limits":{"a":[1,true,null,1.5]},"tenant":"t7"}`)
	sound("zeros that were given", &vectorGrant{SessionName: "s", Backdate: 30, Option: new(0), Election: new(0), Transcript: new(0), VideoMode: new(0), AudioMode: new(0)},
		begin(0, `"s"`)+`,"cloud_recording_option":0,"cloud_recording_election":0,"cloud_recording_transcript_option":0,"video_webrtc_mode":0,"audio_webrtc_mode":0}`)
	sound("a region named twice", &vectorGrant{SessionName: "s", Backdate: 30, GeoRegions: []string{"DE", "US", "DE"}}, begin(0, `"s"`)+`,"geo_regions":"DE,US"}`)
	sound("every mark that a session name may have", &vectorGrant{SessionName: ` !#$%&()+-:;<=.>?@[]^_{}|~,\`, Backdate: 30}, begin(0, `" !#$%&()+-:;<=.>?@[]^_{}|~,\\"`)+"}")
	sound("text that JSON escapes, as JavaScript escapes it", &vectorGrant{SessionName: "s", Backdate: 30, Passcode: `"\/<&>'`, UserKey: "é\u2028" + car, Extra: map[string]json.RawMessage{"x": rawJSON(`"\u0000\b\t\n\u000b\f\r\u001b\""`)}},
		begin(0, `"s"`)+`,"pwd":"\"\\/<&>'","user_key":"é`+"\u2028"+car+`","user_identity":"é`+"\u2028"+car+`","x":"\u0000\b\t\n\u000b\f\r\u001b\""}`)
	sound("session name of 200", &vectorGrant{SessionName: strings.Repeat("n", 200), Backdate: 30}, begin(0, quoted(strings.Repeat("n", 200)))+"}")
	sound("session name outside the list, 200 in UTF-16 units", &vectorGrant{SessionName: strings.Repeat(car, 100), AnyName: true, Backdate: 30}, begin(0, `"`+strings.Repeat(car, 100)+`"`)+"}")
	life := func(iat, exp int64) string {
		return fmt.Sprintf(`{"app_key":"%s","role_type":0,"tpc":"s","version":1,"iat":%d,"exp":%d}`, testKey, iat, exp)
	}
	sound("shortest life", &vectorGrant{SessionName: "s", Life: 1800}, life(now, now+1800))
	sound("longest life", &vectorGrant{SessionName: "s", Life: 172800}, life(now, now+172800))
	sound("longest life, cut by the back-dating", &vectorGrant{SessionName: "s", Life: 172800, Backdate: 600}, life(now-600, now-600+172800))
	out = append(out, tokenVector{"secret of one character", testKey, "s", now, &vectorGrant{SessionName: "Cool Cars", Backdate: 30},
		makeToken(testHeader, begin(0, `"Cool Cars"`)+"}", "s"), "sound", json.RawMessage(begin(0, `"Cool Cars"`) + "}")})
	longSecret := strings.Repeat("0123456789abcdef", 5)
	out = append(out, tokenVector{"secret longer than a block of SHA-256, and all hexadecimal", testKey, longSecret, now, &vectorGrant{SessionName: "Cool Cars", Backdate: 30},
		makeToken(testHeader, begin(0, `"Cool Cars"`)+"}", longSecret), "sound", json.RawMessage(begin(0, `"Cool Cars"`) + "}")})
	sound("in another order and with white space", nil, ` { "exp":1782914400,"iat":1782907170 , "version":1,"tpc":"Cool Cars","role_type":0,"app_key":"`+testKey+`" } `)
	sound("names and text escaped", nil, `{"\u0061pp_key":"`+testKey+`","role_type":0,"tpc":"Cool\u0020Cars","version":1,"iat":1782907170,"exp":1782914400}`)
	sound("nbf that has come", nil, begin(0, `"s"`)+`,"nbf":1782907200}`)
	out = append(out, tokenVector{"header in another order, with a kid", testKey, testSecret, now, nil, sign(`{"typ":"jwt","kid":"1","alg":"HS256"}`, testPayload().String()), "sound", json.RawMessage(testPayload().String())})
	at("sound", "at the moment of iat", 1782907170)
	at("not-yet-valid", "a second before iat", 1782907169)
	at("sound", "a second before exp", 1782914399)
	at("expired", "at the moment of exp", 1782914400)
	at("expired", "a second after exp", 1782914401)

	token := sign(testHeader, testPayload().String())
	ps := strings.Split(token, ".")
	set := func(claim, value string) string { return sign(testHeader, testPayload().with(claim, value).String()) }
	more := func(members string) string {
		return sign(testHeader, strings.TrimSuffix(testPayload().String(), "}")+","+members+"}")
	}
	broken("not-yet-valid", "nbf ahead", set("nbf", "1782907201"))
	broken("mismatch", "signed with another secret", makeToken(testHeader, testPayload().String(), testSecret+"x"))
	broken("mismatch", "signed with an empty secret", makeToken(testHeader, testPayload().String(), ""))
	broken("mismatch", "no MAC", ps[0]+"."+ps[1]+".")
	broken("mismatch", "half a MAC", ps[0]+"."+ps[1]+"."+ps[2][:22]+"A")
	broken("mismatch", "payload changed", ps[0]+"."+b64(testPayload().with("role_type", "1").String())+"."+ps[2])
	broken("mismatch", "header changed", b64(`{"alg":"HS256"}`)+"."+ps[1]+"."+ps[2])
	for _, alg := range []string{`"none"`, `"None"`, `"hs256"`, `"HS512"`, `"RS256"`, `["HS256"]`, "null"} {
		broken("algorithm", "alg "+strings.ReplaceAll(alg, `"`, ""), sign(`{"alg":`+alg+`,"typ":"JWT"}`, testPayload().String()))
	}
	broken("algorithm", "alg none without a MAC", b64(`{"alg":"none","typ":"JWT"}`)+"."+ps[1]+".")
	broken("algorithm", "no alg", sign(`{"typ":"JWT"}`, testPayload().String()))
	broken("critical", "crit", sign(`{"alg":"HS256","crit":["exp"],"exp":1}`, testPayload().String()))
	broken("critical", "crit empty", sign(`{"alg":"HS256","crit":[]}`, testPayload().String()))
	broken("malformed", "empty", "")
	broken("malformed", "two parts", ps[0]+"."+ps[1])
	broken("malformed", "four parts", token+".")
	broken("malformed", "many dots", strings.Repeat(".", 1000))
	broken("malformed", "padding", token+"=")
	broken("malformed", "line break inside", ps[0]+"."+ps[1][:9]+"\n"+ps[1][9:]+"."+ps[2])
	broken("malformed", "line break behind", token+"\n")
	broken("malformed", "Bearer", "Bearer "+token)
	broken("malformed", "the other base64 alphabet", remac(ps[0], strings.NewReplacer("-", "+", "_", "/").Replace(b64(testPayload().with("x", `"~~~???~~~???"`).String()))))
	broken("malformed", "bits behind the MAC", token[:len(token)-1]+string(token[len(token)-1]+1))
	broken("malformed", "payload and more", sign(testHeader, testPayload().String()+"{}"))
	broken("malformed", "payload is an array", sign(testHeader, "["+testPayload().String()+"]"))
	broken("malformed", "payload is not UTF-8", sign(testHeader, testPayload().with("x", "\"\xff\"").String()))
	broken("malformed", "half of a surrogate pair", set("x", `"\ud83d"`))
	broken("malformed", "nested too deep", set("x", strings.Repeat("[", 8)+strings.Repeat("]", 8)))
	broken("malformed", "too many claims", more(manyMembers(95)))
	broken("malformed", "typ of another kind", sign(`{"alg":"HS256","typ":"at+jwt"}`, testPayload().String()))
	broken("too-large", "16385 bytes", strings.Repeat("A", 16385))
	broken("duplicate-claim", "exp twice", more(`"exp":1782914400`))
	broken("duplicate-claim", "exp twice, once escaped", more(`"\u0065xp":1782999999`))
	broken("duplicate-claim", "twice within a claim", more(`"x":{"a":1,"a":1}`))
	broken("duplicate-claim", "alg twice", sign(`{"alg":"none","alg":"HS256"}`, testPayload().String()))
	broken("unknown-key", "another key", set("app_key", `"another"`))
	for _, claim := range []string{"app_key", "role_type", "tpc", "version", "iat", "exp"} {
		broken("missing-claim", "no "+claim, sign(testHeader, testPayload().without(claim).String()))
	}
	broken("claim-type", "role as text", set("role_type", `"1"`))
	broken("claim-type", "role with a fraction", set("role_type", "1.0"))
	broken("claim-type", "version as text", set("version", `"1"`))
	broken("claim-type", "exp as text", set("exp", `"1782914400"`))
	broken("claim-type", "exp with an exponent", set("exp", "17829144e2"))
	broken("claim-type", "exp out of all bounds", set("exp", "1e999"))
	broken("claim-type", "session name as number", set("tpc", "1"))
	broken("claim-type", "user key is null", set("user_key", "null"))
	broken("claim-type", "regions as array", set("geo_regions", `["DE"]`))
	broken("claim-value", "role 2", set("role_type", "2"))
	broken("claim-value", "version 2", set("version", "2"))
	broken("claim-value", "session name empty", set("tpc", `""`))
	broken("claim-value", "session name of 201", set("tpc", quoted(strings.Repeat("n", 201))))
	broken("claim-value", "session name of 201 in UTF-16 units", set("tpc", `"n`+strings.Repeat(car, 100)+`"`))
	broken("claim-value", "passcode of 11", set("pwd", `"0123456789a"`))
	broken("claim-value", "user key of 37", set("user_key", quoted(strings.Repeat("u", 37))))
	broken("claim-value", "session key of 37", set("session_key", quoted(strings.Repeat("s", 37))))
	broken("claim-value", "recording option 2", set("cloud_recording_option", "2"))
	broken("claim-value", "transcript option 3", set("cloud_recording_transcript_option", "3"))
	broken("claim-value", "life of 1799 s", set("exp", "1782908969"))
	broken("claim-value", "life of 48 h and 1 s", set("exp", "1783079971"))
	broken("claim-value", "times in milliseconds", sign(testHeader, testPayload().with("iat", "1782907170000").with("exp", "1782914400000").String()))
	return out
}

func encodeTokenVectors(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("[\n")
	vectors := tokenVectors()
	for i, v := range vectors {
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		b.WriteString("  ")
		b.Write(bytes.TrimSpace(line.Bytes()))
		if i < len(vectors)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes()
}

func TestTokenVectors(t *testing.T) {
	made := encodeTokenVectors(t)
	if *updateTokens {
		if err := os.WriteFile(tokenVectorsFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(tokenVectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, made) {
		t.Error("vectors/tokens.json is not what the tables say; look at the difference after: go test ./videosdk -run TokenVectors -update-tokens")
	}
	var vectors []tokenVector
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var names []string
	for _, v := range vectors {
		if slices.Contains(names, v.Name) {
			t.Errorf("two vectors are called %q", v.Name)
		}
		names = append(names, v.Name)
		seen[v.Expect]++
		t.Run(v.Name, v.run)
	}
	for name := range reasonNames {
		if seen[name] == 0 {
			t.Errorf("no vector expects %q", name)
		}
	}
}

func (v tokenVector) run(t *testing.T) {
	creds := videosdk.Credentials{Key: v.Key, Secret: v.Secret}
	now := time.Unix(v.Now, 0)
	verifier, err := videosdk.NewVerifier([]videosdk.Credentials{creds})
	if err != nil {
		t.Fatal(err)
	}
	c, err := verifier.Verify(v.Token, now)
	if v.Expect != "sound" {
		if v.Grant != nil || string(v.Claims) != "null" {
			t.Error("a broken token with a grant or claims")
		}
		if want := reasonNames[v.Expect]; want == nil || !errors.Is(err, want) {
			t.Errorf("refused for %v, want %s", err, v.Expect)
		}
		for name, other := range reasonNames {
			if name != v.Expect && errors.Is(err, other) && v.Name != "times in milliseconds" {
				t.Errorf("refused for %s, too: %v", name, err)
			}
		}
		return
	}
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(v.Claims, &claims); err != nil {
		t.Fatal(err)
	}
	var said struct {
		AppKey  string `json:"app_key"`
		Role    int    `json:"role_type"`
		Topic   string `json:"tpc"`
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
		UserKey string `json:"user_key"`
	}
	if err := json.Unmarshal(v.Claims, &said); err != nil {
		t.Fatal(err)
	}
	if c.AppKey != said.AppKey || int(c.Role) != said.Role || c.SessionName != said.Topic || c.IssuedAt.Unix() != said.Issued || c.ExpiresAt.Unix() != said.Expires || c.UserKey != said.UserKey {
		t.Errorf("%+v, want %s", c, v.Claims)
	}
	for name, value := range c.Extra {
		if !reflect.DeepEqual(value, claims[name]) {
			t.Errorf("%s is %s, want %s", name, value, claims[name])
		}
	}
	if v.Grant == nil {
		return
	}
	opts := []videosdk.SignerOption{videosdk.WithBackdate(time.Duration(v.Grant.Backdate) * time.Second)}
	if v.Grant.AnyName {
		opts = append(opts, videosdk.WithAnySessionName())
	}
	signer, err := videosdk.NewSigner(creds, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := signer.Sign(v.Grant.grant(), now); err != nil || token != v.Token {
		t.Errorf("signed  %s, %v\nwant    %s", token, err, v.Token)
	}
}
