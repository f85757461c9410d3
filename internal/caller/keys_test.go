package caller_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
)

// shelf is a store of keys and bans that counts how often it is asked.
type shelf struct {
	mu    sync.Mutex
	keys  map[caller.Hash]*usher.Key
	bans  map[string]string
	used  map[string]time.Time
	err   error
	asked int
	delay chan struct{} // questions wait until it is closed; nil for none
}

func (s *shelf) question() error {
	s.mu.Lock()
	s.asked++
	err, delay := s.err, s.delay
	s.mu.Unlock()
	if delay != nil {
		<-delay
	}
	return err
}

func (s *shelf) KeyByHash(_ context.Context, hash [32]byte) (*usher.Key, error) {
	if err := s.question(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[hash], nil
}

func (s *shelf) KeysUsed(_ context.Context, at map[string]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for id, t := range at {
		s.used[id] = t
	}
	return nil
}

func (s *shelf) Ban(_ context.Context, subject string) (string, bool, error) {
	if err := s.question(); err != nil {
		return "", false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reason, ok := s.bans[subject]
	return reason, ok, nil
}

func (s *shelf) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// add makes a key and returns its secret.
func (s *shelf) add(t *testing.T, k usher.Key) string {
	t.Helper()
	secret, hash, err := caller.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k.Hash = hash
	s.set(func() { s.keys[hash] = &k })
	return secret
}

func newShelf() *shelf {
	return &shelf{keys: map[caller.Hash]*usher.Key{}, bans: map[string]string{}, used: map[string]time.Time{}}
}

func TestKeys(t *testing.T) {
	now := newClock()
	s := newShelf()
	keys := caller.NewKeys(s, s, caller.Remembered, now.Now)
	good := s.add(t, usher.Key{ID: "k1", Name: "backend", May: []usher.Action{usher.ActionJoin}, Sessions: []string{"class-*"}, ExpiresAt: now.Now().Add(time.Hour)})
	expired := s.add(t, usher.Key{ID: "k2", ExpiresAt: now.Now()})
	revoked := s.add(t, usher.Key{ID: "k3", RevokedAt: now.Now().Add(-time.Hour)})
	unknown, _, _ := caller.NewKey(rand.Reader)
	c, err := keys.Bearer(context.Background(), good)
	if err != nil {
		t.Fatal(err)
	}
	if c.Kind != usher.KindKey || c.ID != "k1" || c.Name != "backend" || c.UserKey != "" ||
		!c.Scope.Covers(usher.ActionJoin, "Class-7") || c.Scope.Covers(usher.ActionHost, "class-7") || c.Scope.Covers(usher.ActionJoin, "other") {
		t.Errorf("%+v %+v", c, c.Scope)
	}
	for secret, says := range map[string]string{
		expired: "expired at", revoked: "revoked at", unknown: "no such API key",
		good[:20]: "copy it whole", swapped(good): "checksum",
	} {
		c, err := keys.Bearer(context.Background(), secret)
		if c != nil || usher.ErrorCode(err) != usher.CodeUnauthenticated || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, %v; want %q", c, err, says)
		}
		if strings.Contains(err.Error(), secret[len("usher_"):]) {
			t.Errorf("the key stands in its error: %v", err)
		}
	}
	if c, err := keys.Bearer(context.Background(), "eyJhbGciOi"); c != nil || err != nil {
		t.Errorf("another kind of credential: %v, %v", c, err)
	}
	now.advance(time.Hour)
	if _, err := keys.Bearer(context.Background(), good); usher.ErrorCode(err) != usher.CodeUnauthenticated {
		t.Errorf("after its end the key gives %v", err)
	}
}

func TestRevocationIsInForceWithinTwoSeconds(t *testing.T) {
	now := newClock()
	s := newShelf()
	keys := caller.NewKeys(s, s, time.Hour, now.Now) // it is asked to remember for too long
	secret := s.add(t, usher.Key{ID: "k1"})
	later, laterHash, _ := caller.NewKey(rand.Reader)
	ask := func(secret string) error { _, err := keys.Bearer(context.Background(), secret); return err }
	if err := ask(secret); err != nil {
		t.Fatal(err)
	}
	if ask(later) == nil {
		t.Fatal("a key that isn't there is taken")
	}
	s.set(func() {
		for h, k := range s.keys {
			gone := *k
			gone.RevokedAt = now.Now()
			s.keys[h] = &gone
		}
		s.keys[laterHash] = &usher.Key{ID: "k2"}
	})
	now.advance(caller.Remembered)
	if ask(secret) == nil {
		t.Errorf("%v after its revocation the key is taken", caller.Remembered)
	}
	if err := ask(later); err != nil {
		t.Errorf("%v after it was made: %v", caller.Remembered, err)
	}
}

func TestTheStoreIsAskedSeldom(t *testing.T) {
	now := newClock()
	s := newShelf()
	keys := caller.NewKeys(s, s, caller.Remembered, now.Now)
	secret := s.add(t, usher.Key{ID: "k1"})
	wrong, _, _ := caller.NewKey(rand.Reader)
	hold := make(chan struct{})
	s.delay = hold
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := keys.Bearer(context.Background(), secret); err != nil {
				t.Error(err)
			}
		})
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	all.Go(func() { // whether it asks or waits, it must not spoil it for the others
		if _, err := keys.Bearer(gone, secret); err != nil && usher.ErrorCode(err) != usher.CodeUnavailable {
			t.Error(err)
		}
	})
	close(hold)
	all.Wait()
	for range 100 {
		_, _ = keys.Bearer(context.Background(), wrong)
	}
	if s.asked > 3 {
		t.Errorf("asked %d times for two keys at one moment", s.asked)
	}
}

