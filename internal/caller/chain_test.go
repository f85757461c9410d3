package caller_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/limit"
)

func request(peer string, authorization ...string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	return r
}

// newChain returns a chain over a shelf of keys that takes 20 failures an hour of an address, 10 of a target.
func newChain(t *testing.T, now *clock, s *shelf, change func(*caller.ChainConfig)) *caller.Chain {
	t.Helper()
	guesses, err := limit.NewGuesses(20, 10, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	cfg := caller.ChainConfig{Bearers: []caller.Bearer{caller.NewKeys(s, s, 0, now.Now)}, Guesses: guesses}
	if change != nil {
		change(&cfg)
	}
	c, err := caller.NewChain(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChainPicksByWhatTheRequestCarries(t *testing.T) {
	now := newClock()
	s := newShelf()
	key := s.add(t, usher.Key{ID: "k1"})
	invite, _, _ := caller.NewInvite(rand.Reader)
	closed, open := newChain(t, now, s, nil), newChain(t, now, s, func(c *caller.ChainConfig) { c.Open = true })
	for _, tt := range []struct {
		name          string
		authorization []string
		kind          usher.CallerKind
		says          string
	}{
		{"a key", []string{"Bearer " + key}, usher.KindKey, ""},
		{"small letters and spaces", []string{"  bearer   " + key + " "}, usher.KindKey, ""},
		{"an unknown credential", []string{"Bearer hunter2"}, "", "neither an API key"},
		{"an invite", []string{"Bearer " + invite}, "", "redeemed at"},
		{"a token, but no issuer", []string{"Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA"}, "", "no OpenID issuer"},
		{"another scheme", []string{"Basic dXNlcjpwYXNz"}, "", "not of the form"},
		{"a scheme alone", []string{"Bearer"}, "", "not of the form"},
		{"the key alone", []string{key}, "", "not of the form"},
		{"empty", []string{""}, "", "not of the form"},
		{"two words", []string{"Bearer " + key + " x"}, "", "not of the form"},
		{"two headers", []string{"Bearer " + key, "Bearer " + key}, "", "more than one"},
		{"too long", []string{"Bearer " + strings.Repeat("a", caller.MaxToken+1)}, "", "16384"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, chain := range []*caller.Chain{closed, open} { // an open door doesn't heal a wrong credential
				c, err := chain.Caller(request("192.0.2.1:99", tt.authorization...))
				if tt.kind == "" {
					if c != nil || usher.ErrorCode(err) != usher.CodeUnauthenticated || !strings.Contains(err.Error(), tt.says) {
						t.Errorf("got %v, %v; want %q", c, err, tt.says)
					}
					for _, a := range tt.authorization {
						if _, secret, _ := strings.Cut(a, " "); len(secret) > 5 && strings.Contains(err.Error(), secret) {
							t.Errorf("the credential stands in the error: %v", err)
						}
					}
				} else if err != nil || c.Kind != tt.kind || c.Addr != netip.MustParseAddr("192.0.2.1") {
					t.Errorf("got %+v, %v", c, err)
				}
			}
		})
	}
	if c, err := closed.Caller(request("192.0.2.1:99")); c != nil || usher.ErrorCode(err) != usher.CodeUnauthenticated || !strings.Contains(err.Error(), "send Authorization: Bearer") {
		t.Errorf("nobody: %v, %v", c, err)
	}
	if c, err := open.Caller(request("192.0.2.1:99")); err != nil || c.Kind != usher.KindAnyone || c.Addr != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("anyone: %v, %v", c, err)
	}
	if _, err := caller.NewChain(caller.ChainConfig{}); err == nil || !strings.Contains(err.Error(), "--open") {
		t.Errorf("a chain that lets nobody in: %v", err)
	}
}

func TestFailedAuthenticationIsSlowed(t *testing.T) {
	now := newClock()
	s := newShelf()
	proxies, err := limit.ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	good, next := s.add(t, usher.Key{ID: "k1"}), s.add(t, usher.Key{ID: "k2"})
	chain := newChain(t, now, s, func(c *caller.ChainConfig) { c.Proxies = proxies })
	ask := func(from, key string) usher.Code {
		r := request("10.0.0.1:99", "Bearer "+key)
		r.Header.Set("X-Forwarded-For", "8.8.8.8, "+from)
		_, err := chain.Caller(r)
		return usher.ErrorCode(err)
	}
	if code := ask("192.0.2.1", good); code != "" {
		t.Fatal(code)
	}
	guess := func(from string, until time.Duration) (made int) {
		for end := now.Now().Add(until); now.Now().Before(end); now.advance(10 * time.Second) {
			wrong, _, _ := caller.NewKey(rand.Reader)
			switch ask(from, wrong) {
			case usher.CodeUnauthenticated:
				made++
			case usher.CodeLimited:
			default:
				t.Fatal("a guess was right")
			}
		}
		return made
	}
	if made := guess("192.0.2.1", time.Hour); made > 20 || made < 19 {
		t.Errorf("%d guesses in an hour, limit 20", made)
	}
	for code := usher.Code(""); code != usher.CodeLimited; {
		wrong, _, _ := caller.NewKey(rand.Reader)
		code = ask("192.0.2.1", wrong)
	}
	asked := s.asked
	if code := ask("192.0.2.1", next); code != usher.CodeLimited || s.asked != asked {
		t.Errorf("a key that nobody has seen yet gives %q from an address that guesses; the store was asked %d times", code, s.asked-asked)
	}
	if code := ask("192.0.2.1", good); code != "" {
		t.Errorf("a back end at work behind the same address is stopped: %q", code)
	}
	if code := ask("192.0.2.2", next); code != "" {
		t.Errorf("another address is stopped: %q", code)
	}
	if made := guess("2001:db8::1", 10*time.Second) + guess("2001:db8::2", time.Hour-10*time.Second); made > 20 {
		t.Errorf("%d guesses from one /64 in an hour", made)
	}
}

func TestARevokedKeyIsATarget(t *testing.T) {
	now := newClock()
	s := newShelf()
	revoked := s.add(t, usher.Key{ID: "k1", RevokedAt: now.Now()})
	chain := newChain(t, now, s, nil)
	told := 0
	for i := range 100 {
		_, err := chain.Caller(request(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 9).String(), "Bearer "+revoked))
		if usher.ErrorCode(err) == usher.CodeUnauthenticated {
			told++
		}
	}
	if told != 5 {
		t.Errorf("the holders of a revoked key were told %d times at once, want half of 10", told)
	}
}

