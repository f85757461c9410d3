package cli

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/videosdk"
)

// signFlags are the flags of `usher sign` that say what to sign.
type signFlags struct {
	session, passcode, role, userKey, sessionKey, life string
	geo, claims                                        []string
	recordingOption, recordingElection, transcript     string
	telemetryID, videoWebRTC, audioWebRTC              string
	json                                               bool
}

// flagOf names the flag for each field that videosdk finds faults with.
var flagOf = map[string]string{
	"sessionName": "--session", "sessionPasscode": "--passcode", "role": "--role", "expirationSeconds": "--life",
	"userKey": "--user-key", "sessionKey": "--session-key", "geoRegions": "--geo",
	"cloudRecordingOption": "--cloud-recording-option", "cloudRecordingElection": "--cloud-recording-election",
	"cloudRecordingTranscriptOption": "--cloud-recording-transcript-option", "telemetryTrackingId": "--telemetry-id",
	"videoWebRtcMode": "--video-webrtc", "audioWebRtcMode": "--audio-webrtc", "extra": "--claim",
}

func (m *Main) signCommand() *cobra.Command {
	f := signFlags{role: "participant"}
	cmd := &cobra.Command{
		Use:   "sign --session NAME [flags]",
		Short: "Print one signature",
		Long: `Prints one signature and nothing else: the JWT that client.join asks for.

The SDK key and secret come from the environment (ZOOM_VIDEO_SDK_KEY,
ZOOM_VIDEO_SDK_SECRET), from .env, or from files; never from a flag.`,
		Example: `  usher sign --session "Cool Cars" --passcode 'Ilovecars!' --role host --user-key u1
  usher sign --session "Cool Cars" --life 4h --geo DE,NL --claim 'plan="gold"' --json
  usher sign --session "Cool Cars" --sdk-secret-file /run/secrets/sdk > signature.txt`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.sign(cmd, &f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.session, "session", "", "`name` of the session, as it will be passed to join (required)")
	fs.Var(&choiceFlag{&f.role, "participant|host"}, "role", "participants may join (0), a host may start the session too (1)")
	fs.StringVar(&f.userKey, "user-key", "", "your own `id` of the user, at most 36 characters")
	fs.StringVar(&f.passcode, "passcode", "", "the session's `passcode`, at most 10 characters; the signature's holder can read it")
	fs.StringVar(&f.sessionKey, "session-key", "", "your own `id` of the session, the same for everybody in it")
	fs.StringVar(&f.life, "life", "2h", "for how long it lets in: a `duration` from 30m to 48h, or seconds")
	fs.StringSliceVar(&f.geo, "geo", nil, "`regions` of data centres, such as DE,US")
	fs.Var(&choiceFlag{&f.recordingOption, "0|1"}, "cloud-recording-option", "0 one mixed file, 1 a file for each user (hosts only)")
	fs.Var(&choiceFlag{&f.recordingElection, "0|1"}, "cloud-recording-election", "1 records this user's own video, 0 doesn't")
	fs.Var(&choiceFlag{&f.transcript, "0|1|2"}, "cloud-recording-transcript-option", "0 none, 1 transcript, 2 transcript and summary")
	fs.StringVar(&f.telemetryID, "telemetry-id", "", "`id` for the web client's telemetry")
	fs.Var(&choiceFlag{&f.videoWebRTC, "0|1"}, "video-webrtc", "0 off, 1 on; left out, Zoom decides")
	fs.Var(&choiceFlag{&f.audioWebRTC, "0|1"}, "audio-webrtc", "0 off, 1 on; left out, Zoom decides")
	fs.StringArrayVar(&f.claims, "claim", nil, "a further claim as `name=json`; may be given several times")
	fs.BoolVar(&f.json, "json", false, "print JSON: signature, times, claims, warnings")
	addSettings(cmd, config.ForSigning)
	for flag, words := range map[string][]string{
		"role": {"participant", "host"}, "geo": videosdk.GeoRegions(),
		"cloud-recording-option": {"0", "1"}, "cloud-recording-election": {"0", "1"}, "cloud-recording-transcript-option": {"0", "1", "2"},
		"video-webrtc": {"0", "1"}, "audio-webrtc": {"0", "1"},
	} {
		cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// choiceFlag is a flag that takes one of a few words; request checks which.
type choiceFlag struct {
	to    *string
	words string
}

func (f *choiceFlag) String() string     { return *f.to }
func (f *choiceFlag) Set(v string) error { *f.to = v; return nil }
func (f *choiceFlag) Type() string       { return f.words }

func (m *Main) sign(cmd *cobra.Command, f *signFlags) error {
	request, err := f.request()
	if err != nil {
		return grantFault(cmd, err)
	}
	cfg, err := m.load(cmd, config.ForSigning, config.CredentialsRequired)
	if err != nil {
		return err
	}
	issuer, err := m.issuer(cfg)
	if err != nil {
		return err
	}
	// Whoever has the secret may sign whatever they like; no rule could hold them.
	operator := &usher.Caller{Kind: usher.KindAnyone, ID: "command-line"}
	issued, err := issuer.Issue(cmd.Context(), operator, request)
	if err != nil {
		return grantFault(cmd, err)
	}
	if !f.json {
		fmt.Fprintln(m.Stdout, issued.Signature)
		return nil
	}
	return m.printJSON(signed(issued, append(cfg.Credentials.Warnings(), request.Grant.Warnings()...)))
}

// signedJSON is what --json prints; times are in epoch seconds, as everywhere in Usher's JSON.
type signedJSON struct {
	Signature   string          `json:"signature"`
	SessionName string          `json:"sessionName"`
	Role        videosdk.Role   `json:"role"`
	IssuedAt    int64           `json:"issuedAt"`
	ExpiresAt   int64           `json:"expiresAt"`
	Claims      json.RawMessage `json:"claims"`
	Warnings    []string        `json:"warnings"`
}

func signed(is *usher.Issued, warnings []string) signedJSON {
	if warnings == nil {
		warnings = []string{}
	}
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(is.Signature, ".")[1]) // our own
	return signedJSON{
		Signature: is.Signature, SessionName: is.SessionName, Role: is.Role,
		IssuedAt: is.IssuedAt.Unix(), ExpiresAt: is.ExpiresAt.Unix(),
		Claims: payload, Warnings: warnings,
	}
}

// printJSON writes v to Stdout, indented.
func (m *Main) printJSON(v any) error {
	enc := json.NewEncoder(m.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// request reads the flags. The error is videosdk.FieldErrors, all faults that
// concern the flags as text; those of the values the signer finds.
func (f *signFlags) request() (*usher.Request, error) {
	r := &usher.Request{Grant: videosdk.Grant{
		SessionName: f.session, Passcode: f.passcode, UserKey: f.userKey, SessionKey: f.sessionKey,
		GeoRegions: f.geo, TelemetryTrackingID: f.telemetryID,
	}}
	var es videosdk.FieldErrors
	bad := func(field, format string, args ...any) {
		es = append(es, &videosdk.FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if f.session == "" {
		bad("sessionName", "is required: the name of the session, as it will be passed to join")
	}
	switch f.role {
	case "participant", "0":
		r.Wish = usher.WishParticipant
	case "host", "1":
		r.Wish, r.Grant.Role = usher.WishHost, videosdk.Host
	default:
		bad("role", "is %q; it must be participant (0) or host (1)", f.role)
	}
	life, err := config.ParseDuration(f.life)
	if err != nil || life < videosdk.MinLife || life > videosdk.MaxLife || life%time.Second != 0 {
		bad("expirationSeconds", "is %s; it must be 30m to 48h, or 1800 to 172800 in seconds", f.life)
	}
	r.Grant.Life = life
	for _, c := range []struct {
		field, value string
		to           **int
	}{
		{"cloudRecordingOption", f.recordingOption, &r.Grant.CloudRecordingOption},
		{"cloudRecordingElection", f.recordingElection, &r.Grant.CloudRecordingElection},
		{"cloudRecordingTranscriptOption", f.transcript, &r.Grant.CloudRecordingTranscriptOption},
		{"videoWebRtcMode", f.videoWebRTC, &r.Grant.VideoWebRTCMode},
		{"audioWebRtcMode", f.audioWebRTC, &r.Grant.AudioWebRTCMode},
	} {
		if c.value == "" {
			continue
		}
		n, err := strconv.Atoi(c.value)
		if err != nil {
			bad(c.field, "is %q; it must be a number", c.value)
			continue
		}
		*c.to = &n
	}
	for _, c := range f.claims {
		name, value, ok := strings.Cut(c, "=")
		switch {
		case !ok:
			bad("extra", "must be name=json, such as --claim plan='\"gold\"'")
		case !json.Valid([]byte(value)):
			bad("extra", "%s is not followed by JSON; text needs quotes of its own: --claim '%s=\"…\"'", name, name)
		default:
			if r.Grant.Extra == nil {
				r.Grant.Extra = map[string]any{}
			}
			r.Grant.Extra[name] = json.RawMessage(value)
		}
	}
	if len(es) > 0 {
		return nil, es
	}
	return r, nil
}

// grantFault tells what is wrong with what was to be signed, by the names of the flags.
func grantFault(cmd *cobra.Command, err error) error {
	var es videosdk.FieldErrors
	if !errors.As(err, &es) {
		return err
	}
	lines := make([]string, len(es))
	for i, e := range es {
		name := flagOf[e.Field]
		if name == "" {
			name = e.Field
		}
		lines[i] = name + " " + e.Reason
	}
	if len(lines) == 1 {
		return &fault{code: exitUsage, line: lines[0], hints: []string{seeHelp(cmd)}}
	}
	return &fault{code: exitUsage, line: fmt.Sprintf("%d mistakes in what to sign", len(lines)), items: lines, hints: []string{seeHelp(cmd)}}
}
