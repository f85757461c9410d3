package videosdk_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/videosdk"
)

// Each figure of a test has one home: these credentials sign all that isn't about credentials.
const (
	testKey    = "Tq7WmXc2Rk9LpZs4VnBy1g"
	testSecret = "hD3fK9sLq2WmZx7VbN5tRy8UcP1eJ6gAoI4k"
)

func testCredentials() videosdk.Credentials {
	return videosdk.Credentials{Key: testKey, Secret: testSecret}
}

// canary is a secret that must never be seen.
const canary = "CanaryNeverSeen0123456789abcdefghijkl"

// revealed says in which form text shows the canary, "" if in none.
func revealed(text string) string {
	for form, s := range map[string]string{
		"as it is":       canary,
		"its beginning":  canary[:8],
		"its end":        canary[len(canary)-8:],
		"in hexadecimal": hex.EncodeToString([]byte(canary[:8])),
		"in spaced hex":  fmt.Sprintf("% x", canary[:8]),
		"as numbers":     strings.Trim(fmt.Sprint([]byte(canary[:8])), "[]"),
		"in base64":      base64.StdEncoding.EncodeToString([]byte(canary[:9])),
		"in code points": fmt.Sprintf("%U", []rune(canary[:4])),
		"in octal":       strings.Trim(fmt.Sprintf("%o", []byte(canary[:8])), "[]"),
		"in binary":      strings.Trim(fmt.Sprintf("%b", []byte(canary[:8])), "[]"),
		"as numbers 0x":  strings.Trim(fmt.Sprintf("%#x", []byte(canary[:4])), "[]"),
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			return form
		}
	}
	return ""
}

