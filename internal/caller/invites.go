package caller

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/limit"
	"github.com/usher-sessions/usher/videosdk"
)

// An InviteStore keeps invites and who came with them.
type InviteStore interface {
	// Redeem lets the guest in whose secret has that hash, or back in without
	// spending a use, atomically on however many replicas. It gives not_found for
	// an unknown invite, denied for one that is revoked, expired or used up.
	Redeem(ctx context.Context, invite, guest [32]byte, name string) (*usher.Invite, usher.Guest, error)
}

// Invites makes callers of guests.
type Invites struct {
	store   InviteStore
	guesses *limit.Guesses
}

// NewInvites returns the Invites of a store. guesses slows down those who send
// codes that don't exist; nil slows nobody.
func NewInvites(store InviteStore, guesses *limit.Guesses) *Invites {
	return &Invites{store, guesses}
}

// A Redemption is what a guest sends.
type Redemption struct {
	// Code is the invite's, from the fragment of the link.
	Code string
	// Guest is a secret that the guest's browser made before its first try and
	// keeps. Since the guest chose it, a try whose answer was lost can be repeated:
	// it is the same guest and spends one use.
	Guest string
	// Name is what the guest wants to be called; nobody has checked it.
	Name string
	// Addr is where the request came from.
	Addr netip.Addr
}

// Redeem returns the guest as a caller who may enter the invite's session in
// its role and nothing else. The error is an *usher.Error: unauthenticated for a
// code that doesn't exist or was mistyped and for a secret that is none, denied
// for an invite that is revoked, expired or used up, which it tells apart,
// too_many_requests for an address that sent too many wrong codes.
func (i *Invites) Redeem(ctx context.Context, r *Redemption) (*usher.Caller, error) {
	if err := checkGuest(r.Guest); err != nil {
		return nil, err
	}
	if i.guesses != nil {
		if err := i.guesses.Check(r.Addr, ""); err != nil {
			return nil, err
		}
	}
	caller, err := i.redeem(ctx, r)
	if i.guesses != nil && usher.ErrorCode(err) == usher.CodeUnauthenticated {
		if slow := i.guesses.Failed(r.Addr, ""); slow != nil {
			return nil, slow
		}
	}
	return caller, err
}

func (i *Invites) redeem(ctx context.Context, r *Redemption) (*usher.Caller, error) {
	code, err := ParseInvite(r.Code)
	if err != nil {
		return nil, err
	}
	name := displayName(r.Name)
	v, guest, err := i.store.Redeem(ctx, code, sha256.Sum256([]byte(r.Guest)), name)
	var refusal *usher.Error
	switch {
	case usher.ErrorCode(err) == usher.CodeNotFound:
		return nil, unauthenticated("There is no such invite here; it may be for another server.")
	case errors.As(err, &refusal):
		return nil, err
	case err != nil:
		return nil, usher.Unavailable("The list of invites", err)
	case strings.Contains(v.Session, "*"): // no session has such a name, but a scope would take it for many
		return nil, &usher.Error{Code: usher.CodeDenied, Message: "This invite names no session that can be. Ask whoever sent it for another."}
	}
	id := fmt.Sprintf("%s.%d", v.ID, guest.Number)
	scope := &usher.Scope{Actions: []usher.Action{usher.ActionJoin}, Sessions: []string{v.Session}}
	if v.Host {
		scope.Actions = append(scope.Actions, usher.ActionHost)
	}
	return &usher.Caller{
		Kind: usher.KindGuest, ID: id, Name: name, Addr: r.Addr, Scope: scope,
		UserKey: guestKey(id),
	}, nil
}

// guestKey returns a guest's user key, which no signed-in user has: theirs never
// begin so, but for digests, and those have no dot.
func guestKey(id string) string {
	if key := reserved + id; len(key) <= videosdk.MaxUserKey {
		return key
	}
	return DigestUserKey("guest", id)
}

// The shape of a guest's secret. What makes it random is in the guest's hands;
// the least that can be asked is that it isn't all of a kind.
const (
	minGuest, maxGuest = 22, 100 // 22 characters of base64 are 128 bits
	minGuestVariety    = 6       // of 22 random digits 1 text in 10,000 has fewer, of anything better none
)

func checkGuest(secret string) error {
	var seen [128]bool
	variety := 0
	for i := range len(secret) {
		c := secret[i]
		if c <= ' ' || c > '~' {
			return unauthenticated("The guest's secret has characters other than printable ASCII; make it of letters and digits.")
		}
		if !seen[c] {
			seen[c] = true
			variety++
		}
	}
	if len(secret) < minGuest || len(secret) > maxGuest || variety < minGuestVariety {
		return unauthenticated("The guest's secret must be %d to %d random characters; make it once and keep it, so that you can come back.", minGuest, maxGuest)
	}
	return nil
}
