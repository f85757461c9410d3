package app_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/limit"
	"github.com/usher-sessions/usher/internal/server"
)

// What an attacker would try on the whole of Usher, in one process.

// Whoever sits at the machine needs no credential for `usher dev`, so the pages
// that they look at must not be able to send anything in their name. A browser
// sends a POST anywhere for any page if it has a plain media type, or none.
func TestForeignPagesChangeNothingInDevelopment(t *testing.T) {
	h := open(t, operated, func(c *app.Config) {
		c.Origins = []string{"http://localhost:*"}
		c.Page = &server.PageConfig{Now: time.Now}
	})
	const session = `{"name":"Cool Cars"}`
	for _, tt := range []struct{ origin, media string }{
		{"https://evil.example", ""}, {"https://evil.example", "text/plain"}, {"https://evil.example", "application/json"},
		{"null", ""}, {"null", "application/json"}, {"http://localhost.evil.example", "application/json"},
		{"http://127.0.0.1:4000.evil.example", "application/json"}, {"http://localhost:3000", ""}, {"http://localhost:3000", "text/plain"},
	} {
		for path, body := range map[string]string{
			"/v1/sessions": session, "/v1/keys": `{"name":"mine"}`, "/v1/bans": `{"subject":"user:anna"}`,
			"/v1/signatures": `{"sessionName":"Cool Cars"}`, "/": `{"sessionName":"Cool Cars"}`, "/inspect": `{"token":"x"}`,
		} {
			if status, _, answer := h.send("POST", path, body, "Origin", tt.origin, "Content-Type", tt.media); status != http.StatusForbidden && status != http.StatusUnsupportedMediaType {
				t.Errorf("%s from %q as %q: %d %s", path, tt.origin, tt.media, status, answer)
			}
		}
	}
	for _, path := range []string{"/v1/sessions/Cool%20Cars", "/v1/keys/x"} {
		if status, _, _ := h.send("DELETE", path, "", "Origin", "https://evil.example"); status != http.StatusForbidden {
			t.Errorf("DELETE %s: %d", path, status)
		}
	}
	for i, origin := range []string{"http://localhost:3000", h.url} {
		body := `{"name":"Cool Cars ` + string(rune('0'+i)) + `"}`
		if status, _, answer := h.send("POST", "/v1/sessions", body, "Origin", origin); status != http.StatusCreated {
			t.Errorf("from %q: %d %s", origin, status, answer)
		}
	}
}

// What nobody reads must not pass as read: a ban, a passcode or a scope under a
// name in another case would count for nothing.
func TestMembersHaveExactNames(t *testing.T) {
	h := open(t, operated)
	for path, bodies := range map[string][]string{
		"/v1/bans":       {`{"Subject":"user:anna"}`, `{"subject":"user:anna","Reason":"x"}`, `{"subject":"user:anna","subject":"user:bea"}`},
		"/v1/sessions":   {`{"Name":"a"}`, `{"name":"a","Passcode":"1234"}`, `{"name":"a","Hosts":["u1"]}`, `{"name":"a","pass\u0063ode\u0000":"1"}`},
		"/v1/keys":       {`{"name":"a","Sessions":["one"]}`, `{"name":"a","MAY":["inspect"]}`},
		"/v1/signatures": {`{"SessionName":"a"}`, `{"sessionName":"a","Role":"host"}`},
	} {
		for _, body := range bodies {
			if status, _, answer := h.send("POST", path, body); status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
				t.Errorf("%s %s: %d %s", path, body, status, answer)
			}
		}
	}
}

