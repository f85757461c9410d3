package videosdk

import (
	"errors"
	"strings"
)

// A FieldError says what is wrong with one field of what was asked for.
type FieldError struct {
	// Field is the field's name as users write it in requests and flags: "sessionName", "userKey".
	Field string
	// Reason completes the sentence "<field> …": the fault, the limit, and what to do. It never holds a secret.
	Reason string
}

func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// FieldErrors are all faults of one input, in the order of its fields.
type FieldErrors []*FieldError

func (es FieldErrors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap returns the single faults, for errors.Is and errors.As.
func (es FieldErrors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

func (es FieldErrors) orNil() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// The reasons for which a [Verifier] refuses a signature. Check with errors.Is;
// a *[VerifyError] around it says which claim and how.
var (
	ErrTooLarge       = errors.New("signature is too large")
	ErrMalformed      = errors.New("signature is not a well-formed JWT")
	ErrAlgorithm      = errors.New("signature does not use HS256")
	ErrCritical       = errors.New("signature has critical header extensions")
	ErrDuplicateClaim = errors.New("signature has a claim twice")
	ErrUnknownKey     = errors.New("signature was made with an unknown SDK key")
	ErrMismatch       = errors.New("signature does not verify with the SDK secret")
	ErrMissingClaim   = errors.New("signature lacks a claim")
	ErrClaimType      = errors.New("signature has a claim of the wrong type")
	ErrClaimValue     = errors.New("signature has a claim outside its limits")
	ErrExpired        = errors.New("signature has expired")
	ErrNotYetValid    = errors.New("signature is not valid yet")
)

// A VerifyError is one reason for a refusal. Faults of claims are reported
// together, joined with errors.Join; they are looked at only after the
// signature itself has verified.
type VerifyError struct {
	// Err is one of the Err… values of this package.
	Err error
	// Claim names the claim at fault, "" where it is not one claim. Of a claim
	// that stands twice it is the name as the token has it, which may be any text.
	Claim string
	// Detail says more, "" where there is no more to say.
	Detail string
}

func (e *VerifyError) Error() string {
	s := e.Err.Error()
	if e.Claim != "" {
		s += ": " + plainName(e.Claim)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns Err.
func (e *VerifyError) Unwrap() error { return e.Err }

// plainName returns a claim's name as it can stand in a line of a log: a token may call its claims anything.
func plainName(claim string) string {
	if len(claim) <= 40 && !strings.ContainsFunc(claim, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return claim
	}
	return quoteShort(claim)
}