func TestCredentialsCheck(t *testing.T) {
	good := strings.Repeat("Ab3", 8)
	for _, tc := range []struct {
		name, key, secret string
		want              string // whole error, "" for none
	}{
		{"sound", good, testSecret, ""},
		{"short secret is only warned about", good, "abc", ""},
		{"marks that keys may have", "a-B_c.9", "p+/=%~ q", ""},
		{"xxxx in the middle", "abcxxxxdef", "xxxxAbc9", ""},
		{"both empty", "", "", "key is empty; copy the SDK key from the Zoom app marketplace; secret is empty; copy the SDK secret from the Zoom app marketplace"},
		{"space before", " " + good, testSecret, "key has white space or a line break around it; remove it"},
		{"tab behind", good, testSecret + "\t", "secret has white space or a line break around it; remove it"},
		{"line break behind", good, testSecret + "\n", "secret has white space or a line break around it; remove it"},
		{"Windows line break", good, testSecret + "\r\n", "secret has white space or a line break around it; remove it"},
		{"no-break space", good, testSecret + "\u00a0", "secret has white space or a line break around it; remove it"},
		{"nothing but space", good, "  ", "secret has white space or a line break around it; remove it"},
		{"double quotes", `"` + good + `"`, testSecret, "key has quotes around it; remove them"},
		{"single quotes", good, "'" + testSecret + "'", "secret has quotes around it; remove them"},
		{"backticks", good, "`" + testSecret + "`", "secret has quotes around it; remove them"},
		{"typographic quotes", good, "“" + testSecret + "”", "secret has quotes around it; remove them"},
		{"one quote", good, testSecret + `"`, "secret has quotes around it; remove them"},
		{"a quote alone", good, `"`, "secret has quotes around it; remove them"},
		{"line break inside", good, "abc\ndef", "secret has a control character or an invisible one in it; copy the SDK secret again"},
		{"NUL inside", "abc\x00def", testSecret, "key has a control character or an invisible one in it; copy the SDK key again"},
		{"byte order mark", good, "\ufeff" + testSecret, "secret has a control character or an invisible one in it; copy the SDK secret again"},
		{"zero-width space", good, testSecret + "\u200b", "secret has a control character or an invisible one in it; copy the SDK secret again"},
		{"not UTF-8", good, "abc\xff", "secret is not valid UTF-8 text; copy the SDK secret again"},
		{"key as secret", good, good, "secret is the same as the SDK key; copy the SDK secret from the Zoom app marketplace"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := videosdk.Credentials{Key: tc.key, Secret: tc.secret}.Check()
			if got := fmt.Sprint(err); tc.want == "" && err != nil || tc.want != "" && got != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestCredentialsCheckRefusesPlaceholders(t *testing.T) {
	const want = "is still a placeholder; put the SDK secret from the Zoom app marketplace in its place"
	for _, p := range []string{
		"YOUR_VIDEO_SDK_KEY_HERE", "YOUR_VIDEO_SDK_SECRET_HERE", "your-secret", "Your Secret", "your_zoom_video_sdk_secret",
		"<secret>", "xxxx", "XXXX-XXXX", "****", "...", "-", "changeme", "change-me", "CHANGE_ME", "replace-with-secret", "put_it_here",
		"placeholder", "ZOOM_VIDEO_SDK_KEY", "ZOOM_VIDEO_SDK_SECRET", "${ZOOM_SECRET}", "{{ secret }}",
	} {
		err := videosdk.Credentials{Key: testKey, Secret: p}.Check()
		var fault *videosdk.FieldError
		if !errors.As(err, &fault) || fault.Field != "secret" || fault.Reason != want {
			t.Errorf("%q: %v", p, err)
		}
		if err := (videosdk.Credentials{Key: p, Secret: testSecret}).Check(); err == nil {
			t.Errorf("key %q is accepted", p)
		}
	}
}

func TestCredentialsWarnings(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, videosdk.MinSecretBytes - 1: 1, videosdk.MinSecretBytes: 0, 64: 0} {
		w := videosdk.Credentials{Key: "k", Secret: strings.Repeat("s", n)}.Warnings()
		if len(w) != want {
			t.Errorf("%d bytes: %q", n, w)
		}
		if want == 1 && !strings.Contains(w[0], fmt.Sprintf("is %d bytes long; HS256 asks for at least 32", n)) {
			t.Errorf("%d bytes: %q", n, w)
		}
	}
}

func TestCredentialsNeverShowTheSecret(t *testing.T) {
	c := videosdk.Credentials{Key: testKey, Secret: canary}
	type nested struct {
		Name  string
		Creds videosdk.Credentials
		Ptr   *videosdk.Credentials
		Any   any
		List  []videosdk.Credentials
		Map   map[string]videosdk.Credentials
		Keyed map[videosdk.Credentials]int
	}
	type embedded struct{ videosdk.Credentials }
	n := nested{"n", c, &c, c, []videosdk.Credentials{c}, map[string]videosdk.Credentials{"a": c}, map[videosdk.Credentials]int{c: 1}}
	ptr, noVerb := &c, "no verb"
	values := map[string]any{
		"value": c, "pointer": &c, "pointer to pointer": &ptr, "nested": n, "pointer to nested": &n,
		"slice": []videosdk.Credentials{c}, "pointers": []*videosdk.Credentials{&c}, "array": [1]videosdk.Credentials{c},
		"map": map[string]videosdk.Credentials{"a": c}, "map key": map[videosdk.Credentials]string{c: "a"}, "any": []any{c, &c},
		"embedded": embedded{c},
	}
	check := func(what, text string) {
		t.Helper()
		if form := revealed(text); form != "" {
			t.Errorf("%s shows the secret %s: %s", what, form, text)
		}
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%T", "%40v", "%-5.2s", "%z", "%!"} {
			check(name+" with "+verb, fmt.Sprintf(verb, v))
		}
		check(name+" printed", fmt.Sprint(v)+fmt.Sprintln(v))
		//lint:ignore SA5009 a surplus argument is what is tried here
		check(name+" as a surplus argument", fmt.Sprintf(noVerb, v))
		check(name+" in an error", fmt.Errorf("start: %v", v).Error())
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
			var log strings.Builder
			for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
				slog.New(h).With("c", v).WithGroup("g").Log(t.Context(), level, "m", "c", v, slog.Group("g", "c", v))
			}
			check(name+" logged", log.String())
		}
		if data, err := json.Marshal(v); err == nil {
			check(name+" as JSON", string(data))
		} else {
			check(name+" as JSON", err.Error())
		}
		if data, err := xml.Marshal(v); err == nil {
			check(name+" as XML", string(data))
		} else {
			check(name+" as XML", err.Error())
		}
	}
	for name, got := range map[string]string{"%v": fmt.Sprint(c), "%d": fmt.Sprintf("%d", &c)} {
		if want := "{Key:" + testKey + " Secret:[secret hidden]}"; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := fmt.Sprint((*videosdk.Credentials)(nil)); got != "<nil>" {
		t.Errorf("nil pointer: %q", got)
	}

	for name, swapped := range map[string]videosdk.Credentials{
		"secret in both": {Key: canary, Secret: canary}, "secret within the key": {Key: testKey + ":" + canary, Secret: canary},
	} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "c", swapped)
		check(name, fmt.Sprint(swapped)+fmt.Sprintf("%#v", &swapped)+log.String())
	}
}

