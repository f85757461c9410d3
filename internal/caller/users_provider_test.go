package caller_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
)

// A clock is set by hand. It begins at the real time, which the tokens of a real provider bear.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newUsers(t *testing.T, c *clock, issuers ...caller.Issuer) *caller.Users {
	t.Helper()
	u, err := caller.NewUsers(caller.UsersConfig{Issuers: issuers, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// refused asks with a token that must not do, and returns the refusal. It sees
// to it that no part of the token is in it.
func refused(t *testing.T, u *caller.Users, token string, want usher.Code, says string) *usher.Error {
	t.Helper()
	c, err := u.Bearer(context.Background(), token)
	var e *usher.Error
	if c != nil || usher.ErrorCode(err) != want {
		t.Fatalf("got %+v, %v; want %q", c, err, want)
	}
	e = err.(*usher.Error)
	if !strings.Contains(e.Message, says) {
		t.Errorf("message %q; want %q in it", e.Message, says)
	}
	for _, part := range strings.Split(token, ".") {
		if len(part) > 8 && (strings.Contains(err.Error(), part) || strings.Contains(fmt.Sprintf("%+v", e), part)) {
			t.Errorf("a part of the token stands in the error: %v", err)
		}
	}
	return e
}

func accepted(t *testing.T, u *caller.Users, token string) *usher.Caller {
	t.Helper()
	c, err := u.Bearer(context.Background(), token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reader reads the two halves of a token that say something.
func readToken(t *testing.T, token string) (header, payload map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	for i, into := range []*map[string]any{&header, &payload} {
		if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[i])), into); err != nil {
			t.Fatal(err)
		}
	}
	return header, payload
}

func part(v any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }

// signRSA makes a token as RS256 does, under any header.
func signRSA(key *rsa.PrivateKey, header, payload map[string]any) string {
	text := part(header) + "." + part(payload)
	sum := sha256.Sum256([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])))
}

func TestSignInAtARealProvider(t *testing.T) {
	op := startProvider(t)
	now := newClock()
	t.Run("ID tokens of every family of algorithms", func(t *testing.T) {
		for _, alg := range []string{"RS256", "PS384", "ES256", "EdDSA"} {
			u := newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"app-" + alg}})
			id, _ := op.signIn("app-"+alg, "anna", "")
			if h, _ := readToken(t, id); h["alg"] != alg {
				t.Fatalf("the provider signed with %v, want %s", h["alg"], alg)
			}
			c := accepted(t, u, id)
			if c.Kind != usher.KindUser || c.ID != "anna" || c.UserKey != "anna" || c.Name != "Name of anna" || strings.Join(c.Groups, " ") != "staff anna-friends" {
				t.Errorf("%s: %+v", alg, c)
			}
		}
	})
	t.Run("access token for our API", func(t *testing.T) {
		u := newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"nobody", op.API}})
		id, access := op.signIn("app", "anna", op.API)
		if h, _ := readToken(t, access); h["typ"] != "at+jwt" {
			t.Fatalf("the access token has header %v", h)
		}
		if c := accepted(t, u, access); c.UserKey != "anna" || len(c.Groups) != 2 {
			t.Errorf("%+v", c)
		}
		refused(t, u, id, usher.CodeUnauthenticated, "audience")
	})
	t.Run("claims", func(t *testing.T) {
		id, _ := op.signIn("app", "anna", "")
		by := func(claim string) caller.Issuer {
			return caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}, UserKey: claim, Name: "email", Groups: "none"}
		}
		if c := accepted(t, newUsers(t, now, by("email")), id); c.UserKey != "anna@example.org" || c.Name != "anna@example.org" || c.Groups != nil {
			t.Errorf("%+v", c)
		}
		refused(t, newUsers(t, now, by("employee")), id, usher.CodeUnauthenticated, "employee")
		id, _ = op.signIn("app", "unverified", "")
		refused(t, newUsers(t, now, by("email")), id, usher.CodeUnauthenticated, "not verified")
	})
	t.Run("expired and from the future", func(t *testing.T) {
		id, _ := op.signIn("app", "anna", "")
		_, payload := readToken(t, id)
		at := func(claim string, off time.Duration) *caller.Users {
			return newUsers(t, &clock{t: time.Unix(int64(payload[claim].(float64)), 0).Add(off)}, caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}})
		}
		accepted(t, at("exp", caller.Leeway-time.Second), id)
		refused(t, at("exp", caller.Leeway), id, usher.CodeUnauthenticated, "expired at")
		accepted(t, at("iat", -caller.Leeway), id)
		refused(t, at("iat", -caller.Leeway-time.Second), id, usher.CodeUnauthenticated, "from the future")
	})
	t.Run("wrong audience", func(t *testing.T) {
		id, _ := op.signIn("other", "anna", "")
		refused(t, newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}}), id, usher.CodeUnauthenticated, "audience")
	})
	t.Run("two providers", func(t *testing.T) {
		second := startProvider(t)
		first := caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}, Groups: "groups"}
		idFirst, _ := op.signIn("app", "anna", "")
		idSecond, _ := second.signIn("app", "anna", "")
		refused(t, newUsers(t, now, first), idSecond, usher.CodeUnauthenticated, "issuer (iss)")

		both := newUsers(t, now, first, caller.Issuer{URL: second.Issuer, Audiences: []string{"app"}, Groups: caller.NoGroups})
		a, b := accepted(t, both, idFirst), accepted(t, both, idSecond)
		if a.UserKey == b.UserKey || a.UserKey != caller.DigestUserKey(op.Issuer, "anna") || len(b.UserKey) != 36 {
			t.Errorf("two people called anna have the keys %q and %q", a.UserKey, b.UserKey)
		}
		if len(a.Groups) != 2 || b.Groups != nil {
			t.Errorf("groups %q and %q; want those of the first alone", a.Groups, b.Groups)
		}
		first.PlainUserKeys = true
		both = newUsers(t, now, first, caller.Issuer{URL: second.Issuer, Audiences: []string{"app"}, Groups: caller.NoGroups})
		if a := accepted(t, both, idFirst); a.UserKey != "anna" {
			t.Errorf("%+v", a)
		}
		long := strings.Repeat("x", 37)
		idLong, _ := op.signIn("app", long, "")
		if c := accepted(t, both, idLong); c.UserKey != caller.DigestUserKey(op.Issuer, long) {
			t.Errorf("%+v", c)
		}
	})
}

