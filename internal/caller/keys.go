package caller

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/usher-sessions/usher"
)

// ActionsOf returns what a key may do that is made to sign, inspect or manage, for those roles;
// an empty may is sign, an empty roles is both. The error names what is no such word.
func ActionsOf(may, roles []string) ([]usher.Action, error) {
	if len(may) == 0 {
		may = []string{"sign"}
	}
	if len(roles) == 0 {
		roles = []string{"participant", "host"}
	}
	var signs []usher.Action
	for _, role := range roles {
		switch role {
		case "participant":
			signs = append(signs, usher.ActionJoin)
		case "host":
			signs = append(signs, usher.ActionHost)
		default:
			return nil, fmt.Errorf("role %q is neither participant nor host", role)
		}
	}
	var actions []usher.Action
	for _, m := range may {
		switch m {
		case "sign":
			actions = append(actions, signs...)
		case "inspect":
			actions = append(actions, usher.ActionInspect)
		case "manage":
			actions = append(actions, usher.ActionManage)
		default:
			return nil, fmt.Errorf("a key may sign, inspect or manage, not %q", m)
		}
	}
	return actions, nil
}

// A KeyFinder finds API keys.
type KeyFinder interface {
	// KeyByHash returns the key of which that is the SHA-256, revoked and expired ones too; nil if there is none.
	KeyByHash(ctx context.Context, hash [32]byte) (*usher.Key, error)
}

// A UseNoter notes when keys, by id, were last used. Times never go back.
type UseNoter interface {
	KeysUsed(ctx context.Context, at map[string]time.Time) error
}

// Keys knows callers by API key.
type Keys struct {
	byHash *fresh[Hash, *usher.Key] // nil for none
	noter  UseNoter
	now    func() time.Time

	mu   sync.Mutex
	used map[string]time.Time // not yet noted
}

// NewKeys returns the Keys of a store. What finder says counts for remember, at most [Remembered].
func NewKeys(finder KeyFinder, noter UseNoter, remember time.Duration, now func() time.Time) *Keys {
	return &Keys{byHash: newFresh(remember, now, finder.KeyByHash), noter: noter, now: now, used: map[string]time.Time{}}
}

// Bearer returns the caller of an API key; nil, nil if credential isn't shaped like one.
func (k *Keys) Bearer(ctx context.Context, credential string) (*usher.Caller, error) {
	if !strings.HasPrefix(credential, KeyPrefix) {
		return nil, nil
	}
	hash, err := ParseKey(credential)
	if err != nil {
		return nil, err
	}
	key, err := k.byHash.get(ctx, hash)
	if err != nil {
		return nil, usher.Unavailable("The list of API keys", err)
	}
	if key == nil {
		return nil, unauthenticated("There is no such API key here; it may have been made for another server.")
	}
	now := k.now()
	caller := usher.Caller{
		Kind: usher.KindKey, ID: key.ID, Name: key.Name,
		Scope: &usher.Scope{Actions: key.May, Sessions: key.Sessions},
	}
	switch {
	case !key.RevokedAt.IsZero():
		return nil, refusedTarget{unauthenticated("This API key was revoked at %s.", key.RevokedAt.UTC().Format(time.RFC3339)), caller.String()}
	case !key.Holds(now):
		return nil, refusedTarget{unauthenticated("This API key expired at %s.", key.ExpiresAt.UTC().Format(time.RFC3339)), caller.String()}
	}
	k.mu.Lock()
	k.used[key.ID] = now
	k.mu.Unlock()
	return &caller, nil
}

// noteEvery is how often the times of last use are written, all in one
// transaction: they are true to within a minute.
const noteEvery = 30 * time.Second

// Run notes in the store when keys were used, every half minute and once more
// when ctx ends. What it could not write it tries again the next time; failed
// hears of it.
func (k *Keys) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := k.NoteUse(ctx); err != nil {
				failed(err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
			defer cancel()
			if err := k.NoteUse(last); err != nil {
				failed(err)
			}
			return
		}
	}
}

// NoteUse writes the times of last use that aren't in the store yet.
func (k *Keys) NoteUse(ctx context.Context) error {
	k.mu.Lock()
	batch := k.used
	k.used = map[string]time.Time{}
	k.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := k.noter.KeysUsed(ctx, batch)
	if err != nil {
		k.mu.Lock()
		maps.Copy(batch, k.used) // what came meanwhile is later
		k.used = batch
		k.mu.Unlock()
		return fmt.Errorf("noting the last use of %d API keys: %w", len(batch), err)
	}
	return nil
}
