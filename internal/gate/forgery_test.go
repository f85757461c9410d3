package gate

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

// noStore fails the test if anything gets past the signature.
type noStore struct {
	Store
	t testing.TB
}

func (s noStore) Issued(context.Context, string, string, time.Time) (*usher.LedgerRow, error) {
	return nil, errThrough
}

var errThrough = errors.New("it got through")

type noLedger struct{ rows int }

func (l *noLedger) Record(context.Context, *usher.Entry) error { l.rows++; return nil }

type noEngine struct{ Engine }

// mutations make another token of a sound one.
var mutations = []struct {
	name string
	do   func(r *rand.Rand, header, payload, signature string) string
}{
	{"a bit", func(r *rand.Rand, h, p, s string) string {
		b := []byte(h + "." + p + "." + s)
		i := r.IntN(len(b))
		b[i] ^= 1 << r.IntN(8)
		return string(b)
	}},
	{"a character of base64url", func(r *rand.Rand, h, p, s string) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		b := []byte(h + "." + p + "." + s)
		for {
			i := r.IntN(len(b))
			if c := alphabet[r.IntN(64)]; b[i] != '.' && b[i] != c {
				b[i] = c
				return string(b)
			}
		}
	}},
	{"cut", func(r *rand.Rand, h, p, s string) string {
		t := h + "." + p + "." + s
		return t[:r.IntN(len(t))]
	}},
	{"longer", func(r *rand.Rand, h, p, s string) string {
		return h + "." + p + "." + s + strings.Repeat(string("A=.\n "[r.IntN(5)]), 1+r.IntN(4))
	}},
	{"parts swapped", func(r *rand.Rand, h, p, s string) string {
		parts := [][3]string{{p, h, s}, {h, s, p}, {s, p, h}, {h, h, s}, {p, p, s}, {h, p, h}}[r.IntN(6)]
		return strings.Join(parts[:], ".")
	}},
	{"another header", func(r *rand.Rand, _, p, s string) string {
		headers := []string{
			`{"alg":"none","typ":"JWT"}`, `{"alg":"NONE","typ":"JWT"}`, `{"alg":"None"}`, `{"alg":"HS384","typ":"JWT"}`, `{"alg":"HS512","typ":"JWT"}`,
			`{"alg":"RS256","typ":"JWT"}`, `{"alg":"ES256","typ":"JWT"}`, `{"alg":"hs256","typ":"JWT"}`, `{"typ":"JWT"}`, `{"alg":"","typ":"JWT"}`,
			`{"alg":["HS256"],"typ":"JWT"}`, `{"alg":"HS256","typ":"JWT","crit":["x"]}`, `{"alg":"HS256","alg":"none","typ":"JWT"}`,
			`{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}`, `{"alg":"HS256","typ":"JWT","jku":"https://x"}`, `{"typ":"JWT","alg":"HS256"}`, ` {"alg":"HS256","typ":"JWT"}`,
		}
		if r.IntN(3) == 0 {
			s = ""
		}
		return base64.RawURLEncoding.EncodeToString([]byte(headers[r.IntN(len(headers))])) + "." + p + "." + s
	}},
	{"another payload", func(r *rand.Rand, h, p, s string) string {
		b, _ := base64.RawURLEncoding.DecodeString(p)
		t := string(b)
		changes := [][2]string{
			{`"role_type":0`, `"role_type":1`}, {`"tpc":"Room`, `"tpc":"Boom`}, {`"exp":1`, `"exp":9`}, {`"user_key":"`, `"user_key":"x`},
			{`{`, `{"role_type":1,`}, {`}`, `,"tpc":"Board"}`}, {`"version":1`, `"version":2`}, {`"app_key":"gateKey"`, `"app_key":"gateKeY"`},
		}
		c := changes[r.IntN(len(changes))]
		return h + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(t, c[0], c[1], 1))) + "." + s
	}},
	{"encoded otherwise", func(r *rand.Rand, h, p, s string) string {
		raw := func(x string) []byte { b, _ := base64.RawURLEncoding.DecodeString(x); return b }
		switch r.IntN(4) {
		case 0:
			return h + "." + p + "." + base64.URLEncoding.EncodeToString(raw(s))
		case 1:
			return h + "." + p + "." + fmt.Sprintf("%x", raw(s))
		case 2:
			return base64.StdEncoding.EncodeToString(raw(h)) + "." + base64.StdEncoding.EncodeToString(raw(p)) + "." + base64.StdEncoding.EncodeToString(raw(s))
		}
		return "Bearer " + h + "." + p + "." + s
	}},
	{"the signature of another token", func(r *rand.Rand, h, p, s string) string {
		key := make([]byte, 32)
		for i := range key {
			key[i] = byte(r.Uint32())
		}
		return h + "." + p + "." + base64.RawURLEncoding.EncodeToString(key)
	}},
}

