package videosdk

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// header is base64url({"alg":"HS256","typ":"JWT"}) and the dot behind it.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// macLen is the length of a MAC in base64url without padding.
const macLen = (sha256.Size*8 + 5) / 6

// A Signer makes signatures with one pair of credentials. It is safe for use
// by many goroutines at once; make it once and keep it.
type Signer struct {
	head     []byte // the token's beginning that never changes: header, dot, and the payload up to head's end
	rest     []byte // what head has no room for of the payload up to role_type's value: 0 to 2 bytes
	backdate time.Duration
	anyName  bool
	mac      *hs256
}

// A SignerOption changes how a [Signer] signs.
type SignerOption func(*Signer) error

// WithBackdate sets by how much iat lies before the present, 0 to 600 seconds
// in whole seconds; 30 seconds if not set. It keeps a verifier whose clock is a
// little slow from refusing the signature as issued in the future.
func WithBackdate(d time.Duration) SignerOption {
	return func(s *Signer) error {
		if d < 0 || d > MaxBackdate || d%time.Second != 0 {
			return &FieldError{Field: "backdate", Reason: fmt.Sprintf("is %s; it must be 0s to %s in whole seconds", d, MaxBackdate)}
		}
		s.backdate = d
		return nil
	}
}

// WithAnySessionName lets session names hold characters outside Zoom's
// documented list, in case your clients are known to accept them. The length
// limit stays.
func WithAnySessionName() SignerOption {
	return func(s *Signer) error {
		s.anyName = true
		return nil
	}
}

// NewSigner returns a Signer for c. The error names every fault of c (see
// [Credentials.Check]) or the option at fault; it never holds the secret.
func NewSigner(c Credentials, opts ...SignerOption) (*Signer, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("videosdk: %w", err)
	}
	s := &Signer{backdate: DefaultBackdate, mac: newHS256([]byte(c.Secret))}
	for _, o := range opts {
		if err := o(s); err != nil {
			return nil, fmt.Errorf("videosdk: %w", err)
		}
	}
	payload := appendJSONString([]byte(`{"app_key":`), c.Key)
	payload = append(payload, `,"role_type":`...)
	whole := len(payload) / 3 * 3 // base64 can be cut after each third byte
	s.head = base64.RawURLEncoding.AppendEncode([]byte(header), payload[:whole])
	s.rest = payload[whole:]
	return s, nil
}

// String says that it is a Signer and nothing more: fmt would else walk into its state.
func (s *Signer) String() string { return "videosdk.Signer" }

// GoString is String.
func (s *Signer) GoString() string { return s.String() }

// Check reports every fault of g as [FieldErrors], or nil if Sign would sign it.
func (s *Signer) Check(g Grant) error {
	es := checkGrant(&g, s.anyName)
	_, extra := encodeExtras(g.Extra)
	return append(es, extra...).orNil()
}

// Validity returns the times that a signature made at now for life carries:
// iat is now less the back-dating, exp is now plus life (0 means
// [DefaultLife]), but at most 48 hours after iat, since Zoom bounds exp - iat.
func (s *Signer) Validity(now time.Time, life time.Duration) (issued, expires time.Time) {
	iat, exp := s.validity(now.Unix(), life)
	return time.Unix(iat, 0).UTC(), time.Unix(exp, 0).UTC()
}

func (s *Signer) validity(now int64, life time.Duration) (iat, exp int64) {
	if life == 0 {
		life = DefaultLife
	}
	iat = now - int64(s.backdate/time.Second)
	return iat, min(now+int64(life/time.Second), iat+int64(MaxLife/time.Second))
}

// Sign returns the signature for g, issued at now, as a compact JWT. The only
// errors are faults of g and of now, all of them at once, as [FieldErrors].
func (s *Signer) Sign(g Grant, now time.Time) (string, error) {
	es := checkGrant(&g, s.anyName)
	extras, extraFaults := encodeExtras(g.Extra)
	es = append(es, extraFaults...)
	// Beyond these times iat and exp would no longer be epoch seconds as others read them.
	if n := now.Unix(); n < int64(s.backdate/time.Second) || n > maxEpoch-int64(MaxLife/time.Second) {
		es = append(es, &FieldError{Field: "now", Reason: "is outside the years 1970 to 9999"})
	}
	if len(es) > 0 {
		return "", es
	}

	st := s.mac.get()
	defer s.mac.put(st)
	// One buffer holds the payload behind head and, behind it, the token built from both.
	st.buf = s.appendPayload(st.buf[:0], &g, now.Unix(), extras)
	payload := len(st.buf)
	signed := len(s.head) + base64.RawURLEncoding.EncodedLen(payload)
	whole := signed + 1 + macLen
	st.buf = slices.Grow(st.buf, whole)
	token := st.buf[payload : payload+whole]
	copy(token, s.head)
	base64.RawURLEncoding.Encode(token[len(s.head):signed], st.buf[:payload])
	token[signed] = '.'
	base64.RawURLEncoding.Encode(token[signed+1:], st.of(token[:signed]))
	return string(token), nil
}

// appendPayload writes the claims behind head in their fixed order, as
// JavaScript's JSON.stringify would.
func (s *Signer) appendPayload(b []byte, g *Grant, now int64, extras []byte) []byte {
	iat, exp := s.validity(now, g.Life)
	b = append(b, s.rest...)
	b = strconv.AppendInt(b, int64(g.Role), 10)
	b = append(b, `,"tpc":`...)
	b = appendJSONString(b, g.SessionName)
	b = append(b, `,"version":1,"iat":`...)
	b = strconv.AppendInt(b, iat, 10)
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, exp, 10)
	b = appendText(b, claimPasscode, g.Passcode)
	b = appendText(b, claimUserKey, g.UserKey)
	b = appendText(b, claimUserIdentity, g.UserKey)
	b = appendText(b, claimSessionKey, g.SessionKey)
	b = appendRegions(b, g.GeoRegions)
	b = appendChoice(b, claimRecordingOption, g.CloudRecordingOption)
	b = appendChoice(b, claimRecordingElection, g.CloudRecordingElection)
	b = appendChoice(b, claimTranscriptOption, g.CloudRecordingTranscriptOption)
	b = appendText(b, claimTelemetry, g.TelemetryTrackingID)
	b = appendChoice(b, claimVideoWebRTC, g.VideoWebRTCMode)
	b = appendChoice(b, claimAudioWebRTC, g.AudioWebRTCMode)
	b = append(b, extras...)
	return append(b, '}')
}

func appendRegions(b []byte, regions []string) []byte {
	if len(regions) == 0 {
		return b
	}
	b = append(b, `,"geo_regions":"`...)
	var named [len(geoRegions)]bool
	for i, r := range regions {
		n := slices.Index(geoRegions[:], r)
		if named[n] {
			continue // a set: naming a region twice asks for nothing more
		}
		if named[n] = true; i > 0 {
			b = append(b, ',')
		}
		b = append(b, r...)
	}
	return append(b, '"')
}

func appendText(b []byte, claim, v string) []byte {
	if v == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, claim...)
	b = append(b, '"', ':')
	return appendJSONString(b, v)
}

func appendChoice(b []byte, claim string, v *int) []byte {
	if v == nil {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, claim...)
	b = append(b, '"', ':')
	return strconv.AppendInt(b, int64(*v), 10)
}
