package videosdk_test

// Cases of the token's text, its kind and its header.

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strconv"
	"strings"

	"github.com/usher-sessions/usher/videosdk"
)

// Times: 1 July 2026, 12:00:00 UTC, is the moment of all cases.
const (
	casesNow    = 1782907200
	casesKey    = "Kx8TzQb1R9mW4vLd7YpN2g"
	casesSecret = "pL3nV8sQ2xW7bT5yC9mK4rJ6hD1gF0zA8eUq"
	casesHeader = `{"alg":"HS256","typ":"JWT"}`
)

// payload builds a JSON object whose members keep their order.
type payload [][2]string

// basePayload is a sound signature's payload: a participant in "Cool Cars" for two hours.
func basePayload() payload {
	return payload{
		{"app_key", quoted(casesKey)}, {"role_type", "0"}, {"tpc", `"Cool Cars"`}, {"version", "1"},
		{"iat", "1782907170"}, {"exp", "1782914400"},
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// with sets a member to a JSON value, in its place or at the end.
func (p payload) with(name, value string) payload {
	for i := range p {
		if p[i][0] == name {
			p[i][1] = value
			return p
		}
	}
	return append(p, [2]string{name, value})
}

func (p payload) without(names ...string) payload {
	var out payload
	for _, m := range p {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+m[0]+" ") {
			out = append(out, m)
		}
	}
	return out
}

func (p payload) renamed(from, to string) payload {
	for i := range p {
		if p[i][0] == from {
			p[i][0] = to
		}
	}
	return p
}

func (p payload) String() string {
	var parts []string
	for _, m := range p {
		parts = append(parts, quoted(m[0])+":"+m[1])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// signed returns the compact JWT of p, signed with the cases' secret.
func (p payload) signed() string { return makeToken(casesHeader, p.String(), casesSecret) }

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func rawMAC(h func() hash.Hash, text, secret string) string {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(text))
	return string(m.Sum(nil))
}

func makeToken(header, payload, secret string) string {
	text := b64(header) + "." + b64(payload)
	return text + "." + b64(rawMAC(sha256.New, text, secret))
}

// knownAll is what the owner of the server knows.
func knownAll() inspectKnown {
	return inspectKnown{Key: casesKey, Secret: casesSecret, SessionName: "Cool Cars", Now: casesNow}
}

func codes(c ...videosdk.Code) []videosdk.Code { return c }

const (
	notVerified = videosdk.SignatureNotVerified
	notChecked  = videosdk.SignatureNotChecked
)

func inspectSoundCases() []inspectCase {
	full := basePayload().with("role_type", "1").with("pwd", `"Ilovecars!"`).with("user_key", `"u1"`).with("user_identity", `"u1"`).with("session_key", `"s1"`).
		with("geo_regions", `"DE,NL"`).with("cloud_recording_option", "1").with("cloud_recording_election", "1").with("cloud_recording_transcript_option", "2").
		with("telemetry_tracking_id", `"t1"`).with("video_webrtc_mode", "1").with("audio_webrtc_mode", "0").with("my_claim", `{"a":[1]}`)
	joined := knownAll()
	joined.Passcode = new("Ilovecars!")
	return []inspectCase{
		{name: "sound", token: basePayload().signed(), known: knownAll()},
		{name: "sound, every claim", token: full.signed(), known: joined},
		{name: "sound, nothing known", comment: "says what was not checked", token: basePayload().signed(), signature: notChecked,
			others: codes(videosdk.CodeSignatureNotChecked, videosdk.CodeTimeNotChecked)},
		{name: "sound, no time known", token: basePayload().signed(), known: inspectKnown{Key: casesKey, Secret: casesSecret}, others: codes(videosdk.CodeTimeNotChecked)},
		{name: "sound, no secret known", token: basePayload().signed(), known: inspectKnown{Now: casesNow}, signature: notChecked, others: codes(videosdk.CodeSignatureNotChecked)},
		{name: "sound, joined in other case", token: basePayload().signed(), known: inspectKnown{Key: casesKey, Secret: casesSecret, SessionName: "COOL cars", Now: casesNow}, others: codes(videosdk.CodeNameCase)},
		{name: "sound, at its first second", token: basePayload().signed(), known: inspectKnown{Secret: casesSecret, Now: 1782907170}},
		{name: "sound, in its last second", token: basePayload().signed(), known: inspectKnown{Secret: casesSecret, Now: 1782914399}},
		{name: "sound, the longest life", token: basePayload().with("exp", "1783079970").signed(), known: knownAll()},
		{name: "sound, a name of 150 characters", token: basePayload().with("tpc", quoted(strings.Repeat("n", 150))).signed(), known: inspectKnown{Secret: casesSecret, Now: casesNow}},
		{name: "sound, a name of all signs", token: basePayload().with("tpc", `"aZ09 !#$%&()+-:;<=.>?@[]^_{}|~,\\"`).signed(), known: inspectKnown{Secret: casesSecret, Now: casesNow}},
		{name: "sound, header members in other order", token: makeToken(`{"typ":"jwt", "kid":"1", "alg":"HS256"}`, basePayload().String(), casesSecret), known: knownAll()},
	}
}

// plusInMAC returns a sound token but for its signature, which is in standard base64 with a + in it.
func plusInMAC() string {
	for i := 0; ; i++ {
		text := b64(casesHeader) + "." + b64(basePayload().with("user_key", quoted("u"+strconv.Itoa(i))).String())
		if sig := base64.RawStdEncoding.EncodeToString([]byte(rawMAC(sha256.New, text, casesSecret))); strings.Contains(sig, "+") {
			return text + "." + sig
		}
	}
}

func inspectFormCases() []inspectCase {
	good := basePayload().signed()
	parts := strings.Split(good, ".")
	signed := parts[0] + "." + parts[1]
	// A payload and key whose base64 has + and /, and needs padding.
	odd := basePayload().with("user_key", `"a?>~?>"`).String()
	stdText := b64(casesHeader) + "." + base64.StdEncoding.EncodeToString([]byte(odd))
	std := stdText + "." + base64.StdEncoding.EncodeToString([]byte(rawMAC(sha256.New, stdText, casesSecret)))
	padText := base64.URLEncoding.EncodeToString([]byte(casesHeader)) + "." + base64.URLEncoding.EncodeToString([]byte(odd))
	pad := padText + "." + base64.URLEncoding.EncodeToString([]byte(rawMAC(sha256.New, padText, casesSecret)))
	mac := rawMAC(sha256.New, signed, casesSecret)
	plus := plusInMAC()
	lastBits := good[:len(good)-1] + map[bool]string{true: "B", false: string(good[len(good)-1] + 1)}[good[len(good)-1] == 'A']
	latin := strings.Replace(basePayload().with("user_key", `"J?rg"`).String(), "?", "\xf6", 1)
	all := knownAll()
	unknown := videosdk.KindUnknown
	return []inspectCase{
		{name: "empty", token: "", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeEmpty)},
		{name: "nothing but a line break", token: "\n", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeEmpty, videosdk.CodeSpaceAround)},
		{name: "too large", token: strings.Repeat("e", 16<<10+1), known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeTooLarge)},
		{name: "any text", token: "Cool Cars", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "the word undefined", comment: "the client read a field that the answer doesn't have", token: "undefined", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "a promise", comment: "await was forgotten", token: "[object Promise]", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "the key itself", token: casesKey, known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "the secret itself", token: casesSecret, known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "five parts", comment: "as an encrypted token", token: good + ".x.y", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "four parts", token: good + ".x", known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeNotAJWT)},
		{name: "line break behind", token: good + "\n", known: all, errors: codes(videosdk.CodeSpaceAround)},
		{name: "CR LF behind", token: good + "\r\n", known: all, errors: codes(videosdk.CodeSpaceAround)},
		{name: "space before", token: " " + good, known: all, errors: codes(videosdk.CodeSpaceAround)},
		{name: "byte order mark before", token: "\ufeff" + good, known: all, errors: codes(videosdk.CodeSpaceAround)},
		{name: "double quotes around", token: `"` + good + `"`, known: all, errors: codes(videosdk.CodeQuotesAround)},
		{name: "single quotes around", token: `'` + good + `'`, known: all, errors: codes(videosdk.CodeQuotesAround)},
		{name: "typographic quotes around", token: "“" + good + "”", known: all, errors: codes(videosdk.CodeQuotesAround)},
		{name: "Bearer before", token: "Bearer " + good, known: all, errors: codes(videosdk.CodeBearerPrefix)},
		{name: "Authorization header", token: "authorization: bearer " + good, known: all, errors: codes(videosdk.CodeBearerPrefix)},
		{name: "the whole answer", token: `{"signature":"` + good + `","expiresAt":1782914400}`, known: all, errors: codes(videosdk.CodeJSONAround)},
		{name: "Bearer, quotes and line break around", token: "\"Bearer " + good + "\"\n", known: all, errors: codes(videosdk.CodeBearerPrefix, videosdk.CodeQuotesAround, videosdk.CodeSpaceAround)},
		{name: "Bearer before an expired one", comment: "what is underneath shows too", token: "Bearer " + good, known: inspectKnown{Secret: casesSecret, Now: 1782925920}, errors: codes(videosdk.CodeBearerPrefix, videosdk.CodeExpired)},
		{name: "wrapped into lines", token: good[:60] + "\n" + good[60:120] + "\n" + good[120:], known: all, errors: codes(videosdk.CodeSpaceInside)},
		{name: "percent-encoded", token: strings.ReplaceAll(good, ".", "%2E"), known: all, errors: codes(videosdk.CodePercentEncoded)},
		{name: "standard base64", comment: "+ and /, with padding: one finding", token: std, known: all, errors: codes(videosdk.CodeStandardBase64)},
		{name: "standard base64, signature alone", comment: "as .NET's Convert.ToBase64String writes it", token: plus, known: all, errors: codes(videosdk.CodeStandardBase64)},
		{name: "padding", token: pad, known: all, errors: codes(videosdk.CodePadding)},
		{name: "padding, signature alone", token: good + "=", known: all, errors: codes(videosdk.CodePadding)},
		{name: "hexadecimal signature", token: signed + "." + hex.EncodeToString([]byte(mac)), known: all, errors: codes(videosdk.CodeHexSignature)},
		{name: "hexadecimal signature in capitals", token: signed + "." + strings.ToUpper(hex.EncodeToString([]byte(mac))), known: all, errors: codes(videosdk.CodeHexSignature)},
		{name: "hexadecimal signature in base64url", token: signed + "." + b64(hex.EncodeToString([]byte(mac))), known: all, errors: codes(videosdk.CodeHexSignature)},
		{name: "hexadecimal signature, wrong secret", comment: "two mistakes", token: signed + "." + hex.EncodeToString([]byte(rawMAC(sha256.New, signed, casesSecret+"\n"))), known: all, signature: notVerified, errors: codes(videosdk.CodeHexSignature, videosdk.CodeSecretLineBreak)},
		{name: "last character of the signature changed", comment: "decodes to the same bytes, but no encoder writes it", token: lastBits, known: all, errors: codes(videosdk.CodeNonCanonical)},
		{name: "signature missing", token: signed, known: all, signature: notChecked, errors: codes(videosdk.CodeDamagedSignature)},
		{name: "signature empty", token: signed + ".", known: all, signature: notChecked, errors: codes(videosdk.CodeDamagedSignature)},
		{name: "signature cut off", token: good[:len(good)-5], known: all, signature: notChecked, errors: codes(videosdk.CodeDamagedSignature)},
		{name: "signature with a character too many", token: good + "AA", known: all, signature: notChecked, errors: codes(videosdk.CodeDamagedSignature)},
		{name: "signature with a foreign character", token: good[:len(good)-3] + "*" + good[len(good)-2:], known: all, signature: notChecked, errors: codes(videosdk.CodeDamagedSignature)},
		{name: "payload with a foreign character", token: parts[0] + "." + parts[1][:20] + "…" + parts[1][21:] + "." + parts[2], known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeDamagedPayload)},
		{name: "payload cut off", token: parts[0] + "." + parts[1][:40] + "." + parts[2], known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeDamagedPayload)},
		{name: "payload is not JSON", token: makeToken(casesHeader, "Cool Cars", casesSecret), known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeDamagedPayload)},
		{name: "payload is a list", token: makeToken(casesHeader, "[1]", casesSecret), known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeDamagedPayload)},
		{name: "payload ends in a comma", token: makeToken(casesHeader, strings.TrimSuffix(basePayload().String(), "}")+",}", casesSecret), known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeDamagedPayload)},
		{name: "payload empty", token: parts[0] + ".." + parts[2], known: all, kind: unknown, signature: notChecked, errors: codes(videosdk.CodeDamagedPayload)},
		{name: "payload in Latin-1", token: makeToken(casesHeader, latin, casesSecret), known: all, errors: codes(videosdk.CodeNotUTF8)},
		{name: "payload encoded twice", token: makeToken(casesHeader, quoted(basePayload().String()), casesSecret), known: all, errors: codes(videosdk.CodeEncodedTwice)},
		{name: "header damaged", comment: "the claims can still be looked at", token: "eyJhbGci." + parts[1] + "." + parts[2], known: all, signature: notVerified, errors: codes(videosdk.CodeDamagedHeader)},
	}
}

