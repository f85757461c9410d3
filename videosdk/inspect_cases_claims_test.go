package videosdk_test

// Cases of the claims, the times and what join is called with.

import (
	"strings"

	"github.com/usher-sessions/usher/videosdk"
)

func inspectClaimCases() []inspectCase {
	all := knownAll()
	noName := inspectKnown{Key: casesKey, Secret: casesSecret, Now: casesNow}
	host := func() payload { return basePayload().with("role_type", "1").with("session_key", `"s1"`) }
	bad := func(name string, p payload, c ...videosdk.Code) inspectCase {
		return inspectCase{name: name, token: p.signed(), known: all, errors: c}
	}
	hint := func(name string, p payload, c ...videosdk.Code) inspectCase {
		return inspectCase{name: name, token: p.signed(), known: all, others: c}
	}
	return []inspectCase{
		// Missing.
		bad("app_key missing", basePayload().without("app_key"), videosdk.CodeMissingClaim),
		bad("role_type missing", basePayload().without("role_type"), videosdk.CodeMissingClaim),
		bad("tpc missing", basePayload().without("tpc"), videosdk.CodeMissingClaim),
		bad("version missing", basePayload().without("version"), videosdk.CodeMissingClaim),
		bad("iat missing", basePayload().without("iat"), videosdk.CodeMissingClaim),
		bad("exp missing", basePayload().without("exp"), videosdk.CodeMissingClaim),
		bad("nothing but key and times", basePayload().without("tpc", "role_type", "version"), videosdk.CodeMissingClaim, videosdk.CodeMissingClaim, videosdk.CodeMissingClaim),
		bad("the first format of 2021", basePayload().without("role_type", "version").with("pwd", `"Ilovecars!"`), videosdk.CodeOldFormat),
		bad("the native format of 2021", basePayload().without("role_type").with("user_identity", `"u1"`), videosdk.CodeOldFormat),
		bad("tpc empty", basePayload().with("tpc", `""`), videosdk.CodeEmptyClaim),
		bad("app_key empty", basePayload().with("app_key", `""`), videosdk.CodeEmptyClaim),

		// Near misses.
		bad("appKey", basePayload().renamed("app_key", "appKey"), videosdk.CodeMisnamedClaim),
		bad("sdkKey", basePayload().renamed("app_key", "sdkKey"), videosdk.CodeMisnamedClaim),
		bad("topic", basePayload().renamed("tpc", "topic"), videosdk.CodeMisnamedClaim),
		bad("sessionName", basePayload().renamed("tpc", "sessionName"), videosdk.CodeMisnamedClaim),
		bad("session_name", basePayload().renamed("tpc", "session_name"), videosdk.CodeMisnamedClaim),
		bad("tcp", basePayload().renamed("tpc", "tcp"), videosdk.CodeMisnamedClaim),
		bad("TPC", basePayload().renamed("tpc", "TPC"), videosdk.CodeMisnamedClaim),
		bad("role", basePayload().renamed("role_type", "role"), videosdk.CodeMisnamedClaim),
		bad("roleType", basePayload().renamed("role_type", "roleType"), videosdk.CodeMisnamedClaim),
		bad("rol_type", basePayload().renamed("role_type", "rol_type"), videosdk.CodeMisnamedClaim),
		bad("Version", basePayload().renamed("version", "Version"), videosdk.CodeMisnamedClaim),
		bad("expires", basePayload().renamed("exp", "expires"), videosdk.CodeMisnamedClaim),
		bad("issuedAt", basePayload().renamed("iat", "issuedAt"), videosdk.CodeMisnamedClaim),
		bad("appKey, role and topic", basePayload().renamed("app_key", "appKey").renamed("role_type", "role").renamed("tpc", "topic"),
			videosdk.CodeMisnamedClaim, videosdk.CodeMisnamedClaim, videosdk.CodeMisnamedClaim),
		bad("role as text under a wrong name", basePayload().renamed("role_type", "role").with("role", `"1"`), videosdk.CodeMisnamedClaim),
		hint("sessionKey", basePayload().with("role_type", "1").with("sessionKey", `"s1"`), videosdk.CodeMisnamedClaim),
		hint("userKey", basePayload().with("userKey", `"u1"`), videosdk.CodeMisnamedClaim),
		hint("userIdentity", basePayload().with("userIdentity", `"u1"`), videosdk.CodeMisnamedClaim),
		hint("geo_region", basePayload().with("geo_region", `"DE"`), videosdk.CodeMisnamedClaim),
		hint("cloudRecordingOption", host().with("cloudRecordingOption", "1"), videosdk.CodeMisnamedClaim),
		hint("videoWebRtcMode", basePayload().with("videoWebRtcMode", "1"), videosdk.CodeMisnamedClaim),
		hint("claims of one's own", basePayload().with("sub", `"ann"`).with("aud", `"app"`).with("name", `"Ann"`).with("plan", `"gold"`).with("jti", `"1"`)),
		hint("appKey beside app_key", basePayload().with("appKey", quoted(casesKey))),
		hint("audio_compatible_mode", basePayload().with("audio_compatible_mode", "1"), videosdk.CodeFormerName),
		hint("user_identity alone", basePayload().with("user_identity", `"u1"`), videosdk.CodeFormerName),
		hint("user_identity unlike user_key", basePayload().with("user_key", `"u1"`).with("user_identity", `"u2"`), videosdk.CodeUserKeysDiffer),

		// Types.
		bad("role as text", basePayload().with("role_type", `"0"`), videosdk.CodeWrongType),
		bad("role as word", basePayload().with("role_type", `"host"`), videosdk.CodeWrongType),
		bad("role as boolean", basePayload().with("role_type", "true"), videosdk.CodeWrongType),
		bad("role null", basePayload().with("role_type", "null"), videosdk.CodeWrongType),
		bad("role with a fraction", basePayload().with("role_type", "0.0"), videosdk.CodeWrongType),
		bad("version as text", basePayload().with("version", `"1"`), videosdk.CodeWrongType),
		bad("tpc as number", basePayload().with("tpc", "12"), videosdk.CodeWrongType),
		bad("app_key as number", basePayload().with("app_key", "12"), videosdk.CodeWrongType),
		bad("user_key as number", basePayload().with("user_key", "12"), videosdk.CodeWrongType),
		bad("session_key null", basePayload().with("session_key", "null"), videosdk.CodeWrongType),
		bad("geo_regions as a list", basePayload().with("geo_regions", `["DE","NL"]`), videosdk.CodeWrongType),
		bad("telemetry id as object", basePayload().with("telemetry_tracking_id", "{}"), videosdk.CodeWrongType),
		bad("video mode as text", basePayload().with("video_webrtc_mode", `"1"`), videosdk.CodeWrongType),
		bad("pwd as number", basePayload().with("pwd", "1234"), videosdk.CodeWrongType),

		// Values.
		bad("role 2", basePayload().with("role_type", "2"), videosdk.CodeBadValue),
		bad("role -1", basePayload().with("role_type", "-1"), videosdk.CodeBadValue),
		bad("version 2", basePayload().with("version", "2"), videosdk.CodeBadValue),
		bad("version 0", basePayload().with("version", "0"), videosdk.CodeBadValue),
		bad("audio mode 2", basePayload().with("audio_webrtc_mode", "2"), videosdk.CodeBadValue),
		bad("transcript option 3", host().with("cloud_recording_transcript_option", "3"), videosdk.CodeBadValue),
		bad("recording option without host role", basePayload().with("cloud_recording_option", "1"), videosdk.CodeRecordingNeedsHost),
		hint("recording option 0 without host role", basePayload().with("cloud_recording_option", "0")),
		hint("host without session key", basePayload().with("role_type", "1"), videosdk.CodeHostNoSessionKey),
		hint("host with session key", host()),
		hint("unknown region", basePayload().with("geo_regions", `"DE,FR"`), videosdk.CodeUnknownRegion),
		hint("regions with a space", basePayload().with("geo_regions", `"DE, NL"`), videosdk.CodeUnknownRegion),
		hint("regions in lower case", basePayload().with("geo_regions", `"de"`), videosdk.CodeUnknownRegion),
		bad("user key of 37", basePayload().with("user_key", quoted(strings.Repeat("u", 37))), videosdk.CodeTooLong),
		hint("user key of 36", basePayload().with("user_key", `"123e4567-e89b-12d3-a456-426614174000"`)),
		hint("user key of 18 emoji", basePayload().with("user_key", quoted(strings.Repeat("🚗", 18)))),
		bad("user key of 19 emoji", basePayload().with("user_key", quoted(strings.Repeat("🚗", 19))), videosdk.CodeTooLong),
		{name: "user identity of 37", token: basePayload().with("user_identity", quoted(strings.Repeat("u", 37))).signed(), known: all, errors: codes(videosdk.CodeTooLong), others: codes(videosdk.CodeFormerName)},
		bad("session key of 37", basePayload().with("session_key", quoted(strings.Repeat("s", 37))), videosdk.CodeTooLong),
		bad("user key with a line break", basePayload().with("user_key", `"u1\n"`), videosdk.CodeControlCharacter),
		hint("session key is the text null", basePayload().with("session_key", `"null"`), videosdk.CodePlaceholderValue),
		hint("user key is the text undefined", basePayload().with("user_key", `"undefined"`), videosdk.CodePlaceholderValue),
		bad("pwd of 11", basePayload().with("pwd", `"12345678901"`), videosdk.CodePasscodeTooLong),
		bad("pwd outside ASCII", basePayload().with("pwd", `"pässword"`), videosdk.CodePasscodeCharacters),

		// Session names.
		{name: "name of 151", token: basePayload().with("tpc", quoted(strings.Repeat("n", 151))).signed(), known: noName, others: codes(videosdk.CodeNameLong)},
		{name: "name of 200", token: basePayload().with("tpc", quoted(strings.Repeat("n", 200))).signed(), known: noName, others: codes(videosdk.CodeNameLong)},
		{name: "name of 201", token: basePayload().with("tpc", quoted(strings.Repeat("n", 201))).signed(), known: noName, errors: codes(videosdk.CodeNameTooLong)},
		{name: "name with a slash", token: basePayload().with("tpc", `"Cool/Cars"`).signed(), known: noName, errors: codes(videosdk.CodeNameCharacters)},
		{name: "name with an asterisk", token: basePayload().with("tpc", `"Cool*Cars"`).signed(), known: noName, errors: codes(videosdk.CodeNameCharacters)},
		{name: "name with a quote", token: basePayload().with("tpc", `"Ann's cars"`).signed(), known: noName, errors: codes(videosdk.CodeNameCharacters)},
		{name: "name with an umlaut", token: basePayload().with("tpc", `"Kühle Autos"`).signed(), known: noName, errors: codes(videosdk.CodeNameCharacters)},
		{name: "name with a line break", token: basePayload().with("tpc", `"Cool Cars\n"`).signed(), known: noName, errors: codes(videosdk.CodeNameCharacters)},
		{name: "name with a no-break space", token: basePayload().with("tpc", "\"Cool\u00a0Cars\"").signed(), known: noName, errors: codes(videosdk.CodeNameCharacters)},
		{name: "name is the text undefined", token: basePayload().with("tpc", `"undefined"`).signed(), known: noName, others: codes(videosdk.CodePlaceholderValue)},
	}
}

