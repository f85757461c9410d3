package server

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/internal/policy"
	"github.com/usher-sessions/usher/videosdk"
)

// V1Config is what /v1 stands on; all of it is required but where said otherwise.
type V1Config struct {
	// Version of the program, for the document.
	Version string
	Policy  interface {
		usher.Policy
		Explain(q *usher.Question) *policy.Explanation
	}
	Ledger usher.Ledger
	Store  Store
	// Banned is usher.Config.Banned: who is banned may not read or manage either.
	Banned func(ctx context.Context, c *usher.Caller, userKey string) (reason string, err error)
	// Redeem turns an invite's code and the guest's secret into a caller.
	Redeem func(ctx context.Context, r *http.Request, in *api.Redemption) (*usher.Caller, error)
	// Credentials explain signatures.
	Credentials []videosdk.Credentials
	// PublicURL is where browsers reach this server, "" if that isn't known: invites then have no link.
	PublicURL string
	Now       func() time.Time
	// Gate admits to rooms; nil, where there is no media engine, refuses its calls.
	Gate *gate.Gate
	// Webhook verifies what the media engine sends, and returns nil for what is of
	// no concern. Required beside Gate, as Addr is, which says where a request came from.
	Webhook func(r *http.Request) (*gate.Happening, error)
	Addr    func(r *http.Request) netip.Addr
	Random  io.Reader
}

// Store is what /v1 reads and changes, in the parts that belong together.
// Lists come in pages: an empty next cursor ends them. What isn't there is
// usher.CodeNotFound, except where said otherwise.
type Store interface {
	SessionStore
	KeyStore
	InviteStore
	BanStore
	IdempotencyStore
	// QueryLedger returns rows, newest first.
	QueryLedger(ctx context.Context, f usher.LedgerFilter, cursor string, limit int) (rows []usher.LedgerRow, next string, err error)
	// NewID returns an id that is no other's.
	NewID() (string, error)
}

// SessionStore is the directory. A name that is taken, and a version that isn't
// the present one, is usher.CodeConflict.
type SessionStore interface {
	CreateSession(ctx context.Context, s *usher.Session) error
	// Session returns nil if there is none of that name.
	Session(ctx context.Context, name string) (*usher.Session, error)
	SessionByID(ctx context.Context, id string) (*usher.Session, error)
	ListSessions(ctx context.Context, f usher.SessionFilter, cursor string, limit int) (ss []*usher.Session, next string, err error)
	// UpdateSession sets Version and UpdatedAt of s.
	UpdateSession(ctx context.Context, s *usher.Session) error
	DeleteSession(ctx context.Context, id string) error
}

// KeyStore keeps API keys.
type KeyStore interface {
	CreateKey(ctx context.Context, k *usher.Key) error
	ListKeys(ctx context.Context, cursor string, limit int) (ks []*usher.Key, next string, err error)
	RevokeKey(ctx context.Context, id string) error
}

// InviteStore keeps invites.
type InviteStore interface {
	CreateInvite(ctx context.Context, i *usher.Invite) error
	Invite(ctx context.Context, id string) (*usher.Invite, error)
	// ListInvites lists those to a session, all where it is "".
	ListInvites(ctx context.Context, session, cursor string, limit int) (is []*usher.Invite, next string, err error)
	RevokeInvite(ctx context.Context, id string) error
}

// BanStore keeps bans.
type BanStore interface {
	AddBan(ctx context.Context, b *usher.Ban) error
	ListBans(ctx context.Context, cursor string, limit int) (bs []*usher.Ban, next string, err error)
	RemoveBan(ctx context.Context, id string) error
}

// IdempotencyStore remembers answers of calls that may be repeated.
type IdempotencyStore interface {
	// BeginIdempotent takes the name for a call with that fingerprint, or returns
	// what was answered to it before. Where the first call isn't over, or had
	// another fingerprint, it is usher.CodeConflict.
	BeginIdempotent(ctx context.Context, name, fingerprint [32]byte, expires time.Time) (answer []byte, err error)
	// EndIdempotent keeps the answer, sealed; a nil answer gives the name free.
	EndIdempotent(ctx context.Context, name [32]byte, answer []byte, expires time.Time) error
}
