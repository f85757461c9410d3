package usher

import (
	"errors"
	"fmt"
	"time"
)

// Code is the kind of a refusal, stable for programs.
type Code string

const (
	CodeUnauthenticated Code = "unauthenticated"   // no caller, or one whose proof doesn't hold
	CodeBanned          Code = "banned"            // the caller or user is banned
	CodeScope           Code = "out_of_scope"      // the key or invite isn't made for this
	CodeDenied          Code = "denied"            // no rule permits it, or one forbids it
	CodeHostDenied      Code = "host_denied"       // may participate but not host
	CodePasscode        Code = "wrong_passcode"    // missing or wrong passcode
	CodeUserKey         Code = "wrong_user_key"    // a user key that isn't the caller's own
	CodeNotOpenYet      Code = "not_open_yet"      // before the session's window
	CodeClosed          Code = "closed"            // after the session's window
	CodeLocked          Code = "locked"            // the session is locked
	CodeEnded           Code = "ended"             // the session has ended
	CodeNotFound        Code = "not_found"         // no such thing
	CodeConflict        Code = "conflict"          // exists already, or was changed meanwhile
	CodeLimited         Code = "too_many_requests" // asked too often
	CodeUnavailable     Code = "unavailable"       // store or ledger can't be reached; nothing was done

	// Of the gate alone.

	CodeBadSignature Code = "bad_signature"  // damaged, forged, or signed with other credentials
	CodeExpired      Code = "expired"        // the signature's life is over
	CodeNotYetValid  Code = "not_yet_valid"  // the signature's life hasn't begun
	CodeWrongSession Code = "wrong_session"  // the signature is for another session
	CodeRole         Code = "wrong_role"     // the role doesn't allow it, or isn't what it was
	CodeRevoked      Code = "revoked"        // the key or invite that the signature was issued to holds no more
	CodeRemoved      Code = "removed"        // a host removed the user
	CodeFull         Code = "full"           // as many as the session takes are there
	CodeWaitDenied   Code = "waiting_denied" // a host turned the user away
	CodeWaitTimeout  Code = "waiting_timed_out"
	CodeLeft         Code = "left"         // the waiting room or the room was left
	CodeWaitingRoom  Code = "waiting_room" // the session has a waiting room, which this way in can't wait in
)

// An Error is a refusal: nothing was signed and nothing changed. Faults of the
// request itself are videosdk.FieldErrors instead.
type Error struct {
	Code Code
	// Message says to a person what was wrong and what to do.
	Message string
	// Rules are those that decided, where a policy did.
	Rules []string
	// RetryAfter says when to try again, 0 where that doesn't help.
	RetryAfter time.Duration
	// Cause is for the log, never for the caller; nil where there is none.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s (%s): %v", e.Message, e.Code, e.Cause)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrorCode returns the code of the [Error] in err, "" if there is none.
func ErrorCode(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Unavailable wraps a fault of a store, a disk or a network as an [Error]
// that tells the caller to come back; retry after one second.
func Unavailable(what string, cause error) *Error {
	return &Error{Code: CodeUnavailable, Message: what + " can't be reached at the moment; nothing was done. Try again shortly.", RetryAfter: time.Second, Cause: cause}
}
