package caller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/usher-sessions/usher"
)

// MaxToken is the longest token that is looked at, in bytes.
const MaxToken = 16 << 10

// An Issuer is an OpenID provider whose users may ask. URL and Audiences are required.
type Issuer struct {
	// URL is the issuer exactly as its tokens say it (iss).
	URL string
	// Audiences of which a token must name at least one: the client id of your
	// app for ID tokens, the name of your API for access tokens.
	Audiences []string
	// Algorithms that may sign, of RS, PS and ES with 256, 384, 512, and EdDSA;
	// empty is all of them. Symmetric ones and "none" can't be chosen.
	Algorithms []string
	// UserKey, Name and Groups are the claims that say them: "sub", "name" and
	// "groups" if left out. A dot leads into an object: "realm_access.roles".
	// The claim "email" is a user key only where the token says email_verified.
	//
	// Groups are one name space, whichever issuer says them. So where there are
	// several issuers each must name its claim, or [NoGroups].
	UserKey, Name, Groups string
	// PlainUserKeys leaves user keys as the claim has them, unless they are over
	// 36 characters; see [DigestUserKey]. It is so anyhow where there is one
	// issuer. With several, the keys of those without it are digests, since two
	// providers may call different people the same: with it they share one name
	// space, and who is "anna" at one of them is "anna" at all.
	PlainUserKeys bool
}

// NoGroups in place of a claim's name takes no groups from an issuer.
const NoGroups = "none"

// UsersConfig is what a [Users] is made of.
type UsersConfig struct {
	Issuers []Issuer
	// Client's transport fetches discovery documents and keys; nil is the default one.
	Client *http.Client
	Now    func() time.Time
}

// Users knows callers by the ID or access token, a JWT, that an OpenID provider
// gave them.
type Users struct {
	issuers map[string]*trusted
	now     func() time.Time
}

type trusted struct {
	Issuer
	plain    bool
	provider *provider
}

var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

var asymmetricJOSE = func() (algs []jose.SignatureAlgorithm) {
	for _, a := range asymmetric {
		algs = append(algs, jose.SignatureAlgorithm(a))
	}
	return algs
}()

