package videosdk_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

func ExampleInspect() {
	const token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBfa2V5IjoiS3g4VHpRYjFSOW1XNHZMZDdZcE4yZyIsInJvbGVfdHlwZSI6MCwidHBjIjoiQ29vbCBDYXJzIiwidmVyc2lvbiI6MSwiaWF0IjoxNzgyOTA3MTcwLCJleHAiOjE3ODI5MTQ0MDB9.Cmjp0jGqUQXU732SMP52HolYSBv5iRXJosjbJPNp2lU"
	report := videosdk.Inspect(token, videosdk.Known{
		SessionName: "Cool Bars",
		Now:         time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		ErrorShown:  "1507",
	})
	cause := report.Cause()
	fmt.Println(cause.Code)
	fmt.Println(cause.Problem)
	fmt.Println(cause.Remedy)
	// Output:
	// name-differs
	// The token is for "Cool Cars", but "Cool Bars" was joined; at character 6, tpc has 'C' and the joined name has 'B'.
	// Pass to join exactly the name that was signed.
}

// The words matter to the person who reads them; these are the ones that carry figures.
func TestInspectSaysHowMuch(t *testing.T) {
	at := func(now int64) inspectKnown { return inspectKnown{Secret: casesSecret, Now: now} }
	for _, tc := range []struct {
		name    string
		payload payload
		known   inspectKnown
		want    string // problem or remedy of the cause, in part
	}{
		{"expired", basePayload(), at(1782925920), "The signature expired 3 h 12 min ago (2026-07-01 14:00:00 UTC)."},
		{"expired days ago", basePayload(), at(1782914400 + 3*86400), "expired 3 days ago"},
		{"expired just now", basePayload(), at(1782914400), "expired just now"},
		{"future", basePayload().with("iat", "1782907320"), at(casesNow), "issued 2 min in the future (2026-07-01 12:02:00 UTC)"},
		{"future by whole hours", basePayload().with("iat", "1782914370").with("exp", "1782921600"), at(casesNow), "was local time taken for UTC?"},
		{"life", basePayload().with("exp", "1782907470"), at(casesNow), "lives 5 min (300 s); at least 30 min (1800 s)"},
		{"life in minutes", basePayload().with("exp", "1782907290"), at(casesNow), "120 minutes are 7200 s"},
		{"life in milliseconds", basePayload().with("exp", "1790107170"), at(casesNow), "7200 s were meant"},
		{"name length", basePayload().with("tpc", quoted(strings.Repeat("n", 201))), at(casesNow), "has 201 characters; at most 200"},
		{"character", basePayload().with("tpc", `"Cool/Cars"`), at(casesNow), "'/' at position 5"},
		{"invisible character", basePayload().with("tpc", `"Cool\u00a0Cars"`), at(casesNow), "U+00A0 at position 5"},
		{"role", basePayload().with("role_type", `"1"`), at(casesNow), `role_type is the text "1"`},
		{"near miss", basePayload().renamed("app_key", "appKey"), at(casesNow), `called "appKey", but Zoom reads app_key`},
		{"user key", basePayload().with("user_key", quoted(strings.Repeat("u", 40))), at(casesNow), "user_key has 40 characters; at most 36"},
	} {
		c := videosdk.Inspect(tc.payload.signed(), tc.known.known()).Cause()
		if c == nil || !strings.Contains(c.Problem+" "+c.Remedy, tc.want) {
			t.Errorf("%s: %+v lacks %q", tc.name, c, tc.want)
		}
	}
}

func TestInspectNamesTheFirstDifference(t *testing.T) {
	for _, tc := range []struct{ signed, joined, want string }{
		{"room-5f3a9c", "room-5f3b9c", "at character 9, tpc has 'a' and the joined name has 'b'"},
		{"COOL cars", "cool bars", "at character 6, tpc has 'c' and the joined name has 'b'"},
		{"Cool Cars", "Cool Car", "at character 9, tpc has 's' and the joined name has nothing more"},
		{"Cool Cars", "Cool Cars ", "at character 10, tpc has nothing more and the joined name has a space"},
		{"Cool Cars", "C\u043eol Cars", "at character 2, tpc has 'o' and the joined name has '\u043e' (U+043E)"},
		{strings.Repeat("n", 60) + "a", strings.Repeat("n", 60) + "b", "at character 61, tpc has 'a' and the joined name has 'b'"},
	} {
		token := basePayload().with("tpc", quoted(tc.signed)).signed()
		c := videosdk.Inspect(token, videosdk.Known{SessionName: tc.joined}).Cause()
		if c == nil || c.Code != videosdk.CodeNameDiffers || !strings.Contains(c.Problem, tc.want) {
			t.Errorf("%q, %q: %+v", tc.signed, tc.joined, c)
		}
	}
}

