package caller_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/limit"
	"github.com/usher-sessions/usher/internal/store"
)

// The store's types must go on fitting these interfaces.
var (
	_ caller.KeyFinder   = (*store.Store)(nil)
	_ caller.KeyFinder   = (*store.Cache)(nil)
	_ caller.UseNoter    = (*store.Store)(nil)
	_ caller.BanStore    = (*store.Store)(nil)
	_ caller.BanStore    = (*store.Cache)(nil)
	_ caller.InviteStore = (*store.Store)(nil)
)

func openStore(t *testing.T, now *clock) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Location: filepath.Join(t.TempDir(), "usher.db"), Now: now.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// invite makes one in the store and returns its code.
func invite(t *testing.T, s *store.Store, v usher.Invite) (code string, id string) {
	t.Helper()
	code, hash, err := caller.NewInvite(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v.Hash = hash
	if err := s.CreateInvite(context.Background(), &v); err != nil {
		t.Fatal(err)
	}
	return code, v.ID
}

func TestInvites(t *testing.T) {
	now := newClock()
	s := openStore(t, now)
	invites := caller.NewInvites(s, nil)
	redeem := func(code, guest string) (*usher.Caller, error) {
		return invites.Redeem(context.Background(), &caller.Redemption{Code: code, Guest: guest, Name: "Anna\n", Addr: netip.MustParseAddr("192.0.2.1")})
	}
	end := now.Now().Add(time.Hour)
	one, id := invite(t, s, usher.Invite{Session: "Cool Cars", Uses: 1, ExpiresAt: end})
	anna, bert := rand.Text(), rand.Text()

	t.Run("one use, and back", func(t *testing.T) {
		c, err := redeem(one, anna)
		if err != nil {
			t.Fatal(err)
		}
		if c.Kind != usher.KindGuest || c.ID != id+".1" || c.UserKey != "~"+id+".1" || len(c.UserKey) > 36 || c.Name != "Anna" || !c.Addr.IsValid() ||
			!c.Scope.Covers(usher.ActionJoin, "cool cars") || c.Scope.Covers(usher.ActionHost, "cool cars") || c.Scope.Covers(usher.ActionJoin, "other") {
			t.Errorf("%+v %+v", c, c.Scope)
		}
		again, err := redeem(" "+one+"\n", anna)
		if err != nil || again.ID != c.ID || again.UserKey != c.UserKey {
			t.Errorf("back as %+v, %v", again, err)
		}
		wantRefusal(t, redeem, one, bert, usher.CodeDenied, "used up")
	})
	t.Run("a host's, of many uses", func(t *testing.T) {
		many, _ := invite(t, s, usher.Invite{Session: "Cool Cars", Host: true, ExpiresAt: end})
		seen := map[string]bool{}
		for range 5 {
			c, err := redeem(many, rand.Text())
			if err != nil || seen[c.UserKey] || !c.Scope.Covers(usher.ActionHost, "Cool Cars") {
				t.Fatalf("%+v, %v", c, err)
			}
			seen[c.UserKey] = true
		}
	})
	t.Run("revoked, for who came with it too", func(t *testing.T) {
		code, id := invite(t, s, usher.Invite{Session: "x", ExpiresAt: end})
		if _, err := redeem(code, anna); err != nil {
			t.Fatal(err)
		}
		if err := s.RevokeInvite(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, redeem, code, anna, usher.CodeDenied, "revoked")
	})
	t.Run("unknown and mistyped", func(t *testing.T) {
		unknown, _, _ := caller.NewInvite(rand.Reader)
		wantRefusal(t, redeem, unknown, anna, usher.CodeUnauthenticated, "no such invite")
		wantRefusal(t, redeem, one[:20], anna, usher.CodeUnauthenticated, "copy it whole")
		wantRefusal(t, redeem, one[:30]+"-"+one[31:], anna, usher.CodeUnauthenticated, "mistyped")
	})
	t.Run("a guest's secret that is none", func(t *testing.T) {
		for _, guest := range []string{"", "short", strings.Repeat("ab", 20), strings.Repeat("abcdefgh", 20), rand.Text() + " " + rand.Text(), rand.Text() + "ü"} {
			wantRefusal(t, redeem, one, guest, usher.CodeUnauthenticated, "secret")
		}
	})
	t.Run("a session that would be a pattern", func(t *testing.T) {
		code, _ := invite(t, s, usher.Invite{Session: "Cool*", ExpiresAt: end})
		wantRefusal(t, redeem, code, anna, usher.CodeDenied, "names no session")
	})
	now.advance(time.Hour)
	t.Run("expired", func(t *testing.T) { wantRefusal(t, redeem, one, anna, usher.CodeDenied, "expired") })
}

func wantRefusal(t *testing.T, redeem func(code, guest string) (*usher.Caller, error), code, guest string, want usher.Code, says string) {
	t.Helper()
	c, err := redeem(code, guest)
	if c != nil || usher.ErrorCode(err) != want || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, %v; want %q that says %q", c, err, want, says)
		return
	}
	if strings.Contains(err.Error(), code[len("usher_i_"):]) || len(guest) > 8 && strings.Contains(err.Error(), guest) {
		t.Errorf("a secret stands in the error: %v", err)
	}
}

