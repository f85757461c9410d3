package videosdk

// The form of a token: what is around it, how its parts are encoded, whether
// they are JSON. Every step strips or mends what it can and says so, since what
// is wrong underneath should show too.

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const sameToken = "Hand on exactly the text that the server made, unchanged."

// form reads token into its parts and reports whether there is a payload to look at.
func (in *inspection) form(token string) bool {
	if len(token) > MaxTokenBytes {
		in.say(CodeTooLarge, "", fmt.Sprintf("The text has %d bytes; a signature has a few hundred, and at most %d are looked at.", len(token), MaxTokenBytes),
			"Check that it is a signature and nothing else.")
		return false
	}
	token = in.unwrap(token)
	if token == "" {
		in.say(CodeEmpty, "", "There is no token: the text is empty.",
			"Check that the server's answer was waited for and that its field \"signature\" was read.")
		return false
	}
	parts := strings.SplitN(token, ".", 7)
	if len(parts) < 2 || len(parts) > 3 {
		in.notAJWT(token, len(parts))
		return false
	}
	if len(parts) == 2 {
		parts = append(parts, "")
	}
	in.parts(parts)
	return in.payload != nil
}

// unwrap returns token without what stands around it.
func (in *inspection) unwrap(token string) string {
	// What is around may be nested; four rounds are more than any paste needs.
	said := map[Code]bool{}
	once := func(code Code, problem, remedy string) {
		if !said[code] {
			said[code] = true
			in.say(code, "", problem, remedy)
		}
	}
	for range 4 {
		before := token
		if t := strings.TrimFunc(token, isBlank); t != token {
			once(CodeSpaceAround, "There is "+describeBlank(strings.Replace(token, t, "", 1))+" around the token.",
				"Trim it where the token is read or passed on: clients send it as it is.")
			token = t
		}
		if s, ok := fromJSON(token); ok {
			once(CodeJSONAround, "The token is still inside the JSON of the server's answer.",
				"Parse the answer and pass on only its field \"signature\".")
			token = s
		}
		if t := strings.Trim(token, "\"'`“”‘’"); t != token {
			once(CodeQuotesAround, "There are quotes around the token.",
				"Parse the server's answer as JSON instead of taking it as text, and don't put quotes around the token.")
			token = t
		}
		if t, ok := cutPrefixFold(strings.TrimSpace(token), "authorization:"); ok {
			token = strings.TrimSpace(t)
		}
		if t, ok := cutPrefixFold(token, "bearer"); ok && t != "" && !isTokenChar(t[0]) {
			once(CodeBearerPrefix, "\"Bearer\" stands before the token; that belongs in HTTP headers, not in what is passed to join.",
				"Pass the token alone to join.")
			token = strings.TrimLeftFunc(t, isBlank)
		}
		if token == before {
			break
		}
	}
	if strings.Contains(token, "%") {
		if t, err := url.PathUnescape(token); err == nil {
			in.say(CodePercentEncoded, "", "The token is percent-encoded, as in a URL.", "Decode it, or better keep tokens out of URLs: they end up in logs.")
			token = t
		}
	}
	if strings.ContainsFunc(token, isBlank) && strings.Contains(token, ".") {
		in.say(CodeSpaceInside, "", "There is "+describeBlank(token)+" inside the token; it was probably wrapped while being copied.", sameToken)
		token = strings.Map(func(r rune) rune {
			if isBlank(r) {
				return -1
			}
			return r
		}, token)
	}
	return token
}

// fromJSON takes the token out of {"signature":"…"}.
func fromJSON(text string) (string, bool) {
	if !strings.HasPrefix(text, "{") {
		return "", false
	}
	members, err := scanObject([]byte(text))
	if err != nil {
		return "", false
	}
	for _, name := range []string{"signature", "token", "jwt"} {
		m, _ := find(members, name)
		if s, ok := m.text(); ok {
			return s, true
		}
	}
	return "", false
}