// TestForgeries has the gate refuse 100,000 tokens that nobody signed. Where
// golang-jwt judges the same rule, it agrees, but for line breaks at the end,
// which its base64 decoder passes over.
func TestForgeries(t *testing.T) {
	creds := videosdk.Credentials{Key: "gateKey", Secret: "a-gate-secret-of-more-than-32-bytes!"}
	now := time.Unix(1_790_000_000, 0)
	ledger := &noLedger{}
	g, err := New(Config{
		Credentials: []videosdk.Credentials{creds}, Policy: usher.PermitAll, Store: noStore{t: t}, Engine: noEngine{}, Ledger: ledger,
		Recall: func(context.Context, *usher.LedgerRow) (*usher.Caller, error) { return nil, errThrough },
		Now:    func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := videosdk.NewSigner(creds)
	if err != nil {
		t.Fatal(err)
	}
	oracle := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(g.cfg.Now), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	key := func(*jwt.Token) (any, error) { return []byte(creds.Secret), nil }
	join := func(token string) error {
		_, err := g.Join(t.Context(), &Request{Topic: "Room 7", Signature: token, UserName: "Mallory"})
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	total, took := 0, map[string]int{}
	var sample []judged
	for round := range 200 {
		sound, err := signer.Sign(videosdk.Grant{SessionName: "Room 7", UserKey: fmt.Sprint("u", round), Role: videosdk.Role(round % 2)}, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := join(sound); !errors.Is(err, errThrough) {
			t.Fatalf("a sound signature doesn't get through: %v", err)
		}
		if _, err := oracle.Parse(sound, key); err != nil {
			t.Fatalf("golang-jwt refuses a sound signature: %v", err)
		}
		sample = append(sample, judged{sound, true})
		parts := strings.Split(sound, ".")
		for _, m := range mutations {
			for range 60 {
				token := m.do(r, parts[0], parts[1], parts[2])
				if token == sound {
					continue
				}
				if total++; total%40 == 0 {
					sample = append(sample, judged{token, false})
				}
				err := join(token)
				if code := usher.ErrorCode(err); code != usher.CodeBadSignature && code != usher.CodeRole {
					t.Errorf("%s: %v: %s", m.name, err, token)
				}
				if _, err := oracle.Parse(token, key); err == nil && strings.TrimRight(token, "\n") != sound {
					took[m.name]++
				}
			}
		}
	}
	if total < 100_000 {
		t.Errorf("only %d forgeries", total)
	}
	if ledger.rows != total {
		t.Errorf("%d refusals stand in the ledger, of %d", ledger.rows, total)
	}
	for name, n := range took {
		t.Errorf("golang-jwt takes %d of the kind %q", n, name)
	}
	agreeWithNode(t, creds.Secret, now, sample)
}

// judged is a token with the gate's verdict.
type judged struct {
	token string
	taken bool
}

// agreeWithNode asks jsrsasign, and Node's own crypto about the MAC, what they
// say of the same tokens.
func agreeWithNode(t *testing.T, secret string, now time.Time, sample []judged) {
	t.Helper()
	var in strings.Builder
	for _, j := range sample {
		b, _ := json.Marshal(map[string]any{"op": "verify", "secret": secret, "token": j.token, "now": now.Unix()})
		in.Write(append(b, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), "node", "check.mjs")
	cmd.Dir, cmd.Stdin = "../../interop", strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v (scripts/setup installs what this needs)", err)
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	for _, j := range sample {
		var a struct{ Jsrsasign, Node bool }
		if err := answers.Decode(&a); err != nil {
			t.Fatal(err)
		}
		if a.Jsrsasign != j.taken && !laxer(sample, j, a.Jsrsasign) {
			t.Errorf("jsrsasign says %v, the gate %v: %s", a.Jsrsasign, j.taken, j.token)
		}
	}
	t.Logf("jsrsasign was asked about %d tokens", len(sample))
}

// laxer reports whether a token that another library takes is a sound one,
// written in a way that the gate doesn't take: it decodes less strictly.
func laxer(sample []judged, j judged, taken bool) bool {
	if !taken {
		return false
	}
	plain := func(s string) string {
		return strings.NewReplacer("=", "", "+", "-", "/", "_", "\n", "", " ", "").Replace(strings.TrimPrefix(s, "Bearer "))
	}
	for _, s := range sample {
		if s.taken && plain(s.token) == plain(j.token) {
			return true
		}
	}
	return false
}
