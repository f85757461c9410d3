package videosdk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of the claims. Lengths are in UTF-16 code units.
const (
	MaxSessionName  = 200  // tpc
	LongSessionName = 150  // above it Zoom's pages disagree: "auth" allows 200, "sessions" 150
	MaxUserKey      = 36   // user_key, user_identity
	MaxSessionKey   = 36   // session_key
	MaxPasscode     = 10   // pwd, and the password passed to join
	MaxTelemetryID  = 512  // telemetry_tracking_id; Usher's own bound, Zoom documents none
	MaxExtraBytes   = 4096 // all extra claims together, encoded; Usher's own bound

	MinLife     = 1800 * time.Second // exp - iat
	MaxLife     = 48 * time.Hour     // exp - iat
	DefaultLife = 2 * time.Hour

	MaxBackdate     = 600 * time.Second
	DefaultBackdate = 30 * time.Second
)

// nameChars are the characters besides letters and digits that Zoom documents for a session name.
const nameChars = " !#$%&()+-:;<=.>?@[]^_{}|~,\\"

// geoRegions are the data-centre regions that geo_regions may name.
var geoRegions = [...]string{"AU", "BR", "CA", "DE", "HK", "IN", "JP", "CN", "MX", "NL", "SG", "US"}

// GeoRegions returns the data-centre regions that a signature may name, in Zoom's order.
func GeoRegions() []string { return slices.Clone(geoRegions[:]) }

// Role is what a user may do in a session; it is the value of role_type.
type Role int

const (
	// Participant may join; before the host too.
	Participant Role = 0
	// Host may start the session. The first host in is host, later ones are co-hosts.
	Host Role = 1
)

// String returns "participant", "host" or "Role(n)".
func (r Role) String() string {
	switch r {
	case Participant:
		return "participant"
	case Host:
		return "host"
	}
	return "Role(" + strconv.Itoa(int(r)) + ")"
}

// A Grant is what one signature shall allow: one user into one session in one
// role. Only SessionName is required. A zero value means "not given", and what
// is not given is not written into the signature; numbers with a meaning for 0
// are pointers (in Go 1.26: new(1)).
type Grant struct {
	// SessionName identifies the session (claim tpc): 1 to 200 characters of
	// Zoom's list. It must equal the name passed to join; Zoom ignores case.
	SessionName string
	// Role is Participant unless set.
	Role Role
	// Life is how long from now the signature may be used to join: 30 minutes to
	// 48 hours in whole seconds, 0 for 2 hours. It should cover the session's
	// planned length: on a reconnect the client posts the same signature again.
	Life time.Duration
	// Passcode (claim pwd) is the session's passcode as the first format of the
	// signature carried it: at most 10 characters of printable ASCII. Zoom's
	// current clients take it as a parameter of join; anyone who holds the
	// signature can read it.
	Passcode string
	// UserKey (claims user_key and user_identity) is your own id of the user: at
	// most 36 characters. It is readable, so it should hold no personal data.
	UserKey string
	// SessionKey (claim session_key) is your own id of the session: at most 36
	// characters. Once the host has one, everybody needs the same.
	SessionKey string
	// GeoRegions are the data centres this user prefers; see [GeoRegions].
	GeoRegions []string
	// CloudRecordingOption is 0 for one mixed file, 1 for a file per user. 1 needs the host role.
	CloudRecordingOption *int
	// CloudRecordingElection is 1 to record this user's own video, else 0.
	CloudRecordingElection *int
	// CloudRecordingTranscriptOption is 0 for none, 1 transcript, 2 transcript and summary. Zoom charges for it.
	CloudRecordingTranscriptOption *int
	// TelemetryTrackingID ties the web client's telemetry to an id of yours.
	TelemetryTrackingID string
	// VideoWebRTCMode and AudioWebRTCMode are 1 for on, 0 for off; nil lets Zoom decide.
	VideoWebRTCMode *int
	AudioWebRTCMode *int
	// Extra holds further claims, written after the others in the order of
	// their names, their values as encoding/json writes them. It can't replace a
	// claim named above, in whatever case it is written.
	Extra map[string]any
}