func inspectKindCases() []inspectCase {
	token := func(payload string) string {
		return makeToken(casesHeader, payload, "another-products-secret-0123456789")
	}
	const times = `"iat":1782907170,"exp":1782914400`
	oldSignature := base64.StdEncoding.EncodeToString([]byte(casesKey + ".12345678901.1782907170000.0." + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))))
	of := func(name string, kind videosdk.Kind, payload string, code videosdk.Code) inspectCase {
		return inspectCase{name: name, token: token(payload), known: knownAll(), kind: kind, signature: notVerified, errors: codes(code)}
	}
	return []inspectCase{
		of("Meeting SDK", videosdk.KindMeetingSDK, `{"appKey":"k","sdkKey":"k","mn":"123456789","role":0,`+times+`,"tokenExp":1782914400}`, videosdk.CodeMeetingSDKToken),
		of("Meeting SDK, native", videosdk.KindMeetingSDK, `{"appKey":"k",`+times+`,"tokenExp":1782914400}`, videosdk.CodeMeetingSDKToken),
		of("Meeting SDK, newest web", videosdk.KindMeetingSDK, `{"appKey":"k","mn":123456789,"role":1,`+times+`,"video_webrtc_mode":1}`, videosdk.CodeMeetingSDKToken),
		of("Meeting SDK, appKey alone", videosdk.KindMeetingSDK, `{"appKey":"k",`+times+`}`, videosdk.CodeMeetingSDKToken),
		{name: "Meeting SDK, before JWT", token: oldSignature, known: knownAll(), kind: videosdk.KindMeetingSDK, signature: notChecked, errors: codes(videosdk.CodeMeetingSDKToken)},
		of("Cobrowse SDK", videosdk.KindCobrowseSDK, `{"app_key":"k","role_type":1,"user_id":"u1","user_name":"Ann",`+times+`}`, videosdk.CodeCobrowseSDKToken),
		of("Cobrowse SDK, agent with own PIN", videosdk.KindCobrowseSDK, `{"app_key":"k","role_type":2,"user_id":"u1","user_name":"Ann","enable_byop":1,`+times+`}`, videosdk.CodeCobrowseSDKToken),
		of("REST API", videosdk.KindRESTAPI, `{"iss":"apiKey",`+times+`}`, videosdk.CodeRESTAPIToken),
		of("REST JWT app", videosdk.KindJWTApp, `{"aud":null,"iss":"apiKey",`+times+`}`, videosdk.CodeJWTAppToken),
		of("REST JWT app, without iat", videosdk.KindJWTApp, `{"iss":"apiKey","exp":1782914400}`, videosdk.CodeJWTAppToken),
		of("OAuth access token", videosdk.KindOAuth, `{"ver":9,"aud":"https://oauth.zoom.us","uid":"u","iss":"zm:cid:abc","type":3,`+times+`}`, videosdk.CodeOAuthToken),
		of("ZAK", videosdk.KindZAK, `{"aud":"clientsm","uid":"u","iss":"web","sty":1,"wcd":"us05",`+times+`}`, videosdk.CodeZAKToken),
		of("LiveKit", videosdk.KindLiveKit, `{"iss":"APIkey","sub":"ann","nbf":1782907170,"exp":1782914400,"video":{"room":"Cool Cars","roomJoin":true}}`, videosdk.CodeLiveKitToken),
		of("another party's", videosdk.KindOther, `{"iss":"https://accounts.example.com","aud":"app","sub":"ann",`+times+`}`, videosdk.CodeOtherToken),
		of("another party's, with a room", videosdk.KindOther, `{"iss":"app","aud":"jitsi","sub":"example.com","room":"Cool Cars",`+times+`}`, videosdk.CodeOtherToken),
		of("no claims", videosdk.KindOther, `{}`, videosdk.CodeOtherToken),
		{name: "OAuth access token, ES256", comment: "no finding on alg: the kind says it", token: b64(`{"alg":"ES256","typ":"JWT"}`) + "." + b64(`{"iss":"zm:cid:abc",`+times+`}`) + "." + b64(strings.Repeat("s", 64)),
			known: knownAll(), kind: videosdk.KindOAuth, signature: notChecked, errors: codes(videosdk.CodeOAuthToken)},
		{name: "Meeting SDK, with the known secret", comment: "right secret, wrong product", token: makeToken(casesHeader, `{"appKey":"k","mn":"1","role":0,`+times+`}`, casesSecret), known: knownAll(), kind: videosdk.KindMeetingSDK, errors: codes(videosdk.CodeMeetingSDKToken)},
		{name: "Meeting SDK, error shown", token: token(`{"sdkKey":"k","mn":"1","role":0,` + times + `}`), known: inspectKnown{ErrorShown: "JoinSession_Token_NoSessionName"}, kind: videosdk.KindMeetingSDK, signature: notChecked,
			errors: codes(videosdk.CodeMeetingSDKToken), others: codes(videosdk.CodeErrorExplained)},
	}
}

