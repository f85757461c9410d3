package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/config"
)

// Rooms starts the media engine that rooms run on. It is what a program that
// has one, usher-rooms, gives to the command line; it keeps the engine's weight
// out of the program that only signs.
type Rooms func(ctx context.Context, cfg RoomsConfig) (*Media, error)

// RoomsConfig says which engine.
type RoomsConfig struct {
	// LiveKit is a server elsewhere; the zero one asks for one in this process, on
	// this machine's own address alone.
	LiveKit config.LiveKit
	// Webhook is where the engine in this process tells what happens.
	Webhook string
	Log     *slog.Logger
}

// A Media is an engine that runs.
type Media struct {
	Engine app.Engine
	// URL is where browsers reach it.
	URL string
	// Close ends what runs in this process, and returns when the webhook has heard
	// who left by that. The second time it returns the same.
	Close func() error
}

// scopeOf adds the settings of rooms to those of a server that may have some.
func (m *Main) scopeOf(serving config.Scope) config.Scope {
	if m.Rooms != nil {
		serving |= config.ForRooms
	}
	return serving
}

// startRooms starts the engine and puts it into conf. close is never nil.
func (m *Main) startRooms(cmd *cobra.Command, cfg *config.Config, conf *app.Config, ln net.Listener) (close func() error, err error) {
	close = func() error { return nil }
	if m.Rooms == nil {
		if name := "LIVEKIT_URL"; getenv(m.Environ, name) != "" {
			conf.Log.Warn(name + " is set, but this program has no rooms; usher-rooms has")
		}
		return close, nil
	}
	if conf.Database == "" {
		return close, &fault{code: exitUsage, line: "rooms need a database, which remembers who is in them", hints: []string{"leave --database out, or name one"}}
	}
	port := ln.Addr().(*net.TCPAddr).Port
	media, err := m.Rooms(cmd.Context(), RoomsConfig{
		LiveKit: cfg.LiveKit, Log: conf.Log,
		Webhook: "http://" + net.JoinHostPort(hostOf(cfg.Listen), strconv.Itoa(port)) + "/v1/livekit/webhook",
	})
	if err != nil {
		return close, err
	}
	conf.Engine, conf.RoomURL = media.Engine, media.URL
	return media.Close, nil
}

// hostOf is the address at which this machine reaches a server that listens on host.
func hostOf(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// close ends the server's parts, the last to begin first.
func (s *runningServer) close() error { return errors.Join(s.app.Close(), s.closeRooms()) }
