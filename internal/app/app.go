// Package app wires the rooms of the house: it makes of one Config a store, a
// ledger, a policy, callers, the issuer and the server's handler, starts what
// has to run beside them, and ends all of it in order. The command line is one
// user of it, tests are another.
package app

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/limit"
	"github.com/usher-sessions/usher/internal/policy"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/internal/store"
	"github.com/usher-sessions/usher/videosdk"
)

// Config is what an [App] is made of. Credentials are required, and something
// that lets callers in: StaticKeys, Issuers, a Database (which holds keys) or Open.
type Config struct {
	Version     string
	Credentials videosdk.Credentials
	// Former are credentials that signed before and still explain signatures.
	Former  []videosdk.Credentials
	Signing []videosdk.SignerOption

	// Database is a postgres:// URL or the path of an SQLite file. Without one,
	// "", nothing is recorded and there are no sessions, keys or invites.
	Database string
	// StorageKeys seal what the database must be able to read again: 32 bytes
	// each, the first seals, all open. Without one nothing that has to be sealed
	// can be kept.
	StorageKeys [][]byte
	// Retention is how long rows of the ledger are kept; 0 keeps them for ever.
	Retention time.Duration
	// Instance names this process's chain in the ledger; each replica has its own.
	Instance string

	Policy     policy.Config
	Issuers    []caller.Issuer
	StaticKeys *caller.Static // nil for none
	// Local, if set, is the caller of requests that carry no credential. It is for
	// the command line, whose user owns the database anyway, and for development.
	Local *usher.Caller
	Open  bool

	Origins []string
	Proxies limit.Proxies
	// RequestsPerSecond bounds each user and guest, KeyRequestsPerSecond each API
	// key and, with Open, each address; 0 is no bound. Five times as many may come at once.
	RequestsPerSecond, KeyRequestsPerSecond float64
	// GuessesPerAddress and GuessesPerTarget bound failed proofs in an hour; 0 is the default.
	GuessesPerAddress, GuessesPerTarget int
	PublicURL                           string
	Page                                *server.PageConfig
	// Engine runs rooms; nil for none. It needs a Database. RoomURL is where
	// browsers reach it, for the lobby page.
	Engine  Engine
	RoomURL string

	Log *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Random gives secrets and ids; nil is crypto/rand.
	Random io.Reader
}

// An App is Usher, running but for its listener.
type App struct {
	Issuer *usher.Issuer
	// Handler answers everything.
	Handler http.Handler
	// Store and Ledger are nil without a database.
	Store  *store.Store
	Ledger *ledger.Ledger
	// Policy is nil where everybody who is let in may do everything; see Open.
	Policy *policy.Engine
	// CheckpointKeys sign the ledger's checkpoints, the first of them new ones. They
	// are made from the storage keys, which the database never holds.
	CheckpointKeys []ed25519.PrivateKey

	closers []func() error // last to first
}

// Open makes an App. The error says what is wrong or can't be reached; nothing
// is left running then.
func Open(ctx context.Context, cfg Config) (_ *App, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	issuing := usher.Config{Credentials: cfg.Credentials, Options: cfg.Signing, Policy: usher.PermitAll, Now: cfg.Now}

	// Without a database, rules or users there is nothing that a rule could tell
	// apart: an API key may have everything, as by the default policy.
	if cfg.Database != "" || len(cfg.Issuers) > 0 || len(cfg.Policy.Files) > 0 || cfg.Policy.Replace {
		cfg.Policy.Open, cfg.Policy.Now, cfg.Policy.Log = cfg.Open, cfg.Now, cfg.Log
		if a.Policy, err = policy.New(cfg.Policy); err != nil {
			return nil, err
		}
		issuing.Policy = a.Policy
		a.beside(ctx, func(ctx context.Context) {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			a.Policy.Watch(ctx, tick.C)
		})
	}

	guesses, err := limit.NewGuesses(orElse(cfg.GuessesPerAddress, limit.AddrPerHour), orElse(cfg.GuessesPerTarget, limit.TargetPerHour), cfg.Now)
	if err != nil {
		return nil, err
	}
	issuing.Guess = func(c *usher.Caller, session string) (func(), error) {
		try, err := guesses.Begin(c.Addr, "session:"+session)
		if err != nil {
			return nil, err
		}
		return try.Passed, nil
	}

	var keys *caller.Keys
	if cfg.Database != "" {
		if keys, err = a.openStore(ctx, &cfg, &issuing); err != nil {
			return nil, err
		}
	}
	if a.Issuer, err = usher.NewIssuer(issuing); err != nil {
		return nil, err
	}
	people, err := newRequests(cfg.RequestsPerSecond, cfg.Now)
	if err != nil {
		return nil, err
	}
	callers, err := a.callers(ctx, &cfg, keys, guesses, people)
	if err != nil {
		return nil, err
	}
	serving := server.Config{
		Issuer: a.Issuer, Callers: callers, Origins: cfg.Origins, Log: cfg.Log, Page: cfg.Page, Ready: a.ready,
		RoomURL: cfg.RoomURL,
	}
	if a.Store != nil {
		invites := caller.NewInvites(a.Store, guesses)
		serving.V1 = &server.V1Config{
			Version: cfg.Version, Policy: a.Policy, Ledger: a.Ledger, Store: a.Store, Banned: issuing.Banned,
			Redeem: func(ctx context.Context, r *http.Request, in *api.Redemption) (*usher.Caller, error) {
				addr := cfg.Proxies.Addr(r)
				if people != nil {
					if err := people.Allow(&usher.Caller{Kind: usher.KindAnyone, Addr: addr}); err != nil {
						return nil, err
					}
				}
				return invites.Redeem(ctx, &caller.Redemption{Code: in.Code, Guest: in.Guest, Name: in.Name, Addr: addr})
			},
			Credentials: append([]videosdk.Credentials{cfg.Credentials}, cfg.Former...),
			PublicURL:   cfg.PublicURL, Now: cfg.Now, Random: cfg.Random,
		}
		if cfg.Engine != nil {
			if err := a.openGate(ctx, &cfg, &issuing, guesses, serving.V1); err != nil {
				return nil, err
			}
		}
	}
	a.Handler, err = server.New(serving)
	return a, err
}

