package app

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/internal/limit"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

// An Engine runs rooms and tells what happens in them.
type Engine interface {
	gate.Engine
	// Receive verifies a webhook of the engine; nil, nil is one of no concern.
	Receive(r *http.Request) (*gate.Happening, error)
}

// sweepEvery is how often store and engine are compared.
const sweepEvery = 15 * time.Second

// openGate makes the gate and puts it into what /v1 stands on.
func (a *App) openGate(ctx context.Context, cfg *Config, issuing *usher.Config, guesses *limit.Guesses, v1 *server.V1Config) error {
	g, err := gate.New(gate.Config{
		Credentials: append([]videosdk.Credentials{cfg.Credentials}, cfg.Former...),
		Directory:   issuing.Directory, Policy: a.Policy, Groups: a.Policy.Groups, Banned: issuing.Banned,
		Recall: a.recall(cfg), Store: a.Store, Engine: cfg.Engine, Ledger: a.Ledger,
		Guesses: guesses, Guess: issuing.Guess, Now: cfg.Now, Random: cfg.Random,
	})
	if err != nil {
		return err
	}
	v1.Gate, v1.Webhook, v1.Addr = g, cfg.Engine.Receive, cfg.Proxies.Addr
	a.beside(ctx, func(ctx context.Context) { sweepRooms(ctx, g, cfg.Log) })
	return nil
}

func sweepRooms(ctx context.Context, g *gate.Gate, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := g.Sweep(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			log.Warn("rooms can't be compared with the media engine; trying on", "error", err)
		}
		failing = err != nil
	}
}

// recall finds the caller of a signature's row as it is today: a key with its
// present scope, a guest whose invite still holds.
func (a *App) recall(cfg *Config) func(context.Context, *usher.LedgerRow) (*usher.Caller, error) {
	return func(ctx context.Context, row *usher.LedgerRow) (*usher.Caller, error) {
		kind, id, _ := strings.Cut(row.Caller, ":")
		c := &usher.Caller{Kind: usher.CallerKind(kind), ID: id}
		switch c.Kind {
		case usher.KindKey:
			return a.recallKey(ctx, cfg, c)
		case usher.KindGuest:
			invite, _, _ := strings.Cut(id, ".")
			i, err := a.Store.Invite(ctx, invite)
			switch {
			case usher.ErrorCode(err) == usher.CodeNotFound || err == nil && !i.RevokedAt.IsZero():
				return c, &usher.Error{Code: usher.CodeRevoked, Message: "The invite that this signature came with was revoked."}
			case err != nil:
				return c, err
			}
			c.UserKey = row.UserKey
			c.Scope = &usher.Scope{Actions: []usher.Action{usher.ActionJoin}, Sessions: []string{i.Session}, Exact: true}
			if i.Host {
				c.Scope.Actions = append(c.Scope.Actions, usher.ActionHost)
			}
		case usher.KindUser:
			c.UserKey = row.UserKey
		}
		return c, nil
	}
}

func (a *App) recallKey(ctx context.Context, cfg *Config, c *usher.Caller) (*usher.Caller, error) {
	if cfg.Local != nil && c.String() == cfg.Local.String() {
		return c, nil
	}
	if cfg.StaticKeys != nil && cfg.StaticKeys.Has(c.ID) {
		return c, nil
	}
	k, err := a.Store.KeyByID(ctx, c.ID)
	switch {
	case usher.ErrorCode(err) == usher.CodeNotFound || err == nil && !k.RevokedAt.IsZero():
		return c, &usher.Error{Code: usher.CodeRevoked, Message: "The API key that this signature was issued to holds no more."}
	case err != nil:
		return c, err
	}
	c.Name, c.Scope = k.Name, &usher.Scope{Actions: k.May, Sessions: k.Sessions}
	return c, nil
}