// NewUsers returns a Users, or an error with all that is wrong with cfg. It
// asks no provider yet: one that is down keeps nobody else out.
func NewUsers(cfg UsersConfig) (*Users, error) {
	u := &Users{issuers: map[string]*trusted{}, now: cfg.Now}
	client := httpClient(cfg.Client)
	var faults []error
	for _, is := range cfg.Issuers {
		faults = append(faults, is.faults()...)
		if u.issuers[is.URL] != nil {
			faults = append(faults, fmt.Errorf("OpenID issuer %s is listed twice; give it all audiences at once", is.URL))
		}
		if is.Groups == "" && len(cfg.Issuers) > 1 {
			faults = append(faults, fmt.Errorf("OpenID issuer %s must say which claim holds its users' groups, since it isn't the only issuer: "+
				"whoever is in a group at one of them is in the group of that name for the rules; groups=%s takes none from it", is.URL, NoGroups))
		}
		is.UserKey, is.Name, is.Groups = or(is.UserKey, "sub"), or(is.Name, "name"), or(is.Groups, "groups")
		if len(is.Algorithms) == 0 {
			is.Algorithms = asymmetric
		}
		u.issuers[is.URL] = &trusted{
			Issuer: is, plain: is.PlainUserKeys || len(cfg.Issuers) == 1,
			provider: &provider{issuer: is.URL, client: client, now: cfg.Now},
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return u, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (is *Issuer) faults() (faults []error) {
	if err := checkURL(is.URL, true); err != nil {
		return []error{fmt.Errorf("OpenID issuer %w", err)}
	}
	if len(is.Audiences) == 0 || slices.Contains(is.Audiences, "") {
		faults = append(faults, fmt.Errorf("OpenID issuer %s needs its audiences, or tokens made for any other app would be taken", is.URL))
	}
	for _, a := range is.Algorithms {
		if !slices.Contains(asymmetric, a) {
			faults = append(faults, fmt.Errorf("OpenID issuer %s: algorithm %q is not one of %s", is.URL, a, strings.Join(asymmetric, " ")))
		}
	}
	return faults
}

// Warm fetches the keys of all providers at once, so that the first users need
// not wait. The error says which can't be reached; they are asked again when
// one of their users comes.
func (u *Users) Warm(ctx context.Context) error {
	var all sync.WaitGroup
	faults := make(chan error, len(u.issuers))
	for _, is := range u.issuers {
		all.Go(func() {
			if _, err := is.provider.find(ctx, "", "", true); err != nil && !errors.Is(err, errUnknownKey) {
				faults <- err
			}
		})
	}
	all.Wait()
	close(faults)
	var errs []error
	for err := range faults {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Bearer returns the user whose token it is; nil, nil if credential isn't shaped like a JWT.
func (u *Users) Bearer(ctx context.Context, credential string) (*usher.Caller, error) {
	if !strings.HasPrefix(credential, "ey") || strings.Count(credential, ".") < 2 { // {" in base64url
		return nil, nil
	}
	if len(credential) > MaxToken {
		return nil, unauthenticated("The token has %d bytes; at most %d are taken. Let the provider put fewer claims into it.", len(credential), MaxToken)
	}
	t, err := u.open(credential)
	if err != nil {
		return nil, err
	}
	verified, err := t.verify(ctx)
	if err != nil {
		return nil, err
	}
	for _, check := range []func() error{
		func() error { return t.checkAudience(verified) },
		func() error { return verified.checkTimes(u.now()) },
		func() error { return verified.checkKind(t.typ) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return verified.person(&t.from.Issuer, t.from.plain)
}

// A token is one whose issuer we trust, with what its header claims. Nothing of it is verified.
type token struct {
	raw           string
	from          *trusted
	alg, kid, typ string
}

// open reads the token so far that it is known whose keys it has to be checked with.
func (u *Users) open(raw string) (*token, error) {
	if strings.Count(raw, ".") == 4 {
		return nil, unauthenticated("The token is encrypted (JWE); send one that is signed only.")
	}
	jws, err := jose.ParseSignedCompact(raw, asymmetricJOSE)
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm):
		return nil, unauthenticated("The token is signed with an algorithm that is not taken; only asymmetric ones are: %s.", strings.Join(asymmetric, " "))
	case err != nil:
		return nil, unauthenticated("The token is no JWT that can be read; send it as the provider gave it, whole.")
	}
	var c claims
	if json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &c) != nil {
		return nil, unauthenticated("The token's claims are no JSON object.")
	}
	from := u.issuers[c.text("iss")]
	if from == nil {
		return nil, unauthenticated("The token is from an issuer (iss) that is not known here.")
	}
	h := jws.Signatures[0].Header
	typ, _ := h.ExtraHeaders[jose.HeaderType].(string)
	if !slices.Contains(from.Algorithms, h.Algorithm) {
		return nil, unauthenticated("The token is signed with %s; of this issuer only %s is taken.", h.Algorithm, strings.Join(from.Algorithms, " "))
	}
	return &token{raw: raw, from: from, alg: h.Algorithm, kid: h.KeyID, typ: typ}, nil
}

// verify returns the token's claims if its issuer has signed them.
func (t *token) verify(ctx context.Context) (claims, error) {
	for _, afresh := range []bool{false, true} {
		keys, err := t.from.provider.find(ctx, t.kid, t.alg, afresh)
		switch {
		case errors.Is(err, errUnknownKey):
			return nil, &usher.Error{
				Code: usher.CodeUnauthenticated, RetryAfter: t.from.provider.retryIn(),
				Message: "The token is signed with a key that its issuer doesn't have. If the issuer has just changed its keys, try again later.",
			}
		case err != nil:
			e := usher.Unavailable("The provider that you signed in at", err)
			e.RetryAfter = t.from.provider.retryIn()
			return nil, e
		}
		set := &oidc.StaticKeySet{PublicKeys: keys}
		verified, err := oidc.NewVerifier(t.from.URL, set, &oidc.Config{
			SupportedSigningAlgs: t.from.Algorithms,
			SkipClientIDCheck:    true, // there may be several, see checkAudience
			SkipExpiryCheck:      true, // see checkTimes
		}).Verify(ctx, t.raw)
		var c claims
		if err == nil {
			err = verified.Claims(&c)
		}
		if err == nil {
			return c, nil
		}
		if _, err := set.VerifySignature(ctx, t.raw); err == nil {
			return nil, unauthenticated("The token's claims are not of the kinds that they must be: iss and sub texts, exp, iat and nbf numbers, aud one text or a list.")
		}
		if t.kid != "" { // it names its key, and that isn't what signed it
			break
		}
	}
	return nil, unauthenticated("The token's signature doesn't hold; send it as the provider gave it.")
}

func (t *token) checkAudience(c claims) error {
	for _, aud := range c.audiences() {
		if slices.Contains(t.from.Audiences, aud) {
			return nil
		}
	}
	return unauthenticated("The token was made for another app or API: its audience (aud) is not one that is taken here.")
}