func TestInspectReportAsJSON(t *testing.T) {
	token := basePayload().with("role_type", "1").with("session_key", `"s1"`).signed()
	out, err := json.Marshal(videosdk.Inspect(token, videosdk.Known{Secret: casesSecret, Now: time.Unix(1782914400, 0)}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sound":false,"cause":"expired","kind":"video-sdk","signature":"verified",` +
		`"header":{"alg":"HS256","typ":"JWT"},` +
		`"payload":{"app_key":"Kx8TzQb1R9mW4vLd7YpN2g","role_type":1,"tpc":"Cool Cars","version":1,"iat":1782907170,"exp":1782914400,"session_key":"s1"},` +
		`"claims":{"appKey":"Kx8TzQb1R9mW4vLd7YpN2g","sessionName":"Cool Cars","role":1,"issuedAt":"2026-07-01T11:59:30Z","expiresAt":"2026-07-01T14:00:00Z","sessionKey":"s1"},` +
		`"findings":[{"code":"expired","severity":"error","claim":"exp","problem":"The signature expired just now (2026-07-01 14:00:00 UTC).",` +
		`"remedy":"Ask your server for a new one; if new ones have expired too, check the server's clock and that it doesn't hand out old ones."}]}`
	if string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}
	out, err = json.Marshal(videosdk.Inspect("", videosdk.Known{}))
	if err != nil || !strings.Contains(string(out), `"sound":false,"cause":"empty"`) {
		t.Errorf("%s, %v", out, err)
	}
	out, err = json.Marshal(videosdk.Inspect(basePayload().signed(), videosdk.Known{Secret: casesSecret, Now: time.Unix(casesNow, 0)}))
	if err != nil || !strings.Contains(string(out), `"findings":[]`) || strings.Contains(string(out), "cause") {
		t.Errorf("%s, %v", out, err)
	}
}

// A token may carry the secret; the report then shows neither whole nor part of it.
func TestInspectHidesSecretsInTheToken(t *testing.T) {
	known := videosdk.Known{Key: casesKey, Secret: casesSecret, SessionName: "x " + casesSecret, ErrorShown: "failed with " + casesSecret,
		Others: []videosdk.Credentials{{Key: "k", Secret: "Other5ecretOfAnotherAccount"}}, Now: time.Unix(casesNow, 0)}
	for name, p := range map[string]payload{
		"app_key":        basePayload().with("app_key", quoted(casesSecret)),
		"session name":   basePayload().with("tpc", quoted(casesSecret)),
		"inside text":    basePayload().with("user_key", quoted("k="+casesSecret)),
		"claim's name":   basePayload().with(casesSecret, "1"),
		"nested":         basePayload().with("debug", `{"env":["`+casesSecret+`"]}`),
		"twice":          append(basePayload().with(casesSecret, "1"), [2]string{casesSecret, "2"}),
		"another's":      basePayload().with("app_key", `"Other5ecretOfAnotherAccount"`),
		"near miss name": basePayload().without("tpc").with("topic", quoted(casesSecret)),
	} {
		for _, token := range []string{p.signed(), makeToken(`{"alg":"HS256","kid":"`+casesSecret+`"}`, p.String(), casesKey), casesSecret + "." + casesSecret} {
			r := videosdk.Inspect(token, known)
			out, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{casesSecret, "Other5ecretOfAnotherAccount"} {
				if strings.Contains(string(out), secret[:12]) {
					t.Errorf("%s: the report shows a secret: %s", name, out)
				}
			}
		}
	}
}

func TestKnownNeverShowsItsSecrets(t *testing.T) {
	known := videosdk.Known{Key: "k1", Secret: casesSecret, Passcode: new("Ilovecars!"), Others: []videosdk.Credentials{{Key: "k2", Secret: casesSecret}}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "known", known)
	asJSON, err := json.Marshal(struct{ K videosdk.Known }{known})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf(verb, known) + fmt.Sprintf(verb, &known)
	}
	if strings.Contains(out, casesSecret) || strings.Contains(out, "Ilovecars") || strings.Contains(out, fmt.Sprintf("%x", casesSecret)) {
		t.Errorf("shows a secret: %s", out)
	}
	if !strings.Contains(out, "k1") {
		t.Errorf("doesn't show the key: %s", out)
	}
}
