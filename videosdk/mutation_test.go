package videosdk_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/videosdk"
)

// allReasons are the reasons that a refusal may have.
var allReasons = []error{
	videosdk.ErrTooLarge, videosdk.ErrMalformed, videosdk.ErrAlgorithm, videosdk.ErrCritical, videosdk.ErrDuplicateClaim, videosdk.ErrUnknownKey,
	videosdk.ErrMismatch, videosdk.ErrMissingClaim, videosdk.ErrClaimType, videosdk.ErrClaimValue, videosdk.ErrExpired, videosdk.ErrNotYetValid,
}

// soundTokens are what mutations begin from: three grants under each of two keys that the verifier knows.
func soundTokens(t testing.TB) (*videosdk.Verifier, []string) {
	t.Helper()
	pairs := []videosdk.Credentials{testCredentials(), {Key: "anotherKeyOfTheVerifier", Secret: "another secret of the verifier's, 40 by"}}
	v, err := videosdk.NewVerifier(pairs)
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for _, c := range pairs {
		s, err := videosdk.NewSigner(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []videosdk.Grant{everything(), {SessionName: "Cool Cars", UserKey: "u1"}, {SessionName: "Cool Cars", UserKey: "u1", Role: videosdk.Host}} {
			token, err := s.Sign(g, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(token, testNow); err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, token)
		}
	}
	return v, tokens
}

// mustRefuse fails the test if the verifier takes token or refuses it in an untyped way.
func mustRefuse(t *testing.T, v *videosdk.Verifier, token string) {
	t.Helper()
	c, err := v.Verify(token, testNow)
	if err == nil || c != nil {
		t.Fatalf("accepted: %q", token)
	}
	if _, typed := errors.AsType[*videosdk.VerifyError](err); !typed || !slices.ContainsFunc(allReasons, func(r error) bool { return errors.Is(err, r) }) {
		t.Fatalf("%T %v: %q", err, err, token)
	}
}

func TestEveryBitOfASignatureMatters(t *testing.T) {
	v, tokens := soundTokens(t)
	for _, token := range tokens {
		for bit := range len(token) * 8 {
			b := []byte(token)
			b[bit/8] ^= 1 << (bit % 8)
			mustRefuse(t, v, string(b))
		}
		for cut := range len(token) {
			mustRefuse(t, v, token[:cut])
			mustRefuse(t, v, token[cut+1:])
			mustRefuse(t, v, token[:cut]+token[cut+1:])
		}
	}
}

// 120,000 signatures damaged or forged at random, always the same: none is accepted.
func TestMutatedSignaturesAreRefused(t *testing.T) {
	const workers, each = 4, 30_000
	for w := range workers {
		t.Run(fmt.Sprint("seed ", w), func(t *testing.T) {
			t.Parallel()
			v, tokens := soundTokens(t)
			m := mutator{rand.New(rand.NewPCG(7515, uint64(w))), tokens}
			for tried := 0; tried < each; {
				mutated := m.next(t)
				if slices.Contains(tokens, mutated) {
					continue // it was changed into itself
				}
				mustRefuse(t, v, mutated)
				tried++
			}
		})
	}
}

type mutator struct {
	*rand.Rand
	tokens []string
}

const urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func (m mutator) pick() string { return m.tokens[m.IntN(len(m.tokens))] }

// next damages or forges one of the tokens, as somebody without the secret could.
func (m mutator) next(t *testing.T) string {
	token := m.pick()
	ps := strings.Split(token, ".")
	at := m.IntN(len(token))
	switch m.IntN(12) {
	case 0: // bits
		b := []byte(token)
		for range 1 + m.IntN(3) {
			b[m.IntN(len(b))] ^= 1 << m.IntN(8)
		}
		return string(b)
	case 1: // another character of the alphabet
		b := []byte(token)
		b[at] = urlAlphabet[m.IntN(64)]
		return string(b)
	case 2: // two characters in each other's place
		b := []byte(token)
		other := m.IntN(len(b))
		b[at], b[other] = b[other], b[at]
		return string(b)
	case 3: // characters more
		return token[:at] + []string{".", "=", "\n", "\r", " ", "+", "/", "A", "\x00", "é", "..", "%2e"}[m.IntN(12)] + token[at:]
	case 4: // characters fewer
		return token[:at] + token[min(len(token), at+1+m.IntN(4)):]
	case 5: // parts of different tokens
		other := strings.Split(m.pick(), ".")
		ps[1+m.IntN(2)] = other[1+m.IntN(2)]
		return strings.Join(ps, ".")
	case 6: // parts in another order, or too few or many
		m.Shuffle(3, func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
		return strings.Join(append(ps, ps...)[:1+m.IntN(5)], ".")
	case 7: // another header over the same MAC
		ps[0] = b64([]string{
			`{"typ":"JWT","alg":"HS256"}`, `{"alg":"HS256"}`, `{"alg":"HS256","typ":"JWT" }`, `{"alg":"none"}`, `{"alg":"HS512","typ":"JWT"}`,
			`{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}`, `{"alg":"HS256","typ":"JWT","jwk":{"kty":"oct","k":""}}`, `{"alg":"HS256","crit":[]}`,
		}[m.IntN(8)])
		return strings.Join(ps, ".")
	case 8: // another payload over the same MAC
		_, body := parts(t, token)
		changes := []string{`"role_type":0`, `"role_type":1`, `Cars`, `Bars`, `"u1"`, `"u2"`, `"exp":17829`, `"exp":17830`, `"version":1`, `"version": 1`, testKey, "anotherKeyOfTheVerifier"}
		i := m.IntN(len(changes)/2) * 2
		ps[1] = b64(strings.NewReplacer(changes[i], changes[i+1]).Replace(body))
		return strings.Join(ps, ".")
	case 9: // a claim more over the same MAC
		_, body := parts(t, token)
		ps[1] = b64(strings.TrimSuffix(body, "}") + `,"` + string(urlAlphabet[m.IntN(64)]) + `":` + fmt.Sprint(m.IntN(1000)) + "}")
		return strings.Join(ps, ".")
	case 10: // a MAC by guess, or of a secret that can be guessed
		header, body := parts(t, token)
		guess := []string{"", " ", testKey, "secret", testSecret[:35], testSecret + "\n", strings.ToLower(testSecret), fmt.Sprint(m.Int64())}
		return makeToken(header, body, guess[m.IntN(len(guess))])
	}
	mac := make([]byte, []int{0, 1, 31, 32, 32, 32, 33, 64}[m.IntN(8)])
	for i := range mac {
		mac[i] = byte(m.Uint32())
	}
	return ps[0] + "." + ps[1] + "." + b64(string(mac))
}
