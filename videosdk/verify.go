package videosdk

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxTokenBytes is the longest signature that is looked at. The longest that a
// [Signer] makes is about 8 KiB, with extra claims at their limit.
const MaxTokenBytes = 16 << 10

// A Verifier takes signatures back: it accepts those that were made with one
// of its credentials, are sound by Zoom's table and are valid at the moment
// asked for. It is safe for use by many goroutines at once.
type Verifier struct {
	keys   map[string][]*hs256 // SDK key -> its secrets
	leeway time.Duration
}

// A VerifierOption changes how a [Verifier] judges.
type VerifierOption func(*Verifier) error

// WithLeeway sets by how much the clocks of signer and verifier may differ: 0
// to 600 seconds, 0 if not set. It widens both ends of the signature's life.
func WithLeeway(d time.Duration) VerifierOption {
	return func(v *Verifier) error {
		if d < 0 || d > MaxBackdate {
			return &FieldError{Field: "leeway", Reason: fmt.Sprintf("is %s; it must be 0s to %s", d, MaxBackdate)}
		}
		v.leeway = d
		return nil
	}
}

// NewVerifier returns a Verifier for the given credentials, one or more: while
// a secret is being changed, the old and the new pair, which may have the same
// key. The error names every fault of every pair (see [Credentials.Check]; with
// several pairs the fields are "credentials[1].secret" and so on) or the option
// at fault; it never holds a secret.
func NewVerifier(creds []Credentials, opts ...VerifierOption) (*Verifier, error) {
	if len(creds) == 0 {
		return nil, errors.New("videosdk: a verifier needs credentials")
	}
	v := &Verifier{keys: map[string][]*hs256{}}
	var faults FieldErrors
	for i, c := range creds {
		for _, f := range c.faults() {
			if len(creds) > 1 {
				f.Field = fmt.Sprintf("credentials[%d].%s", i, f.Field)
			}
			faults = append(faults, f)
		}
		v.keys[c.Key] = append(v.keys[c.Key], newHS256([]byte(c.Secret)))
	}
	if err := faults.orNil(); err != nil {
		return nil, fmt.Errorf("videosdk: %w", err)
	}
	for _, o := range opts {
		if err := o(v); err != nil {
			return nil, fmt.Errorf("videosdk: %w", err)
		}
	}
	return v, nil
}

// String says that it is a Verifier and nothing more: fmt would else walk into its state.
func (v *Verifier) String() string { return "videosdk.Verifier" }

// GoString is String.
func (v *Verifier) GoString() string { return v.String() }

// Verify returns the claims of token if it is a sound signature, valid at now.
// Errors are *[VerifyError] values, several joined where several claims are at
// fault. Nothing of the claims is returned unless everything holds.
func (v *Verifier) Verify(token string, now time.Time) (*Claims, error) {
	if len(token) > MaxTokenBytes {
		return nil, &VerifyError{Err: ErrTooLarge, Detail: fmt.Sprintf("%d bytes, at most %d are looked at", len(token), MaxTokenBytes)}
	}
	head, rest, ok1 := strings.Cut(token, ".")
	body, sig, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || strings.Contains(sig, ".") {
		return nil, &VerifyError{Err: ErrMalformed, Detail: "it must have three parts with a dot between them"}
	}
	if err := checkHeader(head); err != nil {
		return nil, err
	}
	payload, err := decodePart(body, "second")
	if err != nil {
		return nil, err
	}
	mac, err := decodePart(sig, "third")
	if err != nil {
		return nil, err
	}
	members, err := scanPart(payload, "second")
	if err != nil {
		return nil, err
	}
	// The payload isn't trusted yet: nothing but the key's name is taken from it.
	if err := v.checkMAC(members, token[:len(head)+1+len(body)], mac); err != nil {
		return nil, err
	}
	return v.claims(members, now)
}