func TestAKeyWhoseStoreIsDown(t *testing.T) {
	now := newClock()
	s := newShelf()
	keys := caller.NewKeys(s, s, caller.Remembered, now.Now)
	secret := s.add(t, usher.Key{ID: "k1"})
	s.err = errors.New("connection refused")
	_, err := keys.Bearer(context.Background(), secret)
	var e *usher.Error
	if !errors.As(err, &e) || e.Code != usher.CodeUnavailable || strings.Contains(e.Message, "refused") || e.RetryAfter == 0 {
		t.Errorf("got %v", err)
	}
	s.set(func() { s.err = nil })
	if _, err := keys.Bearer(context.Background(), secret); err != nil {
		t.Errorf("a fault is remembered: %v", err)
	}
}

func TestLastUse(t *testing.T) {
	now := newClock()
	s := newShelf()
	keys := caller.NewKeys(s, s, caller.Remembered, now.Now)
	secrets := []string{s.add(t, usher.Key{ID: "k1"}), s.add(t, usher.Key{ID: "k2"})}
	for _, secret := range secrets {
		if _, err := keys.Bearer(context.Background(), secret); err != nil {
			t.Fatal(err)
		}
		now.advance(time.Second)
	}
	s.set(func() { s.err = errors.New("disk full") })
	if keys.NoteUse(context.Background()) == nil {
		t.Error("the store's fault is not told")
	}
	s.set(func() { s.err = nil })
	last := now.Now()
	if _, err := keys.Bearer(context.Background(), secrets[0]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	keys.Run(ctx, func(err error) { t.Error(err) }) // the end writes what is left
	if want := map[string]time.Time{"k1": last, "k2": last.Add(-time.Second)}; fmt.Sprint(s.used) != fmt.Sprint(want) {
		t.Errorf("noted %v, want %v", s.used, want)
	}
}

func TestActionsOf(t *testing.T) {
	for _, tt := range []struct{ may, roles, want string }{
		{"", "", "join host"},
		{"sign", "participant", "join"},
		{"sign", "host", "host"},
		{"sign inspect", "host participant", "host join inspect"},
		{"manage", "", "manage"},
		{"fly", "", `a key may sign, inspect or manage, not "fly"`},
		{"sign", "king", `role "king" is neither participant nor host`},
	} {
		got, err := caller.ActionsOf(strings.Fields(tt.may), strings.Fields(tt.roles))
		text := strings.Trim(fmt.Sprint(got), "[]")
		if err != nil {
			text = err.Error()
		}
		if text != tt.want {
			t.Errorf("%q %q: %s, want %s", tt.may, tt.roles, text, tt.want)
		}
	}
}

func TestBans(t *testing.T) {
	now := newClock()
	s := newShelf()
	s.bans = map[string]string{"user:troll": "spam", "key:k1": "", "guest:i.3": "noise"}
	bans := caller.NewBans(s, caller.Remembered, now.Now)
	for _, tt := range []struct {
		who     *usher.Caller
		userKey string
		want    string
	}{
		{&usher.Caller{Kind: usher.KindUser, ID: "troll", UserKey: "troll"}, "troll", "spam"},
		{&usher.Caller{Kind: usher.KindUser, ID: "anna", UserKey: "anna"}, "anna", ""},
		{&usher.Caller{Kind: usher.KindKey, ID: "k1"}, "anna", "banned"},
		{&usher.Caller{Kind: usher.KindKey, ID: "k2"}, "troll", "spam"}, // a back end that speaks for the banned
		{&usher.Caller{Kind: usher.KindKey, ID: "k2"}, "", ""},
		{&usher.Caller{Kind: usher.KindGuest, ID: "i.3", UserKey: "~i.3"}, "~i.3", "noise"},
		{&usher.Caller{Kind: usher.KindGuest, ID: "i.4", UserKey: "~i.4"}, "~i.4", ""},
		{&usher.Caller{Kind: usher.KindAnyone}, "troll", "spam"},
	} {
		if got, err := bans.Banned(context.Background(), tt.who, tt.userKey); err != nil || got != tt.want {
			t.Errorf("%v for %q: %q, %v; want %q", tt.who, tt.userKey, got, err, tt.want)
		}
	}
	s.set(func() { s.bans["user:anna"] = "late"; delete(s.bans, "user:troll") })
	now.advance(caller.Remembered)
	if got, _ := bans.Banned(context.Background(), &usher.Caller{Kind: usher.KindKey, ID: "k2"}, "anna"); got != "late" {
		t.Errorf("a new ban: %q", got)
	}
	if got, _ := bans.Banned(context.Background(), &usher.Caller{Kind: usher.KindKey, ID: "k2"}, "troll"); got != "" {
		t.Errorf("a lifted ban: %q", got)
	}
	s.set(func() { s.err = errors.New("down") })
	now.advance(caller.Remembered)
	if _, err := bans.Banned(context.Background(), &usher.Caller{Kind: usher.KindKey, ID: "k2"}, "anna"); err == nil {
		t.Error("a list of bans that can't be read bans nobody")
	}
}