func inspectHeaderCases() []inspectCase {
	p := basePayload().String()
	all := knownAll()
	none := b64(`{"alg":"none","typ":"JWT"}`) + "." + b64(p) + "."
	rs := b64(`{"alg":"RS256","typ":"JWT"}`) + "." + b64(p) + "." + b64(strings.Repeat("s", 256))
	hs512 := func(header string) string {
		text := b64(header) + "." + b64(p)
		return text + "." + b64(rawMAC(sha512.New, text, casesSecret))
	}
	return []inspectCase{
		{name: "alg none", token: none, known: all, signature: notChecked, errors: codes(videosdk.CodeUnsigned)},
		{name: "alg None with a signature", token: makeToken(`{"alg":"None"}`, p, casesSecret), known: all, signature: notChecked, errors: codes(videosdk.CodeUnsigned)},
		{name: "alg HS512", comment: "the secret is right", token: hs512(`{"alg":"HS512","typ":"JWT"}`), known: all, errors: codes(videosdk.CodeWrongAlgorithm)},
		{name: "alg HS512, wrong secret", token: hs512(`{"alg":"HS512","typ":"JWT"}`), known: inspectKnown{Secret: "another-secret-0123456789", Now: casesNow}, signature: notVerified, errors: codes(videosdk.CodeWrongAlgorithm, videosdk.CodeSignatureMismatch)},
		{name: "alg HS256, signed with SHA-512", token: hs512(casesHeader), known: all, errors: codes(videosdk.CodeWrongAlgorithm)},
		{name: "alg RS256", token: rs, known: all, signature: notChecked, errors: codes(videosdk.CodeWrongAlgorithm)},
		{name: "alg in lower case", token: makeToken(`{"alg":"hs256","typ":"JWT"}`, p, casesSecret), known: all, errors: codes(videosdk.CodeWrongAlgorithm)},
		{name: "alg missing", token: makeToken(`{"typ":"JWT"}`, p, casesSecret), known: all, errors: codes(videosdk.CodeWrongAlgorithm)},
		{name: "alg is a number", token: makeToken(`{"alg":256,"typ":"JWT"}`, p, casesSecret), known: all, errors: codes(videosdk.CodeWrongAlgorithm)},
		{name: "crit", token: makeToken(`{"alg":"HS256","typ":"JWT","crit":["exp"]}`, p, casesSecret), known: all, errors: codes(videosdk.CodeCriticalHeader)},
		{name: "typ of another kind", token: makeToken(`{"alg":"HS256","typ":"at+jwt"}`, p, casesSecret), known: all, errors: codes(videosdk.CodeWrongTyp)},
		{name: "alg twice", token: makeToken(`{"alg":"HS256","typ":"JWT","alg":"none"}`, p, casesSecret), known: all, errors: codes(videosdk.CodeDuplicateClaim)},
		{name: "role twice", token: makeToken(casesHeader, strings.TrimSuffix(p, "}")+`,"role_type":1}`, casesSecret), known: all, errors: codes(videosdk.CodeDuplicateClaim)},
	}
}