// decodePart decodes base64url without padding in its one canonical form.
func decodePart(part, which string) ([]byte, error) {
	// Go's decoder skips line breaks, even in strict mode.
	if i := strings.IndexAny(part, "\r\n"); i >= 0 {
		return nil, &VerifyError{Err: ErrMalformed, Detail: "there is a line break in its " + which + " part"}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, &VerifyError{Err: ErrMalformed, Detail: "its " + which + " part is not canonical base64url without padding"}
	}
	return b, nil
}

func scanPart(data []byte, which string) ([]member, error) {
	members, err := scanObject(data)
	var dup *duplicateError
	switch {
	case errors.As(err, &dup):
		return nil, &VerifyError{Err: ErrDuplicateClaim, Claim: dup.name}
	case err != nil:
		return nil, &VerifyError{Err: ErrMalformed, Detail: "its " + which + " part " + err.Error()}
	}
	return members, nil
}

func checkHeader(part string) error {
	if part+"." == header {
		return nil // what every Signer and most libraries write
	}
	data, err := decodePart(part, "first")
	if err != nil {
		return err
	}
	members, err := scanPart(data, "first")
	if err != nil {
		return err
	}
	if _, ok := find(members, "crit"); ok {
		return &VerifyError{Err: ErrCritical}
	}
	alg, ok := find(members, "alg")
	if s, isText := alg.text(); !ok || !isText || s != "HS256" {
		return &VerifyError{Err: ErrAlgorithm}
	}
	if typ, ok := find(members, "typ"); ok {
		if s, isText := typ.text(); !isText || !strings.EqualFold(s, "JWT") {
			return &VerifyError{Err: ErrMalformed, Detail: "the header's typ is not JWT"}
		}
	}
	return nil
}

func (v *Verifier) checkMAC(members []member, signed string, mac []byte) error {
	m, ok := find(members, claimAppKey)
	if !ok {
		return &VerifyError{Err: ErrMissingClaim, Claim: claimAppKey}
	}
	key, ok := m.text()
	if !ok {
		return &VerifyError{Err: ErrClaimType, Claim: claimAppKey, Detail: "is " + m.kind() + ", must be a string"}
	}
	secrets := v.keys[key]
	if len(secrets) == 0 {
		return &VerifyError{Err: ErrUnknownKey, Claim: claimAppKey}
	}
	match := false
	for _, secret := range secrets {
		match = secret.verifies(signed, mac) || match // every secret is tried, so that time tells nothing
	}
	if !match {
		return &VerifyError{Err: ErrMismatch}
	}
	return nil
}

func find(members []member, name string) (member, bool) {
	for _, m := range members {
		if m.name == name {
			return m, true
		}
	}
	return member{value: []byte("null")}, false
}

// claimReader reads claims by name and keeps what is wrong with them.
type claimReader struct {
	members []member
	faults  []error
}

func (r *claimReader) fault(err error, claim, format string, args ...any) {
	r.faults = append(r.faults, &VerifyError{Err: err, Claim: claim, Detail: fmt.Sprintf(format, args...)})
}

func (r *claimReader) text(claim string, limit int, required bool) string {
	m, ok := find(r.members, claim)
	if !ok {
		if required {
			r.fault(ErrMissingClaim, claim, "")
		}
		return ""
	}
	s, ok := m.text()
	if !ok {
		r.fault(ErrClaimType, claim, "is %s, must be a string", m.kind())
		return ""
	}
	if n := utf16Len(s); n > limit {
		r.fault(ErrClaimValue, claim, "has %d characters, at most %d are allowed", n, limit)
	} else if required && n == 0 {
		r.fault(ErrClaimValue, claim, "is empty")
	}
	return s
}

func (r *claimReader) integer(claim string, required bool) (int64, bool) {
	m, ok := find(r.members, claim)
	if !ok {
		if required {
			r.fault(ErrMissingClaim, claim, "")
		}
		return 0, false
	}
	n, ok := m.integer()
	if !ok {
		r.fault(ErrClaimType, claim, "is %s, must be a whole number", m.kind())
	}
	return n, ok
}

