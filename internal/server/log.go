package server

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	logBuffer = 64 << 10               // bytes; a line has about 200
	logDelay  = 200 * time.Millisecond // for how long a line of the access log may wait in memory
)

// NewLogger returns a logger that writes JSON to w, or text for people. One
// write for each request would cost as much as signing, so lines wait in memory
// for up to 200 ms; warnings and errors take everything before them with them
// at once. Call flush at the end, or the last lines are lost.
func NewLogger(w io.Writer, json bool, level slog.Leveler) (log *slog.Logger, flush func()) {
	b := &logWriter{w: w, buf: make([]byte, 0, logBuffer)}
	b.timer = time.AfterFunc(time.Hour, b.flush)
	b.timer.Stop()
	opts := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(jsonLog{urgent{slog.NewJSONHandler(b, opts), b}}), b.flush
	}
	return slog.New(urgent{slog.NewTextHandler(b, opts), b}), b.flush
}

// logWriter collects lines. What can't be written is lost: a log must not stop the server.
type logWriter struct {
	mu    sync.Mutex
	w     io.Writer
	buf   []byte
	timer *time.Timer
}

func (b *logWriter) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room(len(line))
	b.buf = append(b.buf, line...)
	return len(line), nil
}

// room makes room for n bytes, and sees to it that they get out in time.
func (b *logWriter) room(n int) {
	if len(b.buf)+n > logBuffer {
		b.write()
	}
	if len(b.buf) == 0 {
		b.timer.Reset(logDelay)
	}
}

func (b *logWriter) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write()
}

func (b *logWriter) write() {
	if len(b.buf) > 0 {
		b.w.Write(b.buf)
		b.buf = b.buf[:0]
	}
}

// urgent is a handler that lets warnings and errors wait for nothing.
type urgent struct {
	slog.Handler
	w *logWriter
}

func (u urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		u.w.flush()
	}
	return err
}

func (u urgent) WithAttrs(as []slog.Attr) slog.Handler { return urgent{u.Handler.WithAttrs(as), u.w} }

func (u urgent) WithGroup(name string) slog.Handler { return urgent{u.Handler.WithGroup(name), u.w} }

// jsonLog is the handler for JSON. It writes the lines of the access log
// itself, byte for byte as slog would, in a quarter of slog's time: there is
// one for each signature.
type jsonLog struct{ urgent }

// accessLine is one line of the access log, at level info.
type accessLine struct {
	time             time.Time
	id, method, path string
	status, bytes    int
	us               int64  // microseconds that the answer took
	caller, code     string // "" where there is none
}

func (j jsonLog) writeAccess(l *accessLine) {
	b := j.w
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room(256 + 6*(len(l.id)+len(l.method)+len(l.path)+len(l.caller)+len(l.code)))
	out := append(b.buf, `{"time":"`...)
	out = l.time.AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","level":"INFO","msg":"request"`...)
	out = appendText(out, `,"id":`, l.id)
	out = appendText(out, `,"method":`, l.method)
	out = appendText(out, `,"path":`, l.path)
	out = strconv.AppendInt(append(out, `,"status":`...), int64(l.status), 10)
	out = strconv.AppendInt(append(out, `,"bytes":`...), int64(l.bytes), 10)
	out = strconv.AppendInt(append(out, `,"us":`...), l.us, 10)
	if l.caller != "" {
		out = appendText(out, `,"caller":`, l.caller)
	}
	if l.code != "" {
		out = appendText(out, `,"code":`, l.code)
	}
	b.buf = append(out, "}\n"...)
}

func appendText(b []byte, name, value string) []byte {
	b = append(b, name...)
	b, _ = jsontext.AppendQuote(b, value) // the error speaks of invalid UTF-8, which is replaced
	return b
}
