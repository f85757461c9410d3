package caller_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
)

// A mint signs whatever claims a test wants, which no real provider would. The
// real one is in users_provider_test.go.
type mint struct {
	*httptest.Server
	key    *rsa.PrivateKey
	routes map[string]http.HandlerFunc // that take the place of the usual ones
}

func newMint(t *testing.T) *mint {
	m := &mint{key: must(rsa.GenerateKey(rand.Reader, 2048)), routes: map[string]http.HandlerFunc{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := m.routes[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, m.URL, m.URL+"/jwks")
		case "/jwks":
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{m.public()}})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mint) public() jose.JSONWebKey { return jose.JSONWebKey{Key: m.key.Public(), KeyID: "1"} }

func (m *mint) issuer() caller.Issuer { return caller.Issuer{URL: m.URL, Audiences: []string{"app"}} }

// token signs sound claims with those changes; nil takes one out.
func (m *mint) token(now *clock, header, change map[string]any) string {
	h := map[string]any{"alg": "RS256", "kid": "1"}
	c := map[string]any{"iss": m.URL, "aud": "app", "sub": "anna", "exp": now.Now().Add(time.Hour).Unix(), "iat": now.Now().Unix()}
	for _, p := range []struct{ to, from map[string]any }{{h, header}, {c, change}} {
		for k, v := range p.from {
			if p.to[k] = v; v == nil {
				delete(p.to, k)
			}
		}
	}
	return signRSA(m.key, h, c)
}

type object = map[string]any

func TestClaims(t *testing.T) {
	m := newMint(t)
	now := newClock()
	long, astral := strings.Repeat("x", 37), strings.Repeat("😀", 18) // 36 UTF-16 code units
	for _, tt := range []struct {
		name   string
		issuer func(*caller.Issuer)
		header object
		change object
		want   expected
		says   string
	}{
		{name: "the least", want: expected{key: "anna"}},
		{name: "all", change: object{"name": " Anna\u0000 \n", "groups": []string{"staff", "x"}}, want: expected{"anna", "Anna", "staff x"}},
		{name: "one group as text", change: object{"groups": "staff"}, want: expected{key: "anna", groups: "staff"}},
		{name: "null groups", change: object{"groups": json.RawMessage("null")}, want: expected{key: "anna"}},
		{name: "groups of another kind", change: object{"groups": object{"a": 1}}, says: "no list of names"},
		{name: "a group of another kind", change: object{"groups": []any{"a", nil}}, says: "no list of names"},
		{name: "groups elsewhere", change: object{"_claim_names": object{"groups": "src1"}, "_claim_sources": object{"src1": object{"endpoint": "http://127.0.0.1:1/"}}}, says: "too many"},
		{name: "a long name", change: object{"name": strings.Repeat("ä", 300)}, want: expected{key: "anna", name: strings.Repeat("ä", 100)}},
		{name: "several audiences", change: object{"aud": []string{"x", "app"}}, want: expected{key: "anna"}},
		{name: "no audience", change: object{"aud": nil}, says: "audience"},
		{name: "another audience", change: object{"aud": []string{"application", "APP"}}, says: "audience"},
		{name: "no subject", change: object{"sub": nil}, says: "no claim sub"},
		{name: "empty subject", change: object{"sub": ""}, says: "no claim sub"},
		{name: "37 characters", change: object{"sub": long}, want: expected{key: caller.DigestUserKey(m.URL, long)}},
		{name: "36 characters", change: object{"sub": long[:36]}, want: expected{key: long[:36]}},
		{name: "36 UTF-16 code units", change: object{"sub": astral}, want: expected{key: astral}},
		{name: "one more", change: object{"sub": astral + "x"}, want: expected{key: caller.DigestUserKey(m.URL, astral+"x")}},
		{name: "a user key that only Usher makes", change: object{"sub": "~i.1"}, want: expected{key: caller.DigestUserKey(m.URL, "~i.1")}},
		{name: "a control character", change: object{"sub": "a\u0007b"}, want: expected{key: caller.DigestUserKey(m.URL, "a\u0007b")}},
		{name: "broken text", change: object{"sub": json.RawMessage(`"\ud800"`)}, says: "no proper text"},
		{name: "a number", issuer: func(i *caller.Issuer) { i.UserKey = "nr" }, change: object{"nr": 9007199254740993}, want: expected{key: "9007199254740993"}},
		{name: "a nested claim", issuer: func(i *caller.Issuer) { i.Groups = "realm_access.roles" }, change: object{"realm_access": object{"roles": []string{"r"}}}, want: expected{key: "anna", groups: "r"}},
		{name: "a claim with dots", issuer: func(i *caller.Issuer) { i.Groups = "https://a.example/groups" }, change: object{"https://a.example/groups": []string{"r"}}, want: expected{key: "anna", groups: "r"}},
		{name: "claims in other case are others", change: object{"sub": nil, "SUB": "root"}, says: "no claim sub"},
		{name: "email that isn't verified", issuer: func(i *caller.Issuer) { i.UserKey = "email" }, change: object{"email": "a@b"}, says: "not verified"},
		{name: "email verified in words", issuer: func(i *caller.Issuer) { i.UserKey = "email" }, change: object{"email": "a@b", "email_verified": "true"}, want: expected{key: "a@b"}},

		{name: "no expiry", change: object{"exp": nil}, says: "no expiry"},
		{name: "expiry of another kind", change: object{"exp": []int{1}}, says: "exp"},
		{name: "expiry beyond all time", change: object{"exp": 1e300}, says: "exp"},
		{name: "not before", change: object{"nbf": now.Now().Add(caller.Leeway + 2*time.Second).Unix()}, says: "nbf"},
		{name: "clocks a little apart", change: object{"nbf": now.Now().Add(caller.Leeway - 2*time.Second).Unix()}, want: expected{key: "anna"}},
		{name: "issued in the future", change: object{"iat": now.Now().Add(time.Hour).Unix()}, says: "iat"},

		{name: "an access token", header: object{"typ": "at+jwt"}, want: expected{key: "anna"}},
		{name: "its full type", header: object{"typ": "application/AT+JWT"}, want: expected{key: "anna"}},
		{name: "a logout token", header: object{"typ": "logout+jwt"}, says: "another kind"},
		{name: "a logout token that doesn't say so", change: object{"events": object{}}, says: "event"},
		{name: "a token bound to a key", change: object{"cnf": object{"jkt": "x"}}, says: "bound to a key"},
		{name: "no key id", header: object{"kid": nil}, want: expected{key: "anna"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			issuer := m.issuer()
			if tt.issuer != nil {
				tt.issuer(&issuer)
			}
			u := newUsers(t, now, issuer)
			token := m.token(now, tt.header, tt.change)
			if tt.says != "" {
				refused(t, u, token, usher.CodeUnauthenticated, tt.says)
				return
			}
			c := accepted(t, u, token)
			if got := (expected{c.UserKey, c.Name, strings.Join(c.Groups, " ")}); got != tt.want || c.ID != c.UserKey || c.Kind != usher.KindUser {
				t.Errorf("got %+v, want %+v", c, tt.want)
			}
		})
	}
}

