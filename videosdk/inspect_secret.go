package videosdk

// Which mistake explains a signature that doesn't verify. A fixed number of
// secrets is tried: what the known secret becomes by the usual accidents.

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"unicode/utf16"
)

// placeholderSecrets are texts that stand where a secret should: of sample
// configurations, of jwt.io, and what languages print for a value that isn't set.
var placeholderSecrets = []string{
	"YOUR_VIDEO_SDK_SECRET_HERE", "YOUR_VIDEO_SDK_SECRET", "YOUR_SDK_SECRET", "SDK_SECRET", "secret",
	"your-256-bit-secret", "a-string-secret-at-least-256-bits-long",
	"undefined", "null", "None", "nil", "false",
}

const (
	fixSigner = "Correct the secret where the signing server reads it, and start the server again."
	fixGiven  = "The token may be right: give the secret as the Zoom app marketplace shows it."
)

// signature checks the signature and, if it doesn't verify, says why.
func (in *inspection) signature() {
	isVideo := in.report.Kind == KindVideoSDK
	if in.mac == nil {
		if isVideo && in.headerRead && !in.isUnsigned() && !in.damaged {
			in.damage(2, "is missing")
		}
		return
	}
	if !in.isHMAC() {
		if isVideo {
			in.keyDiffers("")
		}
		return // there is nothing to be checked with a secret
	}
	if in.known.Secret != "" {
		in.report.Signature = SignatureNotVerified
		if in.fits([]byte(in.known.Secret)) {
			in.report.Signature = SignatureVerified
		}
	}
	if !isVideo {
		return // it is signed with another pair of credentials, rightly
	}
	if in.report.Signature == SignatureVerified {
		in.givenSecret()
		in.keyDiffers("")
		return
	}
	if code, problem, remedy := in.explainMismatch(); code != "" {
		in.report.Signature = SignatureNotVerified
		if !in.report.Has(code) {
			in.say(code, "", problem, remedy)
		}
		if code != CodeOtherCredentials && code != CodeKeySecretSwapped {
			in.keyDiffers("")
		}
		return
	}
	if in.known.Secret == "" || in.damaged {
		in.keyDiffers("")
		return
	}
	if in.keyDiffers(", and its signature doesn't verify with the given secret") || in.report.Has(CodeKeySecretSwapped) {
		return
	}
	in.say(CodeSignatureMismatch, "", "The signature doesn't verify with the given secret, and no usual mistake explains it.",
		"The server signs with another secret (compare it with the Zoom app marketplace: SDK secret, not API secret; was it changed?), or the token was altered after signing.")
}

// fits reports whether the signature was made with this key.
func (in *inspection) fits(key []byte) bool {
	var h func() hash.Hash
	switch len(in.mac) {
	case sha256.Size:
		h = sha256.New
	case sha512.Size384:
		h = sha512.New384
	case sha512.Size:
		h = sha512.New
	default:
		return false
	}
	for _, text := range in.signed {
		m := hmac.New(h, key)
		m.Write([]byte(text))
		if hmac.Equal(m.Sum(nil), in.mac) {
			return true
		}
	}
	return false
}

// givenSecret reports a fault of a secret with which the signature verifies:
// signer and reader share the mistake, Zoom doesn't.
func (in *inspection) givenSecret() {
	s := in.known.Secret
	const both = "The signature verifies, but only because the secret given here has the same fault as the signer's: it %s."
	reason := credentialFault("SDK secret", s)
	if reason == "" {
		return
	}
	what, _, _ := strings.Cut(reason, ";")
	var code Code
	switch trimmed := strings.TrimSpace(s); {
	case trimmed != s && strings.Trim(s, "\r\n") == trimmed:
		code = CodeSecretLineBreak
	case trimmed != s:
		code = CodeSecretWhiteSpace
	case trimQuotes(s) != s:
		code = CodeSecretQuotes
	case strings.Contains(reason, "placeholder"):
		code = CodePlaceholderSecret
	default:
		code = CodeSecretWhiteSpace
	}
	in.say(code, "", fmt.Sprintf(both, what), fixSigner)
}

// keyDiffers reports an app_key that is not the known key, or can't be a key at all.
func (in *inspection) keyDiffers(also string) bool {
	m, _ := find(in.payload, claimAppKey)
	key, ok := m.text()
	if !ok || key == "" || key == hiddenSecret {
		return false
	}
	if reason := credentialFault("SDK key", key); reason != "" {
		what, todo, _ := strings.Cut(reason, "; ")
		in.say(CodeAppKeyUnusable, claimAppKey, "app_key "+what+".", upperFirst(todo)+".")
		return true
	}
	if in.known.Key == "" || key == in.known.Key {
		return false
	}
	remedy := "Sign with the key and secret of one and the same account, the one whose sessions are joined."
	switch {
	case strings.EqualFold(key, in.known.Key):
		remedy = "The two differ in case only; copy the SDK key again."
	case in.isOthersKey(key):
		remedy = "It is the key of other credentials known here. " + remedy
	}
	in.say(CodeAppKeyDiffers, claimAppKey, fmt.Sprintf("app_key is %s, not the given SDK key %s%s.", quoteShort(key), quoteShort(in.known.Key), also), remedy)
	return true
}

func (in *inspection) isOthersKey(key string) bool {
	for _, c := range in.others() {
		if c.Key == key {
			return true
		}
	}
	return false
}

