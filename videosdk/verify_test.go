package videosdk_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

const testHeader = `{"alg":"HS256","typ":"JWT"}`

func newVerifier(t testing.TB, opts ...videosdk.VerifierOption) *videosdk.Verifier {
	t.Helper()
	v, err := videosdk.NewVerifier([]videosdk.Credentials{testCredentials()}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// testPayload is the payload of a sound signature: a participant in "Cool Cars" for two hours.
func testPayload() payload {
	return payload{
		{"app_key", quoted(testKey)}, {"role_type", "0"}, {"tpc", `"Cool Cars"`}, {"version", "1"},
		{"iat", "1782907170"}, {"exp", "1782914400"},
	}
}

// sign makes a token of any header and payload with the right secret.
func sign(header, payload string) string { return makeToken(header, payload, testSecret) }

// remac puts the right MAC behind the parts of token as they stand.
func remac(parts ...string) string {
	input := strings.Join(parts, ".")
	return input + "." + b64(rawMAC(sha256.New, input, testSecret))
}

// refusal is what a token must be refused for: the reason, the claim if there is one, and the whole message.
type refusal struct {
	name, token string
	err         error
	claim       string
	message     string // "" for any
}

func checkRefusals(t *testing.T, v *videosdk.Verifier, cases []refusal) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, err := v.Verify(tc.token, testNow)
			if c != nil || !errors.Is(err, tc.err) {
				t.Fatalf("%+v, %v; want %v", c, err, tc.err)
			}
			fault, ok := errors.AsType[*videosdk.VerifyError](err)
			if !ok || fault.Claim != tc.claim {
				t.Errorf("%T for claim %q: %v", err, fault.Claim, err)
			}
			if tc.message != "" && err.Error() != tc.message {
				t.Errorf("got  %v\nwant %s", err, tc.message)
			}
		})
	}
}

