package caller

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

// reserved begins the user keys that Usher makes itself, so that nobody has one
// of them because the provider says so.
const reserved = "~"

// DigestUserKey returns the user key of whom issuer calls value, where value
// itself can't be one: "~" and the first 35 characters of the unpadded base64url
// of SHA-256("usher user key 1\n" + issuer + "\n" + value). It is 36 characters,
// the most that Zoom takes, of which 210 bits are digest. It never changes.
func DigestUserKey(issuer, value string) string {
	sum := sha256.Sum256([]byte("usher user key 1\n" + issuer + "\n" + value))
	return reserved + base64.RawURLEncoding.EncodeToString(sum[:])[:videosdk.MaxUserKey-len(reserved)]
}

// userKey is value as it is if it can be a user key and nobody else's, else its digest.
func userKey(issuer, value string, plain bool) string {
	if plain && len(utf16.Encode([]rune(value))) <= videosdk.MaxUserKey &&
		!strings.HasPrefix(value, reserved) && !strings.ContainsFunc(value, unicode.IsControl) {
		return value
	}
	return DigestUserKey(issuer, value)
}

// claims are a verified token's, by exact name.
type claims map[string]json.RawMessage

// at returns the claim of that name, else the one that name leads to from object
// to object by its dots, as in realm_access.roles.
func (c claims) at(name string) json.RawMessage {
	if v, ok := c[name]; ok {
		return v
	}
	outer, inner, dotted := strings.Cut(name, ".")
	var object claims
	if !dotted || json.Unmarshal(c[outer], &object) != nil {
		return nil
	}
	return object.at(inner)
}

// text returns the claim as text; a whole number is text too, since some
// providers number their users.
func (c claims) text(name string) string {
	raw := c.at(name)
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n int64
	if json.Unmarshal(raw, &n) == nil && string(raw) != "null" {
		return strings.TrimSpace(string(raw))
	}
	return ""
}

// moment returns the claim as a time; ok is false if it is no sane NumericDate.
func (c claims) moment(name string) (t time.Time, given, ok bool) {
	raw, given := c[name]
	if !given {
		return time.Time{}, false, true
	}
	var seconds *float64
	if json.Unmarshal(raw, &seconds) != nil || seconds == nil || *seconds < 0 || *seconds > 1<<40 {
		return time.Time{}, true, false
	}
	return time.UnixMilli(int64(*seconds * 1000)), true, true
}

// Leeway is how far the clocks of provider and server may be apart.
const Leeway = 30 * time.Second

// checkTimes returns why the token isn't valid now, or nil.
func (c claims) checkTimes(now time.Time) error {
	exp, given, ok := c.moment("exp")
	switch {
	case !ok:
		return unauthenticated("The token's expiry (exp) is no time.")
	case !given:
		return unauthenticated("The token has no expiry (exp); tokens without one are not taken.")
	case !now.Before(exp.Add(Leeway)):
		return unauthenticated("The token expired at %s; sign in again.", exp.UTC().Format(time.RFC3339))
	}
	for _, name := range []string{"nbf", "iat"} {
		t, given, ok := c.moment(name)
		if !ok {
			return unauthenticated("The token's %s is no time.", name)
		}
		if given && t.After(now.Add(Leeway)) {
			return unauthenticated("The token is from the future: its %s is %s, and it is %s here; set the clocks of provider and server.",
				name, t.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// checkKind refuses tokens that are signed with the same keys but aren't there
// to show who is asking.
func (c claims) checkKind(typ string) error {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "", "jwt", "at+jwt": // ID tokens and access tokens (RFC 9068)
	default:
		return unauthenticated("This token is of another kind; send an ID token or an access token.")
	}
	if _, ok := c["events"]; ok { // logout tokens, security events
		return unauthenticated("This token tells of an event; send an ID token or an access token.")
	}
	if _, ok := c["cnf"]; ok { // RFC 7800; taking it without its proof would undo it
		return unauthenticated("This token is bound to a key of its holder (cnf), which can't be checked here; send one that isn't.")
	}
	return nil
}

// audiences returns the claim aud, one text or many.
func (c claims) audiences() []string {
	list, _ := c.texts("aud")
	return list
}

// texts returns a claim that is one text or a list of them; ok is false if it is neither.
func (c claims) texts(name string) (list []string, ok bool) {
	raw := c.at(name)
	if raw == nil || string(raw) == "null" {
		return nil, true
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, true
	}
	var many []*string
	if json.Unmarshal(raw, &many) != nil {
		return nil, false
	}
	for _, s := range many {
		if s == nil {
			return nil, false
		}
		list = append(list, *s)
	}
	return list, true
}

// person returns the user whom the claims are about.
func (c claims) person(is *Issuer, plain bool) (*usher.Caller, error) {
	value := c.text(is.UserKey)
	switch {
	case value == "":
		return nil, unauthenticated("The token doesn't say who you are: it has no claim %s.", is.UserKey)
	case strings.ContainsRune(value, utf8.RuneError): // what several broken texts become
		return nil, unauthenticated("The token's claim %s is no proper text.", is.UserKey)
	}
	if is.UserKey == "email" && !c.verifiedEmail() {
		return nil, unauthenticated("The token's email is not verified (email_verified), so it can't say who you are.")
	}
	var groups []string
	if is.Groups != NoGroups {
		var ok bool
		if groups, ok = c.texts(is.Groups); !ok {
			return nil, unauthenticated("The token's claim %s is no list of names.", is.Groups)
		}
		if c.elsewhere(is.Groups) {
			return nil, unauthenticated("The provider left your groups out of the token, for they are too many; let it send only those that matter here.")
		}
	}
	key := userKey(is.URL, value, plain)
	return &usher.Caller{Kind: usher.KindUser, ID: key, UserKey: key, Name: displayName(c.text(is.Name)), Groups: groups}, nil
}

// verifiedEmail reports whether the provider has verified the email: at some
// providers anybody can claim any address.
func (c claims) verifiedEmail() bool {
	return string(c["email_verified"]) == "true" || string(c["email_verified"]) == `"true"`
}

// elsewhere reports whether the claim has to be fetched from somewhere (OpenID
// Connect Core, section 5.6.2), which is not done: rules that forbid by group
// would not see it.
func (c claims) elsewhere(name string) bool {
	var names claims
	_ = json.Unmarshal(c["_claim_names"], &names) // what isn't an object names nothing
	_, there := names[name]
	return there
}

// displayName is what of a name may be shown and logged: one line, at most 100 characters.
func displayName(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s))
	if n := []rune(s); len(n) > 100 {
		s = string(n[:100])
	}
	return s
}