func (r *claimReader) choice(claim string, highest int64, required bool) *int {
	n, ok := r.integer(claim, required)
	if !ok {
		return nil
	}
	if n < 0 || n > highest {
		r.fault(ErrClaimValue, claim, "is %d, must be 0 to %d", n, highest)
	}
	return new(int(n))
}

// maxEpoch is the end of the year 9999, in epoch seconds.
const maxEpoch = 253402300799

func (r *claimReader) epoch(claim string, required bool) (int64, bool) {
	n, ok := r.integer(claim, required)
	if ok && (n < 0 || n > maxEpoch) {
		r.fault(ErrClaimValue, claim, "is %d, must be epoch seconds", n)
		return 0, false
	}
	return n, ok
}

func (v *Verifier) claims(members []member, now time.Time) (*Claims, error) {
	r := claimReader{members: members}
	c := &Claims{AppKey: r.text(claimAppKey, MaxTokenBytes, true)}
	if p := r.choice(claimRole, 1, true); p != nil {
		c.Role = Role(*p)
	}
	c.SessionName = r.text(claimTopic, MaxSessionName, true)
	if n, ok := r.integer(claimVersion, true); ok && n != 1 {
		r.fault(ErrClaimValue, claimVersion, "is %d, must be 1", n)
	}
	r.times(c, now, v.leeway)
	c.Passcode = r.text(claimPasscode, MaxPasscode, false)
	c.UserKey = r.text(claimUserKey, MaxUserKey, false)
	if id := r.text(claimUserIdentity, MaxUserKey, false); c.UserKey == "" {
		c.UserKey = id
	}
	c.SessionKey = r.text(claimSessionKey, MaxSessionKey, false)
	c.GeoRegions = r.text(claimGeoRegions, MaxTokenBytes, false)
	c.CloudRecordingOption = r.choice(claimRecordingOption, 1, false)
	c.CloudRecordingElection = r.choice(claimRecordingElection, 1, false)
	c.CloudRecordingTranscriptOption = r.choice(claimTranscriptOption, 2, false)
	c.TelemetryTrackingID = r.text(claimTelemetry, MaxTokenBytes, false)
	c.VideoWebRTCMode = r.choice(claimVideoWebRTC, 1, false)
	c.AudioWebRTCMode = r.choice(claimAudioWebRTC, 1, false)
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	for _, m := range members {
		if isReserved(m.name) {
			continue
		}
		if c.Extra == nil {
			c.Extra = map[string]json.RawMessage{}
		}
		c.Extra[m.name] = json.RawMessage(m.value)
	}
	return c, nil
}

// times reads and judges iat, exp and, if there is one, nbf.
func (r *claimReader) times(c *Claims, now time.Time, leeway time.Duration) {
	iat, okIat := r.epoch(claimIssued, true)
	exp, okExp := r.epoch(claimExpires, true)
	if okIat {
		c.IssuedAt = time.Unix(iat, 0).UTC()
		r.notBefore(claimIssued, c.IssuedAt, now, leeway)
	}
	if nbf, ok := r.epoch("nbf", false); ok {
		r.notBefore("nbf", time.Unix(nbf, 0), now, leeway)
	}
	if !okExp {
		return
	}
	c.ExpiresAt = time.Unix(exp, 0).UTC()
	// RFC 7519, 4.1.4: refused "on or after" the expiration time.
	if over := now.Sub(c.ExpiresAt); over >= leeway {
		r.fault(ErrExpired, claimExpires, "%s ago", over.Truncate(time.Second))
	}
	if okIat {
		if life := exp - iat; life < int64(MinLife/time.Second) || life > int64(MaxLife/time.Second) {
			r.fault(ErrClaimValue, claimExpires, "is %d s after iat, must be %d to %d", life, int64(MinLife/time.Second), int64(MaxLife/time.Second))
		}
	}
}

func (r *claimReader) notBefore(claim string, t, now time.Time, leeway time.Duration) {
	if ahead := t.Sub(now); ahead > leeway {
		r.fault(ErrNotYetValid, claim, "lies %s ahead", ahead.Truncate(time.Second))
	}
}