func inspectTimeCases() []inspectCase {
	all := knownAll()
	times := func(name, iat, exp string, now int64, c ...videosdk.Code) inspectCase {
		known := all
		known.Now = now
		return inspectCase{name: name, token: basePayload().with("iat", iat).with("exp", exp).signed(), known: known, errors: c}
	}
	minimal := times("exactly 1800 s", "1782907170", "1782908970", casesNow)
	minimal.others = codes(videosdk.CodeLifeMinimal)
	timeless := times("a life of 5 minutes, no time known", "1782907170", "1782907470", 0, videosdk.CodeLifeTooShort)
	timeless.others = codes(videosdk.CodeTimeNotChecked)
	return []inspectCase{
		times("expired 3 h 12 min ago", "1782907170", "1782914400", 1782914400+3*3600+12*60, videosdk.CodeExpired),
		times("expired this second", "1782907170", "1782914400", 1782914400, videosdk.CodeExpired),
		times("issued two minutes ahead", "1782907320", "1782914400", casesNow, videosdk.CodeIssuedInFuture),
		times("issued a second ahead", "1782907201", "1782914400", casesNow, videosdk.CodeIssuedInFuture),
		times("issued two hours ahead", "1782914370", "1782921600", casesNow, videosdk.CodeIssuedInFuture),
		times("times in milliseconds", "1782907170000", "1782914400000", casesNow, videosdk.CodeMilliseconds),
		times("exp in milliseconds", "1782907170", "1782914400000", casesNow, videosdk.CodeMilliseconds),
		times("times in microseconds", "1782907170000000", "1782914400000000", casesNow, videosdk.CodeMilliseconds),
		times("times in milliseconds with fractions", "1782907170000.25", "1782914400000.25", casesNow, videosdk.CodeMilliseconds),
		times("times as text", `"1782907170"`, `"1782914400"`, casesNow, videosdk.CodeWrongType),
		times("times as dates", `"2026-07-01T11:59:30Z"`, `"2026-07-01T14:00:00Z"`, casesNow, videosdk.CodeWrongType),
		times("iat as text", `"1782907170"`, "1782914400", casesNow, videosdk.CodeWrongType),
		times("exp null", "1782907170", "null", casesNow, videosdk.CodeWrongType),
		times("fractional times", "1782907170.5", "1782914400.5", casesNow, videosdk.CodeFractionalTime),
		times("fractional exp", "1782907170", "1782914400.5", casesNow, videosdk.CodeFractionalTime),
		times("times with an exponent", "1.78290717e9", "1.7829144e9", casesNow, videosdk.CodeFractionalTime),
		times("exp is a life", "1782907170", "7200", casesNow, videosdk.CodeTimeNotEpoch),
		times("iat negative", "-30", "1782914400", casesNow, videosdk.CodeTimeNotEpoch),
		times("exp before iat", "1782907170", "1782899970", casesNow, videosdk.CodeExpiresBeforeIssue),
		times("exp equal to iat", "1782907170", "1782907170", casesNow, videosdk.CodeExpiresBeforeIssue),
		times("a life of 1799 s", "1782907170", "1782908969", casesNow, videosdk.CodeLifeTooShort),
		times("a life of 2 minutes, expired", "1782907170", "1782907290", casesNow+600, videosdk.CodeExpired, videosdk.CodeLifeTooShort),
		times("a life in minutes", "1782907170", "1782907290", casesNow, videosdk.CodeLifeTooShort),
		times("a life of 48 h and 1 s", "1782907170", "1783079971", casesNow, videosdk.CodeLifeTooLong),
		times("a life added in milliseconds", "1782907170", "1790107170", casesNow, videosdk.CodeLifeTooLong),
		minimal,
		timeless,
		{name: "nbf ahead", token: basePayload().with("nbf", "1782907800").signed(), known: all, errors: codes(videosdk.CodeIssuedInFuture)},
		{name: "nbf past", token: basePayload().with("nbf", "1782907170").signed(), known: all},
		{name: "nbf as text", token: basePayload().with("nbf", `"1782907170"`).signed(), known: all, errors: codes(videosdk.CodeWrongType)},
		{name: "role as text and times in milliseconds", comment: "two causes, two findings",
			token: basePayload().with("role_type", `"1"`).with("iat", "1782907170000").with("exp", "1782914400000").signed(), known: all, errors: codes(videosdk.CodeWrongType, videosdk.CodeMilliseconds)},
	}
}

