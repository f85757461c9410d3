package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/videosdk"
)

// problemTypes is where the page with all codes of problems lives; a code is an anchor on it.
const problemTypes = "https://github.com/usher-sessions/usher/blob/main/docs/problems.md#"

// problemKinds says with which status and title each code of a refusal is answered.
var problemKinds = map[usher.Code]struct {
	status int
	title  string
}{
	usher.CodeUnauthenticated: {http.StatusUnauthorized, "Not signed in"},
	usher.CodeBanned:          {http.StatusForbidden, "Banned"},
	usher.CodeScope:           {http.StatusForbidden, "Outside the scope of the key or invite"},
	usher.CodeDenied:          {http.StatusForbidden, "Not permitted"},
	usher.CodeHostDenied:      {http.StatusForbidden, "May join but not host"},
	usher.CodePasscode:        {http.StatusForbidden, "Wrong passcode"},
	usher.CodeUserKey:         {http.StatusForbidden, "Not your user key"},
	usher.CodeNotOpenYet:      {http.StatusConflict, "Not open yet"},
	usher.CodeClosed:          {http.StatusConflict, "Closed"},
	usher.CodeLocked:          {http.StatusConflict, "Locked"},
	usher.CodeEnded:           {http.StatusConflict, "Ended"},
	usher.CodeNotFound:        {http.StatusNotFound, "Not found"},
	usher.CodeConflict:        {http.StatusConflict, "Conflict"},
	usher.CodeLimited:         {http.StatusTooManyRequests, "Too many requests"},
	usher.CodeUnavailable:     {http.StatusServiceUnavailable, "Unavailable at the moment"},

	usher.CodeBadSignature: {http.StatusForbidden, "Bad signature"},
	usher.CodeExpired:      {http.StatusForbidden, "Expired"},
	usher.CodeNotYetValid:  {http.StatusForbidden, "Not valid yet"},
	usher.CodeWrongSession: {http.StatusForbidden, "Another session"},
	usher.CodeRole:         {http.StatusForbidden, "Wrong role"},
	usher.CodeRevoked:      {http.StatusForbidden, "Revoked"},
	usher.CodeRemoved:      {http.StatusForbidden, "Removed"},
	usher.CodeFull:         {http.StatusConflict, "Full"},
	usher.CodeWaitDenied:   {http.StatusForbidden, "Not let in"},
	usher.CodeWaitTimeout:  {http.StatusConflict, "Waited too long"},
	usher.CodeLeft:         {http.StatusConflict, "Left"},
	usher.CodeWaitingRoom:  {http.StatusConflict, "Waiting room"},
}

// Codes of problems that aren't refusals of the domain.
const (
	codeInvalid  = "invalid_request"
	codeNoRoute  = "no_such_path"
	codeMethod   = "method_not_allowed"
	codeTooLarge = "too_large"
	codeMedia    = "unsupported_media_type"
	codeForeign  = "foreign_origin"
	codeInternal = "internal"
	codeNoGate   = "no_rooms"
)

func newProblem(status int, code, title, detail string) *api.Problem {
	return &api.Problem{Type: problemTypes + code, Title: title, Status: status, Detail: detail, Code: code}
}

// problemOf maps an error to the problem that the caller gets, at this one
// place. Causes stay with the log.
func problemOf(err error) *api.Problem {
	var p *api.Problem
	var refusal *usher.Error
	var faults videosdk.FieldErrors
	var fault *videosdk.FieldError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &faults):
		p = newProblem(http.StatusUnprocessableEntity, codeInvalid, "Faulty request", "The request has faults; nothing was done.")
		for _, f := range faults {
			p.Errors = append(p.Errors, api.Fault{Property: f.Field, Reason: f.Reason})
		}
		return p
	case errors.As(err, &fault):
		return problemOf(videosdk.FieldErrors{fault})
	case errors.As(err, &refusal):
		kind, ok := problemKinds[refusal.Code]
		if !ok {
			break
		}
		p = newProblem(kind.status, string(refusal.Code), kind.title, refusal.Message)
		p.Rules = refusal.Rules
		return p
	}
	return newProblem(http.StatusInternalServerError, codeInternal, "A fault of the server", "The server has a fault of its own; its log says more under this request's id.")
}

// mostFaults is how many faults of one request are told.
const mostFaults = 50

// frameworkProblem makes problems of what the framework refuses: bodies that
// don't fit their schema, unknown parameters, wrong media types.
func frameworkProblem(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
	code, title := codeInvalid, "Faulty request"
	switch status {
	case http.StatusRequestEntityTooLarge:
		code, title = codeTooLarge, "Too large"
	case http.StatusUnsupportedMediaType:
		code, title = codeMedia, "Unsupported media type"
	default:
		if status >= 500 {
			code, title, message, errs = codeInternal, "A fault of the server", "", nil
		}
	}
	if len(errs) > 0 && code == codeInvalid {
		message = "the request has faults; nothing was done"
	}
	p := newProblem(status, code, title, upperFirst(message)+".")
	if ctx != nil {
		p.RequestID = ctx.Header("X-Request-Id")
	}
	for i, err := range errs {
		if i == mostFaults { // a body of many faults mustn't make an answer many times its size
			p.Detail += fmt.Sprintf(" (%d faults more)", len(errs)-i)
			break
		}
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, api.Fault{Property: strings.TrimPrefix(d.Location, "body."), Reason: d.Message})
		} else if err != nil {
			p.Errors = append(p.Errors, api.Fault{Property: "body", Reason: err.Error()})
		}
	}
	return p
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// setRefusalHeaders sets what HTTP asks for beside a refusal's body.
func setRefusalHeaders(h http.Header, status int, err error) {
	var refusal *usher.Error
	if errors.As(err, &refusal) && refusal.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((refusal.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
}