// Redeeming is for strangers: what they send must cost little to refuse.
func TestStrangersGetLittleRead(t *testing.T) {
	h := open(t)
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return "{" + b.String() + `"code":"x","guest":"0123456789abcdef012345"}`
	}
	for _, tt := range []struct {
		body   string
		status int
		most   int // bytes of the answer
	}{
		{members(80_000), http.StatusRequestEntityTooLarge, 1 << 10},
		{members(300), http.StatusUnprocessableEntity, 4 << 10},
		{`{"code":` + strings.Repeat("[", 4000), http.StatusBadRequest, 1 << 10},
		{`{"code":"` + strings.Repeat("é", 1000) + `","guest":"0123456789abcdef012345"}`, http.StatusUnprocessableEntity, 1 << 10},
	} {
		status, _, answer := h.send("POST", "/v1/invites/redeem", tt.body)
		if status != tt.status || len(answer) > tt.most {
			t.Errorf("%.50s: %d with %d bytes: %.200s; want %d", tt.body, status, len(answer), answer, tt.status)
		}
	}
}

// A name can become somebody else's session. Whoever was invited to the one
// before must not get past the passcode and the list of the next.
func TestInvitesDoNotOutliveTheirSession(t *testing.T) {
	h := open(t, operated)
	c := h.as("")
	_, err := c.CreateSession(ctx, api.NewSession{Name: "Standup", Passcode: "first"})
	ok(t, err)
	invite, err := c.CreateInvite(ctx, api.InviteRequest{Session: "standup"})
	ok(t, err)
	other, err := c.CreateInvite(ctx, api.InviteRequest{Session: "Standup 2"})
	ok(t, err)
	redeem := func(code string) error {
		_, err := c.RedeemInvite(ctx, api.Redemption{Code: code, Guest: "guest-00000000000000000001"})
		return err
	}
	ok(t, redeem(invite.Code))
	ok(t, c.DeleteSession(ctx, "STANDUP"))
	mustBe(t, "the session is gone", redeem(invite.Code), "denied")
	_, err = c.CreateSession(ctx, api.NewSession{Name: "Standup", Passcode: "second"})
	ok(t, err)
	mustBe(t, "the session is another", redeem(invite.Code), "denied")
	ok(t, redeem(other.Code))
}

// Those whom nobody knows are all called the same; they must not get each
// other's answers, nor take each other's idempotency keys.
func TestStrangersShareNoAnswers(t *testing.T) {
	h := open(t, func(c *app.Config) { c.Open = true })
	sign := func(body string) (int, string) {
		status, _, answer := h.send("POST", "/v1/signatures", body, "Idempotency-Key", "1")
		return status, answer
	}
	status, first := sign(`{"sessionName":"Cool Cars"}`)
	h.advance(time.Second)
	again, second := sign(`{"sessionName":"Cool Cars"}`)
	other, _ := sign(`{"sessionName":"Other Cars"}`)
	if status != 200 || again != 200 || other != 200 || first == second {
		t.Errorf("%d, %d, %d; the same answer: %v", status, again, other, first == second)
	}
}

// Nothing is signed for the banned, and what was signed before isn't handed out again.
func TestRepeatingACallDoesNotGetAroundABan(t *testing.T) {
	h := open(t, operated)
	c, again := h.as(""), client.WithIdempotencyKey(ctx, "the same")
	sign := func() error {
		_, err := c.Sign(again, api.SignatureRequest{SessionName: "Cool Cars", UserKey: "mallory"})
		return err
	}
	ok(t, sign())
	ban, err := c.CreateBan(ctx, api.BanRequest{Subject: "user:mallory", Reason: "spam"})
	ok(t, err)
	mustBe(t, "banned since", sign(), "banned")
	ok(t, c.RemoveBan(ctx, ban.ID))
	ok(t, sign())

	key := h.key(api.KeyRequest{Name: "k"})
	_, err = c.CreateBan(ctx, api.BanRequest{Subject: "key:" + key.ID})
	ok(t, err)
	_, err = h.as(key.Secret).Sign(again, api.SignatureRequest{SessionName: "Cool Cars"})
	mustBe(t, "a banned key", err, "banned")

	rows, err := c.QueryLedger(ctx, api.QueryLedgerIn{Event: string(usher.EventRefused)})
	ok(t, err)
	if len(rows.Rows) != 2 || rows.Rows[0].Caller != "key:"+key.ID || rows.Rows[1].UserKey != "mallory" || rows.Rows[1].Reason != "banned" {
		t.Errorf("refusals on record: %s", asJSON(t, rows))
	}
}