// explainMismatch returns the mistake whose result made the signature, or "".
func (in *inspection) explainMismatch() (code Code, problem, remedy string) {
	if in.fits(nil) {
		return CodeEmptySecret, "The token was signed with an empty secret.",
			"Set the secret where the signing server reads it (ZOOM_VIDEO_SDK_SECRET); a server should refuse to start without one."
	}
	for _, p := range placeholderSecrets {
		if in.fits([]byte(p)) {
			return CodePlaceholderSecret, "The token was signed with the text " + quoteShort(p) + " in place of a secret.",
				"Set the secret where the signing server reads it (ZOOM_VIDEO_SDK_SECRET)."
		}
	}
	for _, c := range in.others() {
		if c.Secret == "" || !in.fits([]byte(c.Secret)) {
			continue
		}
		if c.Key == in.known.Key && c.Key != "" {
			return CodeOtherCredentials, "The token was signed with another secret of the same SDK key: an older or a newer one.",
				"Use the secret that the Zoom app marketplace shows now, everywhere."
		}
		return CodeOtherCredentials, "The token was signed with the secret of other credentials known here, those of the SDK key " + quoteShort(c.Key) + ".",
			"Sign with the key and secret of one and the same account, the one whose sessions are joined."
	}
	if s := in.known.Secret; s != "" {
		for _, v := range secretVariants(s) {
			if v.secret != s && in.fits([]byte(v.secret)) {
				return v.code, v.problem, v.remedy
			}
		}
	}
	if in.signedWithKey() {
		return CodeKeySecretSwapped, "The token was signed with the SDK key in place of the SDK secret.",
			"Swap the two where the signing server reads them (ZOOM_VIDEO_SDK_KEY, ZOOM_VIDEO_SDK_SECRET)."
	}
	return "", "", ""
}

// signedWithKey reports whether the key, as known or as it stands in the token, made the signature.
func (in *inspection) signedWithKey() bool {
	if in.known.Key != "" && in.fits([]byte(in.known.Key)) {
		return true
	}
	m, _ := find(in.payload, claimAppKey)
	key, ok := m.text()
	return ok && key != "" && in.fits([]byte(key))
}

// A secretVariant is what a secret becomes by one mistake.
type secretVariant struct {
	secret          string
	code            Code
	problem, remedy string
}

// secretVariants lists what s may have been turned into by the signer, or may
// have been before it was given here.
func secretVariants(s string) []secretVariant {
	var vs []secretVariant
	signer := func(code Code, what string, secrets ...string) {
		for _, v := range secrets {
			vs = append(vs, secretVariant{v, code, "The token was signed with " + what + ".", fixSigner})
		}
	}
	given := func(code Code, what, secret string) {
		vs = append(vs, secretVariant{secret, code, "The secret given here has " + what + "; the token was signed without.", fixGiven})
	}
	given(CodeSecretLineBreak, "a line break at its end", strings.TrimRight(s, "\r\n"))
	given(CodeSecretWhiteSpace, "white space around it", strings.TrimFunc(s, isBlank))
	given(CodeSecretQuotes, "quotes around it", trimQuotes(strings.TrimFunc(s, isBlank)))

	// From here on: the secret as it should be, and what the signer made of it.
	s = trimQuotes(strings.TrimFunc(s, isBlank))
	signer(CodeSecretLineBreak, "a line break behind the secret", s+"\n", s+"\r\n", s+"\r", s+"\n\n")
	signer(CodeSecretLineBreak, "a line break before the secret", "\n"+s, "\r\n"+s)
	signer(CodeSecretLineBreak, "a line break behind the secret, written as \\n", s+`\n`, s+`\r\n`)
	signer(CodeSecretWhiteSpace, "white space around the secret", s+" ", " "+s, " "+s+" ", s+"\t", "\t"+s, s+"  ", s+" \n", s+" \r\n")
	signer(CodeSecretWhiteSpace, "a byte order mark before the secret", "\uFEFF"+s)
	for _, q := range []string{`"`, `'`, "`"} {
		signer(CodeSecretQuotes, "quotes around the secret", q+s+q)
		signer(CodeSecretQuotes, "quotes around the secret and a line break behind", q+s+q+"\n", q+s+q+"\r\n")
		signer(CodeSecretQuotes, "a quote at one end of the secret", q+s, s+q)
	}
	decoded := func(from string, b []byte, err error) {
		if err == nil && len(b) > 0 {
			vs = append(vs, secretVariant{string(b), CodeSecretDecoded, "The token was signed with the bytes that the secret gives when it is decoded from " + from + ".",
				"Use the secret's text itself as the key of the HMAC; don't decode it."})
		}
	}
	b, err := decodeAsNode(s)
	decoded("base64", b, err)
	b, err = hex.DecodeString(s)
	decoded("hexadecimal", b, err)
	encoded := func(what string, secrets ...string) {
		for _, v := range secrets {
			vs = append(vs, secretVariant{v, CodeSecretEncoded, "The token was signed with the secret in " + what + ".",
				"Use the UTF-8 bytes of the secret's text as the key of the HMAC; don't encode it."})
		}
	}
	raw := []byte(s)
	encoded("base64", base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw))
	encoded("hexadecimal", hex.EncodeToString(raw))
	encoded("UTF-16", inUTF16(s, binary.LittleEndian), inUTF16(s, binary.BigEndian))
	signer(CodeSecretEncoded, "the secret in lower case", strings.ToLower(s))
	signer(CodeSecretEncoded, "the secret in upper case", strings.ToUpper(s))
	return vs
}

// decodeAsNode decodes base64 or base64url as leniently as JavaScript's
// Buffer.from: padding is optional, a character too many is dropped.
func decodeAsNode(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	return base64.RawStdEncoding.DecodeString(s)
}

func inUTF16(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// trimQuotes removes one pair, or a lone one, of quotes around s.
func trimQuotes(s string) string {
	if s != "" && strings.Contains("\"'`", s[:1]) {
		s = s[1:]
	}
	if s != "" && strings.Contains("\"'`", s[len(s)-1:]) {
		s = s[:len(s)-1]
	}
	return s
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
