package videosdk_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

var testNow = time.Unix(1782907200, 0).UTC() // 1 July 2026, 12:00:00 UTC

func newSigner(t testing.TB, opts ...videosdk.SignerOption) *videosdk.Signer {
	t.Helper()
	s, err := videosdk.NewSigner(testCredentials(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// car is one character of two UTF-16 units and four bytes; é one unit and two bytes.
const car = "\U0001F697"

// grantCases are the limits of Zoom's table, at, below and above the bound.
// "set" changes a grant that is sound without it; "want" is the only fault, "" for none.
var grantCases = []struct {
	name    string
	anyName bool
	set     func(g *videosdk.Grant)
	want    string
}{
	{name: "session name of 1", set: func(g *videosdk.Grant) { g.SessionName = "a" }},
	{name: "session name of 200", set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat("a", 200) }},
	{name: "session name of 201", set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat("a", 201) }, want: "sessionName has 201 characters; at most 200 are allowed"},
	{name: "session name empty", set: func(g *videosdk.Grant) { g.SessionName = "" }, want: "sessionName is required and can't be empty"},
	{name: "any name empty", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = "" }, want: "sessionName is required and can't be empty"},
	{name: "session name not UTF-8", set: func(g *videosdk.Grant) { g.SessionName = "a\xff" }, want: "sessionName is not valid UTF-8 text"},
	{name: "any name not UTF-8", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = "a\xed\xa0\x80" }, want: "sessionName is not valid UTF-8 text"},
	{name: "any name of 200 bytes and fewer characters", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat("é", 100) }},
	{name: "any name of 200 two-byte characters", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat("é", 200) }},
	{name: "any name of 201 two-byte characters", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat("é", 201) }, want: "sessionName has 201 characters; at most 200 are allowed"},
	{name: "any name of 100 astral characters", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat(car, 100) }},
	{name: "any name of 100 astral characters and one", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = "a" + strings.Repeat(car, 100) }, want: "sessionName has 201 characters; at most 200 are allowed"},
	{name: "any name of 101 astral characters", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = strings.Repeat(car, 101) }, want: "sessionName has 202 characters; at most 200 are allowed"},
	{name: "any name with what Zoom doesn't list", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = "a*/\"'`\u00a0\u2028" }},
	{name: "any name with a line break", anyName: true, set: func(g *videosdk.Grant) { g.SessionName = "a\nb" }, want: "sessionName has a control character in it"},

	{name: "role 0", set: func(g *videosdk.Grant) { g.Role = videosdk.Participant }},
	{name: "role 1", set: func(g *videosdk.Grant) { g.Role = videosdk.Host }},
	{name: "role 2", set: func(g *videosdk.Grant) { g.Role = 2 }, want: "role is 2; it must be 0 (participant) or 1 (host)"},
	{name: "role -1", set: func(g *videosdk.Grant) { g.Role = -1 }, want: "role is -1; it must be 0 (participant) or 1 (host)"},

	{name: "life of 1800 s", set: func(g *videosdk.Grant) { g.Life = 1800 * time.Second }},
	{name: "life of 1799 s", set: func(g *videosdk.Grant) { g.Life = 1799 * time.Second }, want: "expirationSeconds is 1799; it must be between 1800 and 172800"},
	{name: "life of 48 h", set: func(g *videosdk.Grant) { g.Life = 48 * time.Hour }},
	{name: "life of 48 h and 1 s", set: func(g *videosdk.Grant) { g.Life = 48*time.Hour + time.Second }, want: "expirationSeconds is 172801; it must be between 1800 and 172800"},
	{name: "life of 1 s", set: func(g *videosdk.Grant) { g.Life = time.Second }, want: "expirationSeconds is 1; it must be between 1800 and 172800"},
	{name: "life below zero", set: func(g *videosdk.Grant) { g.Life = -2 * time.Hour }, want: "expirationSeconds is -7200; it must be between 1800 and 172800"},
	{name: "life with a fraction", set: func(g *videosdk.Grant) { g.Life = 1800*time.Second + time.Nanosecond }, want: "expirationSeconds must be a whole number of seconds"},
	{name: "life at the least of int64", set: func(g *videosdk.Grant) { g.Life = math.MinInt64 }, want: "expirationSeconds must be a whole number of seconds"},

	{name: "passcode of 10", set: func(g *videosdk.Grant) { g.Passcode = "0123456789" }},
	{name: "passcode of 11", set: func(g *videosdk.Grant) { g.Passcode = "0123456789a" }, want: "sessionPasscode has 11 characters; at most 10 are allowed"},
	{name: "passcode at both ends of printable ASCII", set: func(g *videosdk.Grant) { g.Passcode = " ~\"\\" }},
	{name: "passcode with DEL", set: func(g *videosdk.Grant) { g.Passcode = "a\x7f" }, want: "sessionPasscode has a character outside printable ASCII"},
	{name: "passcode with US", set: func(g *videosdk.Grant) { g.Passcode = "a\x1f" }, want: "sessionPasscode has a character outside printable ASCII"},
	{name: "passcode not ASCII", set: func(g *videosdk.Grant) { g.Passcode = "ééééé" }, want: "sessionPasscode has a character outside printable ASCII"},
	{name: "passcode not UTF-8", set: func(g *videosdk.Grant) { g.Passcode = "\xff" }, want: "sessionPasscode has a character outside printable ASCII"},
	{name: "passcode long and not ASCII", set: func(g *videosdk.Grant) { g.Passcode = strings.Repeat("é", 11) }, want: "sessionPasscode has a character outside printable ASCII; sessionPasscode has 11 characters; at most 10 are allowed"},

	{name: "user key of 36", set: func(g *videosdk.Grant) { g.UserKey = strings.Repeat("u", 36) }},
	{name: "user key of 37", set: func(g *videosdk.Grant) { g.UserKey = strings.Repeat("u", 37) }, want: "userKey has 37 characters; at most 36 are allowed"},
	{name: "user key of 18 astral characters", set: func(g *videosdk.Grant) { g.UserKey = strings.Repeat(car, 18) }},
	{name: "user key of 18 astral characters and one", set: func(g *videosdk.Grant) { g.UserKey = strings.Repeat(car, 18) + "u" }, want: "userKey has 37 characters; at most 36 are allowed"},
	{name: "user key with a tab", set: func(g *videosdk.Grant) { g.UserKey = "a\tb" }, want: "userKey has a control character in it"},
	{name: "user key with a C1 control", set: func(g *videosdk.Grant) { g.UserKey = "a\u009b2J" }, want: "userKey has a control character in it"},
	{name: "user key with the first after them", set: func(g *videosdk.Grant) { g.UserKey = "a\u00a0\u00c2" }},
	{name: "user key with DEL", set: func(g *videosdk.Grant) { g.UserKey = "a\x7f" }, want: "userKey has a control character in it"},
	{name: "user key long and with a NUL", set: func(g *videosdk.Grant) { g.UserKey = strings.Repeat("\x00", 37) }, want: "userKey has 37 characters; at most 36 are allowed; userKey has a control character in it"},
	{name: "user key not UTF-8", set: func(g *videosdk.Grant) { g.UserKey = "\xc3\x28" }, want: "userKey is not valid UTF-8 text"},

	{name: "session key of 36", set: func(g *videosdk.Grant) { g.SessionKey = strings.Repeat("s", 36) }},
	{name: "session key of 37", set: func(g *videosdk.Grant) { g.SessionKey = strings.Repeat("s", 37) }, want: "sessionKey has 37 characters; at most 36 are allowed"},
	{name: "session key not UTF-8", set: func(g *videosdk.Grant) { g.SessionKey = "\xff" }, want: "sessionKey is not valid UTF-8 text"},

	{name: "all regions", set: func(g *videosdk.Grant) { g.GeoRegions = videosdk.GeoRegions() }},
	{name: "no regions", set: func(g *videosdk.Grant) { g.GeoRegions = []string{} }},
	{name: "region unknown", set: func(g *videosdk.Grant) { g.GeoRegions = []string{"DE", "FR"} }, want: `geoRegions names "FR"; allowed are AU,BR,CA,DE,HK,IN,JP,CN,MX,NL,SG,US`},
	{name: "region in lower case", set: func(g *videosdk.Grant) { g.GeoRegions = []string{"de"} }, want: `geoRegions names "de"; allowed are AU,BR,CA,DE,HK,IN,JP,CN,MX,NL,SG,US`},
	{name: "region empty", set: func(g *videosdk.Grant) { g.GeoRegions = []string{""} }, want: `geoRegions names ""; allowed are AU,BR,CA,DE,HK,IN,JP,CN,MX,NL,SG,US`},
	{name: "region of any length", set: func(g *videosdk.Grant) { g.GeoRegions = []string{strings.Repeat("x", 1000) + "\n"} }, want: `geoRegions names "` + strings.Repeat("x", 40) + `"…; allowed are AU,BR,CA,DE,HK,IN,JP,CN,MX,NL,SG,US`},

	{name: "recording option 0", set: func(g *videosdk.Grant) { g.CloudRecordingOption = new(0) }},
	{name: "recording option 1 of a host", set: func(g *videosdk.Grant) { g.Role, g.CloudRecordingOption = videosdk.Host, new(1) }},
	{name: "recording option 1 of a participant", set: func(g *videosdk.Grant) { g.CloudRecordingOption = new(1) }, want: "cloudRecordingOption is 1, which needs the host role; leave it out or ask for role 1"},
	{name: "recording option 2", set: func(g *videosdk.Grant) { g.CloudRecordingOption = new(2) }, want: "cloudRecordingOption is 2; it must be 0 or 1"},
	{name: "recording option -1", set: func(g *videosdk.Grant) { g.CloudRecordingOption = new(-1) }, want: "cloudRecordingOption is -1; it must be 0 or 1"},
	{name: "recording election 0", set: func(g *videosdk.Grant) { g.CloudRecordingElection = new(0) }},
	{name: "recording election 1", set: func(g *videosdk.Grant) { g.CloudRecordingElection = new(1) }},
	{name: "recording election 2", set: func(g *videosdk.Grant) { g.CloudRecordingElection = new(2) }, want: "cloudRecordingElection is 2; it must be 0 or 1"},
	{name: "transcript 0", set: func(g *videosdk.Grant) { g.CloudRecordingTranscriptOption = new(0) }},
	{name: "transcript 2", set: func(g *videosdk.Grant) { g.CloudRecordingTranscriptOption = new(2) }},
	{name: "transcript 3", set: func(g *videosdk.Grant) { g.CloudRecordingTranscriptOption = new(3) }, want: "cloudRecordingTranscriptOption is 3; it must be 0, 1 or 2"},
	{name: "transcript -1", set: func(g *videosdk.Grant) { g.CloudRecordingTranscriptOption = new(-1) }, want: "cloudRecordingTranscriptOption is -1; it must be 0, 1 or 2"},

	{name: "telemetry id of 512", set: func(g *videosdk.Grant) { g.TelemetryTrackingID = strings.Repeat("t", 512) }},
	{name: "telemetry id of 513", set: func(g *videosdk.Grant) { g.TelemetryTrackingID = strings.Repeat("t", 513) }, want: "telemetryTrackingId has 513 characters; at most 512 are allowed"},
	{name: "video mode 0", set: func(g *videosdk.Grant) { g.VideoWebRTCMode = new(0) }},
	{name: "video mode 1", set: func(g *videosdk.Grant) { g.VideoWebRTCMode = new(1) }},
	{name: "video mode 2", set: func(g *videosdk.Grant) { g.VideoWebRTCMode = new(2) }, want: "videoWebRtcMode is 2; it must be 0 or 1"},
	{name: "audio mode 1", set: func(g *videosdk.Grant) { g.AudioWebRTCMode = new(1) }},
	{name: "audio mode -1", set: func(g *videosdk.Grant) { g.AudioWebRTCMode = new(-1) }, want: "audioWebRtcMode is -1; it must be 0 or 1"},
}

