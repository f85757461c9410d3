// Package videosdk makes, checks and explains the signature that Zoom's Video
// SDK asks for when a user starts or joins a session: a JWT, signed HS256 with
// the account's SDK secret, for one session, one user, one role.
//
// Three things are done with a signature, each by one type or function:
//
//   - [Signer] signs a [Grant]. Make one from [Credentials] and keep it; it is
//     safe for many goroutines.
//   - [Verifier] takes a signature back and returns its [Claims], or a typed
//     error. It is written for hostile input: one algorithm, one encoding, no
//     duplicate claims, bounded size.
//   - [Inspect] explains a signature to a person: what it holds, what is wrong
//     with it, which mistake explains a signature that doesn't verify, and what
//     to do. It never decides anything; don't build admission on it.
//
// The package does no I/O and reads no clock: every function that depends on
// the time takes it as an argument. It imports the standard library alone.
//
// Rules and limits come from Zoom's page "Video SDK authorization"
// (developers.zoom.us/docs/video-sdk/auth, July 2026); where that page is silent
// the comment at the rule says where it comes from. Lengths of text are counted
// in UTF-16 code units, as Zoom's JavaScript client counts them.
package videosdk
