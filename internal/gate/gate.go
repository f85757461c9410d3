// Package gate takes signatures back: it verifies one and admits its user into
// a room of the media engine, at once or by way of the waiting room.
//
// [Gate.Join] reads top to bottom in the order in which a refusal tells least:
//
//	signature -> session -> who it was issued to -> bans -> policy -> the session's state
//	-> the room (removed, ended, locked, passcode, capacity) -> recorded -> room token
//
// Everything that several may decide at once (who is host, how many are in, who
// was removed) is decided in one transaction of the store, so that any replica
// may answer any call. A refusal leaves nothing behind but its row in the ledger.
package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

// Leeway is by how much the clocks of signer and gate may differ.
const Leeway = 30 * time.Second

// TokenLife is how long a room token opens the room. Who is in stays in.
const TokenLife = time.Minute

// Times of the waiting room.
const (
	// PollEvery is how often somebody who waits is asked to come back.
	PollEvery = time.Second
	// goneAfter is after how long without a poll somebody who waits has left.
	goneAfter = 30 * time.Second
	// longestWait is after how long the wait is over.
	longestWait = time.Hour
	// seenEvery bounds how often a poll writes.
	seenEvery = 5 * time.Second
)

// A Pass is what a room token is made of.
type Pass struct {
	Room, Identity, Name string
	// Role is "host", "cohost" or "participant"; everybody in the room sees it, as UserKey.
	Role, UserKey string
	Life          time.Duration
}

// An Engine runs rooms. Rooms come into being when the first token for them is
// used. Errors are those of a network; that somebody or a room isn't there is none.
type Engine interface {
	// Ready returns why nobody could enter a room at the moment, nil if there is
	// nothing. It is asked for each token, so it is quick.
	Ready(ctx context.Context) error
	// Token returns where the room is and what opens it, for one user.
	Token(p Pass) (url, token string, err error)
	// Present returns the identities of who is in the room.
	Present(ctx context.Context, room string) ([]string, error)
	// Remove throws a user out.
	Remove(ctx context.Context, room, identity string) error
	// Mute ends a user's sound; they may turn it on again.
	Mute(ctx context.Context, room, identity string) error
	// SetRole shows everybody another role of a user.
	SetRole(ctx context.Context, room, identity, role string) error
	// End throws everybody out and closes the room.
	End(ctx context.Context, room string) error
}

// A Store keeps rooms and entrants; see package store for what each promises.
type Store interface {
	Enter(ctx context.Context, e *usher.Entrant, passcode string, decide func(*usher.Arrival) error) (*usher.Room, error)
	Issued(ctx context.Context, session, signature string, at time.Time) (*usher.LedgerRow, error)
	NewID() (string, error)

	Room(ctx context.Context, id string) (*usher.Room, error)
	RoomOf(ctx context.Context, session string) (*usher.Room, error)
	OpenRooms(ctx context.Context, cursor string, limit int) ([]*usher.Room, string, error)
	UnsettledRooms(ctx context.Context, since time.Time, cursor string, limit int) ([]*usher.Room, string, error)
	LockRoom(ctx context.Context, id string, locked bool) error
	EndRoom(ctx context.Context, id, by string) error
	EndEmptyRoom(ctx context.Context, id string) (bool, error)
	SweepRooms(ctx context.Context, before time.Time) (int64, error)

	EntrantByTicket(ctx context.Context, ticket [32]byte) (*usher.Entrant, error)
	Entrant(ctx context.Context, id string) (*usher.Entrant, error)
	Entrants(ctx context.Context, room string) ([]*usher.Entrant, error)
	EntrantSeen(ctx context.Context, id string) error
	MoveEntrant(ctx context.Context, id string, from, to usher.EntrantState) (bool, error)
	Readmit(ctx context.Context, e *usher.Entrant, from usher.EntrantState, capacity int) error
	MakeCohost(ctx context.Context, id string) error
	EntrantPresent(ctx context.Context, id string, present bool, at time.Time) (bool, error)
}

// Guesses slow down those who send what doesn't hold.
type Guesses interface {
	// Check refuses an address that failed too often, and counts nothing.
	Check(addr netip.Addr, target string) error
	// Failed counts a failure; it may refuse too.
	Failed(addr netip.Addr, target string) error
}

// Config is what a [Gate] is made of. Credentials, Policy, Store, Engine and Ledger are required.
type Config struct {
	// Credentials are all that sign or signed before.
	Credentials []videosdk.Credentials
	// Directory is nil where no session has settings.
	Directory usher.Directory
	Policy    usher.Policy
	// Groups are all groups that a rule names. What groups a user is in isn't
	// known at the gate; see [Gate.permitted].
	Groups func() []string
	// Banned is usher.Config.Banned; nil bans nobody.
	Banned func(ctx context.Context, c *usher.Caller, userKey string) (reason string, err error)
	// Recall returns the caller of a signature's row as it is today, or an
	// *usher.Error (revoked) if it may not ask any more.
	Recall func(ctx context.Context, row *usher.LedgerRow) (*usher.Caller, error)
	Store  Store
	Engine Engine
	Ledger usher.Ledger
	// Guesses slows nobody if nil; Guess is usher.Config.Guess.
	Guesses Guesses
	Guess   func(c *usher.Caller, session string) (right func(), err error)
	// Now is the clock; nil is time.Now. Random gives tickets; nil is crypto/rand.
	Now    func() time.Time
	Random io.Reader
}

// A Gate admits. It is safe for use by many goroutines at once.
type Gate struct {
	cfg      Config
	verifier *videosdk.Verifier
}

// New returns a Gate, or an error that names what is wrong with cfg.
func New(cfg Config) (*Gate, error) {
	v, err := videosdk.NewVerifier(cfg.Credentials, videosdk.WithLeeway(Leeway))
	if err != nil {
		return nil, err
	}
	if cfg.Policy == nil || cfg.Store == nil || cfg.Engine == nil || cfg.Ledger == nil || cfg.Recall == nil {
		return nil, errors.New("gate: Policy, Recall, Store, Engine and Ledger are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	cfg.Credentials = nil // the verifier has what it needs
	return &Gate{cfg: cfg, verifier: v}, nil
}

// session returns the session of that name as the directory has it.
func (g *Gate) session(ctx context.Context, name string) (*usher.Session, error) {
	if g.cfg.Directory != nil {
		s, err := g.cfg.Directory.Session(ctx, name)
		if err != nil {
			return nil, usher.Unavailable("The directory of sessions", err)
		}
		if s != nil {
			return s, nil
		}
	}
	return &usher.Session{Name: name, State: usher.StateOpen}, nil
}

func refusal(code usher.Code, message string) *usher.Error {
	return &usher.Error{Code: code, Message: message}
}
