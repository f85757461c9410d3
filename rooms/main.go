package main

import (
	"context"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/usher-sessions/usher/internal/cli"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/rooms/engine"
	"github.com/usher-sessions/usher/rooms/media"
)

func main() { os.Exit(cli.Start(os.Stdout, os.Stderr, start)) }

// start connects to the LiveKit of the settings or, without one, starts one here.
func start(ctx context.Context, cfg cli.RoomsConfig) (*cli.Media, error) {
	if at := cfg.LiveKit; at.URL != "" {
		e, err := engine.New(at.URL, at.Key, at.Secret)
		if err != nil {
			return nil, err
		}
		return &cli.Media{Engine: e, URL: e.URL(), Close: func() error { return nil }}, nil
	}
	s, err := media.Start(ctx, media.Config{Webhook: cfg.Webhook, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	e, err := engine.New(s.URL, s.Key, s.Secret)
	if err != nil {
		s.Stop()
		return nil, err
	}
	cfg.Log.Info("LiveKit runs in this process, for this machine alone", "url", s.URL, "mediaPort", s.MediaPort)
	c := &counted{LiveKit: e, in: map[string]bool{}}
	return &cli.Media{Engine: c, URL: e.URL(), Close: sync.OnceValue(func() error {
		s.Stop()
		c.empty(lastWord)
		return nil
	})}, nil
}

// lastWord is how long LiveKit's word of who left by its end may take.
const lastWord = 3 * time.Second

// counted is an engine that knows whom webhooks have told to be in.
type counted struct {
	*engine.LiveKit
	mu sync.Mutex
	in map[string]bool // by identity
}

// Receive is that of the engine.
func (c *counted) Receive(r *http.Request) (*gate.Happening, error) {
	h, err := c.LiveKit.Receive(r)
	if h != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch h.Kind {
		case gate.HappenedJoined:
			c.in[h.Identity] = true
		case gate.HappenedLeft:
			delete(c.in, h.Identity)
		}
	}
	return h, err
}

// empty waits until all are told to have left.
func (c *counted) empty(within time.Duration) {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		left := len(c.in) == 0
		c.mu.Unlock()
		if left {
			return
		}
	}
}
