package caller

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/limit"
)

// A Bearer knows callers by what they send as Authorization: Bearer.
type Bearer interface {
	// Bearer returns the caller whose credential it is. It returns nil, nil if the
	// credential isn't of its kind, an *usher.Error if it is and doesn't hold.
	Bearer(ctx context.Context, credential string) (*usher.Caller, error)
}

// ChainConfig is what a [Chain] is made of.
type ChainConfig struct {
	// Bearers are asked in their order; the first that knows the kind of the credential decides.
	Bearers []Bearer
	// Open lets those in who send no credential, as [usher.KindAnyone].
	Open bool
	// Guesses slows down those whose credentials don't hold; nil slows nobody.
	Guesses *limit.Guesses
	// Proxies whose word about addresses is believed.
	Proxies limit.Proxies
}

// A Chain finds the caller of a request by the credential it carries. A
// credential that doesn't hold is refused even where none is needed: whoever
// sends one means to be somebody.
type Chain struct {
	cfg  ChainConfig
	good goodBefore
}

// NewChain returns a Chain. It refuses a chain that lets nobody in.
func NewChain(cfg ChainConfig) (*Chain, error) {
	if len(cfg.Bearers) == 0 && !cfg.Open {
		return nil, errors.New("there are neither API keys nor an OpenID issuer, so nobody could ask; configure one, or say --open to let anyone in")
	}
	return &Chain{cfg: cfg, good: goodBefore{young: map[Hash]struct{}{}}}, nil
}

// Caller returns who sent r, with the address it came from.
func (c *Chain) Caller(r *http.Request) (*usher.Caller, error) {
	addr := c.cfg.Proxies.Addr(r)
	credential, err := bearerOf(r.Header)
	if err != nil {
		return nil, err
	}
	if credential == "" {
		if c.cfg.Open {
			return &usher.Caller{Kind: usher.KindAnyone, Addr: addr}, nil
		}
		return nil, unauthenticated("Nobody is signed in; send Authorization: Bearer with an API key (usher_…) or with the ID or access token of a signed-in user.")
	}
	caller, err := c.known(r.Context(), addr, credential)
	if err != nil {
		return nil, err
	}
	caller.Addr = addr
	return caller, nil
}

// known returns the caller of a credential. An address that failed too often is
// not heard, except with a credential that was good before, which is no guess:
// what others behind the same address do must not stop a back end at work.
func (c *Chain) known(ctx context.Context, addr netip.Addr, credential string) (*usher.Caller, error) {
	hash := Hash(sha256.Sum256([]byte(credential)))
	if c.cfg.Guesses != nil && !c.good.has(hash) {
		if err := c.cfg.Guesses.Check(addr, ""); err != nil {
			return nil, err
		}
	}
	caller, err := c.ask(ctx, credential)
	if err == nil {
		c.good.add(hash)
		return caller, nil
	}
	if c.cfg.Guesses != nil && usher.ErrorCode(err) == usher.CodeUnauthenticated {
		var refused refusedTarget
		errors.As(err, &refused)
		if slow := c.cfg.Guesses.Failed(addr, refused.target); slow != nil {
			return nil, slow
		}
	}
	return nil, err
}

func (c *Chain) ask(ctx context.Context, credential string) (*usher.Caller, error) {
	for _, b := range c.cfg.Bearers {
		if caller, err := b.Bearer(ctx, credential); err != nil || caller != nil {
			return caller, err
		}
	}
	switch {
	case strings.HasPrefix(credential, InvitePrefix):
		return nil, unauthenticated("This is an invite, not an API key; it is redeemed at /v1/invites/redeem.")
	case strings.HasPrefix(credential, KeyPrefix):
		return nil, unauthenticated("There is no such API key here.")
	case strings.HasPrefix(credential, "ey"):
		return nil, unauthenticated("Tokens of signed-in users are not taken here: no OpenID issuer is configured.")
	}
	return nil, unauthenticated("The credential is neither an API key (usher_…) nor a token (JWT); send one of them after Authorization: Bearer.")
}

// bearerOf returns the credential of a request, "" if it has none.
func bearerOf(h http.Header) (string, error) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 {
		return "", unauthenticated("There is more than one Authorization header; send one.")
	}
	if len(lines[0]) > len("Bearer ")+MaxToken {
		return "", unauthenticated("The Authorization header has %d bytes; a token may have %d. Let the provider put fewer claims into it.", len(lines[0]), MaxToken)
	}
	scheme, credential, _ := strings.Cut(strings.Trim(lines[0], " \t"), " ")
	credential = strings.TrimLeft(credential, " ")
	if !strings.EqualFold(scheme, "Bearer") || credential == "" || strings.ContainsAny(credential, " \t,") {
		return "", unauthenticated("The Authorization header is not of the form: Bearer, a space, and an API key or a token.")
	}
	return credential, nil
}

// refusedTarget is a refusal of somebody who is known, say the holder of a
// revoked key: failures count for them too, wherever they come from.
type refusedTarget struct {
	error
	target string
}

func (r refusedTarget) Unwrap() error { return r.error }

// goodBefore remembers credentials that were good, by their hash: the last
// 10,000 at least, 20,000 at most. What it says is no proof of anything.
type goodBefore struct {
	mu         sync.RWMutex
	young, old map[Hash]struct{}
}

func (g *goodBefore) has(h Hash) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, young := g.young[h]
	_, old := g.old[h]
	return young || old
}

func (g *goodBefore) add(h Hash) {
	g.mu.RLock()
	_, young := g.young[h]
	g.mu.RUnlock()
	if young {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.young) >= mostKept {
		g.old, g.young = g.young, make(map[Hash]struct{}, mostKept)
	}
	g.young[h] = struct{}{}
}
