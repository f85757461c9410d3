package caller

import (
	"context"
	"time"

	"github.com/usher-sessions/usher"
)

// A BanStore knows who is banned.
type BanStore interface {
	// BanOf returns the ban of a subject, or not_found.
	BanOf(ctx context.Context, subject string) (*usher.Ban, error)
}

// Bans says for whom nothing is signed.
type Bans struct {
	bySubject *fresh[string, *usher.Ban] // nil for who isn't banned
}

// NewBans returns the Bans of a store, whose answers count for remember, at most [Remembered].
func NewBans(store BanStore, remember time.Duration, now func() time.Time) *Bans {
	return &Bans{newFresh(remember, now, func(ctx context.Context, subject string) (*usher.Ban, error) {
		return orNil(store.BanOf(ctx, subject))
	})}
}

// Banned returns why nothing is signed for c, or by c for userKey; "" if they
// aren't banned. It is made to be usher.Config.Banned.
func (b *Bans) Banned(ctx context.Context, c *usher.Caller, userKey string) (string, error) {
	reason, err := b.reason(ctx, c.String())
	if err != nil || reason != "" || userKey == "" {
		return reason, err
	}
	if subject := string(usher.KindUser) + ":" + userKey; subject != c.String() {
		return b.reason(ctx, subject)
	}
	return "", nil
}

func (b *Bans) reason(ctx context.Context, subject string) (string, error) {
	ban, err := b.bySubject.get(ctx, subject)
	switch {
	case err != nil || ban == nil:
		return "", err
	case ban.Reason == "":
		return "banned", nil
	}
	return ban.Reason, nil
}