func (in *inspection) notAJWT(token string, parts int) {
	say := func(problem, remedy string) { in.say(CodeNotAJWT, "", problem, remedy) }
	_, secret := in.hide(token)
	switch {
	case secret:
		say("This is the SDK secret, not a signature made with it.",
			"Sign on a server and never give the secret to a client. If it left the server, get a new one.")
	case in.known.Key != "" && token == in.known.Key:
		say("This is the SDK key, not a signature.", "Pass the token that the server signs to join.")
	case strings.HasPrefix(token, "[object"):
		say("The text is "+quoteShort(token)+", which JavaScript writes in place of an object or a promise.",
			"Wait for the server's answer (await) and pass its field \"signature\".")
	case token == "undefined" || token == "null" || token == "NaN":
		say("The text is "+quoteShort(token)+": the client read a field that is not in the server's answer.",
			"Look at the server's answer; the field is called \"signature\".")
	case isOldMeetingSignature(token):
		in.report.Kind = KindMeetingSDK
		in.say(CodeMeetingSDKToken, "", "This is a signature of the old Meeting SDK for web, from before it used JWTs.",
			"For a Video SDK session, sign a Video SDK signature with the Video SDK's key and secret.")
	case parts == 5:
		say("The text has five parts, as an encrypted token (JWE) has.", "The Video SDK takes a signed token (JWS, HS256) of three parts.")
	case parts == 1:
		say("The text is not a JWT: there is no dot in it.", "A signature has three parts with dots between them and begins with \"eyJ\".")
	default:
		more := ""
		if parts == 7 {
			more = " or more"
		}
		say(fmt.Sprintf("The text has %d%s parts with dots between them; a JWT has 3.", parts, more), sameToken)
	}
}

// isOldMeetingSignature recognises base64 of "key.meeting.milliseconds.role.hash".
func isOldMeetingSignature(token string) bool {
	b, _, err := decodeLenient(token)
	if err != nil {
		return false
	}
	fields := strings.SplitN(string(b), ".", 6)
	return len(fields) == 5 && len(fields[2]) == 13 && isDigits(fields[1]) && isDigits(fields[2]) && (fields[3] == "0" || fields[3] == "1")
}

var partNames = [3]string{"header", "payload", "signature"}

// parts decodes and reads the three parts.
func (in *inspection) parts(parts []string) {
	var raw [3][]byte
	var ok [3]bool
	odd := map[Code][]string{} // code -> parts that are encoded so
	for i, part := range parts {
		if i == 2 && in.signaturePart(part) {
			continue
		}
		b, oddities, err := decodeLenient(part)
		if err != nil {
			in.damage(i, err.Error())
			continue
		}
		raw[i], ok[i] = b, true
		for _, code := range oddities {
			if i == 2 && code == CodeNonCanonical && len(b) != sha256.Size {
				continue // cut off or lengthened, which is said elsewhere
			}
			odd[code] = append(odd[code], partNames[i])
		}
	}
	in.encodings(odd)
	in.signed = []string{parts[0] + "." + parts[1]}
	if ok[0] && ok[1] {
		// Who signs by hand may have signed the clean form and spoilt it afterwards.
		clean := base64.RawURLEncoding.EncodeToString(raw[0]) + "." + base64.RawURLEncoding.EncodeToString(raw[1])
		if clean != in.signed[0] {
			in.signed = append(in.signed, clean)
		}
	}
	if ok[0] {
		in.header, in.headerRead = in.object(0, raw[0])
		in.report.Header = in.showable(raw[0])
	}
	if ok[1] {
		text := raw[1]
		if !utf8.Valid(text) {
			in.say(CodeNotUTF8, "", "The payload is not UTF-8 text; it was probably written in Latin-1 or Windows-1252.",
				"Encode the payload's JSON as UTF-8 before base64url.")
			text = []byte(strings.ToValidUTF8(string(text), "\uFFFD"))
		}
		if s, isText := (member{value: jsonOrNull(text)}).text(); isText && strings.HasPrefix(strings.TrimSpace(s), "{") {
			in.say(CodeEncodedTwice, "", "The payload is a JSON string that holds JSON: it was turned into JSON twice.",
				"Give the claims to the JWT library as an object, not as text that is JSON already.")
			text = []byte(s)
		}
		in.payload, _ = in.object(1, text)
		in.report.Payload = in.showable(text)
	}
	if ok[2] {
		in.signatureBytes(parts[2], raw[2])
	}
}

