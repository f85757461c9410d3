package videosdk

import "slices"

// A Code names a kind of finding. Codes are stable: programs may rely on them.
type Code string

// The codes, in the order in which findings of one severity are reported: what
// is wrong with the text comes before what the text says, and what explains
// everything else comes first.
const (
	// The text.
	CodeEmpty            Code = "empty"
	CodeTooLarge         Code = "too-large"
	CodeNotAJWT          Code = "not-a-jwt"
	CodeDamagedHeader    Code = "damaged-header"
	CodeDamagedPayload   Code = "damaged-payload"
	CodeDamagedSignature Code = "damaged-signature"
	CodeJSONAround       Code = "json-around"
	CodeBearerPrefix     Code = "bearer-prefix"
	CodeQuotesAround     Code = "quotes-around"
	CodeSpaceAround      Code = "white-space-around"
	CodeSpaceInside      Code = "white-space-inside"
	CodePercentEncoded   Code = "percent-encoded"
	CodeStandardBase64   Code = "standard-base64"
	CodePadding          Code = "padding"
	CodeHexSignature     Code = "hex-signature"
	CodeNonCanonical     Code = "non-canonical"
	CodeNotUTF8          Code = "not-utf8"
	CodeEncodedTwice     Code = "encoded-twice"

	// A token of another kind.
	CodeMeetingSDKToken  Code = "meeting-sdk-token"
	CodeCobrowseSDKToken Code = "cobrowse-sdk-token"
	CodeRESTAPIToken     Code = "rest-api-token"
	CodeJWTAppToken      Code = "jwt-app-token"
	CodeOAuthToken       Code = "oauth-token"
	CodeZAKToken         Code = "zak-token"
	CodeLiveKitToken     Code = "livekit-token"
	CodeOtherToken       Code = "other-token"

	// The header.
	CodeUnsigned       Code = "unsigned"
	CodeWrongAlgorithm Code = "wrong-algorithm"
	CodeCriticalHeader Code = "critical-header"
	CodeWrongTyp       Code = "wrong-typ"
	CodeDuplicateClaim Code = "duplicate-claim"

	// Key and secret: which mistake explains a signature that doesn't verify.
	CodeKeySecretSwapped   Code = "key-secret-swapped"
	CodeSecretInToken      Code = "secret-in-token"
	CodeEmptySecret        Code = "empty-secret"
	CodePlaceholderSecret  Code = "placeholder-secret"
	CodeSecretLineBreak    Code = "secret-line-break"
	CodeSecretWhiteSpace   Code = "secret-white-space"
	CodeSecretQuotes       Code = "secret-quotes"
	CodeSecretDecoded      Code = "secret-decoded"
	CodeSecretEncoded      Code = "secret-encoded"
	CodeOtherCredentials   Code = "other-credentials"
	CodeAppKeyDiffers      Code = "app-key-differs"
	CodeAppKeyUnusable     Code = "app-key-unusable"
	CodeSignatureMismatch  Code = "signature-mismatch"
	CodeCredentialsRefused Code = "credentials-refused"

	// Claims.
	CodeOldFormat        Code = "old-format"
	CodeMisnamedClaim    Code = "misnamed-claim"
	CodeMissingClaim     Code = "missing-claim"
	CodeEmptyClaim       Code = "empty-claim"
	CodeWrongType        Code = "wrong-type"
	CodeBadValue         Code = "bad-value"
	CodePlaceholderValue Code = "placeholder-value"

	// Times.
	CodeMilliseconds       Code = "time-in-milliseconds"
	CodeFractionalTime     Code = "fractional-time"
	CodeTimeNotEpoch       Code = "time-not-epoch"
	CodeExpiresBeforeIssue Code = "expires-before-issue"
	CodeExpired            Code = "expired"
	CodeIssuedInFuture     Code = "issued-in-future"
	CodeLifeTooLong        Code = "life-too-long"
	CodeLifeTooShort       Code = "life-too-short"
	CodeLifeMinimal        Code = "life-minimal"

	// What join is called with, and what goes together.
	CodeNameDiffers        Code = "name-differs"
	CodeNameTooLong        Code = "name-too-long"
	CodeNameCharacters     Code = "name-characters"
	CodeNameLong           Code = "name-long"
	CodeNameCase           Code = "name-case"
	CodePasscodeDiffers    Code = "passcode-differs"
	CodePasscodeTooLong    Code = "passcode-too-long"
	CodePasscodeCharacters Code = "passcode-characters"
	CodeTooLong            Code = "too-long"
	CodeControlCharacter   Code = "control-character"
	CodeRecordingNeedsHost Code = "recording-needs-host"
	CodeHostNoSessionKey   Code = "host-without-session-key"
	CodeUserKeysDiffer     Code = "user-keys-differ"
	CodeUnknownRegion      Code = "unknown-region"
	CodeFormerName         Code = "former-name"

	// The error that the client showed.
	CodeErrorNotExplained Code = "error-not-explained"
	CodeErrorExplained    Code = "error-explained"
	CodeErrorElsewhere    Code = "error-elsewhere"
	CodeErrorAmbiguous    Code = "error-ambiguous"
	CodeErrorUnknown      Code = "error-unknown"

	// What could not be looked at.
	CodeSignatureNotChecked Code = "signature-not-checked"
	CodeTimeNotChecked      Code = "time-not-checked"
)

