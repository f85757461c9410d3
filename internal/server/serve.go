package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds on what a client may take of the server.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second // header and body
	writeTimeout   = 20 * time.Second // from the end of the header to the end of the answer
	idleTimeout    = 60 * time.Second // between two requests of one connection
	maxHeaderBytes = 16 << 10

	// drainTime is how long requests in flight may take once the server stops;
	// a little under the time after which common platforms kill a process (Heroku and Kubernetes: 30 s).
	drainTime = 20 * time.Second
)

// Serve answers on ln until ctx ends, then takes no more, finishes the requests
// in flight, and returns nil. An error says why it couldn't go on, or that
// requests took longer than 20 seconds and were cut off.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	// ctx has ended; the requests in flight get time of their own.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		srv.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("requests in flight took longer than %s and were cut off", drainTime)
		}
		return err
	}
	return nil
}