func TestCredentialsCannotBeReadFromText(t *testing.T) {
	var c videosdk.Credentials
	for _, data := range []string{`"{Key:k Secret:[secret hidden]}"`, `{"Key":"k","Secret":"s"}`} {
		if err := json.Unmarshal([]byte(data), &c); err == nil || c != (videosdk.Credentials{}) {
			t.Errorf("%s: %v, %v", data, c, err)
		}
	}
	if err := c.UnmarshalText([]byte("x")); err == nil || !strings.Contains(err.Error(), "hides the secret") {
		t.Error(err)
	}
}

// Neither the errors of the makers nor what they make holds the secret.
func TestMakersNeverShowTheSecret(t *testing.T) {
	for name, c := range map[string]videosdk.Credentials{
		"no key": {Secret: canary}, "space": {Key: testKey, Secret: " " + canary}, "quotes": {Key: testKey, Secret: `"` + canary + `"`},
		"control": {Key: testKey, Secret: canary + "\x01" + canary}, "UTF-8": {Key: testKey, Secret: canary + "\xff"},
		"placeholder": {Key: testKey, Secret: "your_" + canary}, "same": {Key: canary, Secret: canary}, "sound": {Key: testKey, Secret: canary},
	} {
		signer, err1 := videosdk.NewSigner(c)
		verifier, err2 := videosdk.NewVerifier([]videosdk.Credentials{c, c})
		if (err1 == nil) != (name == "sound") || (err2 == nil) != (name == "sound") {
			t.Errorf("%s: %v, %v", name, err1, err2)
		}
		asJSON, err := json.Marshal([]any{err1, err2, signer, verifier})
		if err != nil {
			t.Fatal(err)
		}
		text := string(asJSON)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text += fmt.Sprintf(verb, err1) + fmt.Sprintf(verb, err2) + fmt.Sprintf(verb, signer) + fmt.Sprintf(verb, verifier)
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Error("m", "err", err1, "err2", err2, "signer", signer, "verifier", verifier)
		if form := revealed(text + log.String()); form != "" {
			t.Errorf("%s: shows the secret %s: %s", name, form, text+log.String())
		}
	}
}

func TestMakersNameEveryFault(t *testing.T) {
	_, err := videosdk.NewSigner(videosdk.Credentials{Key: " k", Secret: "changeme"})
	if want := "videosdk: key has white space or a line break around it; remove it; secret is still a placeholder; put the SDK secret from the Zoom app marketplace in its place"; fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = videosdk.NewVerifier([]videosdk.Credentials{{Key: "k", Secret: ""}, testCredentials(), {Key: "'k'", Secret: "s\n"}})
	var all videosdk.FieldErrors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	if got, want := fields(all), "credentials[0].secret credentials[2].key credentials[2].secret"; got != want {
		t.Errorf("fields %s, want %s", got, want)
	}
	if _, err = videosdk.NewVerifier(nil); err == nil || err.Error() != "videosdk: a verifier needs credentials" {
		t.Error(err)
	}
}

func fields(es videosdk.FieldErrors) string {
	names := make([]string, len(es))
	for i, e := range es {
		names[i] = e.Field
	}
	return strings.Join(names, " ")
}