// CodeInfo describes a code.
type CodeInfo struct {
	Code Code `json:"code"`
	// Severity is the usual one. A warning that explains the error shown is
	// reported as an error, and misnamed-claim is a warning for a claim that is not required.
	Severity Severity `json:"severity"`
	// Means says what the code means in one sentence.
	Means string `json:"means"`
}

// Codes lists all codes in the order in which findings are reported.
func Codes() []CodeInfo { return slices.Clone(codeList) }

var codeList = []CodeInfo{
	{CodeEmpty, SeverityError, "There is no token."},
	{CodeTooLarge, SeverityError, "The text is larger than any signature; it was not looked at."},
	{CodeNotAJWT, SeverityError, "The text is not a JWT: it doesn't have three parts with dots between them."},
	{CodeDamagedHeader, SeverityError, "The header can't be decoded or read."},
	{CodeDamagedPayload, SeverityError, "The payload can't be decoded or read."},
	{CodeDamagedSignature, SeverityError, "The signature's part is missing, cut off or can't be decoded."},
	{CodeJSONAround, SeverityError, "The token is still inside the JSON of the server's answer."},
	{CodeBearerPrefix, SeverityError, "\"Bearer\" stands before the token."},
	{CodeQuotesAround, SeverityError, "There are quotes around the token."},
	{CodeSpaceAround, SeverityError, "There is white space or a line break around the token."},
	{CodeSpaceInside, SeverityError, "There is white space or a line break inside the token."},
	{CodePercentEncoded, SeverityError, "The token is percent-encoded, as in a URL."},
	{CodeStandardBase64, SeverityError, "Parts are encoded in standard base64 (+ and /) instead of base64url."},
	{CodePadding, SeverityError, "Parts end in = signs, which a JWT doesn't have."},
	{CodeHexSignature, SeverityError, "The signature is written in hexadecimal instead of base64url."},
	{CodeNonCanonical, SeverityError, "The last character of a part has bits that no encoder sets."},
	{CodeNotUTF8, SeverityError, "The payload is not UTF-8 text."},
	{CodeEncodedTwice, SeverityError, "The payload is a JSON string that holds JSON."},

	{CodeMeetingSDKToken, SeverityError, "It is a signature for the Meeting SDK."},
	{CodeCobrowseSDKToken, SeverityError, "It is a token for the Cobrowse SDK."},
	{CodeRESTAPIToken, SeverityError, "It is a bearer token for the Video SDK's REST API (Build platform)."},
	{CodeJWTAppToken, SeverityError, "It is a bearer token of the REST JWT app, which no longer exists."},
	{CodeOAuthToken, SeverityError, "It is an OAuth access token of Zoom's."},
	{CodeZAKToken, SeverityError, "It is a Zoom access key, for meetings."},
	{CodeLiveKitToken, SeverityError, "It is an access token for a LiveKit room."},
	{CodeOtherToken, SeverityError, "It is a JWT without any of the Video SDK's claims."},

	{CodeUnsigned, SeverityError, "The header says alg none: the token is not signed."},
	{CodeWrongAlgorithm, SeverityError, "The header's alg is missing or not HS256."},
	{CodeCriticalHeader, SeverityError, "The header asks for extensions (crit) that Zoom doesn't have."},
	{CodeWrongTyp, SeverityError, "The header's typ is not JWT."},
	{CodeDuplicateClaim, SeverityError, "A name stands twice in the header or the payload."},

	{CodeKeySecretSwapped, SeverityError, "SDK key and SDK secret are swapped."},
	{CodeSecretInToken, SeverityError, "The SDK secret can be read in the token."},
	{CodeEmptySecret, SeverityError, "It was signed with an empty secret."},
	{CodePlaceholderSecret, SeverityError, "It was signed with a placeholder instead of a secret."},
	{CodeSecretLineBreak, SeverityError, "It was signed with a line break at the secret, or that is how the secret was given."},
	{CodeSecretWhiteSpace, SeverityError, "It was signed with white space around the secret, or that is how the secret was given."},
	{CodeSecretQuotes, SeverityError, "It was signed with quotes around the secret, or that is how the secret was given."},
	{CodeSecretDecoded, SeverityError, "The secret was decoded from base64, base64url or hexadecimal before signing."},
	{CodeSecretEncoded, SeverityError, "The secret was encoded (base64, hexadecimal, UTF-16), or its case changed, before signing."},
	{CodeOtherCredentials, SeverityError, "It was signed with the secret of other known credentials."},
	{CodeAppKeyDiffers, SeverityError, "The app_key is not the given SDK key."},
	{CodeAppKeyUnusable, SeverityError, "The app_key can't be an SDK key: white space, quotes or a placeholder."},
	{CodeSignatureMismatch, SeverityError, "The signature doesn't verify with the secret, and no usual mistake explains it."},
	{CodeCredentialsRefused, SeverityError, "The signature is right for the given credentials, but Zoom refuses these."},

	{CodeOldFormat, SeverityError, "It is made as in 2021, without a role."},
	{CodeMisnamedClaim, SeverityError, "A claim has a name that Zoom doesn't read."},
	{CodeMissingClaim, SeverityError, "A required claim is missing."},
	{CodeEmptyClaim, SeverityError, "A required claim is empty."},
	{CodeWrongType, SeverityError, "A claim has the wrong type, as a number written as text."},
	{CodeBadValue, SeverityError, "A claim has a value that is not allowed."},
	{CodePlaceholderValue, SeverityWarning, "A claim says null, undefined or the like as text."},

	{CodeMilliseconds, SeverityError, "Times are in milliseconds or finer instead of seconds."},
	{CodeFractionalTime, SeverityError, "Times have a fraction or an exponent."},
	{CodeTimeNotEpoch, SeverityError, "A time is not a moment in epoch seconds."},
	{CodeExpiresBeforeIssue, SeverityError, "It expires before, or when, it is issued."},
	{CodeExpired, SeverityError, "It has expired."},
	{CodeIssuedInFuture, SeverityError, "It is issued in the future: a clock is wrong."},
	{CodeLifeTooLong, SeverityError, "It lives longer than 48 hours."},
	{CodeLifeTooShort, SeverityError, "It lives shorter than 1800 seconds."},
	{CodeLifeMinimal, SeverityWarning, "It lives exactly 1800 seconds, which has been refused."},

	{CodeNameDiffers, SeverityError, "The session name is not the one that was joined."},
	{CodeNameTooLong, SeverityError, "The session name is longer than 200 characters."},
	{CodeNameCharacters, SeverityError, "The session name has characters that Zoom doesn't accept."},
	{CodeNameLong, SeverityWarning, "The session name is longer than the 150 characters that some of Zoom's pages allow."},
	{CodeNameCase, SeverityInfo, "The session name differs from the one joined in case only, which Zoom ignores."},
	{CodePasscodeDiffers, SeverityError, "The passcode is not the one that was passed to join."},
	{CodePasscodeTooLong, SeverityError, "The passcode is longer than 10 characters."},
	{CodePasscodeCharacters, SeverityError, "The passcode has characters outside printable ASCII."},
	{CodeTooLong, SeverityError, "A user key or session key is longer than 36 characters."},
	{CodeControlCharacter, SeverityError, "A claim has a control character, such as a line break."},
	{CodeRecordingNeedsHost, SeverityError, "A recording option is set without the host role."},
	{CodeHostNoSessionKey, SeverityWarning, "A host's signature has no session key."},
	{CodeUserKeysDiffer, SeverityWarning, "user_key and user_identity have different values."},
	{CodeUnknownRegion, SeverityWarning, "geo_regions names what is not one of Zoom's regions."},
	{CodeFormerName, SeverityInfo, "A claim has a former name."},

	{CodeErrorNotExplained, SeverityWarning, "The error shown concerns the signature, but nothing in it explains the error."},
	{CodeErrorExplained, SeverityInfo, "The error shown is explained by another finding."},
	{CodeErrorElsewhere, SeverityInfo, "The error shown doesn't come from the signature."},
	{CodeErrorAmbiguous, SeverityInfo, "The number shown means different things on different platforms."},
	{CodeErrorUnknown, SeverityInfo, "The error shown is not known."},

	{CodeSignatureNotChecked, SeverityInfo, "No secret is known to check the signature with."},
	{CodeTimeNotChecked, SeverityInfo, "No time was given to judge by."},
}

var codeRanks = func() map[Code]int {
	m := make(map[Code]int, len(codeList))
	for i, c := range codeList {
		m[c.Code] = i
	}
	return m
}()

func codeRank(c Code) int { return codeRanks[c] }

func codeInfo(c Code) CodeInfo { return codeList[codeRanks[c]] }
