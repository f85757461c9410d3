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

// Bans says for whom nothing is signed. Subjects are written user:<user key>,
// key:<id> and guest:<id>.
type Bans struct {
	subjects *fresh[string, ban]
}

type ban struct {
	reason string
	banned bool
}

// NewBans returns the Bans of a store, whose answers count for remember, at most [Remembered].
func NewBans(store BanStore, remember time.Duration, now func() time.Time) *Bans {
	return &Bans{newFresh(remember, now, func(ctx context.Context, subject string) (b ban, err error) {
		b.reason, b.banned, err = store.Ban(ctx, subject)
		return b, err
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
	got, err := b.subjects.get(ctx, subject)
	switch {
	case err != nil || !got.banned:
		return "", err
	case got.reason == "":
		return "banned", nil
	}
	return got.reason, nil
}
