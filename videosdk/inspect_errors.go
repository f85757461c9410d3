package videosdk

// The errors of Zoom's clients that have to do with joining. Web: the SDK's
// error codes, and the server's answers that stand behind its number 200.
// Native: match by name, since the block from 2000 differs between versions.

import "slices"

// A platform is where an error is shown.
type platform string

const (
	onWeb       platform = "the Web SDK"
	onNative    platform = "the native SDKs"
	onOlder     platform = "older native SDKs"
	onUIToolkit platform = "the UI Toolkit for iOS"
	onMeeting   platform = "the Meeting SDK for web"
	onServer    platform = "Zoom's server"
)

// platformHints are folded words that say which SDK showed an error.
var platformHints = []struct {
	platform platform
	word     string
}{
	{onUIToolkit, "uitoolkit"}, {onNative, "zoomvideosdkerror"}, {onNative, "reactnative"}, {onNative, "flutter"}, {onNative, "android"},
}

// shiftingError stands for what a number from 2000 to 2013 means in the native
// SDKs, where that differs between versions.
var shiftingError = shownError{platform: onNative, name: "Session_…", means: "an error whose number differs between versions"}

// A need is what must be known to judge an error.
type need int

const (
	needSecret need = 1 << iota
	needName
	needPasscode
	needTime
)

// A cause is a finding that explains an error: of this code and, if it is set, of this claim.
type cause struct {
	code  Code
	claim string
}

func causes(codes ...Code) []cause {
	out := make([]cause, len(codes))
	for i, c := range codes {
		out[i].code = c
	}
	return out
}

// faultsOf lists the ways in which one claim can be at fault.
func faultsOf(claim string) []cause {
	return []cause{
		{CodeOldFormat, claim}, {CodeMisnamedClaim, claim}, {CodeMissingClaim, claim}, {CodeEmptyClaim, claim},
		{CodeWrongType, claim}, {CodeBadValue, claim}, {CodePlaceholderValue, claim}, {CodeTooLong, claim}, {CodeControlCharacter, claim},
	}
}

var (
	byKind = causes(CodeMeetingSDKToken, CodeCobrowseSDKToken, CodeRESTAPIToken, CodeJWTAppToken, CodeOAuthToken, CodeZAKToken, CodeLiveKitToken, CodeOtherToken)
	byForm = causes(CodeEmpty, CodeTooLarge, CodeNotAJWT, CodeDamagedHeader, CodeDamagedPayload, CodeDamagedSignature,
		CodeJSONAround, CodeBearerPrefix, CodeQuotesAround, CodeSpaceAround, CodeSpaceInside, CodePercentEncoded,
		CodeStandardBase64, CodePadding, CodeHexSignature, CodeNonCanonical, CodeNotUTF8, CodeEncodedTwice,
		CodeUnsigned, CodeWrongAlgorithm, CodeCriticalHeader, CodeWrongTyp, CodeDuplicateClaim)
	bySecret = causes(CodeKeySecretSwapped, CodeEmptySecret, CodePlaceholderSecret, CodeSecretLineBreak, CodeSecretWhiteSpace,
		CodeSecretQuotes, CodeSecretDecoded, CodeSecretEncoded, CodeOtherCredentials, CodeAppKeyDiffers, CodeAppKeyUnusable, CodeSignatureMismatch)
	byKey  = slices.Concat(causes(CodeAppKeyUnusable, CodeAppKeyDiffers, CodeKeySecretSwapped, CodeOtherCredentials), faultsOf(claimAppKey))
	byTime = slices.Concat(causes(CodeExpired, CodeIssuedInFuture, CodeMilliseconds, CodeFractionalTime, CodeTimeNotEpoch, CodeExpiresBeforeIssue,
		CodeLifeTooLong, CodeLifeTooShort, CodeLifeMinimal), faultsOf(claimExpires), faultsOf(claimIssued))
	byName     = slices.Concat(causes(CodeNameDiffers, CodeNameTooLong, CodeNameCharacters), faultsOf(claimTopic), causes(CodeNameLong))
	byPasscode = causes(CodePasscodeDiffers, CodePasscodeTooLong, CodePasscodeCharacters)
	byRole     = faultsOf(claimRole)
	byToken    = slices.Concat(byForm, byKind, bySecret)
	byClaims   = slices.Concat(byKey, byRole, faultsOf(claimVersion), causes(CodeSecretInToken, CodeTooLong, CodeRecordingNeedsHost), faultsOf(claimSessionKey))
	byAll      = slices.Concat(byToken, byName, byClaims, byTime, byPasscode, causes(CodeWrongType, CodeBadValue, CodeControlCharacter))
)

