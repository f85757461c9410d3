package store_test

import (
	"context"
	"encoding/hex"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/store"
)

// eventually waits for what another goroutine or process does; a minute is long
// enough for any machine, and no test depends on how long it took.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// heard collects changes.
type heard struct {
	mu  sync.Mutex
	all []store.Change
}

func (h *heard) add(c store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, c)
}

func (h *heard) has(c store.Change) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.all, c)
}

func TestChangesAreHeardEverywhere(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		here, there, ctx := open(t), open(t), t.Context()
		var near, far heard
		for s, h := range map[*store.Store]*heard{here: &near, there: &far} {
			cancel, err := s.Subscribe(ctx, h.add)
			noError(t, err)
			defer cancel()
		}
		session := &usher.Session{Name: "Class"}
		key := &usher.Key{Hash: hash("k")}
		invite := &usher.Invite{Hash: hash("i"), Session: "Class"}
		ban := &usher.Ban{Subject: "user:x"}
		hex := func(h [32]byte) string { return hex.EncodeToString(h[:]) }
		for _, step := range []struct {
			do   func() error
			kind store.Kind
			id   *string
			name string
		}{
			{func() error { return here.CreateSession(ctx, session) }, store.KindSession, &session.ID, "class"},
			{func() error { session.Name = "Klasse"; return here.UpdateSession(ctx, session) }, store.KindSession, &session.ID, "class"},
			{func() error { return nil }, store.KindSession, &session.ID, "klasse"},
			{func() error { return here.DeleteSession(ctx, session.ID) }, store.KindSession, &session.ID, "klasse"},
			{func() error { return here.CreateKey(ctx, key) }, store.KindKey, &key.ID, hex(key.Hash)},
			{func() error { return here.RevokeKey(ctx, key.ID) }, store.KindKey, &key.ID, hex(key.Hash)},
			{func() error { return here.CreateInvite(ctx, invite) }, store.KindInvite, &invite.ID, hex(invite.Hash)},
			{func() error { return here.RevokeInvite(ctx, invite.ID) }, store.KindInvite, &invite.ID, hex(invite.Hash)},
			{func() error { return here.AddBan(ctx, ban) }, store.KindBan, &ban.ID, "user:x"},
			{func() error { return here.RemoveBan(ctx, ban.ID) }, store.KindBan, &ban.ID, "user:x"},
		} {
			noError(t, step.do())
			want := store.Change{Kind: step.kind, ID: *step.id, Name: step.name}
			if !near.has(want) {
				t.Errorf("%+v wasn't told before the method returned", want)
			}
			eventually(t, "the other replica hears of it", func() bool { return far.has(want) })
		}
	})
}

// Many writers at once: the ids of changes commit in order, so none is passed over.
func TestNoChangeIsMissed(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		writers, reader, ctx := []*store.Store{open(t), open(t)}, open(t), t.Context()
		var h heard
		cancel, err := reader.Subscribe(ctx, h.add)
		noError(t, err)
		defer cancel()
		var mu sync.Mutex
		var made []store.Change
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 15 {
					b := &usher.Ban{Subject: "user:" + string(rune('a'+w)) + string(rune('a'+i))}
					if err := writers[w%2].AddBan(ctx, b); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					made = append(made, store.Change{Kind: store.KindBan, ID: b.ID, Name: b.Subject})
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for _, m := range made {
			eventually(t, "the reader hears of "+m.Name, func() bool { return h.has(m) })
		}
		if h.has(store.Change{}) {
			t.Error("the reader was told that changes were lost")
		}
	})
}

func TestWhoWasAwayTooLongForgetsAll(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		var h heard
		cancel, err := s.Subscribe(ctx, h.add)
		noError(t, err)
		defer cancel()
		_, err = s.Raw().Exec("UPDATE changes_made SET last = last + 100") // as if they had been made and swept
		noError(t, err)
		noError(t, s.AddBan(ctx, &usher.Ban{Subject: "user:x"}))
		eventually(t, "it is told", func() bool { return h.has(store.Change{Kind: store.KindAll}) })
	})
}

func TestTheCacheIsAsGoodAsTheStore(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, there, ctx := open(t), open(t), t.Context()
		cache, err := store.NewCache(ctx, s)
		noError(t, err)
		defer cache.Close()
		state := func() usher.SessionState {
			v, err := cache.Session(ctx, "CLASS")
			noError(t, err)
			if v == nil {
				return ""
			}
			return v.State
		}
		if got := state(); got != "" {
			t.Errorf("before: %q", got)
		}
		v := &usher.Session{Name: "class", State: usher.StateOpen}
		noError(t, s.CreateSession(ctx, v))
		if got := state(); got != usher.StateOpen {
			t.Errorf("after create: %q", got)
		}
		v.State = usher.StateLocked
		noError(t, s.UpdateSession(ctx, v))
		if got := state(); got != usher.StateLocked {
			t.Errorf("after update: %q", got)
		}
		v.State = usher.StateEnded
		noError(t, there.UpdateSession(ctx, v))
		eventually(t, "the other replica's change is seen", func() bool { return state() == usher.StateEnded })

		k := &usher.Key{Hash: hash("k")}
		noError(t, there.CreateKey(ctx, k))
		eventually(t, "the key is seen", func() bool { got, err := cache.KeyByHash(ctx, k.Hash); return err == nil && got != nil })
		noError(t, there.RevokeKey(ctx, k.ID))
		eventually(t, "its revocation is seen", func() bool {
			got, err := cache.KeyByHash(ctx, k.Hash)
			return err == nil && got != nil && !got.RevokedAt.IsZero()
		})
		noError(t, there.AddBan(ctx, &usher.Ban{Subject: "user:x", Reason: "spam"}))
		eventually(t, "the ban is seen", func() bool {
			reason, banned, err := cache.Ban(ctx, "user:x")
			return err == nil && banned && reason == "spam"
		})
	})
}

// A change made while an answer is being read must not be forgotten because of it.
func TestTheCacheKeepsNoAnswerOlderThanAChange(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		cache, err := store.NewCache(ctx, s)
		noError(t, err)
		defer cache.Close()
		v := &usher.Session{Name: "class", State: usher.StateOpen}
		noError(t, s.CreateSession(ctx, v))
		reading, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for reading.Err() == nil {
					cache.Session(reading, "class")
				}
			})
		}
		for range 30 {
			v.Capacity++
			if err := s.UpdateSession(ctx, v); err != nil {
				t.Error(err)
				break
			}
			if got, err := cache.Session(ctx, "class"); err != nil || got.Capacity != v.Capacity {
				t.Errorf("read %+v, %v after %d was written", got, err, v.Capacity)
			}
		}
		stop()
		wg.Wait()
	})
}
