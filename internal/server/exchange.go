package server

import (
	"context"
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
	var stack string
	if p != nil {
		stack = string(debug.Stack())
		x.err = fmt.Errorf("panic: %v", p)
		if x.status == 0 {
			web.WriteFaults(x, http.StatusInternalServerError, web.Fault{Property: "server", Reason: "has a fault of its own; its log says more under this request's id"})
		}
	}
	now := time.Now()
	line := accessLine{
		time: now, id: id, method: r.Method, path: r.URL.Path,
		status: x.status, bytes: x.bytes, us: now.Sub(x.begun).Microseconds(),
	}
	if x.caller != nil {
		line.caller = x.caller.String()
	}
	if x.err != nil {
		line.code = codeOf(x.err)
	}
	switch {
	case x.status >= 500 || p != nil:
		s.writeLine(r.Context(), slog.LevelError, &line, x.err, stack)
	case s.access != nil:
		s.access.writeAccess(&line)
	default:
		s.writeLine(r.Context(), slog.LevelInfo, &line, nil, "")
	}
	*x = exchange{}
	exchanges.Put(x)
}

// writeLine writes a line of the access log by way of slog, with err and stack where there are any.
func (s *server) writeLine(ctx context.Context, level slog.Level, l *accessLine, err error, stack string) {
	if !s.log.Enabled(ctx, level) {
		return
	}
	// Not by way of Logger, which would look up the caller's line in the source each time.
	record := slog.NewRecord(l.time, level, "request", 0)
	record.AddAttrs(
		slog.String("id", l.id), slog.String("method", l.method), slog.String("path", l.path),
		slog.Int("status", l.status), slog.Int("bytes", l.bytes), slog.Int64("us", l.us))
	text := func(name, value string) {
		if value != "" {
			record.AddAttrs(slog.String(name, value))
		}
	}
	text("caller", l.caller)
	text("code", l.code)
	if err != nil {
		text("error", err.Error())
	}
	text("stack", stack)
	s.log.Handle(ctx, record)
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
