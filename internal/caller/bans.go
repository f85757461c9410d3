package caller

import (
	"context"
	"time"

	"github.com/usher-sessions/usher"
)

// A BanStore knows who is banned.
type BanStore interface {
	// Ban reports whether subject is banned, and the reason that was given.
	Ban(ctx context.Context, subject string) (reason string, banned bool, err error)
}

// Bans says for whom nothing is signed.
type Bans struct {
	bySubject *fresh[string, string] // why; "" for who isn't banned
}

// NewBans returns the Bans of a store, whose answers count for remember, at most [Remembered].
func NewBans(store BanStore, remember time.Duration, now func() time.Time) *Bans {
	return &Bans{newFresh(remember, now, func(ctx context.Context, subject string) (string, error) {
		reason, banned, err := store.Ban(ctx, subject)
		if banned && reason == "" {
			reason = "banned"
		}
		return reason, err
	})}
}

// Banned returns why nothing is signed for c, or by c for userKey; "" if they
// aren't banned. It is made to be usher.Config.Banned.
func (b *Bans) Banned(ctx context.Context, c *usher.Caller, userKey string) (string, error) {
	reason, err := b.bySubject.get(ctx, c.String())
	if err != nil || reason != "" || userKey == "" {
		return reason, err
	}
	if subject := string(usher.KindUser) + ":" + userKey; subject != c.String() {
		return b.bySubject.get(ctx, subject)
	}
	return "", nil
}
