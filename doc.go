// Package usher decides who may enter which video session and as what, and
// issues the signature that Zoom's Video SDK asks for at the door.
//
// [Issuer] is the one way to a signature. A request takes these steps, in this
// order, in one function:
//
//	caller: who asks?  ->  directory: which session?  ->  policy: may they, as what?
//	->  videosdk: sign  ->  ledger: recorded  ->  answer
//
// The caller is found by whoever takes the request in (see package endpoint for
// HTTP). Directory, [Policy] and [Ledger] are interfaces of one method; package
// videosdk below signs and knows nothing of them.
//
// To put Zoom's auth endpoint into a Go program of your own:
//
//	issuer, err := usher.NewIssuer(usher.Config{Credentials: creds, Policy: usher.PermitAll})
//	…
//	handler, err := endpoint.New(issuer, endpoint.Config{Callers: yourLogin})
//	…
//	mux.Handle("/signature", handler)
package usher
