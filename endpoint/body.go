package endpoint

// Reading the body. The rules stand in the package comment; every fault found
// here is collected, so that a client learns of all of them at once.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/web"
	"github.com/usher-sessions/usher/videosdk"
)

// field is one thing that a body can ask for; its order is that of the faults in an answer.
type field int

const (
	sessionName field = iota
	passcode
	role
	life
	userKey
	sessionKey
	geoRegions
	recordingOption
	recordingElection
	transcriptOption
	telemetryID
	videoWebRTC
	audioWebRTC
	audioCompatible
	numFields
)

// fieldNames are the spellings of each field. The first is the one that videosdk's faults use.
var fieldNames = [numFields][]string{
	sessionName:       {"sessionName", "session_name"},
	passcode:          {"sessionPasscode", "session_passcode"},
	role:              {"role"},
	life:              {"expirationSeconds", "expiration_seconds"},
	userKey:           {"userKey", "userIdentity", "user_key", "user_identity"},
	sessionKey:        {"sessionKey", "sessionkey", "session_key"},
	geoRegions:        {"geoRegions", "geo_regions"},
	recordingOption:   {"cloudRecordingOption", "cloud_recording_option"},
	recordingElection: {"cloudRecordingElection", "cloud_recording_election"},
	transcriptOption:  {"cloudRecordingTranscriptOption", "cloud_recording_transcript_option"},
	telemetryID:       {"telemetryTrackingId", "telemetry_tracking_id"},
	videoWebRTC:       {"videoWebRtcMode", "video_webrtc_mode"},
	audioWebRTC:       {"audioWebRtcMode", "audio_webrtc_mode"},
	audioCompatible:   {"audioCompatibleMode", "audio_compatible_mode"},
}

// spelling is one name of a field.
type spelling struct {
	field field
	name  string
}

// spellings finds a field by any of its names.
var spellings = func() map[string]spelling {
	m := map[string]spelling{}
	for f, names := range fieldNames {
		for _, n := range names {
			m[n] = spelling{field(f), n}
		}
	}
	return m
}()

// body is what was read of one request's body.
type body struct {
	// name is the spelling that the client used, "" for a field that isn't there.
	name [numFields]string
	// text and number are the values of the fields that are given.
	text   [numFields]string
	number [numFields]int
	given  [numFields]bool
	faulty [numFields]bool
	faults []located

	reader  bytes.Reader
	scratch []byte
}

// reset forgets what was read before, and keeps the memory.
func (b *body) reset() { *b = body{faults: b.faults[:0], scratch: b.scratch[:0]} }

// located is a fault with its place in the answer's order.
type located struct {
	at field
	web.Fault
}

func (b *body) fault(f field, format string, args ...any) {
	b.faulty[f], b.given[f] = true, false
	b.faults = append(b.faults, located{f, web.Fault{Property: b.property(f), Reason: fmt.Sprintf(format, args...)}})
}

// property is the field's name as the client wrote it.
func (b *body) property(f field) string {
	if b.name[f] != "" {
		return b.name[f]
	}
	return fieldNames[f][0]
}

// read fills b from one JSON object. A fault returned concerns the body as a
// whole; the faults of single fields stand in b.
func (b *body) read(dec *jsontext.Decoder, data []byte) *web.Fault {
	b.reader.Reset(data)
	dec.Reset(&b.reader)
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil && err != io.EOF {
			return syntaxFault(err)
		}
		return &web.Fault{Property: "body", Reason: `must be a JSON object such as {"sessionName":"Cool Cars","role":0}`}
	}
	if _, err := dec.ReadToken(); err != nil {
		return syntaxFault(err)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadValue()
		if err != nil {
			return syntaxFault(err)
		}
		s, known := spellings[string(b.unquote(name))]
		value, err := dec.ReadValue()
		if err != nil {
			return syntaxFault(err)
		}
		if known {
			b.set(s, value)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return syntaxFault(err)
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return &web.Fault{Property: "body", Reason: "has more behind the JSON object; send one object alone"}
	}
	return nil
}

// unquote returns the text of a JSON string that the decoder has checked. It is valid until the next call.
func (b *body) unquote(v jsontext.Value) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	b.scratch, _ = jsontext.AppendUnquote(b.scratch[:0], v)
	return b.scratch
}

// syntaxFault says where the body stops being JSON. It repeats nothing of the body but a member's name.
func syntaxFault(err error) *web.Fault {
	var se *jsontext.SyntacticError
	if !errors.As(err, &se) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &web.Fault{Property: "body", Reason: "ends before the JSON object does; send the object whole"}
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return &web.Fault{Property: web.Short(se.JSONPointer.LastToken()), Reason: "stands in the body more than once; send it once"}
	}
	return &web.Fault{Property: "body", Reason: fmt.Sprintf("is not valid JSON at byte %d: %v", se.ByteOffset, se.Err)}
}

// set takes the value of one member.
func (b *body) set(s spelling, value jsontext.Value) {
	f := s.field
	before, other := b.given[f], b.name[f]
	text, number := b.text[f], b.number[f]
	b.name[f] = s.name
	b.parse(f, value)
	switch {
	case !before || b.faulty[f]:
	case !b.given[f]: // "not given" beside a spelling that says something
		b.given[f], b.name[f], b.text[f], b.number[f] = true, other, text, number
	case b.text[f] != text || b.number[f] != number:
		b.fault(f, "says something else than %s, which is the same thing; send one of them", other)
	}
}

