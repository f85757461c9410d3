package videosdk

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Known is what is known about a signature besides its text. Everything is
// optional; the more is known, the more [Inspect] can tell. It holds secrets:
// no fmt verb, log/slog and encoding/json shows them.
type Known struct {
	// Key is the SDK key that should stand in app_key.
	Key string
	// Secret is the SDK secret that should have signed.
	Secret string
	// Others are other credentials that might have signed: of another account or
	// stage, or from before a change of the secret. The first 32 are tried.
	Others []Credentials
	// SessionName is the name (topic) as it was passed to join; "" if not known.
	SessionName string
	// Passcode is the passcode (password) as it was passed to join; nil if not
	// known, "" if join was called without one.
	Passcode *string
	// Now is the time to judge by. If it is zero, nothing is said about a
	// signature being expired or issued in the future.
	Now time.Time
	// ErrorShown is the error as the client showed it, in whole or in part: a
	// number ("3010"), a name ("ZoomVideoSDKError_JoinSession_Token_MismatchedSessionName"),
	// a reason ("200 Verify JWT failed"). The first 500 bytes are looked at.
	ErrorShown string
}

// String says what is known without showing any of it.
func (k Known) String() string { return "{Key:" + quoteShort(k.Key) + " Secret:" + hiddenSecret + "}" }

// Format prints String for every verb.
func (k Known) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue returns a group with the key and a stand-in for the secret.
func (k Known) LogValue() slog.Value { return Credentials{Key: k.Key}.LogValue() }

// MarshalJSON returns String as a JSON string.
func (k Known) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// A Kind says for what a token was made.
type Kind string

// The kinds of tokens that Inspect tells apart.
const (
	KindVideoSDK    Kind = "video-sdk"    // the Video SDK's signature: the only one that joins a session
	KindMeetingSDK  Kind = "meeting-sdk"  // the Meeting SDK's signature
	KindCobrowseSDK Kind = "cobrowse-sdk" // the Cobrowse SDK's token
	KindRESTAPI     Kind = "rest-api"     // bearer of the Video SDK API (Build platform), made with the API key and secret
	KindJWTApp      Kind = "jwt-app"      // bearer of the REST "JWT app", switched off by Zoom in 2023
	KindOAuth       Kind = "oauth"        // an access token that Zoom's OAuth server issued
	KindZAK         Kind = "zak"          // a Zoom access key, which starts meetings as a user
	KindLiveKit     Kind = "livekit"      // an access token of a LiveKit room
	KindOther       Kind = "other"        // a JWT of another party
	KindUnknown     Kind = "unknown"      // it can't be read so far
)

// A SignatureStatus says whether a token's signature verifies.
type SignatureStatus string

// The states of a signature.
const (
	SignatureVerified    SignatureStatus = "verified"     // with the secret that is known
	SignatureNotVerified SignatureStatus = "not-verified" // not with that secret; a finding says which mistake explains it
	SignatureNotChecked  SignatureStatus = "not-checked"  // no secret is known, or there is no signature that could be checked
)

// A Severity says how bad a finding is.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // the token is, or may be, refused for this
	SeverityWarning Severity = "warning" // allowed, but known to cause trouble
	SeverityInfo    Severity = "info"    // good to know
)

// A Finding is one thing that Inspect has to say.
type Finding struct {
	// Code is stable and for programs; [Codes] lists all.
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Claim names the claim (or member of the header) at fault; "" if it is not one.
	Claim string `json:"claim,omitempty"`
	// Problem says what is wrong in one sentence.
	Problem string `json:"problem"`
	// Remedy says what to do; "" if there is nothing to be done.
	Remedy string `json:"remedy,omitempty"`
}

// ReadClaims are those claims that people ask for first, as far as they could
// be read. Nothing of it is verified unless Report.Signature says so.
type ReadClaims struct {
	AppKey      string     `json:"appKey,omitempty"`
	SessionName string     `json:"sessionName,omitempty"`
	Role        *Role      `json:"role,omitempty"`
	IssuedAt    *time.Time `json:"issuedAt,omitempty"`
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`
	UserKey     string     `json:"userKey,omitempty"`
	SessionKey  string     `json:"sessionKey,omitempty"`
}

// A Report is what Inspect found. It holds neither a known secret nor the
// token's signature, so that it can be shown and passed on; the payload may
// hold a passcode (pwd), as every reader of the token can see.
//
// In JSON it has two members more: "sound" and, if it isn't, "cause", the code
// of the main cause.
type Report struct {
	Kind      Kind            `json:"kind"`
	Signature SignatureStatus `json:"signature"`
	// Header and Payload are the token's decoded parts; nil if they are not valid JSON.
	Header  json.RawMessage `json:"header,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Claims  ReadClaims      `json:"claims"`
	// Findings are ordered: errors first, and the most telling one first of all.
	Findings []Finding `json:"findings"`
}

// Sound reports whether there is no finding of severity error.
func (r *Report) Sound() bool { return r.Cause() == nil }

// Cause returns the main cause: the most telling finding of severity error, or nil.
func (r *Report) Cause() *Finding {
	for i := range r.Findings {
		if r.Findings[i].Severity == SeverityError {
			return &r.Findings[i]
		}
	}
	return nil
}

// Has reports whether there is a finding with this code.
func (r *Report) Has(code Code) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code })
}

