// Package caller finds out who is asking: back ends by API key ([Keys]), people
// who signed in elsewhere by their ID or access token ([Users]), guests by
// invite ([Invites]). [Chain] picks among them by what a request carries, and
// [Bans] says for whom nothing is signed whatever the rules say.
//
// What it keeps of a secret is its SHA-256. No secret and no token stands in an
// error, not even in part; what is wrong is said in words that help whoever
// holds the credential, and nobody else.
//
// What the stores say is remembered for at most half a second, so that a
// revocation or a ban is in force on every replica within two seconds, slow
// answers of the store included.
package caller