// parse reads the value by the field's type.
func (b *body) parse(f field, value jsontext.Value) {
	kind := value.Kind()
	text := ""
	if kind == '"' {
		text = string(b.unquote(value))
	}
	optional := f != sessionName
	switch {
	case optional && (kind == 'n' || text == "null"):
	case f == geoRegions:
		b.regions(kind, text, value)
	case f == role:
		b.role(kind, text, value)
	case f == sessionName || f == passcode || f == userKey || f == sessionKey || f == telemetryID:
		switch {
		case kind != '"':
			b.fault(f, "is %s; it must be a string", kindName(kind))
		case text == "" && optional:
		default:
			b.given[f], b.text[f] = true, text
		}
	default:
		b.integer(f, kind, text, value)
	}
}

func (b *body) integer(f field, kind jsontext.Kind, text string, value jsontext.Value) {
	switch kind {
	case '0':
		text = string(value)
	case '"':
	default:
		b.fault(f, "is %s; it must be a whole number", kindName(kind))
		return
	}
	n, err := wholeNumber(text)
	switch {
	case err != nil:
		b.fault(f, "is %s; it must be a whole number in plain digits", quoteIf(kind == '"', text))
	case f == life && (n < int(videosdk.MinLife/time.Second) || n > int(videosdk.MaxLife/time.Second)):
		b.fault(f, "is %d; it must be between %d and %d", n, int(videosdk.MinLife/time.Second), int(videosdk.MaxLife/time.Second))
	default:
		b.given[f], b.number[f] = true, n
	}
}

// wholeNumber reads plain digits, with a sign where it is negative: no
// fraction, exponent, leading zero or plus, and nothing behind them.
func wholeNumber(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err == nil && strconv.FormatInt(n, 10) != s {
		err = strconv.ErrSyntax
	}
	return int(n), err
}

// wishes are the words for roles.
var wishes = map[string]usher.Wish{
	"0": usher.WishParticipant, "participant": usher.WishParticipant,
	"1": usher.WishHost, "host": usher.WishHost,
	"best": usher.WishBest,
}

func (b *body) role(kind jsontext.Kind, text string, value jsontext.Value) {
	const want = `it must be 0 (participant), 1 (host) or "best"`
	switch kind {
	case '0':
		text = string(value)
	case '"':
	default:
		b.fault(role, "is %s; %s", kindName(kind), want)
		return
	}
	wish, ok := wishes[text]
	if !ok {
		b.fault(role, "is %s; %s", quoteIf(kind == '"', text), want)
		return
	}
	b.given[role], b.text[role] = true, string(wish)
}

// regions takes "DE,US", with spaces around the items or none, or ["DE","US"].
// What the items may be is the signer's rule.
func (b *body) regions(kind jsontext.Kind, text string, value jsontext.Value) {
	const want = `it must be a string such as "DE,US" or an array of strings`
	var items []string
	switch kind {
	case '"':
		if strings.TrimSpace(text) == "" {
			return
		}
		items = strings.Split(text, ",")
		for i, s := range items {
			items[i] = strings.TrimSpace(s)
		}
	case '[':
		dec := jsontext.NewDecoder(bytes.NewReader(value))
		dec.ReadToken()
		for dec.PeekKind() != ']' {
			tok, err := dec.ReadToken()
			if err != nil || tok.Kind() != '"' {
				b.fault(geoRegions, "holds %s; %s", kindName(tok.Kind()), want)
				return
			}
			if s := tok.String(); strings.Contains(s, ",") {
				b.fault(geoRegions, "has an item %s with a comma in it; %s", web.Short(strconv.Quote(s)), want)
				return
			} else {
				items = append(items, strings.TrimSpace(s))
			}
		}
		if len(items) == 0 {
			return
		}
	default:
		b.fault(geoRegions, "is %s; %s", kindName(kind), want)
		return
	}
	b.given[geoRegions], b.text[geoRegions] = true, strings.Join(items, ",")
}

// request returns what the body asks for.
func (b *body) request() usher.Request {
	choice := func(f field) *int {
		if !b.given[f] {
			return nil
		}
		return new(b.number[f])
	}
	req := usher.Request{
		Wish: usher.Wish(b.text[role]),
		Grant: videosdk.Grant{
			SessionName:                    b.text[sessionName],
			Life:                           time.Duration(b.number[life]) * time.Second,
			Passcode:                       b.text[passcode],
			UserKey:                        b.text[userKey],
			SessionKey:                     b.text[sessionKey],
			CloudRecordingOption:           choice(recordingOption),
			CloudRecordingElection:         choice(recordingElection),
			CloudRecordingTranscriptOption: choice(transcriptOption),
			TelemetryTrackingID:            b.text[telemetryID],
			VideoWebRTCMode:                choice(videoWebRTC),
			AudioWebRTCMode:                choice(audioWebRTC),
		},
	}
	if b.given[geoRegions] {
		req.Grant.GeoRegions = strings.Split(b.text[geoRegions], ",")
	}
	if !b.given[audioWebRTC] { // the older name of the same claim; the newer one wins, as at Zoom's sample
		req.Grant.AudioWebRTCMode = choice(audioCompatible)
	}
	return req
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 'n':
		return "null"
	}
	return "a boolean"
}

func quoteIf(quote bool, s string) string {
	if quote {
		s = strconv.Quote(s)
	}
	return web.Short(s)
}