// openStore opens the database and puts directory, bans and ledger into the issuer's Config.
func (a *App) openStore(ctx context.Context, cfg *Config, issuing *usher.Config) (*caller.Keys, error) {
	opts := store.Options{Location: cfg.Database, Now: cfg.Now, Rand: cfg.Random, Log: cfg.Log}
	var err error
	if len(cfg.StorageKeys) > 0 {
		if opts.Sealer, err = store.NewSealer(cfg.StorageKeys...); err != nil {
			return nil, err
		}
	}
	if a.Store, err = store.Open(ctx, opts); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.Store.Close)
	cache, err := store.NewCache(ctx, a.Store)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { cache.Close(); return nil })
	writer := cfg.Instance
	if writer == "" {
		if writer, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("finding a name for this replica's chain in the ledger: %w", err)
		}
	}
	if a.Ledger, err = ledger.New(ledger.Config{Book: a.Store, Writer: writer}); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.Ledger.Close)
	issuing.Directory, issuing.Ledger = cache, a.Ledger
	issuing.Banned = caller.NewBans(cache, 0, cfg.Now).Banned
	keys := caller.NewKeys(cache, a.Store, 0, cfg.Now)
	a.beside(ctx, func(ctx context.Context) {
		keys.Run(ctx, func(err error) { cfg.Log.Warn("the times when API keys were used can't be kept", "error", err) })
	})
	a.beside(ctx, func(ctx context.Context) { a.sweep(ctx, cfg.Log) })
	for _, secret := range cfg.StorageKeys {
		key, err := ledger.KeyFrom(secret)
		if err != nil {
			return nil, err
		}
		a.CheckpointKeys = append(a.CheckpointKeys, key)
	}
	if len(a.CheckpointKeys) > 0 {
		a.beside(ctx, func(ctx context.Context) {
			ledger.Maintain(ctx, ledger.MaintainConfig{
				Archive: a.Store, Ledger: a.Ledger, Keys: a.CheckpointKeys, Retention: cfg.Retention, Now: cfg.Now, Log: cfg.Log,
			})
		})
	}
	return keys, nil
}

// sweep throws away answers that no repeated call can ask for any more.
func (a *App) sweep(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := a.Store.SweepIdempotent(ctx); err != nil && ctx.Err() == nil {
				log.Warn("old answers can't be swept away", "error", err)
			}
		}
	}
}

// callers makes the chain that finds out who asks.
func (a *App) callers(ctx context.Context, cfg *Config, keys *caller.Keys, guesses *limit.Guesses, people *limit.Requests) (endpoint.Callers, error) {
	chain := caller.ChainConfig{Guesses: guesses, Proxies: cfg.Proxies}
	if cfg.StaticKeys != nil {
		chain.Bearers = append(chain.Bearers, cfg.StaticKeys)
	}
	if keys != nil {
		chain.Bearers = append(chain.Bearers, keys)
	}
	if len(cfg.Issuers) > 0 {
		users, err := caller.NewUsers(caller.UsersConfig{Issuers: cfg.Issuers, Now: cfg.Now})
		if err != nil {
			return nil, err
		}
		chain.Bearers = append(chain.Bearers, users)
		a.beside(ctx, func(ctx context.Context) {
			if err := users.Warm(ctx); err != nil && ctx.Err() == nil {
				cfg.Log.Warn("an OpenID issuer can't be reached; it is asked again when one of its users comes", "error", err)
			}
		})
	}
	chain.Open = cfg.Open || cfg.Local != nil
	found, err := caller.NewChain(chain)
	if err != nil {
		return nil, err
	}
	backEnds, err := newRequests(cfg.KeyRequestsPerSecond, cfg.Now)
	if err != nil {
		return nil, err
	}
	return endpoint.CallersFunc(func(r *http.Request) (*usher.Caller, error) {
		c, err := found.Caller(r)
		if err != nil {
			return nil, err
		}
		if c.Kind == usher.KindAnyone && cfg.Local != nil {
			local := *cfg.Local
			local.Addr = c.Addr
			c = &local
		}
		requests := backEnds
		if c.Kind == usher.KindUser || c.Kind == usher.KindGuest {
			requests = people
		}
		if requests == nil {
			return c, nil
		}
		return c, requests.Allow(c)
	}), nil
}

// newRequests returns nil for no bound.
func newRequests(perSecond float64, now func() time.Time) (*limit.Requests, error) {
	if perSecond == 0 {
		return nil, nil
	}
	return limit.NewRequests(perSecond, max(1, int(5*perSecond)), now)
}

// ready reports why no signature can be issued at the moment.
func (a *App) ready(ctx context.Context) error {
	if a.Store == nil {
		return nil
	}
	return a.Store.Ping(ctx)
}

// beside runs f until Close.
func (a *App) beside(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f(ctx)
	}()
	a.closers = append(a.closers, func() error {
		cancel()
		<-ended
		return nil
	})
}

// Close ends what runs beside, records what waits, and closes the database.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