// Guesses are counted before they are made, however many come at once, and by
// the address that they really come from.
func TestGuessesAtOnce(t *testing.T) {
	h := open(t, operated)
	c := h.as("")
	_, err := c.CreateSession(ctx, api.NewSession{Name: "Vault", Passcode: "4711"})
	ok(t, err)
	code, _, err := caller.NewInvite(rand.Reader)
	ok(t, err)
	for what, tt := range map[string]struct {
		body   func(n int) string
		path   string
		missed string
	}{
		"passcodes": {func(n int) string { return fmt.Sprintf(`{"sessionName":"VAULT","sessionPasscode":"%04d"}`, n) }, "/v1/signatures", "wrong_passcode"},
		"invites":   {func(n int) string { return fmt.Sprintf(`{"code":"%s","guest":"0123456789abcdef%06d"}`, code, n) }, "/v1/invites/redeem", "unauthenticated"},
	} {
		var missed, refused atomic.Int64
		var all sync.WaitGroup
		for n := range 120 {
			all.Go(func() {
				spoofed := fmt.Sprintf("203.0.113.%d", n)
				status, header, answer := h.send("POST", tt.path, tt.body(n), "X-Forwarded-For", spoofed, "Forwarded", "for="+spoofed, "X-Real-IP", spoofed)
				switch {
				case strings.Contains(answer, `"`+tt.missed+`"`):
					missed.Add(1)
				case status == http.StatusTooManyRequests && header.Get("Retry-After") != "":
					refused.Add(1)
				default:
					t.Errorf("%s: %d %s", what, status, answer)
				}
			})
		}
		all.Wait()
		// Half of an hour's share may come at once. It is one share, whatever is guessed.
		if n := missed.Load(); n > limit.AddrPerHour/2 || n+refused.Load() != 120 {
			t.Errorf("%s: %d guesses were looked at", what, n)
		}
		h.advance(2 * time.Hour)
	}
	if _, err := c.Sign(ctx, api.SignatureRequest{SessionName: "Vault", SessionPasscode: "4711"}); err != nil {
		t.Error(err)
	}
}

// A time that can be kept but not shown would break every list that it stands
// in, for everybody; one that is kept as none would open what it was to close.
func TestTimesThatCantBeShown(t *testing.T) {
	h := open(t, operated)
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Cool Cars"})
	ok(t, err)
	for _, at := range []string{"9999-12-31T23:59:59-12:00", "0000-01-01T00:00:00+14:00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z"} {
		for _, field := range []string{"notBefore", "notAfter"} {
			for _, call := range [][3]string{
				{"PATCH", "/v1/sessions/Cool%20Cars", `{"` + field + `":"` + at + `"}`}, {"POST", "/v1/sessions", `{"name":"Other Cars","` + field + `":"` + at + `"}`},
			} {
				if status, _, answer := h.send(call[0], call[1], call[2]); status != http.StatusUnprocessableEntity || !strings.Contains(answer, field) {
					t.Errorf("%s %s: %d %s", call[0], call[2], status, answer)
				}
			}
		}
	}
	for _, at := range []string{"9999-12-31T23:59:59Z", "9999-12-31T23:59:59+12:00", "0001-01-01T00:00:00Z"} {
		if status, _, answer := h.send("PATCH", "/v1/sessions/Cool%20Cars", `{"notAfter":"`+at+`"}`); status != http.StatusOK {
			t.Errorf("%s: %d %s", at, status, answer)
		}
	}
	_, err = h.as("").ListSessions(ctx, api.ListSessionsIn{})
	ok(t, err)
}
