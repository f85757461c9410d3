package videosdk

// Kinds of tokens, told apart by the claims that they have, and what the header says.

import (
	"fmt"
	"strings"
)

// kind tells for what the token was made and, if it wasn't for the Video SDK,
// says so. That finding stands for all that the other token lacks.
func (in *inspection) kind() Kind {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := find(in.payload, name); ok {
				return true
			}
		}
		return false
	}
	text := func(name string) string {
		m, _ := find(in.payload, name)
		s, _ := m.text()
		return s
	}
	kindOf := func(name string) string {
		m, _ := find(in.payload, name)
		return m.kind()
	}
	const ownPair = "For a Video SDK session, sign a Video SDK signature (app_key, role_type, tpc, version, iat, exp) with the Video SDK's key and secret."
	switch {
	case kindOf("video") == "an object" && has("iss"):
		in.say(CodeLiveKitToken, "video", "This is an access token for a LiveKit room, not a signature.",
			"Join with the signature; the room's token is what admission answers with.")
		return KindLiveKit
	case in.hasTopic():
		return KindVideoSDK
	case strings.HasPrefix(text("iss"), "zm:"):
		in.say(CodeOAuthToken, "iss", "This is an OAuth access token that Zoom issued for REST calls; it can't join a session.", ownPair)
		return KindOAuth
	case text("aud") == "clientsm" || text("iss") == "web" && !has(claimAppKey):
		in.say(CodeZAKToken, "", "This is a Zoom access key (ZAK), which starts or joins meetings as a user; it can't join a session.", ownPair)
		return KindZAK
	case has("user_id", "user_name", "enable_byop") && has(claimAppKey, claimRole):
		in.say(CodeCobrowseSDKToken, "", "This is a token for the Cobrowse SDK (it names a user and no session).", ownPair)
		return KindCobrowseSDK
	case has("mn", "meetingNumber", "sdkKey", "tokenExp") || has("appKey") && !has(claimRole, claimAppKey, claimVersion):
		in.say(CodeMeetingSDKToken, "", "This is a signature for the Meeting SDK (it has "+firstOf(in.payload, "mn", "meetingNumber", "sdkKey", "tokenExp", "appKey")+" and no session name).", ownPair)
		return KindMeetingSDK
	case has("iss") && !has(claimAppKey, claimRole, claimVersion):
		_, audience := find(in.payload, "aud")
		switch {
		case !has("exp"), audience && kindOf("aud") != "null", has("sub"):
			// another party's
		case audience || !has("iat"):
			in.say(CodeJWTAppToken, "iss", "This is a bearer token of the REST \"JWT app\", which Zoom switched off in September 2023.",
				ownPair+" For REST calls use the Video SDK's API key and secret, or OAuth.")
			return KindJWTApp
		default:
			in.say(CodeRESTAPIToken, "iss", "This is a bearer token for Zoom's REST API (Video SDK API, Build platform), made with the API key and secret; it can't join a session.", ownPair)
			return KindRESTAPI
		}
	case has(claimAppKey, claimRole, "appKey"):
		return KindVideoSDK
	}
	in.say(CodeOtherToken, "", "This is a JWT, but none of the Video SDK's claims are in it.", ownPair)
	return KindOther
}

// hasTopic reports whether the payload names a session of the Video SDK, be it
// by another name than tpc; one that other parties' tokens have doesn't count.
func (in *inspection) hasTopic() bool {
	for _, m := range in.payload {
		switch fold(m.name) {
		case "name", "session", "room", "roomname":
			continue
		}
		if m.name == claimTopic || nearMiss(m.name) == claimTopic {
			return true
		}
	}
	return false
}

func firstOf(members []member, names ...string) string {
	for _, name := range names {
		if _, ok := find(members, name); ok {
			return name
		}
	}
	return ""
}

// algorithm returns the header's alg, if it is there and text.
func (in *inspection) algorithm() (string, bool) {
	m, _ := find(in.header, "alg")
	return m.text()
}

// isUnsigned reports whether alg says that there is no signature.
func (in *inspection) isUnsigned() bool {
	alg, ok := in.algorithm()
	return ok && strings.EqualFold(alg, "none")
}

// isHMAC reports whether the signature may be an HMAC: alg says so or says nothing.
func (in *inspection) isHMAC() bool {
	alg, _ := in.algorithm()
	return alg == "" || strings.HasPrefix(strings.ToUpper(alg), "HS")
}

// headerMembers judges the header.
func (in *inspection) headerMembers() {
	if !in.headerRead {
		return
	}
	const useHS256 = "Sign with HMAC-SHA256; the header must be {\"alg\":\"HS256\",\"typ\":\"JWT\"}."
	alg, isText := in.algorithm()
	_, isThere := find(in.header, "alg")
	switch {
	case in.isUnsigned():
		in.say(CodeUnsigned, "alg", "The token is not signed: its header says alg "+quoteShort(alg)+".", useHS256)
	case !isThere:
		in.say(CodeWrongAlgorithm, "alg", "The header has no alg.", useHS256)
	case !isText:
		m, _ := find(in.header, "alg")
		in.say(CodeWrongAlgorithm, "alg", "The header's alg is "+m.kind()+"; it must be the text HS256.", useHS256)
	case alg != "HS256":
		in.say(CodeWrongAlgorithm, "alg", fmt.Sprintf("The header's alg is %s; Zoom takes HS256 alone.", quoteShort(alg)), useHS256)
	}
	if _, ok := find(in.header, "crit"); ok {
		in.say(CodeCriticalHeader, "crit", "The header has crit, which asks readers to understand extensions or refuse.", "Leave crit out of the header.")
	}
	if typ, ok := find(in.header, "typ"); ok {
		if s, isText := typ.text(); !isText || !strings.EqualFold(s, "JWT") {
			in.say(CodeWrongTyp, "typ", "The header's typ is not JWT.", useHS256)
		}
	}
}
