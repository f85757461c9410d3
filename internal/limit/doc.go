// Package limit slows down those who ask too often: [Guesses] bounds failed
// proofs by address and by target, [Requests] bounds requests by caller. Both
// keep their books in memory of a fixed size, each replica its own, and both
// err on the strict side: no flood from many addresses can wipe out what is
// known of one. [Proxies] finds the address that a request came from.
//
// Nothing here answers HTTP. Refusals are *usher.Error with CodeLimited and the
// time after which trying again helps.
package limit

import (
	"time"

	"github.com/usher-sessions/usher"
)

// limited returns the refusal; what it says must not tell whether the last try was right.
func limited(message string, after time.Duration) *usher.Error {
	return &usher.Error{Code: usher.CodeLimited, Message: message, RetryAfter: after}
}