type expected struct{ key, name, groups string }

// The digest must stay as it is: user keys stand in Zoom's reports and in lists of hosts.
func TestDigestUserKeyNeverChanges(t *testing.T) {
	if got, want := caller.DigestUserKey("https://id.example.org", "anna"), "~83k0WQMpumbKu64ljFOkMb-jUPlXhxa2nvG"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIssuersThatCantBe(t *testing.T) {
	ok := caller.Issuer{URL: "https://id.example.org", Audiences: []string{"app"}}
	with := func(change func(*caller.Issuer)) []caller.Issuer {
		i := ok
		change(&i)
		return []caller.Issuer{i}
	}
	for _, tt := range []struct {
		issuers []caller.Issuer
		says    []string
	}{
		{with(func(i *caller.Issuer) { i.URL = "" }), []string{"no address"}},
		{with(func(i *caller.Issuer) { i.URL = "id.example.org" }), []string{"https://host/path"}},
		{with(func(i *caller.Issuer) { i.URL = "http://id.example.org" }), []string{"must begin with https://"}},
		{with(func(i *caller.Issuer) { i.URL = "https://user:canary@id.example.org" }), []string{"no address"}},
		{with(func(i *caller.Issuer) { i.Audiences = nil }), []string{"needs its audiences"}},
		{with(func(i *caller.Issuer) { i.Audiences = []string{""} }), []string{"needs its audiences"}},
		{with(func(i *caller.Issuer) { i.Algorithms = []string{"HS256", "none"} }), []string{`"HS256"`, `"none"`}},
		{[]caller.Issuer{ok, ok}, []string{"listed twice"}},
		{[]caller.Issuer{ok, {URL: "https://other.example.org", Audiences: []string{"app"}, Groups: "roles"}}, []string{"https://id.example.org must say which claim"}},
	} {
		_, err := caller.NewUsers(caller.UsersConfig{Issuers: tt.issuers, Now: time.Now})
		for _, says := range tt.says {
			if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%+v: %v; want %q in it", tt.issuers, err, says)
			}
		}
	}
	if _, err := caller.NewUsers(caller.UsersConfig{Now: time.Now, Issuers: []caller.Issuer{
		{URL: ok.URL, Audiences: ok.Audiences, Groups: "groups"},
		{URL: "http://[::1]:5556/dex", Audiences: []string{"app"}, Groups: "groups"}, {URL: "http://localhost:5556", Audiences: []string{"app"}, Groups: caller.NoGroups},
	}}); err != nil {
		t.Error(err)
	}
}

