package engine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A token is made without asking LiveKit, so one would also be made for a server
// that is gone. Ready is asked first, for each join; it asks LiveKit once a
// second at most, however many join.
const (
	freshFor    = time.Second
	readyWithin = 2 * time.Second
)

// pulse is what is known of whether LiveKit answers.
type pulse struct {
	mu    sync.Mutex
	asked time.Time // zero for never
	err   error
}

// Ready returns nil if LiveKit answered within the last second or does so now,
// within two.
func (l *LiveKit) Ready(ctx context.Context) error {
	p := &l.pulse
	p.mu.Lock() // others who want to know wait for the same answer
	defer p.mu.Unlock()
	if !p.asked.IsZero() && time.Since(p.asked) < freshFor {
		return p.err
	}
	// Not the caller's context: that one went away says nothing about LiveKit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWithin)
	defer cancel()
	p.err = l.answers(ctx)
	p.asked = time.Now()
	return p.err
}

func (l *LiveKit) answers(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.calls+"/", nil)
	if err != nil {
		return err
	}
	res, err := l.client.Do(r)
	if err != nil {
		return fmt.Errorf("LiveKit at %s (LIVEKIT_URL) can't be reached: %w", l.calls, err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<10))
	// A server under load says 406 and still takes people in; 5xx is a proxy that finds no server.
	if res.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("LiveKit at %s (LIVEKIT_URL) is not there: %s", l.calls, res.Status)
	}
	return nil
}