func TestForgedTokens(t *testing.T) {
	op := startProvider(t)
	now := newClock()
	u := newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}})
	id, access := op.signIn("app", "anna", "")
	accepted(t, u, id)
	header, payload := readToken(t, id)
	mine := must(rsa.GenerateKey(rand.Reader, 2048))
	with := func(h map[string]any, more ...any) map[string]any {
		out := map[string]any{}
		for k, v := range h {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	public := publicKey(t, op, header["kid"].(string))
	der := must(x509.MarshalPKIXPublicKey(public))
	hs := func(secret []byte, alg string) string {
		text := part(with(header, "alg", alg)) + "." + part(payload)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	parts := strings.Split(id, ".")
	jwk := jose.JSONWebKey{Key: mine.Public(), KeyID: header["kid"].(string), Algorithm: "RS256"}
	for _, tt := range []struct {
		name, token, says string
	}{
		{"HS256 with the public key as PEM", hs(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "HS256"), "asymmetric"},
		{"HS256 with the public key as DER", hs(der, "HS256"), "asymmetric"},
		{"HS256 with the modulus", hs(public.N.Bytes(), "HS256"), "asymmetric"},
		{"none", part(with(header, "alg", "none")) + "." + parts[1] + ".", "asymmetric"},
		{"None", part(with(header, "alg", "None")) + "." + parts[1] + "." + parts[2], "asymmetric"},
		{"no alg", part(map[string]any{"kid": header["kid"]}) + "." + parts[1] + "." + parts[2], "asymmetric"},
		{"alg of another family", part(with(header, "alg", "ES256")) + "." + parts[1] + "." + parts[2], "key that its issuer doesn't have"},
		{"PS256 under the RS256 key", part(with(header, "alg", "PS256")) + "." + parts[1] + "." + parts[2], "key that its issuer doesn't have"},
		{"signed with another key", signRSA(mine, header, payload), "signature doesn't hold"},
		{"a key of its own in the header", signRSA(mine, with(header, "jwk", jwk), payload), "signature doesn't hold"},
		{"an address of keys in the header", signRSA(mine, with(header, "jku", "http://127.0.0.1:1/jwks"), payload), "signature doesn't hold"},
		{"an unknown critical header", signRSA(mine, with(header, "crit", []string{"x"}, "x", 1), payload), ""},
		{"another payload", parts[0] + "." + part(with(payload, "sub", "root")) + "." + parts[2], "signature doesn't hold"},
		{"another issuer in the payload", parts[0] + "." + part(with(payload, "iss", "https://evil.example")) + "." + parts[2], "issuer (iss)"},
		{"no signature", parts[0] + "." + parts[1] + ".", ""},
		{"cut short", id[:len(id)-9], ""},
		{"encrypted", id + ".x.y", "encrypted"},
		{"no JSON", "eyJ.eyJ.eyJ", "no JWT"},
		{"too long", id + strings.Repeat("A", caller.MaxToken), "at most 16384"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, u, tt.token, usher.CodeUnauthenticated, tt.says) })
	}
	t.Run("an opaque access token is no JWT", func(t *testing.T) {
		if c, err := u.Bearer(context.Background(), access); c != nil || err != nil {
			t.Errorf("got %v, %v", c, err)
		}
	})
	t.Run("algorithms can be narrowed", func(t *testing.T) {
		narrow := newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}, Algorithms: []string{"EdDSA"}})
		refused(t, narrow, id, usher.CodeUnauthenticated, "only EdDSA")
	})
	accepted(t, u, id)
}