func TestFaultsOfTheStoreAreNoGuesses(t *testing.T) {
	now := newClock()
	s := newShelf()
	chain := newChain(t, now, s, nil)
	key := s.add(t, usher.Key{ID: "k1"})
	s.set(func() { s.err = errors.New("down") })
	for range 100 {
		if _, err := chain.Caller(request("192.0.2.1:99", "Bearer "+key)); usher.ErrorCode(err) != usher.CodeUnavailable {
			t.Fatal(err)
		}
	}
	s.set(func() { s.err = nil })
	if _, err := chain.Caller(request("192.0.2.1:99", "Bearer "+key)); err != nil {
		t.Error(err)
	}
}

func FuzzBearer(f *testing.F) {
	now := newClock()
	s := newShelf()
	secret, hash, _ := caller.NewKey(rand.Reader)
	s.keys[hash] = &usher.Key{ID: "k1"}
	users, err := caller.NewUsers(caller.UsersConfig{Now: now.Now, Issuers: []caller.Issuer{{URL: "https://127.0.0.1:1", Audiences: []string{"app"}}}})
	if err != nil {
		f.Fatal(err)
	}
	chain, err := caller.NewChain(caller.ChainConfig{Bearers: []caller.Bearer{caller.NewKeys(s, s, 0, now.Now), users}})
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range []string{
		"Bearer " + secret, "bearer x", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovLzEyNy4wLjAuMToxIn0.AAAA", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer eyJ..", "Basic x", "",
		"Bearer eyJhbGciOiJIUzI1NiJ9.e30.AA", "Bearer ey.a.b.c.d",
	} {
		f.Add(a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no fuzz shall wait for a provider
	f.Fuzz(func(t *testing.T, authorization string) {
		c, err := chain.Caller(request("192.0.2.1:99", authorization).WithContext(ctx))
		if err == nil {
			if _, credential, _ := strings.Cut(strings.Trim(authorization, " \t"), " "); strings.TrimLeft(credential, " ") != secret || c.ID != "k1" {
				t.Errorf("%q is %v", authorization, c)
			}
			return
		}
		switch usher.ErrorCode(err) {
		case usher.CodeUnauthenticated, usher.CodeUnavailable:
		default:
			t.Errorf("%q: %v", authorization, err)
		}
	})
}