// damage reports a part that can't be read.
func (in *inspection) damage(part int, why string) {
	code := [3]Code{CodeDamagedHeader, CodeDamagedPayload, CodeDamagedSignature}[part]
	in.damaged = true
	in.say(code, "", fmt.Sprintf("The token's %s part is damaged: it %s.", [3]string{"first (header)", "second (payload)", "third (signature)"}[part], why),
		"Copy the token again, whole; if it comes like this from the server, look at what makes it.")
}

// signaturePart deals with a third part that is not base64url at all, and reports whether it was one.
func (in *inspection) signaturePart(part string) bool {
	if part == "" {
		// Judged with the header: right for alg none, a fault otherwise.
		return true
	}
	if b, err := hex.DecodeString(part); err == nil && len(b) == 32 {
		in.say(CodeHexSignature, "", "The signature is written in hexadecimal.", "Encode the 32 bytes of the HMAC in base64url: take the raw digest, not its hexadecimal text.")
		in.mac = b
		return true
	}
	return false
}

func (in *inspection) signatureBytes(part string, b []byte) {
	in.mac = b
	switch len(b) {
	case 48, 64: // HMAC with SHA-384, SHA-512
		if inner, err := hex.DecodeString(string(b)); err == nil && len(inner) == 32 {
			in.say(CodeHexSignature, "", "The signature is base64url of the hexadecimal text of the HMAC.", "Encode the 32 bytes of the HMAC in base64url: take the raw digest, not its hexadecimal text.")
			in.mac = inner
		} else if alg, _ := in.algorithm(); alg == "HS256" {
			in.damaged = true
			in.say(CodeWrongAlgorithm, "alg", fmt.Sprintf("The signature is that of HS%d by its length, although the header says HS256.", len(b)*8),
				"Sign with HMAC-SHA256: choose the algorithm in the call that signs, not in the header alone.")
		}
		return
	case 32:
		return
	}
	if alg, ok := in.algorithm(); ok && alg != "HS256" {
		return // its length is that of another algorithm
	}
	if len(b) < 32 {
		in.damage(2, fmt.Sprintf("is cut off: %d of 43 characters are there", len(part)))
	} else {
		in.damage(2, fmt.Sprintf("has %d characters instead of 43", len(part)))
	}
	in.mac = nil
}

// encodings reports parts that are encoded in another way than base64url without padding.
func (in *inspection) encodings(odd map[Code][]string) {
	if p := odd[CodeStandardBase64]; p != nil {
		in.say(CodeStandardBase64, "", "Standard base64, with + or /, is used in the "+strings.Join(p, " and ")+".", "Use base64url: - and _ in place of + and /, and no = at the end.")
	}
	if p := odd[CodePadding]; p != nil && odd[CodeStandardBase64] == nil {
		in.say(CodePadding, "", "There is padding (=) at the end of the "+strings.Join(p, " and ")+".", "Use base64url without padding: leave out the = at the end.")
	}
	if p := odd[CodeNonCanonical]; p != nil {
		in.damaged = true
		in.say(CodeNonCanonical, "", "The last character of the "+strings.Join(p, " and ")+" is one that no encoder writes there; the token was changed after it was made.", sameToken)
	}
}