// publicKey reads a key where everybody can.
func publicKey(t *testing.T, op *openIDProvider, kid string) *rsa.PublicKey {
	t.Helper()
	resp := must(http.Get(op.Issuer + "/jwks"))
	defer resp.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	return set.Key(kid)[0].Key.(*rsa.PublicKey)
}

func TestForgedKeyIDsDoNotFloodTheProvider(t *testing.T) {
	op := startProvider(t)
	now := newClock()
	u := newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}})
	id, _ := op.signIn("app", "anna", "")
	header, payload := readToken(t, id)
	accepted(t, u, id)
	signature := base64.RawURLEncoding.EncodeToString(make([]byte, 256))
	forge := func(kid any) string {
		h := map[string]any{"alg": header["alg"], "typ": "JWT"}
		if kid != nil {
			h["kid"] = kid
		}
		return part(h) + "." + part(payload) + "." + signature
	}
	flood := func() {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for j := range 25 {
					kid := any(fmt.Sprintf("%d-%d", i, j))
					if j == 7 {
						kid = nil // none at all must not be a way around
					}
					if j == 8 {
						kid = header["kid"] // nor a known one
					}
					refused(t, u, forge(kid), usher.CodeUnauthenticated, "")
				}
			})
		}
		all.Wait()
	}
	_, before := op.hits()
	flood() // the keys were fetched a moment ago
	if _, got := op.hits(); got != before {
		t.Errorf("%d fetches of the keys right after the first", got-before)
	}
	for round := 1; round <= 3; round++ {
		now.advance(30 * time.Second)
		flood()
		if _, got := op.hits(); got != before+round {
			t.Errorf("after %d times 30 s: %d fetches of the keys", round, got-before)
		}
	}
	accepted(t, u, id)
}

func TestRotationOfKeys(t *testing.T) {
	op := startProvider(t)
	now := newClock()
	u := newUsers(t, now, caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}})
	old, _ := op.signIn("app", "anna", "")
	accepted(t, u, old)
	op.post("/test/rotate")
	fresh, _ := op.signIn("app", "anna", "")
	e := refused(t, u, fresh, usher.CodeUnauthenticated, "just changed its keys")
	if e.RetryAfter != 30*time.Second {
		t.Errorf("try again after %v, want 30s", e.RetryAfter)
	}
	accepted(t, u, old)
	now.advance(e.RetryAfter)
	accepted(t, u, fresh)
	refused(t, u, old, usher.CodeUnauthenticated, "") // the provider has withdrawn its key

	t.Run("a key that was withdrawn is forgotten even if nobody brings a new one", func(t *testing.T) {
		op.post("/test/rotate")
		now.advance(16 * time.Minute)
		_, before := op.hits()
		accepted(t, u, fresh) // starts a fetch in the background
		for range 500 {
			if _, n := op.hits(); n > before {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		for range 500 {
			if _, err := u.Bearer(context.Background(), fresh); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("the withdrawn key is still believed")
	})
}

func TestOutageOfTheProvider(t *testing.T) {
	op := startProvider(t)
	port := op.port()
	now := newClock()
	issuer := caller.Issuer{URL: op.Issuer, Audiences: []string{"app"}}
	u := newUsers(t, now, issuer)
	id, _ := op.signIn("app", "anna", "")
	accepted(t, u, id)
	header, payload := readToken(t, id)
	unknown := signRSA(must(rsa.GenerateKey(rand.Reader, 2048)), map[string]any{"alg": header["alg"], "kid": "new"}, payload)

	t.Run("answers with faults", func(t *testing.T) {
		op.post("/test/fail?status=500")
		now.advance(20 * time.Minute)
		accepted(t, u, id)
		now.advance(time.Minute)
		refused(t, u, unknown, usher.CodeUnavailable, "")
		accepted(t, u, id)
		op.post("/test/fail?status=0")
	})
	op.stop()
	t.Run("is gone", func(t *testing.T) {
		now.advance(time.Minute)
		accepted(t, u, id)
		e := refused(t, u, unknown, usher.CodeUnavailable, "signed in at")
		if e.RetryAfter != 30*time.Second {
			t.Errorf("try again after %v", e.RetryAfter)
		}
		accepted(t, u, id)
	})
	late := newUsers(t, now, issuer)
	t.Run("is down when the server starts", func(t *testing.T) {
		if err := late.Warm(context.Background()); err == nil || !strings.Contains(err.Error(), op.Issuer) {
			t.Errorf("Warm says %v", err)
		}
		e := refused(t, late, id, usher.CodeUnavailable, "signed in at")
		if e.RetryAfter <= 0 || e.RetryAfter > 5*time.Second {
			t.Errorf("try again after %v", e.RetryAfter)
		}
	})
	back := startProvider(t, port)
	if back.Issuer != op.Issuer {
		t.Fatalf("the provider came back as %s", back.Issuer)
	}
	t.Run("comes back with other keys", func(t *testing.T) {
		fresh, _ := back.signIn("app", "anna", "")
		now.advance(30 * time.Second)
		accepted(t, late, fresh)
		accepted(t, u, fresh)
	})
}
