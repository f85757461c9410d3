package videosdk_test

// Cases of key and secret, and of the error that the client showed.

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf16"

	"github.com/usher-sessions/usher/videosdk"
)

func inspectSecretCases() []inspectCase {
	const (
		otherKey    = "Zz2YxWv5UtS8rQp1OnMl4k"
		otherSecret = "Qw9eRt6yUi3oPa0sDf7gHj4kLz1xCv8bNm5"
		hexSecret   = "3f9a1c77d2e84b06a5c1908e7d6f2b34"
	)
	p := basePayload().String()
	by := func(name, signedWith string, c ...videosdk.Code) inspectCase {
		return inspectCase{name: name, token: makeToken(casesHeader, p, signedWith), known: knownAll(), signature: notVerified, errors: c}
	}
	given := func(name, secret string, c ...videosdk.Code) inspectCase {
		known := knownAll()
		known.Secret = secret
		return inspectCase{name: name, token: makeToken(casesHeader, p, casesSecret), known: known, signature: notVerified, errors: c}
	}
	both := func(name, secret string, c ...videosdk.Code) inspectCase {
		known := knownAll()
		known.Secret = secret
		return inspectCase{name: name, token: makeToken(casesHeader, p, secret), known: known, errors: c}
	}
	decode := func(b []byte, err error) string {
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	wide := func(s string) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune(s)) {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
		return b.String()
	}
	hexed := given("secret decoded from hexadecimal", hexSecret, videosdk.CodeSecretDecoded)
	hexed.token = makeToken(casesHeader, p, decode(hex.DecodeString(hexSecret)))
	const urlSecret = "pL3-V8sQ2_W7bT5yC9mK4rJ6hD1gF0zA8eUq"
	urled := given("secret decoded from base64url", urlSecret, videosdk.CodeSecretDecoded)
	urled.token = makeToken(casesHeader, p, decode(base64.RawURLEncoding.DecodeString(urlSecret)))

	emptyUnknown := by("signed with an empty secret, secret not known", "", videosdk.CodeEmptySecret)
	emptyUnknown.known.Secret = ""

	others := []inspectKeySecret{{Key: "unrelated-key", Secret: "unrelated-secret-0123456789"}, {Key: otherKey, Secret: otherSecret}}
	ofOther := by("signed with the secret of other credentials", otherSecret, videosdk.CodeOtherCredentials)
	ofOther.known.Others = others
	allOther := ofOther
	allOther.name, allOther.comment = "signed with key and secret of other credentials", "one cause, one finding"
	allOther.token = makeToken(casesHeader, basePayload().with("app_key", quoted(otherKey)).String(), otherSecret)
	former := by("signed with the former secret of the key", otherSecret, videosdk.CodeOtherCredentials)
	former.known.Others = []inspectKeySecret{{Key: casesKey, Secret: otherSecret}}

	wrongKey := inspectCase{name: "app_key of another account", token: basePayload().with("app_key", quoted(otherKey)).signed(), known: knownAll(), errors: codes(videosdk.CodeAppKeyDiffers)}
	wrongPair := inspectCase{name: "app_key of another account, and its secret", comment: "one cause, one finding", token: makeToken(casesHeader, basePayload().with("app_key", quoted(otherKey)).String(), otherSecret),
		known: knownAll(), signature: notVerified, errors: codes(videosdk.CodeAppKeyDiffers)}
	keyOnly := inspectCase{name: "app_key differs, secret not known", token: basePayload().with("app_key", quoted(otherKey)).signed(), known: inspectKnown{Key: casesKey, Now: casesNow}, signature: notChecked,
		errors: codes(videosdk.CodeAppKeyDiffers), others: codes(videosdk.CodeSignatureNotChecked)}
	keyUnusable := func(name, key string) inspectCase {
		return inspectCase{name: name, token: basePayload().with("app_key", quoted(key)).signed(), known: knownAll(), errors: codes(videosdk.CodeAppKeyUnusable)}
	}
	swapped := inspectCase{name: "key and secret swapped", comment: "the secret stands in the token and must not be shown", token: makeToken(casesHeader, basePayload().with("app_key", quoted(casesSecret)).String(), casesKey),
		known: knownAll(), signature: notVerified, errors: codes(videosdk.CodeKeySecretSwapped)}
	inToken := inspectCase{name: "the secret in a claim", token: basePayload().with("debug", quoted("secret="+casesSecret)).signed(), known: knownAll(), errors: codes(videosdk.CodeSecretInToken)}
	altered := by("altered after signing", casesSecret, videosdk.CodeSignatureMismatch)
	cut := strings.Split(altered.token, ".")
	altered.token = cut[0] + "." + b64(basePayload().with("role_type", "1").with("session_key", `"s1"`).String()) + "." + cut[2]

	return []inspectCase{
		by("wrong secret", "an-unrelated-secret-0123456789", videosdk.CodeSignatureMismatch),
		altered,
		by("line break behind the secret", casesSecret+"\n", videosdk.CodeSecretLineBreak),
		by("CR LF behind the secret", casesSecret+"\r\n", videosdk.CodeSecretLineBreak),
		by("line break behind the secret, as backslash n", casesSecret+`\n`, videosdk.CodeSecretLineBreak),
		by("space behind the secret", casesSecret+" ", videosdk.CodeSecretWhiteSpace),
		by("space before the secret", " "+casesSecret, videosdk.CodeSecretWhiteSpace),
		by("byte order mark before the secret", "\ufeff"+casesSecret, videosdk.CodeSecretWhiteSpace),
		by("double quotes around the secret", `"`+casesSecret+`"`, videosdk.CodeSecretQuotes),
		by("single quotes around the secret", `'`+casesSecret+`'`, videosdk.CodeSecretQuotes),
		by("quotes and line break around the secret", `"`+casesSecret+"\"\n", videosdk.CodeSecretQuotes),
		by("a lone quote behind the secret", casesSecret+`"`, videosdk.CodeSecretQuotes),
		given("given secret has a line break", casesSecret+"\n", videosdk.CodeSecretLineBreak),
		given("given secret has CR LF", casesSecret+"\r\n", videosdk.CodeSecretLineBreak),
		given("given secret has spaces", " "+casesSecret+" ", videosdk.CodeSecretWhiteSpace),
		given("given secret has quotes", `"`+casesSecret+`"`, videosdk.CodeSecretQuotes),
		given("given secret has quotes and a line break", `'`+casesSecret+"'\n", videosdk.CodeSecretQuotes),
		both("line break behind the secret of both", casesSecret+"\n", videosdk.CodeSecretLineBreak),
		both("space behind the secret of both", casesSecret+" ", videosdk.CodeSecretWhiteSpace),
		both("quotes around the secret of both", `"`+casesSecret+`"`, videosdk.CodeSecretQuotes),
		both("a placeholder as the secret of both", "YOUR_VIDEO_SDK_SECRET_HERE", videosdk.CodePlaceholderSecret),
		by("signed with the key", casesKey, videosdk.CodeKeySecretSwapped),
		swapped,
		inToken,
		by("secret decoded from base64", decode(base64.RawStdEncoding.DecodeString(casesSecret)), videosdk.CodeSecretDecoded),
		urled,
		hexed,
		by("secret encoded in base64", base64.StdEncoding.EncodeToString([]byte(casesSecret)), videosdk.CodeSecretEncoded),
		by("secret encoded in hexadecimal", hex.EncodeToString([]byte(casesSecret)), videosdk.CodeSecretEncoded),
		by("secret in UTF-16", wide(casesSecret), videosdk.CodeSecretEncoded),
		by("secret in lower case", strings.ToLower(casesSecret), videosdk.CodeSecretEncoded),
		by("signed with an empty secret", "", videosdk.CodeEmptySecret),
		emptyUnknown,
		by("signed with the text undefined", "undefined", videosdk.CodePlaceholderSecret),
		by("signed with jwt.io's secret", "your-256-bit-secret", videosdk.CodePlaceholderSecret),
		by("signed with the sample's placeholder", "YOUR_VIDEO_SDK_SECRET_HERE", videosdk.CodePlaceholderSecret),
		ofOther, allOther, former, wrongKey, wrongPair, keyOnly,
		keyUnusable("app_key with a line break", casesKey+"\n"),
		keyUnusable("app_key with quotes", `"`+casesKey+`"`),
		keyUnusable("app_key is a placeholder", "YOUR_VIDEO_SDK_KEY_HERE"),
	}
}

