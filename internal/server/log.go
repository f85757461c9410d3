package server

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
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
		return slog.New(urgent{slog.NewJSONHandler(b, opts), b}), b.flush
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
	if len(b.buf)+len(line) > logBuffer {
		b.write()
	}
	if len(b.buf) == 0 {
		b.timer.Reset(logDelay)
	}
	b.buf = append(b.buf, line...)
	return len(line), nil
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
