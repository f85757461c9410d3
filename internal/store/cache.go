package store

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	"github.com/usher-sessions/usher"
)

// A Cache answers from memory what every signature asks: the session, the key,
// the ban. It hears of changes by the store's feed. Where the feed is late, as
// while the database can't be reached, it asks the store each time: so what it
// says is at most [Lateness] old, whatever happens.
//
// What it returns is shared: nobody may change it.
type Cache struct {
	store    *Store
	sessions memo[string, *usher.Session]
	keys     memo[[32]byte, *usher.Key]
	bans     memo[string, banned]
	cancel   func()
}

// Lateness is the oldest that a Cache's word may be.
const Lateness = 1500 * time.Millisecond

// cached is the most entries of a kind that a Cache keeps; about 100 MB of
// sessions with short lists at the worst.
const cached = 100_000

type banned struct {
	reason string
	banned bool
}

// NewCache returns a Cache of s. Close ends it.
func NewCache(ctx context.Context, s *Store) (*Cache, error) {
	c := &Cache{store: s}
	c.sessions.load, c.keys.load = s.Session, s.KeyByHash
	c.bans.load = func(ctx context.Context, subject string) (b banned, err error) {
		b.reason, b.banned, err = s.Ban(ctx, subject)
		return b, err
	}
	var err error
	if c.cancel, err = s.Subscribe(ctx, c.changed); err != nil {
		return nil, err
	}
	return c, nil
}

// Close lets the store forget the cache.
func (c *Cache) Close() { c.cancel() }

func (c *Cache) changed(ch Change) {
	switch ch.Kind {
	case KindSession:
		c.sessions.forget(ch.Name)
	case KindKey:
		if b, err := hex.DecodeString(ch.Name); err == nil {
			c.keys.forget(hash32(b))
		}
	case KindBan:
		c.bans.forget(ch.Name)
	case KindAll:
		c.sessions.forgetAll()
		c.keys.forgetAll()
		c.bans.forgetAll()
	}
}

// Session returns the session of that name, or nil if there is none.
func (c *Cache) Session(ctx context.Context, name string) (*usher.Session, error) {
	return c.sessions.get(ctx, usher.FoldName(name), c.store.Current(Lateness))
}

// KeyByHash returns the key whose SHA-256 that is, revoked and expired ones too; nil if there is none.
func (c *Cache) KeyByHash(ctx context.Context, hash [32]byte) (*usher.Key, error) {
	return c.keys.get(ctx, hash, c.store.Current(Lateness))
}

// Ban reports whether subject is banned, and the reason that was given.
func (c *Cache) Ban(ctx context.Context, subject string) (reason string, isBanned bool, err error) {
	b, err := c.bans.get(ctx, subject, c.store.Current(Lateness))
	return b.reason, b.banned, err
}

// A memo remembers what load said of up to cached keys, that there is nothing too.
type memo[K comparable, V any] struct {
	load func(context.Context, K) (V, error)

	mu   sync.RWMutex
	said map[K]V
	// forgets counts what was forgotten: an answer that was being loaded meanwhile
	// may be older than the change, and isn't kept.
	forgets uint64
}

// get returns what load says of k, from memory if current.
func (m *memo[K, V]) get(ctx context.Context, k K, current bool) (V, error) {
	m.mu.RLock()
	v, ok := m.said[k]
	before := m.forgets
	m.mu.RUnlock()
	if ok && current {
		return v, nil
	}
	v, err := m.load(ctx, k)
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forgets != before {
		return v, nil
	}
	if m.said == nil {
		m.said = map[K]V{}
	}
	if _, ok := m.said[k]; !ok && len(m.said) >= cached {
		for some := range m.said { // in no order, so that nobody can choose who goes
			delete(m.said, some)
			break
		}
	}
	m.said[k] = v
	return v, nil
}

func (m *memo[K, V]) forget(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgets++
	delete(m.said, k)
}

func (m *memo[K, V]) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgets++
	m.said = nil
}