func inspectJoinCases() []inspectCase {
	joined := func(name, topic, joined string, c ...videosdk.Code) inspectCase {
		known := knownAll()
		known.SessionName = joined
		return inspectCase{name: name, token: basePayload().with("tpc", quoted(topic)).signed(), known: known, errors: c}
	}
	passcode := func(name, pwd, given string, c ...videosdk.Code) inspectCase {
		known := knownAll()
		known.Passcode = &given
		p := basePayload()
		if pwd != "" {
			p = p.with("pwd", quoted(pwd))
		}
		return inspectCase{name: name, token: p.signed(), known: known, errors: c}
	}
	return []inspectCase{
		joined("name differs by one digit", "room-5f3a9c", "room-5f3b9c", videosdk.CodeNameDiffers),
		joined("name differs, in other case before", "COOL cars", "Cool Bars", videosdk.CodeNameDiffers),
		joined("joined name ends earlier", "Cool Cars", "Cool Car", videosdk.CodeNameDiffers),
		joined("joined name has a space behind", "Cool Cars", "Cool Cars ", videosdk.CodeNameDiffers),
		joined("joined name is percent-encoded", "Cool Cars", "Cool%20Cars", videosdk.CodeNameDiffers),
		joined("signed name is percent-encoded", "Cool%20Cars", "Cool Cars", videosdk.CodeNameDiffers),
		joined("joined name has a no-break space", "Cool Cars", "Cool\u00a0Cars", videosdk.CodeNameDiffers),
		joined("names differ in a letter that looks alike", "Cool Cars", "Cool Cаrs", videosdk.CodeNameDiffers),
		passcode("passcode equal", "Ilovecars!", "Ilovecars!"),
		passcode("passcode differs", "Ilovecars!", "Ilovecars?", videosdk.CodePasscodeDiffers),
		passcode("passcode differs in case", "Ilovecars!", "ilovecars!", videosdk.CodePasscodeDiffers),
		passcode("joined without the passcode", "Ilovecars!", "", videosdk.CodePasscodeDiffers),
		passcode("passcode of 11 given to join", "", "12345678901", videosdk.CodePasscodeTooLong),
		passcode("passcode outside ASCII given to join", "", "pässword", videosdk.CodePasscodeCharacters),
		passcode("passcode given, none in the token", "", "Ilovecars!"),
	}
}