func TestVerifyReturnsWhatWasSigned(t *testing.T) {
	v := newVerifier(t)
	token, err := newSigner(t).Sign(everything(), testNow)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify(token, testNow)
	if err != nil {
		t.Fatal(err)
	}
	want := &videosdk.Claims{
		AppKey: testKey, Role: videosdk.Host, SessionName: "Cool Cars", IssuedAt: testNow.Add(-30 * time.Second), ExpiresAt: testNow.Add(time.Hour),
		Passcode: "Ilovecars!", UserKey: "u1", SessionKey: "s1", GeoRegions: "US,DE,AU", CloudRecordingOption: new(1), CloudRecordingElection: new(0),
		CloudRecordingTranscriptOption: new(2), TelemetryTrackingID: "t1", VideoWebRTCMode: new(1), AudioWebRTCMode: new(0),
		Extra: map[string]json.RawMessage{"B": rawJSON(`{"x":2,"y":1}`), "a": rawJSON(`[true,null,1.5,"x"]`), "z": rawJSON("1")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// Appending to one extra claim must not reach into another.
	_ = append(got.Extra["B"], "XXXXXXXXXXXX"...)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("claims share memory: %s", got.Extra)
	}
}

func TestVerifyTakesEverySoundForm(t *testing.T) {
	v := newVerifier(t)
	for name, token := range map[string]string{
		"members in another order":     sign(testHeader, `{"exp":1782914400,"iat":1782907170,"version":1,"tpc":"Cool Cars","role_type":0,"app_key":"`+testKey+`"}`),
		"white space":                  sign(" {\r\n\t\"typ\" : \"JWT\",\n\"alg\":\"HS256\" } ", " {\n\"app_key\" : \""+testKey+"\" , \"role_type\":0,\"tpc\":\"Cool Cars\",\"version\":1,\"iat\":1782907170,\"exp\":1782914400\r\n}\t"),
		"escapes":                      sign(`{"\u0061lg":"HS\u003256"}`, strings.Replace(testPayload().String(), "Cool Cars", `Cool\u0020\u0043ars`, 1)),
		"no typ":                       sign(`{"alg":"HS256"}`, testPayload().String()),
		"typ in lower case":            sign(`{"alg":"HS256","typ":"jwt"}`, testPayload().String()),
		"more in the header":           sign(`{"alg":"HS256","kid":"k","jku":"https://x.example","x":{"crit":["alg"]}}`, testPayload().String()),
		"nbf that has come":            sign(testHeader, testPayload().with("nbf", "1782907200").String()),
		"claims of other libraries":    sign(testHeader, testPayload().with("iss", `"x"`).with("jti", "7").with("aud", `["a"]`).String()),
		"shortest life":                sign(testHeader, testPayload().with("exp", "1782908970").String()),
		"longest life":                 sign(testHeader, testPayload().with("exp", "1783079970").String()),
		"user_identity alone":          sign(testHeader, testPayload().with("user_identity", `"Cool Cars"`).String()),
		"claims in another case apart": sign(testHeader, testPayload().with("EXP", "1").with("Tpc", `"x"`).String()),
	} {
		c, err := v.Verify(token, testNow)
		if err != nil || c.SessionName != "Cool Cars" || c.AppKey != testKey {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	c, err := v.Verify(sign(testHeader, testPayload().with("user_identity", `"u9"`).with("EXP", "1").String()), testNow)
	if err != nil || c.UserKey != "u9" || string(c.Extra["EXP"]) != "1" || len(c.Extra) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	// Where the two names of the user differ, the one that Zoom documents counts.
	c, err = v.Verify(sign(testHeader, testPayload().with("user_identity", `"old"`).with("user_key", `"new"`).String()), testNow)
	if err != nil || c.UserKey != "new" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestVerifyRefusesTheForm(t *testing.T) {
	sound := sign(testHeader, testPayload().String())
	ps := strings.Split(sound, ".")
	if _, err := newVerifier(t).Verify(sound, testNow); err != nil {
		t.Fatal(err)
	}
	const threeParts = "signature is not a well-formed JWT: it must have three parts with a dot between them"
	notCanonical := func(which string) string {
		return "signature is not a well-formed JWT: its " + which + " part is not canonical base64url without padding"
	}
	// The last character of a MAC carries four bits, that of a part of 3n+2 bytes too, of 3n+1 bytes two: the others must be zero.
	loose := func(part string) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		return part[:len(part)-1] + string(alphabet[strings.IndexByte(alphabet, part[len(part)-1])|1])
	}
	odd := testPayload().with("a", `""`).String()
	for len(odd)%3 == 0 {
		odd += " "
	}
	// A payload with both characters in which the alphabets differ.
	marks := testPayload().with("m", `"~~~???~~~???"`).String()
	std := base64.RawStdEncoding.EncodeToString([]byte(marks))
	if !strings.ContainsAny(std, "+/") {
		t.Fatal("the payload doesn't tell the alphabets apart")
	}
	checkRefusals(t, newVerifier(t), []refusal{
		{"empty", "", videosdk.ErrMalformed, "", threeParts},
		{"no dot", strings.ReplaceAll(sound, ".", ""), videosdk.ErrMalformed, "", threeParts},
		{"one dot", ps[0] + "." + ps[1], videosdk.ErrMalformed, "", threeParts},
		{"a dot behind", sound + ".", videosdk.ErrMalformed, "", threeParts},
		{"a dot before", "." + sound, videosdk.ErrMalformed, "", threeParts},
		{"four parts", sound + "." + ps[2], videosdk.ErrMalformed, "", threeParts},
		{"five parts, as of an encrypted JWT", sound + ".a.b", videosdk.ErrMalformed, "", threeParts},
		{"nothing but dots", strings.Repeat(".", videosdk.MaxTokenBytes), videosdk.ErrMalformed, "", threeParts},
		{"two dots", "..", videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its first part is not a JSON object"},
		{"no header", remac("", ps[1]), videosdk.ErrMalformed, "", ""},
		{"no payload", remac(ps[0], ""), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is not a JSON object"},
		{"no MAC", ps[0] + "." + ps[1] + ".", videosdk.ErrMismatch, "", "signature does not verify with the SDK secret"},
		{"half a MAC", ps[0] + "." + ps[1] + "." + b64(string(mustDecode(t, ps[2])[:16])), videosdk.ErrMismatch, "", ""},
		{"MAC and more", ps[0] + "." + ps[1] + "." + b64(string(mustDecode(t, ps[2]))+"x"), videosdk.ErrMismatch, "", ""},
		{"MAC twice", ps[0] + "." + ps[1] + "." + b64(string(mustDecode(t, ps[2]))+string(mustDecode(t, ps[2]))), videosdk.ErrMismatch, "", ""},
		{"MAC in hexadecimal", ps[0] + "." + ps[1] + "." + fmt.Sprintf("%x", mustDecode(t, ps[2])), videosdk.ErrMismatch, "", ""},
		{"all zero MAC", ps[0] + "." + ps[1] + "." + b64(strings.Repeat("\x00", 32)), videosdk.ErrMismatch, "", ""},
		{"another secret", makeToken(testHeader, testPayload().String(), testSecret+"x"), videosdk.ErrMismatch, "", ""},
		{"empty secret", makeToken(testHeader, testPayload().String(), ""), videosdk.ErrMismatch, "", ""},
		{"key as secret", makeToken(testHeader, testPayload().String(), testKey), videosdk.ErrMismatch, "", ""},

		{"padded header", remac(ps[0]+"=", ps[1]), videosdk.ErrMalformed, "", notCanonical("first")},
		{"padded payload", remac(ps[0], base64.URLEncoding.EncodeToString([]byte(odd))), videosdk.ErrMalformed, "", notCanonical("second")},
		{"padded MAC", sound + "=", videosdk.ErrMalformed, "", notCanonical("third")},
		{"trailing bits in the MAC", ps[0] + "." + ps[1] + "." + loose(ps[2]), videosdk.ErrMalformed, "", notCanonical("third")},
		{"trailing bits in the payload", remac(ps[0], loose(b64(odd))), videosdk.ErrMalformed, "", notCanonical("second")},
		{"trailing bits in the header", remac(loose(b64(testHeader+" ")), ps[1]), videosdk.ErrMalformed, "", notCanonical("first")},
		{"standard alphabet", remac(ps[0], std), videosdk.ErrMalformed, "", notCanonical("second")},
		{"a character too few", remac(ps[0], b64(strings.Repeat(" ", len(odd)*3))+"A"), videosdk.ErrMalformed, "", notCanonical("second")},
		{"line break in the header", remac(ps[0][:9]+"\n"+ps[0][9:], ps[1]), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: there is a line break in its first part"},
		{"line break in the payload", remac(ps[0], ps[1][:20]+"\r\n"+ps[1][20:]), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: there is a line break in its second part"},
		{"line break behind", sound + "\n", videosdk.ErrMalformed, "", "signature is not a well-formed JWT: there is a line break in its third part"},
		{"line break before", "\n" + sound, videosdk.ErrMalformed, "", "signature is not a well-formed JWT: there is a line break in its first part"},
		{"space behind", sound + " ", videosdk.ErrMalformed, "", notCanonical("third")},
		{"Bearer", "Bearer " + sound, videosdk.ErrMalformed, "", notCanonical("first")},
		{"quotes", `"` + sound + `"`, videosdk.ErrMalformed, "", notCanonical("first")},
		{"NUL behind", sound + "\x00", videosdk.ErrMalformed, "", notCanonical("third")},
		{"not ASCII", remac(ps[0], ps[1]+"é"), videosdk.ErrMalformed, "", notCanonical("second")},

		{"largest and refused for its text", strings.Repeat("a", videosdk.MaxTokenBytes), videosdk.ErrMalformed, "", threeParts},
		{"too large by one", strings.Repeat("a", videosdk.MaxTokenBytes+1), videosdk.ErrTooLarge, "", "signature is too large: 16385 bytes, at most 16384 are looked at"},
		{"too large though sound", sign(testHeader, testPayload().with("x", quoted(strings.Repeat("x", videosdk.MaxTokenBytes))).String()), videosdk.ErrTooLarge, "", ""},

		{"payload behind the payload", sign(testHeader, testPayload().String()+testPayload().String()), videosdk.ErrMalformed, "", ""},
		{"payload and a comma", sign(testHeader, testPayload().String()+","), videosdk.ErrMalformed, "", ""},
		{"payload and a NUL", sign(testHeader, testPayload().String()+"\x00"), videosdk.ErrMalformed, "", ""},
		{"header and more", sign(testHeader+"x", testPayload().String()), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its first part has more behind the JSON object, at byte 27"},
		{"byte order mark", sign(testHeader, "\ufeff"+testPayload().String()), videosdk.ErrMalformed, "", ""},
		{"payload is an array", sign(testHeader, "["+testPayload().String()+"]"), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is not a JSON object"},
		{"payload is null", sign(testHeader, "null"), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is not a JSON object"},
		{"payload is not closed", sign(testHeader, strings.TrimSuffix(testPayload().String(), "}")), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part ends where ',' or '}' was expected"},
		{"payload is not UTF-8", sign(testHeader, testPayload().with("x", "\"\xff\"").String()), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is not valid UTF-8"},
		{"half of a surrogate pair", sign(testHeader, testPayload().with("x", `"\ud83d"`).String()), videosdk.ErrMalformed, "", ""},
		{"halves the wrong way round", sign(testHeader, testPayload().with("x", `"\ude97\ud83d"`).String()), videosdk.ErrMalformed, "", ""},
		{"depth of arrays", sign(testHeader, testPayload().with("x", strings.Repeat("[", 4000)+strings.Repeat("]", 4000)).String()), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is nested deeper than 8"},
		{"depth of objects", sign(testHeader, testPayload().with("x", strings.Repeat(`{"a":`, 1500)+"1"+strings.Repeat("}", 1500)).String()), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is nested deeper than 8"},
		{"depth that never ends", sign(testHeader, strings.Repeat(`{"a":[`, 1500)), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part is nested deeper than 8"},
		{"depth in the header", sign(`{"alg":"HS256","x":`+strings.Repeat("[", 4000)+strings.Repeat("]", 4000)+"}", testPayload().String()), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its first part is nested deeper than 8"},
		{"too many claims", sign(testHeader, "{"+manyMembers(101)+"}"), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its second part has more than 100 members"},
	})
}

func manyMembers(n int) string {
	var ms []string
	for i := range n {
		ms = append(ms, fmt.Sprintf(`"m%d":%d`, i, i))
	}
	return strings.Join(ms, ",")
}

func mustDecode(t testing.TB, part string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerifyRefusesTheHeader(t *testing.T) {
	body := testPayload().String()
	var cases []refusal
	for _, alg := range []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `""`, `"hs256"`, `"Hs256"`, `"HS256 "`, `" HS256"`, `"HS256\u0000"`, `"HS384"`, `"HS512"`, `"RS256"`, `"ES256"`, `"PS256"`, `"EdDSA"`,
		`"HS-256"`, `"SHA256"`, `["HS256"]`, `{"HS256":1}`, `null`, `true`, `256`, `0`,
	} {
		h := `{"alg":` + alg + `,"typ":"JWT"}`
		cases = append(cases, refusal{"alg " + alg, sign(h, body), videosdk.ErrAlgorithm, "", "signature does not use HS256"},
			refusal{"alg " + alg + " without a MAC", b64(h) + "." + b64(body) + ".", videosdk.ErrAlgorithm, "", ""})
	}
	cases = append(cases, []refusal{
		{"no alg", sign(`{"typ":"JWT"}`, body), videosdk.ErrAlgorithm, "", ""},
		{"empty header", sign(`{}`, body), videosdk.ErrAlgorithm, "", ""},
		{"ALG", sign(`{"ALG":"HS256","typ":"JWT"}`, body), videosdk.ErrAlgorithm, "", ""},
		{"alg within", sign(`{"x":{"alg":"HS256"}}`, body), videosdk.ErrAlgorithm, "", ""},
		{"crit", sign(`{"alg":"HS256","typ":"JWT","crit":["exp"],"exp":1}`, body), videosdk.ErrCritical, "", "signature has critical header extensions"},
		{"crit of an extension that changes the payload", sign(`{"alg":"HS256","b64":false,"crit":["b64"]}`, body), videosdk.ErrCritical, "", ""},
		{"crit empty", sign(`{"alg":"HS256","crit":[]}`, body), videosdk.ErrCritical, "", ""},
		{"crit null", sign(`{"alg":"HS256","crit":null}`, body), videosdk.ErrCritical, "", ""},
		{"crit escaped", sign(`{"alg":"HS256","cri\u0074":["exp"]}`, body), videosdk.ErrCritical, "", ""},
		{"alg twice", sign(`{"alg":"HS256","alg":"HS256"}`, body), videosdk.ErrDuplicateClaim, "alg", "signature has a claim twice: alg"},
		{"alg twice, once escaped", sign(`{"alg":"none","\u0061\u006C\u0067":"HS256"}`, body), videosdk.ErrDuplicateClaim, "alg", ""},
		{"typ twice", sign(`{"typ":"JWT","alg":"HS256","typ":"JWT"}`, body), videosdk.ErrDuplicateClaim, "typ", ""},
		{"twice within", sign(`{"alg":"HS256","x":{"y":1,"y":1}}`, body), videosdk.ErrDuplicateClaim, "y", ""},
		{"typ of another kind", sign(`{"alg":"HS256","typ":"at+jwt"}`, body), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: the header's typ is not JWT"},
		{"typ is a number", sign(`{"alg":"HS256","typ":1}`, body), videosdk.ErrMalformed, "", ""},
		{"header is a string", sign(`"HS256"`, body), videosdk.ErrMalformed, "", "signature is not a well-formed JWT: its first part is not a JSON object"},
	}...)
	checkRefusals(t, newVerifier(t), cases)
}

func TestVerifyRefusesTheClaims(t *testing.T) {
	var cases []refusal
	add := func(name, payload string, err error, claim, message string) {
		cases = append(cases, refusal{name, sign(testHeader, payload), err, claim, message})
	}
	set := func(claim, value string) string { return testPayload().with(claim, value).String() }
	required := []string{"app_key", "role_type", "tpc", "version", "iat", "exp"}
	for _, claim := range required {
		add("no "+claim, testPayload().without(claim).String(), videosdk.ErrMissingClaim, claim, "signature lacks a claim: "+claim)
		add(claim+" under a name in capitals", testPayload().renamed(claim, strings.ToUpper(claim)).String(), videosdk.ErrMissingClaim, claim, "")
	}
	for _, claim := range []string{"app_key", "tpc", "pwd", "user_key", "user_identity", "session_key", "geo_regions", "telemetry_tracking_id"} {
		for value, kind := range map[string]string{"1": "a number", "null": "null", "true": "a boolean", `["a"]`: "an array", `{"a":1}`: "an object"} {
			add(claim+" is "+value, set(claim, value), videosdk.ErrClaimType, claim, "signature has a claim of the wrong type: "+claim+": is "+kind+", must be a string")
		}
	}
	for _, claim := range []string{"role_type", "version", "iat", "exp", "nbf", "cloud_recording_option", "cloud_recording_election", "cloud_recording_transcript_option", "video_webrtc_mode", "audio_webrtc_mode"} {
		for value, kind := range map[string]string{
			`"1"`: "a string", "null": "null", "true": "a boolean", "false": "a boolean", "[1]": "an array", `{"a":1}`: "an object",
			"1.0": "a number", "1e0": "a number", "1.5": "a number", "1E+0": "a number", "9223372036854775808": "a number", "-9223372036854775809": "a number",
			"1e999": "a number", strings.Repeat("9", 4000): "a number", "1782914400.0": "a number",
		} {
			name := fmt.Sprintf("%s is %.30s", claim, value)
			add(name, set(claim, value), videosdk.ErrClaimType, claim, "signature has a claim of the wrong type: "+claim+": is "+kind+", must be a whole number")
		}
	}
	for _, claim := range []string{"role_type", "cloud_recording_option", "cloud_recording_election", "cloud_recording_transcript_option", "video_webrtc_mode", "audio_webrtc_mode"} {
		above := "2"
		if claim == "cloud_recording_transcript_option" {
			above = "3"
		}
		for _, value := range []string{"-1", above, "4294967297", "9223372036854775807", "-9223372036854775808"} {
			add(claim+" is "+value, set(claim, value), videosdk.ErrClaimValue, claim, "")
		}
	}
	for _, value := range []string{"0", "2", "-1"} {
		add("version is "+value, set("version", value), videosdk.ErrClaimValue, "version", "signature has a claim outside its limits: version: is "+value+", must be 1")
	}
	for _, claim := range []string{"iat", "exp", "nbf"} {
		for _, value := range []string{"-1", "253402300800", "9223372036854775807", "-9223372036854775808"} {
			add(claim+" is "+value, set(claim, value), videosdk.ErrClaimValue, claim, "signature has a claim outside its limits: "+claim+": is "+value+", must be epoch seconds")
		}
	}
	for claim, limit := range map[string]int{"tpc": 200, "pwd": 10, "user_key": 36, "user_identity": 36, "session_key": 36} {
		add(claim+" too long", set(claim, quoted(strings.Repeat("x", limit+1))), videosdk.ErrClaimValue, claim,
			fmt.Sprintf("signature has a claim outside its limits: %s: has %d characters, at most %d are allowed", claim, limit+1, limit))
		add(claim+" too long in UTF-16", set(claim, quoted(strings.Repeat(car, limit/2)+"x")), videosdk.ErrClaimValue, claim, "")
	}
	add("tpc empty", set("tpc", `""`), videosdk.ErrClaimValue, "tpc", "signature has a claim outside its limits: tpc: is empty")
	add("app_key unknown", set("app_key", `"other"`), videosdk.ErrUnknownKey, "app_key", "signature was made with an unknown SDK key: app_key")
	add("app_key empty", set("app_key", `""`), videosdk.ErrUnknownKey, "app_key", "")
	add("app_key in another case", set("app_key", quoted(strings.ToLower(testKey))), videosdk.ErrUnknownKey, "app_key", "")

	add("life of 1799 s", set("exp", "1782908969"), videosdk.ErrClaimValue, "exp", "signature has a claim outside its limits: exp: is 1799 s after iat, must be 1800 to 172800")
	add("life of 48 h and 1 s", set("exp", "1783079971"), videosdk.ErrClaimValue, "exp", "signature has a claim outside its limits: exp: is 172801 s after iat, must be 1800 to 172800")
	add("times in milliseconds", testPayload().with("iat", "1782907170000").with("exp", "1782914400000").String(), videosdk.ErrClaimValue, "iat", "")
	add("for ever", set("exp", "253402300799"), videosdk.ErrClaimValue, "exp", "")

	inner := testPayload().String()
	more := func(members string) string { return strings.TrimSuffix(inner, "}") + "," + members + "}" }
	add("exp twice", more(`"exp":1782914401`), videosdk.ErrDuplicateClaim, "exp", "signature has a claim twice: exp")
	add("exp twice, equal", more(`"exp":1782914400`), videosdk.ErrDuplicateClaim, "exp", "")
	add("exp twice, once escaped", more(`"\u0065xp":9999999999`), videosdk.ErrDuplicateClaim, "exp", "")
	add("app_key twice", more(`"app_key":"other"`), videosdk.ErrDuplicateClaim, "app_key", "")
	add("unknown twice", more(`"a":1,"a":2`), videosdk.ErrDuplicateClaim, "a", "")
	add("twice within", more(`"a":[{"b":{"c":1,"c":2}}]`), videosdk.ErrDuplicateClaim, "c", "")
	add("astral name twice", more(`"`+car+`":1,"\ud83d\ude97":2`), videosdk.ErrDuplicateClaim, car, `signature has a claim twice: "`+car+`"`)
	add("name that breaks lines", more(`"a\nERROR b":1,"a\nERROR b":2`), videosdk.ErrDuplicateClaim, "a\nERROR b", `signature has a claim twice: "a\nERROR b"`)
	add("name without end", more(`"`+strings.Repeat("n", 999)+`":1,"`+strings.Repeat("n", 999)+`":2`), videosdk.ErrDuplicateClaim, strings.Repeat("n", 999),
		`signature has a claim twice: "`+strings.Repeat("n", 40)+`"…`)
	checkRefusals(t, newVerifier(t), cases)
}

// Until the MAC has been checked nothing else of the payload is judged or told.
func TestVerifyJudgesClaimsAfterTheMAC(t *testing.T) {
	forged := testPayload().with("role_type", `"1"`).with("exp", "1").String()
	checkRefusals(t, newVerifier(t), []refusal{
		{"wrong MAC", makeToken(testHeader, forged, "other"), videosdk.ErrMismatch, "", "signature does not verify with the SDK secret"},
		{"unknown key", makeToken(testHeader, testPayload().with("exp", "1").with("app_key", `"x"`).String(), testSecret), videosdk.ErrUnknownKey, "app_key", ""},
	})
}

func TestVerifyReportsEveryClaimAtFault(t *testing.T) {
	p := testPayload().with("role_type", "7").with("tpc", `""`).with("version", `"1"`).with("iat", "1782999999").with("exp", "1782907199").with("nbf", "1782999999").with("pwd", "1").with("audio_webrtc_mode", "2")
	c, err := newVerifier(t).Verify(sign(testHeader, p.String()), testNow)
	const want = `signature has a claim outside its limits: role_type: is 7, must be 0 to 1
signature has a claim outside its limits: tpc: is empty
signature has a claim of the wrong type: version: is a string, must be a whole number
signature is not valid yet: iat: lies 25h46m39s ahead
signature is not valid yet: nbf: lies 25h46m39s ahead
signature has expired: exp: 1s ago
signature has a claim outside its limits: exp: is -92800 s after iat, must be 1800 to 172800
signature has a claim of the wrong type: pwd: is a number, must be a string
signature has a claim outside its limits: audio_webrtc_mode: is 2, must be 0 to 1`
	if c != nil || fmt.Sprint(err) != want {
		t.Errorf("got %+v, %v\nwant %s", c, err, want)
	}
	for _, target := range []error{videosdk.ErrClaimValue, videosdk.ErrClaimType, videosdk.ErrExpired, videosdk.ErrNotYetValid} {
		if !errors.Is(err, target) {
			t.Errorf("%v is not found", target)
		}
	}
}

func TestVerifyAtTheBoundsOfTime(t *testing.T) {
	iat, exp := time.Unix(1782907170, 0), time.Unix(1782914400, 0)
	const ns = time.Nanosecond
	plain := sign(testHeader, testPayload().String())
	later := sign(testHeader, testPayload().with("nbf", "1782907300").String())
	for _, tc := range []struct {
		name   string
		leeway time.Duration
		token  string
		now    time.Time
		want   error
	}{
		{"issued now", 0, plain, iat, nil},
		{"issued in a nanosecond", 0, plain, iat.Add(-ns), videosdk.ErrNotYetValid},
		{"issued in 30 s", 30 * time.Second, plain, iat.Add(-30 * time.Second), nil},
		{"issued in 30 s and a nanosecond", 30 * time.Second, plain, iat.Add(-30*time.Second - ns), videosdk.ErrNotYetValid},
		{"issued in 600 s", videosdk.MaxBackdate, plain, iat.Add(-600 * time.Second), nil},
		{"expires in a nanosecond", 0, plain, exp.Add(-ns), nil},
		{"expires now", 0, plain, exp, videosdk.ErrExpired},
		{"expired a nanosecond less than 30 s ago", 30 * time.Second, plain, exp.Add(30*time.Second - ns), nil},
		{"expired 30 s ago", 30 * time.Second, plain, exp.Add(30 * time.Second), videosdk.ErrExpired},
		{"not before now", 0, later, time.Unix(1782907300, 0), nil},
		{"not before a nanosecond on", 0, later, time.Unix(1782907300, 0).Add(-ns), videosdk.ErrNotYetValid},
		{"not before 30 s on", 30 * time.Second, later, time.Unix(1782907270, 0), nil},
		{"zero time", 0, plain, time.Time{}, videosdk.ErrNotYetValid},
		{"far future", 0, plain, time.Unix(1<<40, 0), videosdk.ErrExpired},
		{"end of time", 0, plain, time.Unix(1<<62, 0), videosdk.ErrExpired},
		{"another zone", 0, plain, testNow.In(time.FixedZone("west", -12*3600)), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := newVerifier(t, videosdk.WithLeeway(tc.leeway)).Verify(tc.token, tc.now); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestLeewayLimits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", time.Millisecond: "", 600 * time.Second: "",
		600*time.Second + 1: "videosdk: leeway is 10m0.000000001s; it must be 0s to 10m0s", -1: "videosdk: leeway is -1ns; it must be 0s to 10m0s",
	} {
		_, err := videosdk.NewVerifier([]videosdk.Credentials{testCredentials()}, videosdk.WithLeeway(d))
		if want == "" && err != nil || want != "" && fmt.Sprint(err) != want {
			t.Errorf("%v: %v", d, err)
		}
	}
}

// While a secret is changed both are accepted, under one key or two; what
// belongs to neither is refused, and one key's secret opens nothing of another.
func TestVerifyDuringRotation(t *testing.T) {
	pairs := []videosdk.Credentials{
		{Key: "keyA", Secret: "first secret of A"}, {Key: "keyA", Secret: "second secret of A"}, {Key: "keyA", Secret: "third secret of A"},
		{Key: "keyB", Secret: "secret of B"},
	}
	v, err := videosdk.NewVerifier(pairs)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"keyA", "keyB", "keyC"} {
		for _, secret := range []string{"first secret of A", "second secret of A", "third secret of A", "secret of B", "other"} {
			token := makeToken(testHeader, testPayload().with("app_key", quoted(key)).String(), secret)
			want := videosdk.ErrMismatch
			switch {
			case key == "keyC":
				want = videosdk.ErrUnknownKey
			case strings.HasSuffix(secret, key[3:]):
				want = nil
			}
			if c, err := v.Verify(token, testNow); !errors.Is(err, want) || want == nil && (err != nil || c.AppKey != key) {
				t.Errorf("%s with %s: %v, want %v", key, secret, err, want)
			}
		}
	}
	only, err := videosdk.NewVerifier(pairs[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := only.Verify(makeToken(testHeader, testPayload().with("app_key", `"keyA"`).String(), pairs[0].Secret), testNow); !errors.Is(err, videosdk.ErrMismatch) {
		t.Errorf("a secret that was taken away: %v", err)
	}
}
