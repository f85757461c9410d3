package videosdk

// The claims: are they there, under their names, of their types, within their limits?

import (
	"fmt"
	"slices"
	"strings"
)

// requiredClaims are those without which Zoom refuses a signature.
var requiredClaims = []string{claimAppKey, claimRole, claimTopic, claimVersion, claimIssued, claimExpires}

// synonyms maps names, folded by [fold], that people write for a claim.
var synonyms = map[string]string{
	"sdkkey": claimAppKey, "apikey": claimAppKey, "clientid": claimAppKey, "videosdkkey": claimAppKey, "key": claimAppKey,
	"role": claimRole, "userrole": claimRole,
	"topic": claimTopic, "sessionname": claimTopic, "sessiontopic": claimTopic, "session": claimTopic, "room": claimTopic, "roomname": claimTopic, "name": claimTopic,
	"ver": claimVersion, "v": claimVersion,
	"issuedat": claimIssued, "issued": claimIssued,
	"expiresat": claimExpires, "expires": claimExpires, "expiry": claimExpires, "expiration": claimExpires, "expirationseconds": claimExpires, "expirationtime": claimExpires, "tokenexp": claimExpires,
	"password": claimPasscode, "passcode": claimPasscode, "sessionpasscode": claimPasscode, "sessionpassword": claimPasscode,
	"customerkey": claimUserKey, "identity": claimUserKey,
	"region": claimGeoRegions, "regions": claimGeoRegions, "georegion": claimGeoRegions,
	"recordingoption": claimRecordingOption, "cloudrecording": claimRecordingOption,
	"recordingelection": claimRecordingElection,
	"transcriptoption":  claimTranscriptOption, "recordingtranscriptoption": claimTranscriptOption,
	"telemetryid": claimTelemetry, "trackingid": claimTelemetry,
	"webrtcvideo": claimVideoWebRTC, "videowebrtc": claimVideoWebRTC,
	"webrtcaudio": claimAudioWebRTC, "audiowebrtc": claimAudioWebRTC,
}

// formerNames maps claims that Zoom's clients still read to their present names.
var formerNames = map[string]string{
	"audio_compatible_mode": claimAudioWebRTC,
	"enforce_web_rtc_audio": claimAudioWebRTC,
}

// notNearMisses are names with a meaning of their own, however near they are.
var notNearMisses = []string{"iss", "sub", "aud", "nbf", "jti", "kid"}

// fold reduces a claim's name to lower-case letters and digits.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// nearMiss returns the claim that was probably meant by name, "" if none or if
// name is right.
func nearMiss(name string) string {
	if len(name) > 40 || slices.Contains(knownClaims, name) || formerNames[name] != "" || slices.Contains(notNearMisses, name) {
		return ""
	}
	f := fold(name)
	for _, claim := range knownClaims {
		if fold(claim) == f {
			return claim
		}
	}
	if claim := synonyms[f]; claim != "" {
		return claim
	}
	for _, claim := range knownClaims {
		c := fold(claim)
		// One slip in a short name, two in a long one. A short optional claim is too
		// easily hit by chance.
		allowed := 2
		if len(c) < 6 {
			allowed = 1
			if !slices.Contains(requiredClaims, claim) {
				continue
			}
		}
		if slips(f, c) <= allowed {
			return claim
		}
	}
	return ""
}

