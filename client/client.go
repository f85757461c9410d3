// Package client calls a running Usher from Go, with the types and operations
// of package api.
//
//	c, err := client.New("https://usher.example", client.WithKey(os.Getenv("USHER_KEY")))
//	…
//	sig, err := c.Sign(ctx, api.SignatureRequest{SessionName: "Cool Cars", Role: "host", UserKey: "u1"})
//
// A refusal is an *[api.Problem]; get it with errors.As and look at its Code.
// A call is sent once. Calls that make or sign something carry an
// Idempotency-Key of their own, which [WithIdempotencyKey] replaces: use it to
// repeat a call whose answer was lost.
package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-sessions/usher/api"
)

// A Client is safe for use by many goroutines at once.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// An Option changes a [Client].
type Option func(*Client)

// WithKey sends an API key, or a user's ID or access token, with each call.
func WithKey(key string) Option { return func(c *Client) { c.token = key } }

// WithHTTPClient uses h in the place of one with a time-out of 30 seconds.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// New returns a client for the Usher at address, for example https://usher.example.
func New(address string, opts ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("client: %q is not the address of a server, like https://usher.example", address)
	}
	c := &Client{base: base, http: &http.Client{
		Timeout: 30 * time.Second,
		// A redirect would carry the key to a place that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("client: the server answered with a redirect; use its final address")
		},
	}}
	for _, o := range opts {
		o(c)
	}
	return c, nil
}

// String names the server; it never shows the key.
func (c *Client) String() string { return "client for " + c.base.Redacted() }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

type idempotencyKey struct{}

// WithIdempotencyKey makes the next creating or signing call with this context
// the same call as any other with the same key: for 24 hours the server answers
// the repetition with what it answered first.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, idempotencyKey{}, key)
}

func idempotent(ctx context.Context) api.Idempotent {
	if key, ok := ctx.Value(idempotencyKey{}).(string); ok {
		return api.Idempotent{IdempotencyKey: key}
	}
	return api.Idempotent{IdempotencyKey: rand.Text()}
}

// Sign asks for a signature.
func (c *Client) Sign(ctx context.Context, r api.SignatureRequest) (*api.Signature, error) {
	out, err := call(ctx, c, api.Sign, &api.SignIn{Idempotent: idempotent(ctx), Body: r})
	return &out.Body, err
}

// Inspect explains a signature. The answer is a videosdk.Report as JSON.
func (c *Client) Inspect(ctx context.Context, i api.Inspection) ([]byte, error) {
	out, err := call(ctx, c, api.Inspect, &api.InspectIn{Body: i})
	return out.Body, err
}

// ListSessions returns one page of the directory.
func (c *Client) ListSessions(ctx context.Context, in api.ListSessionsIn) (*api.SessionList, error) {
	out, err := call(ctx, c, api.ListSessions, &in)
	return &out.Body, err
}

// CreateSession adds a session to the directory.
func (c *Client) CreateSession(ctx context.Context, s api.NewSession) (*api.Session, error) {
	out, err := call(ctx, c, api.CreateSession, &api.CreateSessionIn{Idempotent: idempotent(ctx), Body: s})
	return &out.Body, err
}

// Session reads the session of that id or name.
func (c *Client) Session(ctx context.Context, id string) (*api.Session, error) {
	out, err := call(ctx, c, api.GetSession, &api.SessionRef{ID: id})
	return &out.Body, err
}

// UpdateSession changes what is set in s.
func (c *Client) UpdateSession(ctx context.Context, id string, s api.SessionChange) (*api.Session, error) {
	out, err := call(ctx, c, api.UpdateSession, &api.UpdateSessionIn{SessionRef: api.SessionRef{ID: id}, Body: s})
	return &out.Body, err
}

// DeleteSession removes a session from the directory.
func (c *Client) DeleteSession(ctx context.Context, id string) error {
	_, err := call(ctx, c, api.DeleteSession, &api.SessionRef{ID: id})
	return err
}

// ListInvites returns one page of invites.
func (c *Client) ListInvites(ctx context.Context, in api.ListInvitesIn) (*api.InviteList, error) {
	out, err := call(ctx, c, api.ListInvites, &in)
	return &out.Body, err
}

// CreateInvite invites guests to a session. The answer alone holds the code.
func (c *Client) CreateInvite(ctx context.Context, r api.InviteRequest) (*api.NewInvite, error) {
	out, err := call(ctx, c, api.CreateInvite, &api.CreateInviteIn{Idempotent: idempotent(ctx), Body: r})
	return &out.Body, err
}

// RevokeInvite revokes an invite.
func (c *Client) RevokeInvite(ctx context.Context, id string) error {
	_, err := call(ctx, c, api.RevokeInvite, &api.InviteRef{ID: id})
	return err
}

// RedeemInvite gets a guest's signature.
func (c *Client) RedeemInvite(ctx context.Context, r api.Redemption) (*api.Signature, error) {
	out, err := call(ctx, c, api.RedeemInvite, &api.RedeemIn{Body: r})
	return &out.Body, err
}

// ListKeys returns one page of API keys.
func (c *Client) ListKeys(ctx context.Context, p api.Page) (*api.KeyList, error) {
	out, err := call(ctx, c, api.ListKeys, &api.ListKeysIn{Page: p})
	return &out.Body, err
}

// CreateKey makes an API key. The answer alone holds its secret.
func (c *Client) CreateKey(ctx context.Context, r api.KeyRequest) (*api.NewKey, error) {
	out, err := call(ctx, c, api.CreateKey, &api.CreateKeyIn{Idempotent: idempotent(ctx), Body: r})
	return &out.Body, err
}

// RevokeKey revokes an API key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	_, err := call(ctx, c, api.RevokeKey, &api.KeyRef{ID: id})
	return err
}

// ListBans returns one page of bans.
func (c *Client) ListBans(ctx context.Context, p api.Page) (*api.BanList, error) {
	out, err := call(ctx, c, api.ListBans, &api.ListBansIn{Page: p})
	return &out.Body, err
}

// CreateBan bans a user or a key.
func (c *Client) CreateBan(ctx context.Context, r api.BanRequest) (*api.Ban, error) {
	out, err := call(ctx, c, api.CreateBan, &api.CreateBanIn{Idempotent: idempotent(ctx), Body: r})
	return &out.Body, err
}

// RemoveBan lifts a ban.
func (c *Client) RemoveBan(ctx context.Context, id string) error {
	_, err := call(ctx, c, api.RemoveBan, &api.BanRef{ID: id})
	return err
}

// QueryLedger returns one page of the ledger.
func (c *Client) QueryLedger(ctx context.Context, in api.QueryLedgerIn) (*api.LedgerList, error) {
	out, err := call(ctx, c, api.QueryLedger, &in)
	return &out.Body, err
}

// ExplainPolicy asks what the policy would decide, and why.
func (c *Client) ExplainPolicy(ctx context.Context, e api.Explanation) (*api.Explained, error) {
	out, err := call(ctx, c, api.ExplainPolicy, &api.ExplainIn{Body: e})
	return &out.Body, err
}