// MarshalJSON writes the report with its members "sound" and "cause".
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report // without this method
	out := struct {
		Sound bool `json:"sound"`
		Cause Code `json:"cause,omitempty"`
		plain
	}{Sound: r.Sound(), plain: plain(r)}
	if c := r.Cause(); c != nil {
		out.Cause = c.Code
	}
	return json.Marshal(out)
}

// Inspect explains token to a person: what it is, what it says, everything that
// is wrong with it, and which mistake made it so. It takes any text, strips
// what is around the token (and says so), and looks as deep as it can.
//
// The report is advice. Nothing may be admitted because Inspect finds it sound:
// that is what a [Verifier] is for.
//
// A line break behind the token is reported; a program that reads a line from a
// terminal or a file should drop its end first.
func Inspect(token string, known Known) *Report {
	in := &inspection{known: known, telling: -1, report: &Report{Kind: KindUnknown, Signature: SignatureNotChecked}}
	in.rememberSecrets()
	if in.form(token) {
		in.report.Kind = in.kind()
		in.read()
		in.signature()
		if in.report.Kind == KindVideoSDK {
			in.headerMembers()
			in.claims()
			in.times()
			in.join()
		}
	}
	in.shown()
	in.unchecked()
	return in.finish()
}

// inspection is one run of Inspect.
type inspection struct {
	known   Known
	secrets []string // that must not show up in the report
	report  *Report
	telling int // index of the finding that explains the error shown, -1 if there is none

	header, payload []member
	headerRead      bool
	signed          []string // what the signature may have been made over, most likely first
	mac             []byte   // the signature's bytes; nil if they can't be had
	damaged         bool     // part of the token is spoilt, so that a mismatch is no wonder
}

// say adds a finding with the severity that the list of codes gives it.
func (in *inspection) say(code Code, claim, problem, remedy string) {
	in.sayAs(codeInfo(code).Severity, code, claim, problem, remedy)
}

func (in *inspection) sayAs(s Severity, code Code, claim, problem, remedy string) {
	claim, _ = in.hide(claim)
	problem, _ = in.hide(problem)
	remedy, _ = in.hide(remedy)
	in.report.Findings = append(in.report.Findings, Finding{Code: code, Severity: s, Claim: claim, Problem: problem, Remedy: remedy})
}

// finish puts the findings in order: what explains the error shown, then by
// severity, then by the order of the list of codes.
func (in *inspection) finish() *Report {
	all := in.report.Findings
	ordered := make([]Finding, 0, len(all)) // not nil: an empty list in JSON, not null
	if in.telling >= 0 {
		ordered = append(ordered, all[in.telling])
		all = slices.Delete(all, in.telling, in.telling+1)
	}
	rank := func(f Finding) int {
		switch f.Severity {
		case SeverityError:
			return codeRank(f.Code)
		case SeverityWarning:
			return codeRank(f.Code) + len(codeList)
		}
		return codeRank(f.Code) + 2*len(codeList)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return rank(a) - rank(b) })
	in.report.Findings = append(ordered, all...)
	return in.report
}

// read fills in the claims that people ask for first.
func (in *inspection) read() {
	text := func(claim string) string {
		m, _ := find(in.payload, claim)
		s, _ := m.text()
		return cut(s, MaxSessionName)
	}
	moment := func(claim string) *time.Time {
		if n, fault := readEpoch(in.payload, claim); fault == epochFine {
			return new(time.Unix(n, 0).UTC())
		}
		return nil
	}
	c := &in.report.Claims
	c.AppKey, c.SessionName, c.SessionKey = text(claimAppKey), text(claimTopic), text(claimSessionKey)
	if c.UserKey = text(claimUserKey); c.UserKey == "" {
		c.UserKey = text(claimUserIdentity)
	}
	m, _ := find(in.payload, claimRole)
	if n, ok := m.integer(); ok && (n == 0 || n == 1) {
		c.Role = new(Role(n))
	}
	c.IssuedAt, c.ExpiresAt = moment(claimIssued), moment(claimExpires)
}

// minHidden is the length from which a secret is looked for inside other text;
// a shorter one would be found by chance.
const minHidden = 8

func (in *inspection) rememberSecrets() {
	add := func(s string) {
		if s != "" {
			in.secrets = append(in.secrets, s)
		}
	}
	add(in.known.Secret)
	add(strings.TrimSpace(in.known.Secret))
	for _, c := range in.others() {
		add(c.Secret)
	}
}

const maxOthers = 32

func (in *inspection) others() []Credentials {
	return in.known.Others[:min(len(in.known.Others), maxOthers)]
}

// hide replaces known secrets in s.
func (in *inspection) hide(s string) (hidden string, found bool) {
	for _, secret := range in.secrets {
		if s == secret || len(secret) >= minHidden && strings.Contains(s, secret) {
			s, found = strings.ReplaceAll(s, secret, hiddenSecret), true
		}
	}
	return s, found
}

// unchecked says what could not be looked at for want of knowledge.
func (in *inspection) unchecked() {
	if in.report.Kind != KindVideoSDK {
		return
	}
	if in.known.Secret == "" && in.report.Signature == SignatureNotChecked && in.mac != nil && in.isHMAC() {
		in.say(CodeSignatureNotChecked, "", "Whether the signature verifies was not checked: no SDK secret is known.",
			"Give the SDK key and secret that sign on your server.")
	}
	if in.known.Now.IsZero() {
		in.say(CodeTimeNotChecked, "", "Whether the signature is valid at this moment was not checked: no time was given.", "")
	}
}

// cut returns the first n characters of s, with an ellipsis if it has more.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}
