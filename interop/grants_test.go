// Package interop_test holds Usher's signatures against other implementations:
// golang-jwt in this process, jsrsasign and Node's crypto in Node.
package interop_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

// generator makes credentials and grants at random, always the same for one seed.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(20260701, seed))} }

const (
	nameChars  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()+-:;<=.>?@[]^_{}|~,\\"
	asciiChars = nameChars + "\"'`*/"
	keyChars   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// awkward are characters that JSON, HTML or UTF-16 treat in their own way.
var awkward = []rune{'"', '\\', '/', '<', '>', '&', '\'', '\u00a0', '\u00e9', '\u2028', '\u2029', '\ud7ff', '\ue000', '\ufeff', '\ufffd', '\uffff', '\U00010000', '\U0001F697', '\U0010FFFF', 'k', '0'}

func (g generator) maybe() bool { return g.IntN(2) == 0 }

func (g generator) from(chars string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = chars[g.IntN(len(chars))]
	}
	return string(b)
}

// text is 1 to most UTF-16 units of any text without control characters.
func (g generator) text(most int) string {
	n := 1 + g.IntN(most)
	switch g.IntN(4) {
	case 0:
		return g.from(keyChars, n)
	case 1:
		return g.from(asciiChars, n)
	}
	var b strings.Builder
	for n > 0 {
		r := awkward[g.IntN(len(awkward))]
		if g.IntN(4) == 0 {
			r = rune(0xa0 + g.IntN(0x10FFFF-0xa0))
		}
		if r >= 0xd800 && r <= 0xdfff {
			continue
		}
		n--
		if r > 0xffff {
			if n == 0 {
				r = 'z'
			}
			n--
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (g generator) credentials() videosdk.Credentials {
	for {
		c := videosdk.Credentials{Key: g.from(keyChars, 22), Secret: g.from(keyChars, 36)}
		switch g.IntN(6) {
		case 0:
			c = videosdk.Credentials{Key: g.text(40), Secret: g.text(80)}
		case 1:
			c.Secret = g.from("0123456789abcdef", 64) // text that could be taken for hexadecimal
		case 2:
			c.Secret = g.from(asciiChars, 1+g.IntN(200)) // over a block of SHA-256, and very short
		}
		if c.Check() == nil {
			return c
		}
	}
}

// grant makes a grant that is sound for a signer that lets any session name pass.
func (g generator) grant() videosdk.Grant {
	gr := videosdk.Grant{SessionName: g.from(keyChars+" ", 1+g.IntN(40))}
	switch g.IntN(8) {
	case 0:
		gr.SessionName = g.text(videosdk.MaxSessionName)
	case 1:
		gr.SessionName = g.from(nameChars, videosdk.MaxSessionName)
	case 2, 3:
		gr.SessionName = g.from(nameChars, 1+g.IntN(40))
	}
	choice := func(most int) *int {
		if g.maybe() {
			return nil
		}
		return new(g.IntN(most + 1))
	}
	optional := func(most int) string {
		if g.maybe() {
			return ""
		}
		return g.text(most)
	}
	if g.maybe() {
		gr.Role, gr.CloudRecordingOption = videosdk.Host, choice(1)
	}
	if g.maybe() {
		gr.Life = videosdk.MinLife + time.Duration(g.Int64N(int64((videosdk.MaxLife-videosdk.MinLife)/time.Second)+1))*time.Second
	}
	if g.maybe() {
		gr.Passcode = g.from(asciiChars, 1+g.IntN(videosdk.MaxPasscode))
	}
	gr.UserKey, gr.SessionKey = optional(videosdk.MaxUserKey), optional(videosdk.MaxSessionKey)
	for range max(0, g.IntN(12)-6) {
		gr.GeoRegions = append(gr.GeoRegions, videosdk.GeoRegions()[g.IntN(12)])
	}
	gr.CloudRecordingElection, gr.CloudRecordingTranscriptOption = choice(1), choice(2)
	gr.VideoWebRTCMode, gr.AudioWebRTCMode = choice(1), choice(1)
	if g.IntN(4) == 0 {
		gr.TelemetryTrackingID = g.text(100)
	}
	if g.IntN(3) == 0 {
		gr.Extra = map[string]any{}
		for range 1 + g.IntN(4) {
			// A letter first: JavaScript puts members whose names are numbers before all others.
			gr.Extra["x"+g.text(12)] = g.value(3)
		}
	}
	return gr
}

// value is JSON that JavaScript's numbers can hold.
func (g generator) value(depth int) any {
	switch g.IntN(8) {
	case 0:
		return nil
	case 1:
		return g.maybe()
	case 2:
		return g.Int64N(1<<54) - 1<<53
	case 3:
		return float64(g.Int64N(1<<53)) / float64(int64(1)<<g.IntN(60)) * []float64{1, -1, 1e-20, 1e20}[g.IntN(4)]
	case 4, 5:
		return g.text(30)
	}
	if depth == 0 {
		return "deep"
	}
	if g.maybe() {
		list := []any{}
		for range g.IntN(4) {
			list = append(list, g.value(depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range g.IntN(4) {
		object["y"+g.text(6)] = g.value(depth - 1)
	}
	return object
}

// a sample is a grant with all that belongs to it.
type sample struct {
	credentials videosdk.Credentials
	signer      *videosdk.Signer
	verifier    *videosdk.Verifier
	grant       videosdk.Grant
	now         time.Time
	token       string
}

// samples makes n signatures, forty under each of its credentials.
func samples(t *testing.T, seed uint64, n int, use func(s sample)) {
	t.Helper()
	g := newGenerator(seed)
	var s sample
	for i := range n {
		if i%40 == 0 {
			var err error
			s.credentials = g.credentials()
			if s.signer, err = videosdk.NewSigner(s.credentials, videosdk.WithAnySessionName(), videosdk.WithBackdate(time.Duration(g.IntN(601))*time.Second)); err != nil {
				t.Fatal(err)
			}
			if s.verifier, err = videosdk.NewVerifier([]videosdk.Credentials{s.credentials}); err != nil {
				t.Fatal(err)
			}
		}
		s.grant = g.grant()
		s.now = time.Unix(1_500_000_000+g.Int64N(3_000_000_000), g.Int64N(1e9)).UTC()
		var err error
		if s.token, err = s.signer.Sign(s.grant, s.now); err != nil {
			t.Fatalf("%+v: %v", s.grant, err)
		}
		use(s)
	}
}

// want is what verifying must return for s, worked out from the grant alone.
func (s sample) want() videosdk.Claims {
	issued, expires := s.signer.Validity(s.now, s.grant.Life)
	gr := s.grant
	c := videosdk.Claims{
		AppKey: s.credentials.Key, Role: gr.Role, SessionName: gr.SessionName, IssuedAt: issued, ExpiresAt: expires, Passcode: gr.Passcode,
		UserKey: gr.UserKey, SessionKey: gr.SessionKey, GeoRegions: strings.Join(unique(gr.GeoRegions), ","), CloudRecordingOption: gr.CloudRecordingOption,
		CloudRecordingElection: gr.CloudRecordingElection, CloudRecordingTranscriptOption: gr.CloudRecordingTranscriptOption,
		TelemetryTrackingID: gr.TelemetryTrackingID, VideoWebRTCMode: gr.VideoWebRTCMode, AudioWebRTCMode: gr.AudioWebRTCMode,
	}
	for name := range gr.Extra {
		if c.Extra == nil {
			c.Extra = map[string]json.RawMessage{}
		}
		c.Extra[name] = nil // its bytes are compared with the whole payload
	}
	return c
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// describe says which sample failed, without its secret.
func (s sample) describe() string {
	grant, err := json.Marshal(s.grant)
	if err != nil {
		grant = []byte(err.Error())
	}
	return "key " + strconv.Quote(s.credentials.Key) + ", now " + s.now.String() + ", grant " + string(grant) + "\ntoken " + s.token
}