// slips counts the letters to insert, drop, replace or swap to make b of a
// (optimal string alignment). Both are at most 40 bytes.
func slips(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// claims judges all claims but the times.
func (in *inspection) claims() {
	in.names()
	in.number(claimRole, 1, "0 (participant) or 1 (host)")
	in.number(claimVersion, 1, "1")
	in.number(claimRecordingOption, 1, "0 or 1")
	in.number(claimRecordingElection, 1, "0 or 1")
	in.number(claimTranscriptOption, 2, "0, 1 or 2")
	in.number(claimVideoWebRTC, 1, "0 or 1")
	in.number(claimAudioWebRTC, 1, "0 or 1")

	in.text(claimAppKey)
	in.sessionName()
	in.passcode()
	for _, claim := range []string{claimUserKey, claimUserIdentity, claimSessionKey} {
		if s, ok := in.text(claim); ok {
			if n := utf16Len(s); n > MaxUserKey {
				in.say(CodeTooLong, claim, fmt.Sprintf("%s has %d characters; at most %d are allowed.", claim, n, MaxUserKey), "Use a shorter id; a UUID fits exactly.")
			}
		}
	}
	in.text(claimTelemetry)
	in.geoRegions()
	in.together()
}

// names reports required claims that are missing, and names that were probably
// meant to be claims.
func (in *inspection) names() {
	has := func(name string) bool { _, ok := find(in.payload, name); return ok }
	meant := map[string]bool{} // claims that are there under another name
	for _, m := range in.payload {
		if present := formerNames[m.name]; present != "" {
			in.say(CodeFormerName, m.name, m.name+" is a former name of "+present+".", "Write "+present+".")
			continue
		}
		claim := nearMiss(m.name)
		if claim == "" || has(claim) || meant[claim] {
			continue
		}
		required := slices.Contains(requiredClaims, claim)
		meant[claim] = true
		severity, effect := SeverityWarning, "it has no effect"
		if required {
			severity, effect = SeverityError, "to Zoom, "+claim+" is missing"
		}
		in.sayAs(severity, CodeMisnamedClaim, claim, fmt.Sprintf("The claim is called %s, but Zoom reads %s: %s.", quoteShort(m.name), claim, effect), "Rename it to "+claim+".")
	}
	if !has(claimRole) && !meant[claimRole] && has(claimTopic) && (has(claimPasscode) || has(claimUserIdentity) && !has(claimUserKey)) {
		in.say(CodeOldFormat, claimRole, "The token is made as in 2021, without role_type; since early 2022 Zoom refuses that.",
			"Add role_type (1 host, 0 participant) and version (1); pass the passcode to join instead of writing it into the token.")
		meant[claimRole], meant[claimVersion] = true, true
	}
	remedies := map[string]string{
		claimAppKey:  "Write the SDK key into app_key; is the key set where the server reads it (ZOOM_VIDEO_SDK_KEY)?",
		claimRole:    "Add role_type: the number 1 for a host, 0 for a participant.",
		claimTopic:   "Add tpc: the session name, the same as is passed to join.",
		claimVersion: "Add version: the number 1.",
		claimIssued:  "Add iat: the time of issue in epoch seconds.",
		claimExpires: "Add exp: the time of expiry in epoch seconds, 1800 to 172800 after iat.",
	}
	for _, claim := range requiredClaims {
		if !has(claim) && !meant[claim] {
			in.say(CodeMissingClaim, claim, claim+" is missing.", remedies[claim])
		}
	}
}

// number judges a claim that must be a whole number from 0 (1 for version) to highest.
func (in *inspection) number(claim string, highest int64, want string) {
	m, ok := find(in.payload, claim)
	if !ok {
		return
	}
	n, whole := m.integer()
	lowest := int64(0)
	if claim == claimVersion {
		lowest = 1
	}
	switch s, isText := m.text(); {
	case isText:
		in.say(CodeWrongType, claim, fmt.Sprintf("%s is the text %s; it must be a number: %s.", claim, quoteShort(s), want), "Write the number without quotes.")
	case m.kind() != "a number":
		in.say(CodeWrongType, claim, fmt.Sprintf("%s is %s; it must be a number: %s.", claim, m.kind(), want), orLeaveOut(claim, "Write the number."))
	case !whole:
		in.say(CodeWrongType, claim, fmt.Sprintf("%s is %s; it must be a whole number: %s.", claim, cut(string(m.value), 40), want), "Write the number without fraction or exponent.")
	case n < lowest || n > highest:
		hint := orLeaveOut(claim, "Write "+want+".")
		if claim == claimRole && n == 2 {
			hint += " (2 is a role of the Cobrowse SDK.)"
		}
		in.say(CodeBadValue, claim, fmt.Sprintf("%s is %d; it must be %s.", claim, n, want), hint)
	}
}

func orLeaveOut(claim, remedy string) string {
	if slices.Contains(requiredClaims, claim) {
		return remedy
	}
	return strings.TrimSuffix(remedy, ".") + ", or leave the claim out."
}

// text returns a claim that must be text, if it is there and has any. It
// reports another type, emptiness of a required claim, and control characters.
func (in *inspection) text(claim string) (string, bool) {
	m, ok := find(in.payload, claim)
	if !ok {
		return "", false
	}
	s, ok := m.text()
	if !ok {
		remedy := "Write it as a JSON string."
		if claim == claimGeoRegions {
			remedy = "Write one JSON string with commas in it, such as \"DE,NL\"."
		}
		in.say(CodeWrongType, claim, fmt.Sprintf("%s is %s; it must be text.", claim, m.kind()), orLeaveOut(claim, remedy))
		return "", false
	}
	if s == "" {
		if slices.Contains(requiredClaims, claim) {
			in.say(CodeEmptyClaim, claim, claim+" is empty.", "Check what the server was given to sign.")
		}
		return "", false
	}
	if claim == claimPasscode {
		return s, true // judged, and never quoted, by its own rule
	}
	switch s {
	case "null", "undefined", "None", "nil", "NaN", "[object Object]":
		in.say(CodePlaceholderValue, claim, fmt.Sprintf("%s is the text %q, which is probably a value that was not set.", claim, s), orLeaveOut(claim, "Set it."))
	}
	if claim != claimAppKey && claim != claimTopic && hasControl(s) {
		in.say(CodeControlCharacter, claim, claim+" has a control character in it, such as a line break or a tab.", "Trim the value before signing.")
	}
	return s, true
}

// sessionName judges tpc by itself.
func (in *inspection) sessionName() {
	name, ok := in.text(claimTopic)
	if !ok {
		return
	}
	if n := utf16Len(name); n > MaxSessionName {
		in.say(CodeNameTooLong, claimTopic, fmt.Sprintf("The session name has %d characters; at most %d are allowed.", n, MaxSessionName), "Use a shorter name, in tpc and for join.")
	} else if n > LongSessionName {
		in.say(CodeNameLong, claimTopic, fmt.Sprintf("The session name has %d characters; some of Zoom's pages allow %d, others %d.", n, LongSessionName, MaxSessionName),
			fmt.Sprintf("Keep names within %d characters.", LongSessionName))
	}
	if r, at, bad := badNameChar(name); bad {
		in.say(CodeNameCharacters, claimTopic, fmt.Sprintf("The session name has %s at position %d, which Zoom doesn't accept.", describeRune(r), at+1),
			"Use letters (a to z), digits, space and ! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ , \\ only.")
	}
}

// passcode judges pwd, and what join was given, without ever quoting them.
func (in *inspection) passcode() {
	const (
		shorter = "Use a passcode of 1 to 10 characters."
		plain   = "Use letters, digits and signs of the ASCII table only."
	)
	notPlain := func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r < 32 || r > 126 }) }
	if joined := in.known.Passcode; joined != nil {
		if n := utf16Len(*joined); n > MaxPasscode {
			in.say(CodePasscodeTooLong, "", fmt.Sprintf("The passcode passed to join has %d characters; at most %d are allowed.", n, MaxPasscode), shorter)
		} else if notPlain(*joined) {
			in.say(CodePasscodeCharacters, "", "The passcode passed to join has a character outside printable ASCII.", plain)
		}
	}
	s, ok := in.text(claimPasscode)
	if !ok {
		return
	}
	if n := utf16Len(s); n > MaxPasscode {
		in.say(CodePasscodeTooLong, claimPasscode, fmt.Sprintf("The passcode in pwd has %d characters; at most %d are allowed.", n, MaxPasscode), shorter)
	} else if notPlain(s) {
		in.say(CodePasscodeCharacters, claimPasscode, "The passcode in pwd has a character outside printable ASCII.", plain)
	}
}