// A shownError is an error that a client may show.
type shownError struct {
	platform platform
	number   int
	name     string
	// means completes "the error means: …".
	means string
	// parts identify the error in folded text.
	parts []string
	// explains are the findings that explain it, the likeliest first.
	explains []cause
	needs    need
	// remains says what to do when no finding explains it.
	remains string

	byReason  bool // its number alone doesn't tell
	elsewhere bool // it doesn't come from the signature, unless a finding explains it
	refuses   bool // with a signature that verifies, it is the credentials that are refused
	needsHost bool // it is what a participant gets who does what hosts may
}

const (
	otherToken  = "Everything looked at is in order: the client probably sent another token, or another name, than these. Log both right before join, without the signature's last part."
	otherName   = "The names are equal: the client probably joined with another name or another token than these. Log both right before join."
	otherClient = "A Video SDK signature joins with the Video SDK's client alone; meetings need a signature of the Meeting SDK."
	askPasscode = "The passcode of the user who opened the session counts; everybody else must pass the same to join."
)

var shownErrors = []shownError{
	// Web, 200: what the server answered.
	{platform: onWeb, number: 200, byReason: true, name: "Verify JWT failed", parts: []string{"verifyjwtfailed", "invalidsignature", "signatureisinvalid"},
		means: "Zoom's server could not verify the token: wrong secret, or a damaged token", explains: slices.Concat(byToken, byClaims, byTime, byName), needs: needSecret, refuses: true, remains: otherToken},
	{platform: onWeb, number: 200, byReason: true, name: "Topic is invalid", parts: []string{"topicisinvalid", "parselitesdktopicandpwdfail"},
		means: "session name or passcode are not those of the token, or not allowed", explains: slices.Concat(byName, byPasscode, byKind), needs: needName, remains: otherName},
	{platform: onWeb, number: 200, byReason: true, name: "token expired", parts: []string{"tokenhasexpired", "tokenisexpired", "over2daysold", "morethan2days", "signaturehasexpired", "tokenexpired"},
		means: "the token has expired, lives longer than 2 days or is not valid yet", explains: byTime, needs: needTime,
		remains: "By the time given here the token is valid: compare this machine's clock and the server's with an exact one, and look whether the client keeps an older token."},
	{platform: onWeb, number: 200, byReason: true, name: "account does not exist", parts: []string{"accountdoesnotexist", "doesnotbelongtoyou"},
		means: "app_key is not the SDK key of an active Video SDK account", explains: slices.Concat(byKey, byKind, bySecret), needs: needSecret, refuses: true,
		remains: "Check that the account has the Video SDK and that app_key is its SDK key, not the API key."},
	{platform: onWeb, number: 200, byReason: true, name: "invalid session key", parts: []string{"invalidsessionkey", "sessionkeyisinvalid", "sessionkeyinvalid"},
		means: "session_key is not the one of the host's token", explains: slices.Concat(faultsOf(claimSessionKey), causes(CodeHostNoSessionKey)),
		remains: "If the host's token has a session_key, every token of the session needs the same value; compare this token with the host's."},
	{platform: onWeb, number: 200, byReason: true, name: "connection error", parts: []string{"connectionerror"},
		means: "Zoom's server was not reached: a timeout, a fault of the server, or a blocked request", elsewhere: true,
		remains: "Look at the browser's network log for requests to zoom.us that failed or were blocked, and try again."},
	{platform: onWeb, number: 200, name: "SESSION_FETCH_INFO_ERROR", parts: []string{"sessionfetchinfoerror"},
		means: "joining failed; six causes share this number, and only the error's reason tells them apart", explains: byAll, needs: needSecret | needName | needTime,
		remains: "Read the error's reason text; \"connection error\" is the network, all others are the token."},

	// Web, other numbers.
	{platform: onWeb, number: 3004, name: "SESSION_INCORRECT_PASSCODE", parts: []string{"sessionincorrectpasscode", "incorrectpasscode", "meetingpasswordisincorrect"},
		means: "the passcode is not the one that opened the session", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onWeb, number: 3009, name: "SESSION_USER_REMOVED", parts: []string{"sessionuserremoved"},
		means: "the host removed this user, who can't join the same session again", elsewhere: true, remains: "Let the user join after the session has ended and a new one has begun."},
	{platform: onWeb, number: 3010, name: "SESSION_ROLE_TYPE_ERROR", parts: []string{"sessionroletypeerror", "roletypeerror"},
		means: "role_type is missing or not the number 0 or 1", explains: slices.Concat(byRole, byKind), remains: otherToken},
	{platform: onWeb, number: 4003, name: "SESSION_INVALID_PARAMETER", parts: []string{"sessioninvalidparameter"},
		means: "a parameter is not valid", explains: byAll, needs: needSecret | needName | needTime, remains: otherToken},
	{platform: onWeb, number: 4004, name: "SESSION_ENDED", parts: []string{"sessionended"}, means: "the session has ended", elsewhere: true, remains: "Join again: that begins a new session."},
	{platform: onWeb, number: 4005, name: "capacity reached", parts: []string{"capacityreached"}, means: "the session is full", elsewhere: true, remains: "Let fewer users join."},
	{platform: onWeb, number: 5006, name: "host or manager needed", means: "this needs the host's or a manager's role", needsHost: true, elsewhere: true, remains: "The token's role is not what is in the way; managers are made by the host in the session."},
	{platform: onWeb, number: 5007, name: "host needed", means: "this needs the host's role", needsHost: true, elsewhere: true, remains: "The first host in is host, later ones are co-hosts; see who is host now."},
	{platform: onWeb, number: 5008, name: "original host needed", means: "this needs the role of the original host", needsHost: true, elsewhere: true, remains: "Only who holds role_type 1 and came first may do it."},
	{platform: onWeb, number: 5012, name: "CLIENT_DUPLICATED_JOIN", parts: []string{"clientduplicatedjoin"}, means: "join was called twice", elsewhere: true, remains: "Call join once and wait for its answer."},
	{platform: onWeb, number: 5013, name: "CLIENT_INVALID_JOIN_PARAMETER", parts: []string{"clientinvalidjoinparameter"},
		means:    "join was called with an empty token, a name over 200, a passcode over 10 characters, or something that is not text",
		explains: slices.Concat(causes(CodeEmpty, CodeNotAJWT, CodeNameTooLong, CodePasscodeTooLong), faultsOf(claimTopic)), needs: needPasscode,
		remains: "Log the parameters right before join: name, token and user name must be text and not empty."},

	// The Meeting SDK's: then the wrong client was used, or its token.
	{platform: onMeeting, number: 3705, name: "signature expired", means: "the Meeting SDK refused the signature as expired", explains: slices.Concat(byKind, byTime), elsewhere: true, remains: otherClient},
	{platform: onMeeting, number: 3708, name: "wrong role", means: "the Meeting SDK refused the signature for its role", explains: slices.Concat(byKind, byRole), elsewhere: true, remains: otherClient},
	{platform: onMeeting, number: 3712, name: "signature invalid", means: "the Meeting SDK refused the signature", explains: slices.Concat(byKind, byToken), elsewhere: true, remains: otherClient},

	// What Zoom's server answers, as logs of requests show it.
	{platform: onServer, number: 124, name: "token refused", means: "the token was refused", explains: byAll, needs: needSecret | needName | needTime, remains: otherToken},
	{platform: onServer, number: 300, name: "account unknown", means: "app_key is not the SDK key of an active Video SDK account", explains: slices.Concat(byKey, byKind, bySecret), needs: needSecret, refuses: true,
		remains: "Check that the account has the Video SDK and that app_key is its SDK key, not the API key."},
	{platform: onServer, number: 3000, name: "join refused", means: "passcode, role or session key were refused; its text says which", explains: slices.Concat(byRole, byPasscode, faultsOf(claimSessionKey)), needs: needPasscode,
		remains: "Read the text of the answer."},

	// Native, also as names in React Native and Flutter.
	{platform: onNative, number: 1001, name: "Auth_Error", parts: []string{"autherror"}, means: "key or secret were refused", explains: slices.Concat(bySecret, byKey, byForm, byKind), needs: needSecret, refuses: true, remains: otherToken},
	{platform: onNative, number: 1002, name: "Auth_Empty_Key_or_Secret", parts: []string{"authemptykeyorsecret"}, means: "key or secret are empty", explains: slices.Concat(causes(CodeEmptySecret), faultsOf(claimAppKey)), needs: needSecret, remains: otherToken},
	{platform: onNative, number: 1003, name: "Auth_Wrong_Key_or_Secret", parts: []string{"authwrongkeyorsecret"}, means: "key or secret are wrong", explains: slices.Concat(bySecret, byKey, byKind), needs: needSecret, refuses: true, remains: otherToken},
	{platform: onNative, number: 1004, name: "Auth_DoesNot_Support_SDK", parts: []string{"authdoesnotsupportsdk"}, means: "the account doesn't have the Video SDK", explains: slices.Concat(byKey, byKind), elsewhere: true, remains: "Check the account's licence for the Video SDK."},
	{platform: onNative, number: 1005, name: "Auth_Disable_SDK", parts: []string{"authdisablesdk"}, means: "the Video SDK is switched off for the account", explains: byKey, elsewhere: true, remains: "Ask the account's owner or Zoom to switch it on."},
	{platform: onNative, number: 1500, name: "JoinSession_NoSessionName", parts: []string{"joinsessionnosessionname"}, means: "join was called without a session name", elsewhere: true, remains: "Set the session name in the parameters of join."},
	{platform: onNative, number: 1501, name: "JoinSession_NoSessionToken", parts: []string{"joinsessionnosessiontoken"}, means: "join was called without a token", explains: causes(CodeEmpty), elsewhere: true, remains: "Wait for the server's answer and pass its field \"signature\" to join."},
	{platform: onNative, number: 1502, name: "JoinSession_NoUserName", parts: []string{"joinsessionnousername"}, means: "join was called without a user name", elsewhere: true, remains: "Set the user name in the parameters of join; it is not part of the token."},
	{platform: onNative, number: 1503, name: "JoinSession_Invalid_SessionName", parts: []string{"joinsessioninvalidsessionname"}, means: "the session name is not valid", explains: byName, needs: needName, remains: otherName},
	{platform: onNative, number: 1504, name: "JoinSession_Invalid_Password", parts: []string{"joinsessioninvalidpassword"}, means: "the passcode is not valid", explains: byPasscode, needs: needPasscode, remains: "Use at most 10 characters of printable ASCII."},
	{platform: onNative, number: 1505, name: "JoinSession_Invalid_SessionToken", parts: []string{"joinsessioninvalidsessiontoken"}, means: "the token is not valid", explains: byAll, needs: needSecret | needTime, refuses: true, remains: otherToken},
	{platform: onNative, number: 1506, name: "JoinSession_SessionName_TooLong", parts: []string{"joinsessionsessionnametoolong"}, means: "the session name is too long", explains: causes(CodeNameTooLong, CodeNameLong), needs: needName, remains: otherName},
	{platform: onNative, number: 1507, name: "JoinSession_Token_MismatchedSessionName", parts: []string{"joinsessiontokenmismatchedsessionname", "mismatchedsessionname"}, means: "tpc is not the name that was joined", explains: slices.Concat(causes(CodeNameDiffers), byName, byKind), needs: needName, remains: otherName},
	{platform: onNative, number: 1508, name: "JoinSession_Token_NoSessionName", parts: []string{"joinsessiontokennosessionname", "tokennosessionname"}, means: "the token has no tpc", explains: slices.Concat(faultsOf(claimTopic), byKind, byForm), remains: otherToken},
	{platform: onNative, number: 1509, name: "JoinSession_Token_RoleType_EmptyOrWrong", parts: []string{"joinsessiontokenroletypeemptyorwrong", "roletypeemptyorwrong"}, means: "role_type is missing or not the number 0 or 1", explains: slices.Concat(byRole, byKind, byForm), remains: otherToken},
	{platform: onNative, number: 1510, name: "JoinSession_Token_UserIdentity_TooLong", parts: []string{"joinsessiontokenuseridentitytoolong", "useridentitytoolong"}, means: "user_identity or user_key is too long", explains: []cause{{CodeTooLong, claimUserIdentity}, {CodeTooLong, claimUserKey}}, remains: otherToken},
	{platform: onNative, number: 2003, name: "Session_Join_Failed", parts: []string{"sessionjoinfailed"}, means: "joining failed, for any reason", explains: byAll, needs: needSecret | needName | needTime, remains: otherToken},
	{platform: onOlder, number: 2010, name: "Session_Need_Password", means: "the session has a passcode", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onNative, number: 2011, name: "Session_Need_Password", parts: []string{"sessionneedpassword"}, means: "the session has a passcode", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onOlder, number: 2011, name: "Session_Password_Wrong", means: "the passcode is not the session's", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onNative, number: 2012, name: "Session_Password_Wrong", parts: []string{"sessionpasswordwrong"}, means: "the passcode is not the session's", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onNative, number: 2014, name: "Session_Invalid_Param", parts: []string{"sessioninvalidparam"}, means: "a parameter of join is not valid: usually wrong credentials, or a session name unlike the token's", explains: byAll, needs: needSecret | needName | needTime, refuses: true, remains: otherToken},

	// UI Toolkit for iOS.
	{platform: onUIToolkit, number: 1000, name: "empty key or secret", means: "key or secret are empty", explains: slices.Concat(causes(CodeEmptySecret), faultsOf(claimAppKey)), needs: needSecret, remains: otherToken},
	{platform: onUIToolkit, number: 1001, name: "wrong key or secret", means: "key or secret are wrong", explains: slices.Concat(bySecret, byKey, byKind), needs: needSecret, refuses: true, remains: otherToken},
	{platform: onUIToolkit, number: 2000, name: "no session name", means: "join was called without a session name", elsewhere: true, remains: "Set the session name."},
	{platform: onUIToolkit, number: 2001, name: "no token", means: "join was called without a token", explains: causes(CodeEmpty), elsewhere: true, remains: "Wait for the server's answer and pass its field \"signature\" to join."},
	{platform: onUIToolkit, number: 2002, name: "token without session name", means: "the token has no tpc", explains: slices.Concat(faultsOf(claimTopic), byKind, byForm), remains: otherToken},
	{platform: onUIToolkit, number: 2003, name: "no user name", means: "join was called without a user name", elsewhere: true, remains: "Set the user name; it is not part of the token."},
	{platform: onUIToolkit, number: 2004, name: "bad session name", means: "the session name is not valid", explains: byName, needs: needName, remains: otherName},
	{platform: onUIToolkit, number: 2005, name: "wrong passcode", means: "the passcode is not the session's", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onUIToolkit, number: 2006, name: "bad token", means: "the token is not valid", explains: byAll, needs: needSecret | needTime, refuses: true, remains: otherToken},
	{platform: onUIToolkit, number: 2007, name: "passcode missing", means: "the session has a passcode", explains: byPasscode, elsewhere: true, remains: askPasscode},
	{platform: onUIToolkit, number: 2008, name: "session name over 200", means: "the session name is too long", explains: causes(CodeNameTooLong, CodeNameLong), needs: needName, remains: otherName},
	{platform: onUIToolkit, number: 2009, name: "session name mismatch", means: "tpc is not the name that was joined", explains: slices.Concat(byName, byKind), needs: needName, remains: otherName},
	{platform: onUIToolkit, number: 2010, name: "user identity too long", means: "user_identity or user_key is too long", explains: []cause{{CodeTooLong, claimUserIdentity}, {CodeTooLong, claimUserKey}}, remains: otherToken},
	{platform: onUIToolkit, number: 2011, name: "bad parameter", means: "a parameter of join is not valid", explains: byAll, needs: needSecret | needName | needTime, remains: otherToken},
	{platform: onUIToolkit, number: 2012, name: "joining failed", means: "joining failed, for any reason", explains: byAll, needs: needSecret | needName | needTime, remains: otherToken},
	{platform: onUIToolkit, number: 2013, name: "already in a session", means: "this client is in a session already", elsewhere: true, remains: "Leave the session first."},
}