func TestManyClientsOpenAOneUseInvite(t *testing.T) {
	now := newClock()
	s := openStore(t, now)
	invites := caller.NewInvites(s, nil)
	code, _ := invite(t, s, usher.Invite{Session: "x", Uses: 1, ExpiresAt: now.Now().Add(time.Hour)})
	var mu sync.Mutex
	in := map[string]bool{} // the guests' secrets
	var all sync.WaitGroup
	for range 50 {
		guest := rand.Text()
		for range 2 { // each tries twice at once, as after a lost answer
			all.Go(func() {
				_, err := invites.Redeem(context.Background(), &caller.Redemption{Code: code, Guest: guest})
				mu.Lock()
				defer mu.Unlock()
				switch usher.ErrorCode(err) {
				case "":
					in[guest] = true
				case usher.CodeDenied:
				default:
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if len(in) != 1 {
		t.Errorf("%d guests got in with one use", len(in))
	}
}

func TestWrongInvitesAreSlowed(t *testing.T) {
	now := newClock()
	s := openStore(t, now)
	guesses, err := limit.NewGuesses(20, 10, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	invites := caller.NewInvites(s, guesses)
	used, _ := invite(t, s, usher.Invite{Session: "x", Uses: 1, ExpiresAt: now.Now().Add(time.Hour)})
	redeem := func(code string) usher.Code {
		_, err := invites.Redeem(context.Background(), &caller.Redemption{Code: code, Guest: rand.Text(), Addr: netip.MustParseAddr("2001:db8::1")})
		return usher.ErrorCode(err)
	}
	redeem(used)
	for range 100 { // a class with a link that is used up isn't guessing
		if code := redeem(used); code != usher.CodeDenied {
			t.Fatal(code)
		}
	}
	looked := 0
	for range 100 {
		wrong, _, _ := caller.NewInvite(rand.Reader)
		if redeem(wrong) == usher.CodeUnauthenticated {
			looked++
		}
	}
	if looked != 10 {
		t.Errorf("%d wrong codes at once were looked up, want half of 20", looked)
	}
}

type brokenInvites struct{}

func (brokenInvites) Redeem(context.Context, [32]byte, [32]byte, string) (*usher.Invite, usher.Guest, error) {
	return nil, usher.Guest{}, errors.New("disk full")
}

func TestInvitesWhoseStoreIsDown(t *testing.T) {
	code, _, _ := caller.NewInvite(rand.Reader)
	_, err := caller.NewInvites(brokenInvites{}, nil).Redeem(context.Background(), &caller.Redemption{Code: code, Guest: rand.Text()})
	if usher.ErrorCode(err) != usher.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}
