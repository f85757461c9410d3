package interop_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// orderedClaims are the claims as somebody would write them down for a JWT
// library. That their order is the signer's is what is tested.
type orderedClaims struct {
	AppKey       string `json:"app_key"`
	RoleType     int    `json:"role_type"`
	Topic        string `json:"tpc"`
	Version      int    `json:"version"`
	IssuedAt     int64  `json:"iat"`
	ExpiresAt    int64  `json:"exp"`
	Password     string `json:"pwd,omitempty"`
	UserKey      string `json:"user_key,omitempty"`
	UserIdentity string `json:"user_identity,omitempty"`
	SessionKey   string `json:"session_key,omitempty"`
	GeoRegions   string `json:"geo_regions,omitempty"`
	Option       *int   `json:"cloud_recording_option,omitempty"`
	Election     *int   `json:"cloud_recording_election,omitempty"`
	Transcript   *int   `json:"cloud_recording_transcript_option,omitempty"`
	TelemetryID  string `json:"telemetry_tracking_id,omitempty"`
	VideoMode    *int   `json:"video_webrtc_mode,omitempty"`
	AudioMode    *int   `json:"audio_webrtc_mode,omitempty"`
}

type orderedWithExtra struct {
	orderedClaims
	Extra map[string]any `json:",embed"`
}

func (c orderedClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}
func (c orderedClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}
func (c orderedClaims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (c orderedClaims) GetIssuer() (string, error)              { return "", nil }
func (c orderedClaims) GetSubject() (string, error)             { return "", nil }
func (c orderedClaims) GetAudience() (jwt.ClaimStrings, error)  { return nil, nil }

func (s sample) ordered() orderedClaims {
	c := s.want()
	return orderedClaims{
		c.AppKey, int(c.Role), c.SessionName, 1, c.IssuedAt.Unix(), c.ExpiresAt.Unix(), c.Passcode, c.UserKey, c.UserKey, c.SessionKey, c.GeoRegions,
		c.CloudRecordingOption, c.CloudRecordingElection, c.CloudRecordingTranscriptOption, c.TelemetryTrackingID, c.VideoWebRTCMode, c.AudioWebRTCMode,
	}
}

// independent builds the token of s without videosdk: the claims are a struct,
// its JSON is that of another encoder and its MAC golang-jwt's. golang-jwt's own
// encoding can't be used for all of it, since encoding/json writes < > & and
// U+2028 as escapes, which JavaScript doesn't.
func (s sample) independent(t *testing.T) string {
	payload, err := jsonv2.Marshal(orderedWithExtra{s.ordered(), s.grant.Extra}, jsonv2.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	mac, err := jwt.SigningMethodHS256.Sign(input, []byte(s.credentials.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// plain reports whether encoding/json writes the claims of s as JavaScript does.
func (s sample) plain() bool {
	c := s.ordered()
	return len(s.grant.Extra) == 0 && !strings.ContainsAny(fmt.Sprint(c.AppKey, c.Topic, c.Password, c.UserKey, c.SessionKey, c.TelemetryID), "<>&\u2028\u2029")
}

// Over randomGrants the bytes are those of an independent path, golang-jwt
// verifies them, and what golang-jwt signs is verified.
func TestGolangJWT(t *testing.T) {
	const workers, each = 4, randomGrants / 4
	var plain atomic.Int64
	t.Run("grants", func(t *testing.T) {
		for w := range workers {
			t.Run(fmt.Sprint("seed ", w), func(t *testing.T) {
				t.Parallel()
				samples(t, uint64(w), each, func(s sample) {
					if want := s.independent(t); s.token != want {
						t.Fatalf("differs from the independent token\n%s\nwant  %s", s.describe(), want)
					}
					s.verifiedByGolangJWT(t)
					if s.plain() {
						plain.Add(1)
						signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, s.ordered()).SignedString([]byte(s.credentials.Secret))
						if err != nil || signed != s.token {
							t.Fatalf("differs from golang-jwt's own token\n%s\nwant  %s, %v", s.describe(), signed, err)
						}
					}
					s.verifiesGolangJWT(t)
				})
			})
		}
	})
	if n := plain.Load(); n < randomGrants/10 {
		t.Errorf("only %d grants could be encoded by golang-jwt itself", n)
	}
}

func (s sample) verifiedByGolangJWT(t *testing.T) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return s.now }))
	var got orderedClaims
	if _, err := parser.ParseWithClaims(s.token, &got, func(*jwt.Token) (any, error) { return []byte(s.credentials.Secret), nil }); err != nil {
		t.Fatalf("golang-jwt refuses it: %v\n%s", err, s.describe())
	}
	if want := s.ordered(); !reflect.DeepEqual(got, want) {
		t.Fatalf("golang-jwt reads %+v\nwant %+v", got, want)
	}
}

// verifiesGolangJWT signs the same claims with golang-jwt, in the order of the alphabet.
func (s sample) verifiesGolangJWT(t *testing.T) {
	c := s.ordered()
	claims := jwt.MapClaims{"app_key": c.AppKey, "role_type": c.RoleType, "tpc": c.Topic, "version": c.Version, "iat": c.IssuedAt, "exp": c.ExpiresAt}
	for name, v := range map[string]string{"pwd": c.Password, "user_key": c.UserKey, "session_key": c.SessionKey, "geo_regions": c.GeoRegions, "telemetry_tracking_id": c.TelemetryID} {
		if v != "" {
			claims[name] = v
		}
	}
	for name, v := range map[string]*int{"cloud_recording_option": c.Option, "cloud_recording_election": c.Election,
		"cloud_recording_transcript_option": c.Transcript, "video_webrtc_mode": c.VideoMode, "audio_webrtc_mode": c.AudioMode} {
		if v != nil {
			claims[name] = *v
		}
	}
	for name, v := range s.grant.Extra {
		claims[name] = v
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(s.credentials.Secret))
	if err != nil {
		t.Fatal(err)
	}
	s.accepts(t, "golang-jwt", token)
}

// accepts checks that a token of another maker, with the claims of s, verifies and says what was asked for.
func (s sample) accepts(t *testing.T, maker, token string) {
	t.Helper()
	got, err := s.verifier.Verify(token, s.now)
	if err != nil {
		t.Fatalf("%s's token is refused: %v\n%s\n%s", maker, err, token, s.describe())
	}
	for name := range got.Extra {
		got.Extra[name] = nil
	}
	if want := s.want(); !reflect.DeepEqual(*got, want) {
		t.Fatalf("%s's token says %+v\nwant %+v", maker, *got, want)
	}
}