func TestGrantLimits(t *testing.T) {
	for _, tc := range grantCases {
		t.Run(tc.name, func(t *testing.T) {
			var opts []videosdk.SignerOption
			if tc.anyName {
				opts = append(opts, videosdk.WithAnySessionName())
			}
			s := newSigner(t, opts...)
			g := videosdk.Grant{SessionName: "Cool Cars"}
			tc.set(&g)
			token, err := s.Sign(g, testNow)
			if tc.want == "" {
				if err != nil || s.Check(g) != nil {
					t.Fatalf("refused: %v, Check %v", err, s.Check(g))
				}
				if _, err := newVerifier(t).Verify(token, testNow); err != nil {
					t.Errorf("signed, but refused by the verifier: %v", err)
				}
				return
			}
			if err == nil || err.Error() != tc.want || token != "" {
				t.Errorf("got  %v, token %q\nwant %s", err, token, tc.want)
			}
			if got := fmt.Sprint(s.Check(g)); got != tc.want {
				t.Errorf("Check: got  %v\nwant %s", got, tc.want)
			}
		})
	}
}

// Zoom's page lists 62 letters and digits, space and 30 marks; every other character is refused.
func TestSessionNameCharacters(t *testing.T) {
	const listed = "! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ , \\"
	s := newSigner(t)
	for r := rune(0); r < 0x300; r++ {
		name := string(r)
		if r == 0 {
			name = "\x00"
		}
		want := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(listed, r)
		if err := s.Check(videosdk.Grant{SessionName: name}); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"Cool*Cars":         "sessionName has '*' at position 5",
		"Cool/Cars":         "sessionName has '/' at position 5",
		"it's":              "sessionName has ''' at position 3",
		`say "hi"`:          `sessionName has '"' at position 5`,
		"a`":                "sessionName has '`' at position 2",
		"Gr\u00fc\u00dfe":   "sessionName has '\u00fc' (U+00FC) at position 3",
		"a\nb":              "sessionName has U+000A at position 2",
		"a\u200bb":          "sessionName has U+200B at position 2",
		car + "*":           "sessionName has '" + car + "' (U+1F697) at position 1",
		"\U0001F697":        "sessionName has '" + car + "' (U+1F697) at position 1",
		"all is well until": "",
	} {
		err := s.Check(videosdk.Grant{SessionName: name})
		if want == "" && err != nil || want != "" && !strings.HasPrefix(fmt.Sprint(err), want+", which Zoom doesn't accept; allowed are letters, digits, space and ! # $ % & ") {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

func TestEveryFaultOfAGrantIsReportedInOrder(t *testing.T) {
	g := videosdk.Grant{
		SessionName: strings.Repeat("*", 201), Role: 7, Life: time.Minute, Passcode: "0123456789\n",
		UserKey: strings.Repeat("u", 37), SessionKey: strings.Repeat("s", 37), GeoRegions: []string{"XX"},
		CloudRecordingOption: new(5), CloudRecordingElection: new(6), CloudRecordingTranscriptOption: new(7),
		TelemetryTrackingID: strings.Repeat("t", 513), VideoWebRTCMode: new(8), AudioWebRTCMode: new(9),
		Extra: map[string]any{"tpc": 1, "exp": 2, "bad": make(chan int)},
	}
	s := newSigner(t)
	_, err := s.Sign(g, time.Time{})
	all, ok := errors.AsType[videosdk.FieldErrors](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	const inGrant = "sessionName sessionName role expirationSeconds sessionPasscode sessionPasscode userKey sessionKey geoRegions " +
		"cloudRecordingOption cloudRecordingElection cloudRecordingTranscriptOption telemetryTrackingId videoWebRtcMode audioWebRtcMode extra extra extra"
	if got, want := fields(all), inGrant+" now"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	checked, ok := errors.AsType[videosdk.FieldErrors](s.Check(g))
	if !ok || fields(checked) != inGrant {
		t.Errorf("Check: %s", fields(checked))
	}
	for i, line := range strings.SplitN(all.Error(), "; sessionName", 2) {
		if line == "" {
			t.Errorf("part %d of %q is empty", i, all.Error())
		}
	}
	for _, single := range all {
		if !errors.Is(err, single) {
			t.Errorf("%v is not found in the whole", single)
		}
	}
	if len(all.Unwrap()) != len(all) {
		t.Errorf("unwraps to %d of %d", len(all.Unwrap()), len(all))
	}
	if text := err.Error(); strings.Contains(text, g.Passcode) || strings.Contains(text, "0123456789") {
		t.Errorf("shows the passcode: %s", text)
	}
}

func TestExtraClaims(t *testing.T) {
	known := []string{"app_key", "role_type", "tpc", "version", "iat", "exp", "nbf", "pwd", "user_key", "user_identity", "session_key", "geo_regions",
		"cloud_recording_option", "cloud_recording_election", "cloud_recording_transcript_option", "telemetry_tracking_id", "video_webrtc_mode", "audio_webrtc_mode"}
	s := newSigner(t)
	for _, name := range known {
		for _, name := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, "k", "\u212a"), strings.ReplaceAll(name, "s", "\u017f")} {
			want := fmt.Sprintf("extra claim %q is one of the signature's own claims; set the grant's field instead", name)
			if err := s.Check(videosdk.Grant{SessionName: "s", Extra: map[string]any{name: "x"}}); fmt.Sprint(err) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	deep := any(1)
	for range 8 {
		deep = []any{deep}
	}
	many := map[string]any{}
	for i := range 84 {
		many[fmt.Sprint("c", i)] = i
	}
	for _, tc := range []struct {
		name  string
		extra map[string]any
		want  string
	}{
		{"empty name", map[string]any{"": 1}, `extra claim "" has a name that is empty or not plain text`},
		{"name not UTF-8", map[string]any{"\xff": 1}, `extra claim "\xff" has a name that is empty or not plain text`},
		{"name with a line break", map[string]any{"a\n": 1}, `extra claim "a\n" has a name that is empty or not plain text`},
		{"channel", map[string]any{"a": make(chan int)}, `extra claim "a" can't be written as JSON: json: unsupported type: chan int`},
		{"not a number", map[string]any{"a": math.NaN()}, `extra claim "a" can't be written as JSON: json: unsupported value: NaN`},
		{"raw duplicates", map[string]any{"a": rawJSON(`{"b":1,"\u0062":2}`)}, `extra claim "a" is not acceptable JSON: member "b" stands twice`},
		{"raw half of a pair", map[string]any{"a": rawJSON(`"\ud83d"`)}, `extra claim "a" can't be written as JSON: has half of a surrogate pair in a string, at byte 1`},
		{"raw not UTF-8", map[string]any{"a": rawJSON("\"\xff\"")}, `extra claim "a" is not acceptable JSON: is not valid UTF-8`},
		{"too deep", map[string]any{"a": deep}, `extra claim "a" is not acceptable JSON: is nested deeper than 8`},
		{"too many", many, "extra has 84 claims in "},
		{"too long", map[string]any{"a": strings.Repeat("x", 4096-len(`,"a":""`)+1)}, "extra has 1 claims in 4097 bytes; at most 83 claims in 4096 bytes are allowed"},
		{"faults in the order of names", map[string]any{"z": rawJSON("{"), "": 1, "exp": 1}, `extra claim "" has a name that is empty or not plain text; extra claim "exp" is one of`},
	} {
		if err := s.Check(videosdk.Grant{SessionName: "s", Extra: tc.extra}); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
	delete(many, "c83")
	v := newVerifier(t)
	for name, extra := range map[string]map[string]any{
		"longest": {"a": strings.Repeat("x", 4096-len(`,"a":""`))}, "most": many, "deepest": {"a": deep.([]any)[0]},
		"names as they come": {"appKey": 1, "iss": "x", "Ünï ": true, "a.b/c": nil},
	} {
		token, err := s.Sign(videosdk.Grant{SessionName: "s", Extra: extra}, testNow)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, err := v.Verify(token, testNow)
		if err != nil || len(c.Extra) != len(extra) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

func TestGrantWarnings(t *testing.T) {
	for _, tc := range []struct {
		name  string
		grant videosdk.Grant
		want  []string
	}{
		{"none", videosdk.Grant{SessionName: strings.Repeat("a", 150)}, nil},
		{"long name", videosdk.Grant{SessionName: strings.Repeat("a", 151)}, []string{"The session name has 151 characters; some of Zoom's pages allow only 150."}},
		{"long name in UTF-16", videosdk.Grant{SessionName: strings.Repeat(car, 76)}, []string{"The session name has 152 characters; some of Zoom's pages allow only 150."}},
		{"host with a session key", videosdk.Grant{SessionName: "a", Role: videosdk.Host, SessionKey: "k"}, nil},
		{"host without", videosdk.Grant{SessionName: "a", Role: videosdk.Host}, []string{"The host's signature has no session key; sessions can then not be found by your own id in Zoom's reports."}},
	} {
		if got := tc.grant.Warnings(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

func TestGeoRegionsAreACopy(t *testing.T) {
	r := videosdk.GeoRegions()
	r[0] = "XX"
	if got := videosdk.GeoRegions(); len(got) != 12 || got[0] != "AU" {
		t.Error(got)
	}
}

func TestRoleString(t *testing.T) {
	if got := fmt.Sprint(videosdk.Participant, videosdk.Host, videosdk.Role(-3)); got != "participant host Role(-3)" {
		t.Error(got)
	}
}
