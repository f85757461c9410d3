package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/web"
	"github.com/usher-sessions/usher/videosdk"
)

// exchange is one request and its answer. It is the http.ResponseWriter that
// routes write to, so that the log knows what was answered.
type exchange struct {
	http.ResponseWriter
	begun  time.Time
	status int // 0 until the header is written
	bytes  int
	caller *usher.Caller
	err    error
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func (x *exchange) begin(w http.ResponseWriter) {
	*x = exchange{ResponseWriter: w, begun: time.Now()}
}

// WriteHeader notes the status and passes it on.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write notes the length and passes p on.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// Observe notes who asked and why nothing was signed; see endpoint.Observer.
func (x *exchange) Observe(caller *usher.Caller, err error) { x.caller, x.err = caller, err }

// end recovers from a panic of the route and writes the line of the access log.
func (s *server) end(x *exchange, r *http.Request, id string) {
	p := recover()
	if p == http.ErrAbortHandler {
		panic(p) // the agreed way to cut an answer off
	}
	level := slog.LevelInfo
	var stack string
	if p != nil {
		stack = string(debug.Stack())
		x.err = fmt.Errorf("panic: %v", p)
		if x.status == 0 {
			web.WriteFaults(x, http.StatusInternalServerError, web.Fault{Property: "server", Reason: "has a fault of its own; its log says more under this request's id"})
		}
	}
	if x.status >= 500 || p != nil {
		level = slog.LevelError
	}
	if s.log.Enabled(r.Context(), level) {
		now := time.Now()
		// Not by way of Logger, which would look up the caller's line in the source each time.
		line := slog.NewRecord(now, level, "request", 0)
		attrs := [...]slog.Attr{
			slog.String("id", id),
			slog.String("method", r.Method),
			slog.String("path", r.URL.Path),
			slog.Int("status", x.status),
			slog.Int("bytes", x.bytes),
			slog.Int64("us", now.Sub(x.begun).Microseconds()),
			{}, {}, {}, {}, // empty ones are left out
		}
		if x.caller != nil {
			attrs[6] = slog.String("caller", x.caller.String())
		}
		if x.err != nil {
			attrs[7] = slog.String("code", codeOf(x.err))
			if x.status >= 500 || p != nil {
				attrs[8] = slog.String("error", x.err.Error())
			}
		}
		if stack != "" {
			attrs[9] = slog.String("stack", stack)
		}
		line.AddAttrs(attrs[:]...)
		s.log.Handle(r.Context(), line)
	}
	*x = exchange{}
	exchanges.Put(x)
}

// codeOf names the kind of fault. The faults of a body are not repeated in the
// log, since their reasons quote what the client sent.
func codeOf(err error) string {
	if c := usher.ErrorCode(err); c != "" {
		return string(c)
	}
	var fs videosdk.FieldErrors
	if errors.As(err, &fs) {
		return "faulty_request"
	}
	return "internal"
}
