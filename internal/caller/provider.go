package caller

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// What keeps a provider from being flooded, and us from being held up by one.
const (
	// refetchAfter is the least time between two fetches of one provider's keys:
	// anybody can make up key ids, and each unknown one may be a new key.
	refetchAfter = 30 * time.Second
	// retryAfter is the same while no keys have ever been had, so that a provider
	// that starts after us is found soon.
	retryAfter = 5 * time.Second
	// staleAfter is the age at which keys in use are fetched again in the
	// background, so that a key that was withdrawn isn't believed for ever.
	staleAfter = 15 * time.Minute

	fetchWithin = 10 * time.Second // discovery and keys together
	maxDocument = 256 << 10        // bytes of one answer
	minRSABits  = 2048             // RFC 7518, section 3.3
)

// A provider holds the keys of one OpenID provider. What it has it keeps,
// however long the provider can't be reached.
type provider struct {
	issuer string
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	keys     []jose.JSONWebKey // nil until they have been had once
	had      time.Time         // when keys were asked for
	tried    time.Time         // when they were last asked for, with success or not
	keysURL  string
	fetching *fetch
	fault    error // of the last fetch
}

// A fetch is one that many may wait for.
type fetch struct{ done chan struct{} }

var (
	errUnknownKey  = errors.New("no such key")
	errUnreachable = errors.New("the provider's keys have not been had yet")
)

// find returns the keys that may have signed a token with that key id and
// algorithm. If there is none it asks the provider, unless that was asked a
// moment ago: then it returns errUnknownKey, or errUnreachable if the keys could
// not be had. afresh asks even if there are some, for tokens without key id.
func (p *provider) find(ctx context.Context, kid, alg string, afresh bool) ([]crypto.PublicKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if found := p.matching(kid, alg); len(found) > 0 && !afresh {
		if now.Sub(p.had) >= staleAfter && p.fetching == nil && p.mayFetch(now) {
			p.startFetch(ctx, now)
		}
		return found, nil
	}
	for range 2 { // a fetch that others began may be from before the key was there
		if p.fetching == nil && p.mayFetch(now) {
			p.startFetch(ctx, now)
		}
		f := p.fetching
		if f == nil {
			break
		}
		p.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if found := p.matching(kid, alg); len(found) > 0 {
			return found, nil
		}
	}
	if p.fault != nil || p.keys == nil {
		return nil, errors.Join(errUnreachable, p.fault)
	}
	return nil, errUnknownKey
}

func (p *provider) matching(kid, alg string) (found []crypto.PublicKey) {
	for _, k := range p.keys {
		if (kid == "" || k.KeyID == kid) && (k.Algorithm == "" || k.Algorithm == alg) {
			found = append(found, k.Key)
		}
	}
	return found
}

func (p *provider) mayFetch(now time.Time) bool { return p.wait(now) <= 0 }

// wait is how long no fetch may begin.
func (p *provider) wait(now time.Time) time.Duration {
	if p.tried.IsZero() {
		return 0
	}
	if p.keys == nil {
		return retryAfter - now.Sub(p.tried)
	}
	return refetchAfter - now.Sub(p.tried)
}

// retryIn is how long it takes until asking for a key again can help.
func (p *provider) retryIn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.wait(p.now()), time.Second)
}

// startFetch fetches in the background. Whoever caused it may go away: it goes
// on for the others, with a time of its own. The caller holds mu.
func (p *provider) startFetch(ctx context.Context, now time.Time) {
	f := &fetch{done: make(chan struct{})}
	p.fetching, p.tried = f, now
	known := p.keysURL
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchWithin)
	go func() {
		defer cancel()
		keysURL, keys, err := p.fetch(ctx, known)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.fault = err; err == nil {
			p.keys, p.had, p.keysURL = keys, now, keysURL
		}
		p.fetching = nil
		close(f.done)
	}()
}

// fetch asks the provider where its keys are and then for the keys. If it
// doesn't say where they are now, known is where they were.
func (p *provider) fetch(ctx context.Context, known string) (string, []jose.JSONWebKey, error) {
	keysURL, err := p.discover(ctx)
	if err != nil {
		if known == "" {
			return "", nil, err
		}
		keysURL = known
	}
	keys, err := p.fetchKeys(ctx, keysURL)
	return keysURL, keys, err
}

func (p *provider) discover(ctx context.Context) (string, error) {
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.issuer)
	if err != nil {
		return "", fmt.Errorf("discovering %s: %s", p.issuer, shortened(err)) // its text holds the whole answer
	}
	var doc struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := found.Claims(&doc); err != nil {
		return "", fmt.Errorf("discovering %s: %s", p.issuer, shortened(err))
	}
	if err := checkURL(doc.KeysURL, isLoopback(p.issuer)); err != nil {
		return "", fmt.Errorf("discovering %s: its jwks_uri %w", p.issuer, err)
	}
	return doc.KeysURL, nil
}

func (p *provider) fetchKeys(ctx context.Context, from string) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching the keys of %s: %w", p.issuer, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache") // a proxy's old copy would not have the key that is missing
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetching the keys of %s: %w", p.issuer, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("fetching the keys of %s: %w", p.issuer, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching the keys of %s: %s", p.issuer, resp.Status)
	}
	keys, err := readKeys(body)
	if err != nil {
		return nil, fmt.Errorf("fetching the keys of %s: %w", p.issuer, err)
	}
	return keys, nil
}

// readKeys returns the keys of a set that can verify signatures. Others are
// passed over (RFC 7517, section 5): keys for encryption, of kinds we don't know,
// symmetric or private ones, short RSA keys.
func readKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the answer is no key set")
	}
	keys := make([]jose.JSONWebKey, 0, len(*set.Keys))
	for _, raw := range *set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil || !k.Valid() || !k.IsPublic() || k.Use == "enc" {
			continue
		}
		if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minRSABits {
			continue
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// httpClient returns client with what a fetch must not do without: answers are
// bounded in size and time, and a redirect may lead to the same place alone.
func httpClient(client *http.Client) *http.Client {
	bounded := http.Client{Timeout: fetchWithin / 2}
	base := http.DefaultTransport
	if client != nil && client.Transport != nil {
		base = client.Transport
	}
	bounded.Transport = boundedTransport{base}
	bounded.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		from := via[0].URL
		if len(via) > 3 || to.URL.Scheme != from.Scheme || to.URL.Host != from.Host {
			return fmt.Errorf("it redirects to %s://%s; use the address that it really has", to.URL.Scheme, to.URL.Host)
		}
		return nil
	}
	return &bounded
}

type boundedTransport struct{ base http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, maxDocument}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("the answer is over %d bytes", maxDocument)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer is over %d bytes", maxDocument)
	}
	return n, err
}

// checkURL returns what is wrong with the address of a provider: it must be
// https, or http on this machine if that is allowed.
func checkURL(s string, loopback bool) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q is no address of a provider; write https://host/path", redacted(u, s))
	case u.Scheme == "https", u.Scheme == "http" && loopback && isLoopback(s):
		return nil
	}
	return fmt.Errorf("%q must begin with https://; http is for this machine alone", s)
}

// redacted is s without a password that may stand in it.
func redacted(u *url.URL, s string) string {
	if u != nil {
		return u.Redacted()
	}
	return s[:min(len(s), 8)] + "…"
}

func isLoopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

func shortened(err error) string {
	const most = 300
	s := err.Error()
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}
