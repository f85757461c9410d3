package videosdk

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Names of the claims, as Zoom documents them.
const (
	claimAppKey            = "app_key"
	claimRole              = "role_type"
	claimTopic             = "tpc"
	claimVersion           = "version"
	claimIssued            = "iat"
	claimExpires           = "exp"
	claimPasscode          = "pwd" // the first format's, 2021; see Grant.Passcode
	claimUserKey           = "user_key"
	claimUserIdentity      = "user_identity" // former name of user_key; Zoom's sample and server answers still use it
	claimSessionKey        = "session_key"
	claimGeoRegions        = "geo_regions"
	claimRecordingOption   = "cloud_recording_option"
	claimRecordingElection = "cloud_recording_election"
	claimTranscriptOption  = "cloud_recording_transcript_option"
	claimTelemetry         = "telemetry_tracking_id"
	claimVideoWebRTC       = "video_webrtc_mode"
	claimAudioWebRTC       = "audio_webrtc_mode"
)

// knownClaims are the claims that a Signer writes itself, in their order.
var knownClaims = []string{
	claimAppKey, claimRole, claimTopic, claimVersion, claimIssued, claimExpires, claimPasscode,
	claimUserKey, claimUserIdentity, claimSessionKey, claimGeoRegions,
	claimRecordingOption, claimRecordingElection, claimTranscriptOption,
	claimTelemetry, claimVideoWebRTC, claimAudioWebRTC,
}

// isReserved reports whether the claim is one that the Signer writes or, like
// the registered JWT claim nbf, one that the Verifier reads.
func isReserved(name string) bool {
	return name == "nbf" || slices.Contains(knownClaims, name)
}

// contradicts reports whether an extra claim of this name could be read in
// place of a reserved one. Case doesn't tell them apart: readers built on
// encoding/json take "EXP" for "exp". nbf would delay the signature behind the
// grant's back.
func contradicts(name string) bool {
	return strings.EqualFold(name, "nbf") || slices.ContainsFunc(knownClaims, func(known string) bool { return strings.EqualFold(name, known) })
}

// Claims are what a verified signature says.
type Claims struct {
	AppKey      string
	Role        Role
	SessionName string    // tpc, in the case it was signed in; compare it ignoring case
	IssuedAt    time.Time // UTC, whole seconds
	ExpiresAt   time.Time // UTC, whole seconds; the signature is refused from this moment on
	Passcode    string    // pwd
	UserKey     string    // user_key, else user_identity
	SessionKey  string

	GeoRegions                     string // comma-separated, as signed
	CloudRecordingOption           *int
	CloudRecordingElection         *int
	CloudRecordingTranscriptOption *int
	TelemetryTrackingID            string
	VideoWebRTCMode                *int
	AudioWebRTCMode                *int

	// Extra holds the claims that this package doesn't know, as raw JSON; nil if there are none.
	Extra map[string]json.RawMessage
}
