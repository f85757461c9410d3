// Package endpoint is the HTTP handler that answers what Zoom's Video SDK
// samples ask of their auth endpoint: POST a JSON body that names a session,
// get {"signature":"…"} back. It takes the bodies of every generation of those
// samples unchanged, and refuses what they let through by mistake.
//
// Three lines mount it in a Go program:
//
//	issuer, err := usher.NewIssuer(usher.Config{Credentials: creds, Policy: usher.PermitAll})
//	handler, err := endpoint.New(issuer, endpoint.Config{Callers: yourLogin})
//	mux.Handle("/video/", handler)
//
// Who may ask is decided by [Config.Callers] and the issuer's policy, and by
// nothing else. In particular [Config.Origins] is no access control: it says
// which pages a browser lets read the answer, and a program that is no browser
// doesn't ask.
//
// # Request
//
//	POST /
//	Content-Type: application/json
//
//	{"sessionName":"Cool Cars","role":1,"userKey":"u1"}
//
// sessionName is required. Optional are sessionPasscode, role (0 or
// "participant", 1 or "host", "best"; absent is participant),
// expirationSeconds, userKey or userIdentity, sessionKey, geoRegions ("DE,US"
// or ["DE","US"]), cloudRecordingOption, cloudRecordingElection,
// cloudRecordingTranscriptOption, telemetryTrackingId, videoWebRtcMode,
// audioWebRtcMode (or the older audioCompatibleMode). Each may be written in
// snake_case too, and sessionkey as Zoom's Android samples have it. Numbers may
// be strings of digits. For optional members null, the text "null" and an empty
// text mean "not given". Members of other names are ignored; a name twice is
// refused, and so are two spellings of one member with different values.
//
// # Answer
//
//	200 {"signature":"eyJ…","expiresAt":1767225600,"role":1}
//
// expiresAt is in epoch seconds, role the one granted. sessionPasscode is there
// if the server keeps one that the caller didn't send: join needs it.
//
// Every fault is {"errors":[{"property":"…","reason":"…"}]}, all faulty
// members of a body at once: 400 for the body, 401 for a caller who isn't
// known, 403 and 409 for what isn't allowed or not now, 404, 405, 408 for a
// body that doesn't arrive, 413 over 16 KiB, 415 for another media type, 429,
// 500 and 503.
package endpoint