func inspectShownCases() []inspectCase {
	shown := func(name, shown string, p payload, errors, others []videosdk.Code) inspectCase {
		known := knownAll()
		known.ErrorShown = shown
		return inspectCase{name: "shown: " + name, token: p.signed(), known: known, errors: errors, others: others}
	}
	signedBy := func(c inspectCase, secret string) inspectCase {
		c.token = makeToken(casesHeader, basePayload().String(), secret)
		c.signature = notVerified
		return c
	}
	knowing := func(c inspectCase, change func(*inspectKnown)) inspectCase {
		change(&c.known)
		return c
	}
	explained := codes(videosdk.CodeErrorExplained)
	noName := func(k *inspectKnown) { k.SessionName = "" }
	noTime := func(k *inspectKnown) { k.Now = 0 }
	noSecret := func(k *inspectKnown) { k.Secret = "" }
	otherName := func(k *inspectKnown) { k.SessionName = "Cool Bars" }
	expired := func(k *inspectKnown) { k.Now = 1782925920 }
	passcode := func(k *inspectKnown) { k.Passcode = new("other") }
	host := basePayload().with("role_type", "1")
	var none []videosdk.Code

	unverified := knowing(shown("Verify JWT failed, secret not known", "200 Verify JWT failed", basePayload(), none, codes(videosdk.CodeErrorNotExplained, videosdk.CodeSignatureNotChecked)), noSecret)
	unverified.signature = notChecked
	unverifiedEmpty := signedBy(knowing(shown("Verify JWT failed, empty secret, secret not known", "Verify JWT failed", basePayload(), codes(videosdk.CodeEmptySecret), explained), noSecret), "")
	empty := inspectCase{name: "shown: no token", token: "", known: inspectKnown{ErrorShown: "1501"}, kind: videosdk.KindUnknown, signature: notChecked, errors: codes(videosdk.CodeEmpty), others: explained}

	return []inspectCase{
		// Web, 200 and its reasons.
		shown("Verify JWT failed, although it verifies", "200 Verify JWT failed", basePayload(), codes(videosdk.CodeCredentialsRefused), none),
		signedBy(shown("Verify JWT failed, line break at the secret", "200 Verify JWT failed", basePayload(), codes(videosdk.CodeSecretLineBreak), explained), casesSecret+"\n"),
		signedBy(shown("Verify JWT failed, wrong secret", `{"type":"JOIN_MEETING_FAILED","reason":"Verify JWT failed","errorCode":200}`, basePayload(), codes(videosdk.CodeSignatureMismatch), explained), "an-unrelated-secret-0123456789"),
		unverified, unverifiedEmpty,
		knowing(shown("Verify JWT failed, expired", "verify jwt FAILED", basePayload(), codes(videosdk.CodeExpired), explained), expired),
		shown("Verify JWT failed, version missing", "Verify JWT failed", basePayload().without("version"), codes(videosdk.CodeMissingClaim), explained),
		knowing(shown("Topic is invalid, name differs", "200 Topic is invalid", basePayload(), codes(videosdk.CodeNameDiffers), explained), otherName),
		knowing(shown("Topic is invalid, passcode differs", "Parse lite sdk topic and pwd fail", basePayload().with("pwd", `"Ilovecars!"`), codes(videosdk.CodePasscodeDiffers), explained), passcode),
		knowing(shown("Topic is invalid, joined name not known", "Topic is invalid", basePayload(), none, codes(videosdk.CodeErrorNotExplained)), noName),
		shown("Topic is invalid, name equal", "Topic is invalid", basePayload(), none, codes(videosdk.CodeErrorNotExplained)),
		knowing(shown("token expired, it has", "The token has expired, is over 2 days old, or is ineffective.", basePayload(), codes(videosdk.CodeExpired), explained), expired),
		shown("token expired, it lives too long", "java web token is expired or more than 2 days or ineffective", basePayload().with("exp", "1783079971"), codes(videosdk.CodeLifeTooLong), explained),
		shown("token expired, issued in the future", "The token has expired", basePayload().with("iat", "1782907320"), codes(videosdk.CodeIssuedInFuture), explained),
		shown("token expired, life of 1800 s", "The token has expired, is over 2 days old, or is ineffective.", basePayload().with("exp", "1782908970"), codes(videosdk.CodeLifeMinimal), explained),
		shown("token expired, it hasn't", "The token has expired", basePayload(), none, codes(videosdk.CodeErrorNotExplained)),
		knowing(shown("token expired, no time known", "The token has expired", basePayload(), none, codes(videosdk.CodeErrorNotExplained, videosdk.CodeTimeNotChecked)), noTime),
		shown("account does not exist, key differs", "This account does not exist or does not belong to you", basePayload().with("app_key", `"Zz2YxWv5UtS8rQp1OnMl4k"`), codes(videosdk.CodeAppKeyDiffers), explained),
		shown("account does not exist, all right", "This account does not exist or does not belong to you", basePayload(), codes(videosdk.CodeCredentialsRefused), none),
		shown("invalid session key, host has none", "200 invalid session key", host, codes(videosdk.CodeHostNoSessionKey), explained),
		shown("invalid session key, too long", "invalid session key", basePayload().with("session_key", quoted(strings.Repeat("s", 37))), codes(videosdk.CodeTooLong), explained),
		shown("invalid session key, nothing to see", "invalid session key", basePayload().with("session_key", `"s1"`), none, codes(videosdk.CodeErrorNotExplained)),
		shown("connection error", "200 connection error", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("200 alone, nothing to see", "200", basePayload(), none, codes(videosdk.CodeErrorNotExplained)),
		knowing(shown("200 alone, name differs", "error 200", basePayload(), codes(videosdk.CodeNameDiffers), explained), otherName),

		// Web, other numbers.
		knowing(shown("3004, passcode differs", "3004", basePayload().with("pwd", `"Ilovecars!"`), codes(videosdk.CodePasscodeDiffers), explained), passcode),
		shown("Incorrect passcode, not in the token", "Incorrect passcode.", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("3000 with the passcode's text", "3000 Meeting password is incorrect", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("3009", "3009", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("3010, role as text", "3010", basePayload().with("role_type", `"0"`), codes(videosdk.CodeWrongType), explained),
		shown("3010, role as text, times in milliseconds", "3010 Role type error", basePayload().with("iat", "1782907170000").with("exp", "1782914400000").with("role_type", `"0"`), codes(videosdk.CodeWrongType, videosdk.CodeMilliseconds), explained),
		shown("3010, user key wrong too", "3010", basePayload().with("app_key", "12").without("role_type"), codes(videosdk.CodeMissingClaim, videosdk.CodeWrongType), explained),
		shown("3010, role as it should be", "3010", basePayload(), none, codes(videosdk.CodeErrorNotExplained)),
		shown("4003, times as text", "SESSION_INVALID_PARAMETER", basePayload().with("iat", `"1782907170"`), codes(videosdk.CodeWrongType), explained),
		shown("4004", "4004", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("4005", "4005", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("5007, a participant", "5007", basePayload(), none, explained),
		shown("5007, a host", "5007", host.with("session_key", `"s1"`), none, codes(videosdk.CodeErrorElsewhere)),
		shown("5012", "CLIENT_DUPLICATED_JOIN", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		knowing(shown("5013, passcode of 11", "5013", basePayload(), codes(videosdk.CodePasscodeTooLong), explained), func(k *inspectKnown) { k.Passcode = new("12345678901") }),
		knowing(shown("5013, name of 201", "5013", basePayload().with("tpc", quoted(strings.Repeat("n", 201))), codes(videosdk.CodeNameTooLong), explained), noName),

		// The Meeting SDK's.
		shown("3712, with a sound Video SDK signature", "3712", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		knowing(shown("3705, expired", "3705", basePayload(), codes(videosdk.CodeExpired), explained), expired),

		// Server.
		shown("124, role missing", "errorCode 124", basePayload().without("role_type"), codes(videosdk.CodeMissingClaim), explained),
		shown("300, all right", "300", basePayload(), codes(videosdk.CodeCredentialsRefused), none),

		// Native, by number and by name.
		knowing(shown("1507, name differs", "1507", basePayload(), codes(videosdk.CodeNameDiffers), explained), otherName),
		knowing(shown("mismatched name, by name", "ZoomVideoSDKError_JoinSession_Token_MismatchedSessionName", basePayload(), codes(videosdk.CodeNameDiffers), explained), otherName),
		knowing(shown("mismatched name, two causes", "zoomvideosdkerror_joinsession_token_mismatchedsessionname", basePayload().with("role_type", `"0"`), codes(videosdk.CodeNameDiffers, videosdk.CodeWrongType), explained), otherName),
		shown("1507, names equal", "1507", basePayload(), none, codes(videosdk.CodeErrorNotExplained)),
		shown("1508, topic", "1508", basePayload().renamed("tpc", "topic"), codes(videosdk.CodeMisnamedClaim), explained),
		shown("1509, role missing", "Errors_JoinSession_Token_RoleType_EmptyOrWrong", basePayload().without("role_type"), codes(videosdk.CodeMissingClaim), explained),
		shown("1510, user key of 37", "1510", basePayload().with("user_key", quoted(strings.Repeat("u", 37))), codes(videosdk.CodeTooLong), explained),
		knowing(shown("1506, name of 160", "JoinSession_SessionName_TooLong", basePayload().with("tpc", quoted(strings.Repeat("n", 160))), codes(videosdk.CodeNameLong), explained), noName),
		knowing(shown("1503, name with a slash", "1503", basePayload().with("tpc", `"Cool/Cars"`), codes(videosdk.CodeNameCharacters), explained), noName),
		knowing(shown("1504, passcode outside ASCII", "1504", basePayload(), codes(videosdk.CodePasscodeCharacters), explained), func(k *inspectKnown) { k.Passcode = new("pässword") }),
		signedBy(shown("1505, decoded secret", "JoinSession_Invalid_SessionToken", basePayload(), codes(videosdk.CodeEmptySecret), explained), ""),
		signedBy(shown("1003, quotes", "Auth_Wrong_Key_or_Secret", basePayload(), codes(videosdk.CodeSecretQuotes), explained), `"`+casesSecret+`"`),
		shown("1500", "1500", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("1502", "1502", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		empty,
		signedBy(shown("2014, wrong secret", "2014", basePayload(), codes(videosdk.CodeSignatureMismatch), explained), "an-unrelated-secret-0123456789"),
		knowing(shown("2014, name differs", "Session_Invalid_Param", basePayload(), codes(videosdk.CodeNameDiffers), explained), otherName),
		knowing(shown("2014, joined name not known", "2014", basePayload(), none, codes(videosdk.CodeErrorNotExplained)), noName),
		shown("2014, all right", "2014", basePayload(), codes(videosdk.CodeCredentialsRefused), none),
		shown("2012, by name", "ZoomVideoSDKError_Session_Password_Wrong", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),

		// Numbers that mean several things.
		shown("2003, nothing to see", "2003", basePayload(), none, codes(videosdk.CodeErrorAmbiguous)),
		knowing(shown("2003, name differs", "2003", basePayload(), codes(videosdk.CodeNameDiffers), codes(videosdk.CodeErrorExplained, videosdk.CodeErrorAmbiguous)), otherName),
		shown("2003, of the UI Toolkit", "UI Toolkit 2003", basePayload(), none, codes(videosdk.CodeErrorElsewhere)),
		shown("1001", "1001", basePayload(), none, codes(videosdk.CodeErrorAmbiguous)),
		shown("2011", "2011", basePayload(), none, codes(videosdk.CodeErrorAmbiguous)),
		shown("2009", "2009", basePayload(), none, codes(videosdk.CodeErrorAmbiguous)),
		knowing(shown("2009 of the UI Toolkit, name differs", "UIToolkit error 2009", basePayload(), codes(videosdk.CodeNameDiffers), explained), otherName),
		shown("unknown", "Something went wrong", basePayload(), none, codes(videosdk.CodeErrorUnknown)),
		shown("unknown number", "9999", basePayload(), none, codes(videosdk.CodeErrorUnknown)),
	}
}