func (in *inspection) geoRegions() {
	s, ok := in.text(claimGeoRegions)
	if !ok {
		return
	}
	for region := range strings.SplitSeq(s, ",") {
		if !slices.Contains(geoRegions[:], region) {
			in.say(CodeUnknownRegion, claimGeoRegions, fmt.Sprintf("geo_regions names %s, which is not one of Zoom's regions.", quoteShort(region)),
				"Use "+strings.Join(geoRegions[:], ",")+": capitals, commas, no spaces.")
			return
		}
	}
}

// together judges claims that depend on each other.
func (in *inspection) together() {
	number := func(claim string) int64 {
		m, _ := find(in.payload, claim)
		if n, ok := m.integer(); ok {
			return n
		}
		return -1
	}
	text := func(claim string) string {
		m, _ := find(in.payload, claim)
		s, _ := m.text()
		return s
	}
	role := number(claimRole)
	if option := number(claimRecordingOption); option == 1 && role == int64(Participant) {
		in.say(CodeRecordingNeedsHost, claimRecordingOption, "cloud_recording_option is 1 (a file per user), but role_type is 0; only a host may ask for that.",
			"Leave the claim out for participants, or sign as host (role_type 1).")
	}
	if _, has := find(in.payload, claimSessionKey); role == int64(Host) && !has && !in.meantElsewhere(claimSessionKey) {
		in.say(CodeHostNoSessionKey, claimSessionKey, "The host's signature has no session_key, so everyone else's must have none either, and Zoom's reports can't be searched by an id of yours.",
			"Give host and participants the same session_key, if you use one.")
	}
	key, identity := text(claimUserKey), text(claimUserIdentity)
	switch {
	case key != "" && identity != "" && key != identity:
		in.say(CodeUserKeysDiffer, claimUserIdentity, "user_key and user_identity have different values; one is the former name of the other.", "Give both the same value, or leave user_identity out.")
	case key == "" && identity != "" && !in.report.Has(CodeOldFormat):
		in.say(CodeFormerName, claimUserIdentity, "user_identity is the former name of user_key; the web client reads user_key alone.", "Write user_key, too.")
	}
}

// meantElsewhere reports whether claim is there under another name.
func (in *inspection) meantElsewhere(claim string) bool {
	return slices.ContainsFunc(in.report.Findings, func(f Finding) bool { return f.Code == CodeMisnamedClaim && f.Claim == claim })
}