func TestProvidersThatMisbehave(t *testing.T) {
	elsewhere := newMint(t)
	for _, tt := range []struct {
		name, path string
		answer     http.HandlerFunc
		cause      string // in the log
	}{
		{"redirects elsewhere", "/jwks", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/jwks", http.StatusFound)
		}, "redirects"},
		{"discovery redirects elsewhere", "/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		}, "redirects"},
		{"says it is another", "/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, elsewhere.URL, elsewhere.URL+"/jwks")
		}, "did not match"},
		{"keys over http elsewhere", "/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"issuer":"http://%s","jwks_uri":"http://keys.example.org/"}`, r.Host)
		}, "https://"},
		{"no keys in the answer", "/jwks", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"error":"x"}`)) }, "no key set"},
		{"no JSON", "/jwks", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`<html>`)) }, "no key set"},
		{"keys without end", "/jwks", func(w http.ResponseWriter, _ *http.Request) {
			for range 300 {
				w.Write(make([]byte, 1<<10))
			}
		}, "262144 bytes"},
		{"a page for an answer", "/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			w.Write(make([]byte, 100<<10))
		}, "502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMint(t)
			now := newClock()
			m.routes[tt.path] = tt.answer
			u := newUsers(t, now, m.issuer())
			token := m.token(now, nil, nil)
			e := refused(t, u, token, usher.CodeUnavailable, "")
			if e.Cause == nil || !strings.Contains(e.Cause.Error(), tt.cause) || len(e.Cause.Error()) > 1000 {
				t.Errorf("cause %.500v; want %q in it", e.Cause, tt.cause)
			}
			delete(m.routes, tt.path)
			now.advance(5 * time.Second)
			accepted(t, u, token)
		})
	}
}

func TestKeysThatAreNone(t *testing.T) {
	m := newMint(t)
	now := newClock()
	short := must(rsa.GenerateKey(rand.Reader, 1024))
	m.routes["/jwks"] = func(w http.ResponseWriter, _ *http.Request) {
		secret := jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "oct", Algorithm: "HS256"}
		private := jose.JSONWebKey{Key: m.key, KeyID: "private"}
		enc := m.public()
		enc.KeyID, enc.Use = "enc", "enc"
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{
			object{"kty": "XYZ"}, "rubbish", secret, private, enc, jose.JSONWebKey{Key: short.Public(), KeyID: "short"}, m.public(),
		}})
	}
	u := newUsers(t, now, m.issuer())
	accepted(t, u, m.token(now, nil, nil))
	for _, kid := range []string{"oct", "private", "enc"} {
		refused(t, u, m.token(now, object{"kid": kid}, nil), usher.CodeUnauthenticated, "doesn't have")
	}
	h, c := readToken(t, m.token(now, object{"kid": "short"}, nil))
	refused(t, u, signRSA(short, h, c), usher.CodeUnauthenticated, "doesn't have")
}

func TestWhoeverGivesUpWaitingSpoilsNothing(t *testing.T) {
	m := newMint(t)
	now := newClock()
	hold := make(chan struct{})
	m.routes["/jwks"] = func(w http.ResponseWriter, _ *http.Request) {
		<-hold
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{m.public()}})
	}
	u := newUsers(t, now, m.issuer())
	token := m.token(now, nil, nil)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := u.Bearer(gone, token); usher.ErrorCode(err) != usher.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	close(hold)
	accepted(t, u, token) // by the fetch that the other began
}

func BenchmarkBearer(b *testing.B) {
	m := &mint{key: must(rsa.GenerateKey(rand.Reader, 2048))}
	now := newClock()
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/jwks" {
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{m.public()}})
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, m.URL, m.URL+"/jwks")
	}))
	defer m.Close()
	u, err := caller.NewUsers(caller.UsersConfig{Issuers: []caller.Issuer{m.issuer()}, Now: now.Now})
	if err != nil {
		b.Fatal(err)
	}
	token := m.token(now, nil, nil)
	b.Run("RS256", func(b *testing.B) {
		for b.Loop() {
			if _, err := u.Bearer(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	s := newShelf()
	secret, hash, _ := caller.NewKey(rand.Reader)
	s.keys[hash] = &usher.Key{ID: "k1"}
	for name, remember := range map[string]time.Duration{"key": 0, "key remembered": caller.Remembered} {
		keys := caller.NewKeys(s, s, remember, now.Now)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := keys.Bearer(context.Background(), secret); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