// object reads a part as a JSON object.
func (in *inspection) object(part int, text []byte) ([]member, bool) {
	members, err := scanObject(text)
	var dup *duplicateError
	switch {
	case errors.As(err, &dup):
		in.say(CodeDuplicateClaim, cut(dup.name, 40), fmt.Sprintf("%s stands twice in the %s; readers differ in which one they take.", quoteShort(dup.name), partNames[part]),
			"Write every name once.")
	case err != nil:
		in.damage(part, err.Error())
		return nil, false
	}
	if members == nil {
		members = []member{}
	}
	for i, m := range members {
		members[i].name, _ = in.hide(m.name)
		s, ok := m.text()
		if !ok {
			continue
		}
		if hidden, found := in.hide(s); found {
			members[i].value = appendJSONString(nil, hidden)
			if part == 1 && m.name == claimAppKey && hidden == hiddenSecret {
				in.say(CodeKeySecretSwapped, claimAppKey, "The SDK secret stands in app_key, where everybody can read it: key and secret are swapped.",
					"Put the SDK key into app_key and sign with the secret. Get a new secret: this one is no longer secret.")
			} else {
				in.say(CodeSecretInToken, cut(members[i].name, 40), "The SDK secret stands in the token, where everybody can read it.",
					"Take it out, and get a new secret: this one is no longer secret.")
			}
		}
	}
	return members, true
}

// showable returns text for the report: JSON without known secrets, or nil.
func (in *inspection) showable(text []byte) json.RawMessage {
	for _, secret := range in.secrets {
		if len(secret) < minHidden {
			// Too short to be searched for; a member that is the secret as a whole would show it.
			if slices.ContainsFunc(slices.Concat(in.header, in.payload), func(m member) bool { s, _ := m.text(); return s == hiddenSecret }) {
				return nil
			}
			continue
		}
		text = []byte(strings.ReplaceAll(string(text), secret, hiddenSecret))
		escaped := appendJSONString(nil, secret)
		text = []byte(strings.ReplaceAll(string(text), string(escaped[1:len(escaped)-1]), hiddenSecret))
	}
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil
	}
	return json.RawMessage(text)
}

var errNoCharacter = errors.New("has one character too few or too many")

// decodeLenient decodes base64url or base64, padded or not, and says what was
// odd about it. The error completes the sentence "the part …".
func decodeLenient(part string) (b []byte, oddities []Code, err error) {
	if strings.ContainsAny(part, "+/") {
		oddities = append(oddities, CodeStandardBase64)
		part = strings.NewReplacer("+", "-", "/", "_").Replace(part)
	}
	if t := strings.TrimRight(part, "="); t != part {
		oddities = append(oddities, CodePadding)
		part = t
	}
	for i, r := range part {
		if r >= utf8.RuneSelf || !isTokenChar(byte(r)) {
			return nil, nil, fmt.Errorf("has %s at position %d, which base64url doesn't have", describeRune(r), i+1)
		}
	}
	if part == "" {
		return nil, nil, errors.New("is empty")
	}
	if len(part)%4 == 1 {
		return nil, nil, errNoCharacter
	}
	if b, err = base64.RawURLEncoding.DecodeString(part); err != nil {
		return nil, nil, errNoCharacter
	}
	if base64.RawURLEncoding.EncodeToString(b) != part {
		oddities = append(oddities, CodeNonCanonical)
	}
	return b, oddities, nil
}

// jsonOrNull returns text without white space around it if it is one JSON value, else null.
func jsonOrNull(text []byte) []byte {
	if _, err := scanValue(text); err != nil {
		return []byte("null")
	}
	return text[skipSpace(text, 0):]
}

func isTokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// isBlank also takes the invisible characters that editors and web pages put into text.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || r == '\uFEFF' || r >= '\u200B' && r <= '\u200D' || r == '\u2060'
}

func describeBlank(s string) string {
	switch {
	case strings.ContainsAny(s, "\r\n"):
		return "a line break"
	case strings.ContainsAny(s, " \t"):
		return "white space"
	}
	return "an invisible character"
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
