package videosdk

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MinSecretBytes is the length under which a secret is warned about: RFC 7518
// section 3.2 asks HS256 for a key of at least 256 bits. Zoom issues the
// secret, so a shorter one is not refused.
const MinSecretBytes = 32

// Credentials are the SDK key and SDK secret of a Video SDK account (not the
// API key and secret of the REST API, which are another pair).
//
// Credentials don't show their secret: fmt, log/slog and encoding/json print
// the key and "[secret hidden]". The secret is a plain field, though, so
// whatever reads fields by reflection finds it. fmt does so in two cases: for a
// struct that holds Credentials in an unexported field, and for a verb that
// can't be meant for them (%p, and %w outside fmt.Errorf's errors), which go vet
// refuses.
type Credentials struct {
	Key    string
	Secret string
}

const hiddenSecret = "[secret hidden]"

// placeholders are beginnings and endings, in lower case, of texts that sample
// configurations ship with. None is so short that a real key, 22 random
// characters or more, is likely to have it.
var placeholders = []string{"your_", "your-", "your ", "<", "${", "{{", "changeme", "change-me", "change_me", "replace", "_here", "placeholder", "sdk_key", "sdk_secret"}

// quotes are the marks that come along when a value is copied out of code, or out of a text that sets them in pairs.
const quotes = "\"'`\u201c\u201d\u2018\u2019"

// Check reports, all at once, why the credentials can't be used: empty,
// surrounded by white space or quotes, or still a placeholder such as
// YOUR_VIDEO_SDK_KEY_HERE. The error is a [FieldErrors] with the fields "key"
// and "secret"; it never holds the secret.
func (c Credentials) Check() error { return c.faults().orNil() }

func (c Credentials) faults() FieldErrors {
	var faults FieldErrors
	for _, f := range []struct{ field, what, value string }{
		{"key", "SDK key", c.Key},
		{"secret", "SDK secret", c.Secret},
	} {
		if reason := credentialFault(f.what, f.value); reason != "" {
			faults = append(faults, &FieldError{Field: f.field, Reason: reason})
		}
	}
	if c.Key != "" && c.Key == c.Secret {
		faults = append(faults, &FieldError{Field: "secret", Reason: "is the same as the SDK key; copy the SDK secret from the Zoom app marketplace"})
	}
	return faults
}

func credentialFault(what, v string) string {
	switch {
	case v == "":
		return "is empty; copy the " + what + " from the Zoom app marketplace"
	case !utf8.ValidString(v):
		return "is not valid UTF-8 text; copy the " + what + " again"
	case v != strings.TrimSpace(v):
		return "has white space or a line break around it; remove it"
	case v != strings.Trim(v, quotes):
		return "has quotes around it; remove them"
	case strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has a control character or an invisible one in it; copy the " + what + " again"
	case strings.Trim(v, "xX*.-_") == "":
		return placeholderFault(what)
	}
	low := strings.ToLower(v)
	for _, p := range placeholders {
		if strings.HasPrefix(low, p) || strings.HasSuffix(low, p) {
			return placeholderFault(what)
		}
	}
	return ""
}

func placeholderFault(what string) string {
	return "is still a placeholder; put the " + what + " from the Zoom app marketplace in its place"
}

// Warnings lists what is unwise but allowed, in whole sentences without the secret.
func (c Credentials) Warnings() []string {
	if n := len(c.Secret); n > 0 && n < MinSecretBytes {
		return []string{fmt.Sprintf("The SDK secret is %d bytes long; HS256 asks for at least %d (RFC 7518, 3.2). Check that it was copied whole.", n, MinSecretBytes)}
	}
	return nil
}

// String returns the key and a stand-in for the secret.
func (c Credentials) String() string { return "{Key:" + c.shownKey() + " Secret:" + hiddenSecret + "}" }

// shownKey is the key, unless somebody put the secret there.
func (c Credentials) shownKey() string {
	if c.Secret != "" && strings.Contains(c.Key, c.Secret) {
		return hiddenSecret
	}
	return c.Key
}

// Format prints String for every verb, so that none of them shows the secret.
func (c Credentials) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue returns a group with the key and a stand-in for the secret.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key", c.shownKey()), slog.String("secret", hiddenSecret))
}

// MarshalText returns String; it keeps the secret out of JSON, also where Credentials are map keys.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// errSecretHidden is why Credentials can't be read back from text.
var errSecretHidden = errors.New("videosdk: credentials can't be read from text that hides the secret")

// UnmarshalText always fails: what MarshalText writes doesn't hold the secret.
func (c *Credentials) UnmarshalText([]byte) error { return errSecretHidden }