// Warnings lists what is unwise but allowed, in whole sentences.
func (g Grant) Warnings() []string {
	var out []string
	if n := utf16Len(g.SessionName); n > LongSessionName {
		out = append(out, fmt.Sprintf("The session name has %d characters; some of Zoom's pages allow only %d.", n, LongSessionName))
	}
	if g.Role == Host && g.SessionKey == "" {
		out = append(out, "The host's signature has no session key; sessions can then not be found by your own id in Zoom's reports.")
	}
	return out
}

// checkGrant returns all faults of g, or nil. It doesn't allocate for a sound grant without extras.
func checkGrant(g *Grant, anyName bool) FieldErrors {
	var es FieldErrors
	add := func(field, format string, args ...any) {
		es = append(es, &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if g.SessionName == "" {
		add("sessionName", "is required and can't be empty")
	} else if n, ok := textLen(g.SessionName); !ok {
		add("sessionName", "is not valid UTF-8 text")
	} else {
		if n > MaxSessionName {
			add("sessionName", "has %d characters; at most %d are allowed", n, MaxSessionName)
		}
		if anyName {
			if hasControl(g.SessionName) {
				add("sessionName", "has a control character in it")
			}
		} else if r, at, bad := badNameChar(g.SessionName); bad {
			add("sessionName", "has %s at position %d, which Zoom doesn't accept; allowed are letters, digits, space and ! # $ %% & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ , \\", describeRune(r), at+1)
		}
	}
	if g.Role != Participant && g.Role != Host {
		add("role", "is %d; it must be 0 (participant) or 1 (host)", int(g.Role))
	}
	if g.Life != 0 {
		if g.Life%time.Second != 0 {
			add("expirationSeconds", "must be a whole number of seconds")
		} else if g.Life < MinLife || g.Life > MaxLife {
			add("expirationSeconds", "is %d; it must be between %d and %d", int64(g.Life/time.Second), int64(MinLife/time.Second), int64(MaxLife/time.Second))
		}
	}
	if g.Passcode != "" {
		// No rune of the passcode is named: it is a secret.
		if strings.ContainsFunc(g.Passcode, func(r rune) bool { return r < 32 || r > 126 }) {
			add("sessionPasscode", "has a character outside printable ASCII")
		}
		if n := utf16Len(g.Passcode); n > MaxPasscode {
			add("sessionPasscode", "has %d characters; at most %d are allowed", n, MaxPasscode)
		}
	}
	text := func(field, v string, limit int) {
		if v == "" {
			return
		}
		n, ok := textLen(v)
		if !ok {
			add(field, "is not valid UTF-8 text")
			return
		}
		if n > limit {
			add(field, "has %d characters; at most %d are allowed", n, limit)
		}
		if hasControl(v) {
			add(field, "has a control character in it")
		}
	}
	text("userKey", g.UserKey, MaxUserKey)
	text("sessionKey", g.SessionKey, MaxSessionKey)
	for _, r := range g.GeoRegions {
		if !slices.Contains(geoRegions[:], r) {
			add("geoRegions", "names %s; allowed are %s", quoteShort(r), strings.Join(geoRegions[:], ","))
			break
		}
	}
	choice := func(field string, v *int, highest int) {
		if v != nil && (*v < 0 || *v > highest) {
			want := "0 or 1"
			if highest == 2 {
				want = "0, 1 or 2"
			}
			add(field, "is %d; it must be %s", *v, want)
		}
	}
	choice("cloudRecordingOption", g.CloudRecordingOption, 1)
	if g.CloudRecordingOption != nil && *g.CloudRecordingOption == 1 && g.Role == Participant {
		add("cloudRecordingOption", "is 1, which needs the host role; leave it out or ask for role 1")
	}
	choice("cloudRecordingElection", g.CloudRecordingElection, 1)
	choice("cloudRecordingTranscriptOption", g.CloudRecordingTranscriptOption, 2)
	text("telemetryTrackingId", g.TelemetryTrackingID, MaxTelemetryID)
	choice("videoWebRtcMode", g.VideoWebRTCMode, 1)
	choice("audioWebRtcMode", g.AudioWebRTCMode, 1)
	return es
}

// encodeExtras returns `,"name":value` for each extra claim in the order of
// their names, or its faults. The result holds no duplicate member at any
// depth, so that what is signed also verifies.
func encodeExtras(extra map[string]any) ([]byte, FieldErrors) {
	if len(extra) == 0 {
		return nil, nil
	}
	var es FieldErrors
	names := make([]string, 0, len(extra))
	for name := range extra {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []byte
	for _, name := range names {
		fault := func(reason string) {
			es = append(es, &FieldError{Field: "extra", Reason: fmt.Sprintf("claim %s %s", quoteShort(name), reason)})
		}
		if name == "" || !utf8.ValidString(name) || hasControl(name) {
			fault("has a name that is empty or not plain text")
			continue
		}
		if contradicts(name) {
			fault("is one of the signature's own claims; set the grant's field instead")
			continue
		}
		value, err := marshalPlain(extra[name])
		if err != nil {
			fault("can't be written as JSON: " + err.Error())
			continue
		}
		if _, err := scanValue(value); err != nil {
			fault("is not acceptable JSON: " + err.Error())
			continue
		}
		out = append(out, ',')
		out = appendJSONString(out, name)
		out = append(out, ':')
		out = append(out, value...)
	}
	if len(out) > MaxExtraBytes || len(names) > maxMembers-len(knownClaims) {
		es = append(es, &FieldError{Field: "extra", Reason: fmt.Sprintf("has %d claims in %d bytes; at most %d claims in %d bytes are allowed", len(names), len(out), maxMembers-len(knownClaims), MaxExtraBytes)})
	}
	return out, es
}

// marshalPlain writes v as compact JSON with strings as JavaScript writes them;
// encoding/json would escape < > & and the separators U+2028 and U+2029.
func marshalPlain(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		if data[i] != '"' {
			out = append(out, data[i])
			i++
			continue
		}
		text, end, err := scanString(data, i)
		if err != nil {
			return nil, err
		}
		out, i = appendJSONString(out, text), end
	}
	return out, nil
}

// badNameChar finds the first character of name that Zoom doesn't document, and its index in characters.
func badNameChar(name string) (r rune, at int, bad bool) {
	for _, r := range name {
		if !isNameChar(r) {
			return r, at, true
		}
		at++
	}
	return 0, 0, false
}

// nameCharSet has a bit for each of the first 128 characters that a session name may hold.
var nameCharSet = func() (set [128]bool) {
	for c := '0'; c <= '9'; c++ {
		set[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		set[c], set[c-'a'+'A'] = true, true
	}
	for _, c := range nameChars {
		set[c] = true
	}
	return set
}()

func isNameChar(r rune) bool { return r >= 0 && r < 128 && nameCharSet[r] }

// describeRune names a character so that it can be read in any terminal.
func describeRune(r rune) string {
	if r > 32 && r < 127 {
		return fmt.Sprintf("'%c'", r)
	}
	if strconv.IsPrint(r) {
		return fmt.Sprintf("'%c' (%U)", r, r)
	}
	return fmt.Sprintf("%U", r)
}

// quoteShort quotes s for a message, cut to 40 characters.
func quoteShort(s string) string {
	if rs := []rune(s); len(rs) > 40 {
		return strconv.Quote(string(rs[:40])) + "…"
	}
	return strconv.Quote(s)
}

// utf16Len is the length of s as JavaScript's .length counts it.
func utf16Len(s string) int {
	n, _ := textLen(s)
	return n
}

// textLen returns the length of s in UTF-16 code units and whether s is valid UTF-8.
func textLen(s string) (n int, valid bool) {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			n = i
			for _, r := range s[i:] {
				n++
				if r > 0xFFFF {
					n++
				}
			}
			return n, utf8.ValidString(s[i:])
		}
	}
	return len(s), true
}

// hasControl reports whether s has a control character, of which Unicode has
// two ranges. Terminals obey those of the second as they do escape sequences.
func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f || s[i] == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0 { // U+0080 to U+009F are C2 80 to C2 9F
			return true
		}
	}
	return false
}
