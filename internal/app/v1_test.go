package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/videosdk"
)

var ctx = context.Background()

// code is that of the problem in err, "" if there is none.
func code(err error) string {
	var p *api.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// mustBe fails unless err is the problem of that code.
func mustBe(t *testing.T, what string, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("%s: %v (%s), want %s", what, err, code(err), want)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// verified returns what a signature says.
func verified(t *testing.T, h *house, s *api.Signature) *videosdk.Claims {
	t.Helper()
	v, err := videosdk.NewVerifier([]videosdk.Credentials{credentials})
	ok(t, err)
	c, err := v.Verify(s.Signature, h.now())
	ok(t, err)
	return c
}

func TestSessionsOverHTTP(t *testing.T) {
	h := open(t, operated)
	c := h.as("")
	opens := h.now().Add(-time.Hour)
	s, err := c.CreateSession(ctx, api.NewSession{
		Name: "Cool Cars", GeneratePasscode: true, NotBefore: &opens, Hosts: []string{"u1", "u2"}, Groups: []string{"staff"},
		Admit: "signed-in", Seconds: 3600, GeoRegions: []string{"DE"}, Capacity: 12, WaitingRoom: true, CloudRecordingOption: new(1),
	})
	ok(t, err)
	if len(s.Passcode) != 10 || s.SessionKey == "" || s.State != "open" || s.Version != 1 || !s.NotBefore.Equal(opens) {
		t.Errorf("%+v", s)
	}
	for _, ref := range []string{s.ID, "cool cars", "COOL CARS"} {
		again, err := c.Session(ctx, ref)
		ok(t, err)
		if a, b := asJSON(t, again), asJSON(t, s); a != b {
			t.Errorf("read by %q:\n%s\n%s", ref, a, b)
		}
	}
	_, err = c.CreateSession(ctx, api.NewSession{Name: "cool CARS"})
	mustBe(t, "a name that is taken", err, "conflict")

	changed, err := c.UpdateSession(ctx, s.ID, api.SessionChange{Version: new(int64(1)), State: new("locked"), Hosts: new([]string{}), NotBefore: new(time.Time), Passcode: new("")})
	ok(t, err)
	if changed.Version != 2 || changed.State != "locked" || len(changed.Hosts) != 0 || changed.NotBefore != nil || changed.Passcode != "" || changed.Seconds != 3600 {
		t.Errorf("changed: %+v", changed)
	}
	_, err = c.UpdateSession(ctx, s.ID, api.SessionChange{Version: new(int64(1)), State: new("open")})
	mustBe(t, "somebody else was quicker", err, "conflict")
	if again, _ := c.Session(ctx, s.ID); again.State != "locked" {
		t.Error("a refused change changed something")
	}
	ok(t, c.DeleteSession(ctx, "cool cars"))
	_, err = c.Session(ctx, s.ID)
	mustBe(t, "deleted", err, "not_found")
	mustBe(t, "deleted twice", c.DeleteSession(ctx, s.ID), "not_found")

	rows, err := c.QueryLedger(ctx, api.QueryLedgerIn{Session: "COOL cars", Event: "session.changed"})
	ok(t, err)
	var told []string
	for _, r := range rows.Rows {
		told = append(told, r.Reason)
	}
	if got := strings.Join(told, ","); !strings.HasPrefix(got, "delete,") || !strings.HasSuffix(got, "create") {
		t.Errorf("the ledger tells %s", got)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	ok(t, err)
	return string(b)
}

func TestSigningOverHTTP(t *testing.T) {
	h := open(t, operated)
	backend := h.as(h.key(api.KeyRequest{Name: "backend"}).Secret)
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Listed", Passcode: "abc", SessionKey: "k1", Seconds: 1800, GeoRegions: []string{"US"}, CloudRecordingOption: new(1)})
	ok(t, err)

	s, err := backend.Sign(ctx, api.SignatureRequest{SessionName: "Free", Role: "host", UserKey: "u1", SessionPasscode: "pw", Seconds: 7200})
	ok(t, err)
	c := verified(t, h, s)
	if c.SessionName != "Free" || c.Role != videosdk.Host || c.UserKey != "u1" || c.Passcode != "pw" || s.Role != "host" || !s.ExpiresAt.Equal(c.ExpiresAt) {
		t.Errorf("%+v %+v", s, c)
	}
	// What the directory knows can't be overridden.
	s, err = backend.Sign(ctx, api.SignatureRequest{SessionName: "LISTED", Role: "host", SessionPasscode: "abc", SessionKey: "mine", Seconds: 172800, GeoRegions: []string{"CN"}, CloudRecordingOption: new(0)})
	ok(t, err)
	c = verified(t, h, s)
	if c.SessionKey != "k1" || c.GeoRegions != "US" || c.CloudRecordingOption == nil || *c.CloudRecordingOption != 1 || c.ExpiresAt.Sub(h.now()) > 31*time.Minute {
		t.Errorf("the directory was overridden: %+v", c)
	}
	_, err = backend.Sign(ctx, api.SignatureRequest{SessionName: "x", Seconds: 1})
	mustBe(t, "a life too short", err, "invalid_request")
	report, err := h.as("").Inspect(ctx, api.Inspection{Signature: s.Signature, SessionName: "Listed"})
	ok(t, err)
	if !strings.Contains(string(report), `"verified"`) {
		t.Errorf("inspect: %s", report)
	}
	why, err := h.as("").ExplainPolicy(ctx, api.Explanation{Kind: "user", ID: "u9", Session: "Listed", Action: "join"})
	ok(t, err)
	if why.Allowed || len(why.Missed) == 0 || why.Caller != "user:u9" {
		t.Errorf("explain: %+v", why)
	}
}

// TestScopesOverHTTP holds each operation to the key that it needs.
func TestScopesOverHTTP(t *testing.T) {
	h := open(t, operated)
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Class 7"})
	ok(t, err)
	_, err = h.as("").CreateSession(ctx, api.NewSession{Name: "Staff"})
	ok(t, err)
	keys := map[string]*client.Client{}
	for name, may := range map[string][]string{"sign": {"sign"}, "inspect": {"inspect"}, "manage": {"manage"}} {
		keys[name] = h.as(h.key(api.KeyRequest{Name: name, May: may}).Secret)
		keys[name+" class"] = h.as(h.key(api.KeyRequest{Name: name, May: may, Sessions: []string{"class*"}}).Secret)
	}
	keys["participants"] = h.as(h.key(api.KeyRequest{Name: "p", Roles: []string{"participant"}}).Secret)
	keys["nobody"] = nil
	for _, tt := range []struct {
		what string
		do   func(c *client.Client) error
		who  string
	}{
		{"sign for the class", func(c *client.Client) error {
			_, err := c.Sign(ctx, api.SignatureRequest{SessionName: "Class 7", Role: "host"})
			return err
		}, "sign, sign class"},
		{"sign for participants of the class", func(c *client.Client) error {
			_, err := c.Sign(ctx, api.SignatureRequest{SessionName: "Class 7"})
			return err
		}, "participants, sign, sign class"},
		{"sign for the staff", func(c *client.Client) error {
			_, err := c.Sign(ctx, api.SignatureRequest{SessionName: "Staff", Role: "host"})
			return err
		}, "sign"},
		{"read the class", func(c *client.Client) error { _, err := c.Session(ctx, "Class 7"); return err }, "inspect, inspect class"},
		{"read the staff", func(c *client.Client) error { _, err := c.Session(ctx, "Staff"); return err }, "inspect"},
		{"change the class", func(c *client.Client) error {
			_, err := c.UpdateSession(ctx, "Class 7", api.SessionChange{Owner: new("u1")})
			return err
		}, "manage, manage class"},
		{"change the staff", func(c *client.Client) error {
			_, err := c.UpdateSession(ctx, "Staff", api.SessionChange{Owner: new("u1")})
			return err
		}, "manage"},
		{"create another", func(c *client.Client) error {
			_, err := c.CreateSession(ctx, api.NewSession{Name: "Other " + fmt.Sprint(time.Now().UnixNano())})
			return err
		}, "manage"},
		{"invite to the class", func(c *client.Client) error {
			_, err := c.CreateInvite(ctx, api.InviteRequest{Session: "Class 7"})
			return err
		}, "manage, manage class"},
		{"list keys", func(c *client.Client) error { _, err := c.ListKeys(ctx, api.Page{}); return err }, "manage"},
		{"make a key", func(c *client.Client) error {
			_, err := c.CreateKey(ctx, api.KeyRequest{Name: "another"})
			return err
		}, "manage"},
		{"ban", func(c *client.Client) error {
			_, err := c.CreateBan(ctx, api.BanRequest{Subject: "user:nobody-" + fmt.Sprint(time.Now().UnixNano())})
			return err
		}, "manage"},
		{"read the whole ledger", func(c *client.Client) error { _, err := c.QueryLedger(ctx, api.QueryLedgerIn{}); return err }, "inspect"},
		{"read the class's ledger", func(c *client.Client) error {
			_, err := c.QueryLedger(ctx, api.QueryLedgerIn{Session: "Class 7"})
			return err
		}, "inspect, inspect class"},
		{"explain", func(c *client.Client) error {
			_, err := c.ExplainPolicy(ctx, api.Explanation{ID: "u1", Session: "Staff"})
			return err
		}, "inspect"},
	} {
		may := map[string]bool{}
		for _, name := range strings.Split(tt.who, ", ") {
			may[name] = true
		}
		for name, c := range keys {
			if c == nil {
				continue
			}
			if err := tt.do(c); (err == nil) != may[name] {
				t.Errorf("key %q, %s: %v", name, tt.what, err)
			} else if err != nil && code(err) != "out_of_scope" && code(err) != "host_denied" && code(err) != "not_found" {
				t.Errorf("key %q, %s: refused with %s: %v", name, tt.what, code(err), err)
			}
		}
	}
}

func TestNobodyGetsNothing(t *testing.T) {
	h, _ := openRooms(t, func(c *app.Config) { c.Local = nil })
	doc := documentOf(t, h.url)
	n := 0
	for path, item := range object(doc.raw, "paths") {
		for method := range item.(map[string]any) {
			n++
			for _, header := range [][]string{nil, {"Authorization", "Bearer usher_" + strings.Repeat("a", 36)}, {"Authorization", "Basic eDp5"}, {"Authorization", "Bearer"}} {
				body := "{}"
				if method == "get" || method == "delete" {
					body = ""
				}
				status, head, answer := h.send(strings.ToUpper(method), strings.NewReplacer("{id}", "x", "{session}", "x").Replace(path), body, header...)
				// Where a code or a signature is the proof, it is missing.
				unproven := object(item, method)["security"] != nil && status == http.StatusUnprocessableEntity
				if status != http.StatusUnauthorized && status != http.StatusTooManyRequests && !unproven {
					t.Errorf("%s %s with %q: %d %s", method, path, header, status, answer)
				}
				if status == http.StatusUnauthorized && head.Get("WWW-Authenticate") == "" {
					t.Errorf("%s %s: 401 without WWW-Authenticate", method, path)
				}
			}
		}
	}
	if n < 19 {
		t.Errorf("the document has %d operations", n)
	}
}

func TestInvitesOverHTTP(t *testing.T) {
	h := open(t, operated)
	c := h.as("")
	_, err := c.CreateSession(ctx, api.NewSession{Name: "Cool Cars", Passcode: "abc"})
	ok(t, err)
	one, err := c.CreateInvite(ctx, api.InviteRequest{Session: "cool cars"})
	ok(t, err)
	many, err := c.CreateInvite(ctx, api.InviteRequest{Session: "Cool Cars", Uses: new(0), Seconds: 3600})
	ok(t, err)
	if one.Uses != 1 || many.Uses != 0 || one.Code == many.Code || one.ExpiresAt.Sub(h.now()) != 24*time.Hour {
		t.Errorf("%+v %+v", one, many)
	}
	guest := func(n int) string { return fmt.Sprintf("guest-%020d", n) }
	first, err := c.RedeemInvite(ctx, api.Redemption{Code: one.Code, Guest: guest(1), Name: "Grace"})
	ok(t, err)
	if claims := verified(t, h, first); claims.Role != videosdk.Participant || claims.SessionName != "Cool Cars" || first.Passcode != "abc" {
		t.Errorf("%+v %+v", first, claims)
	}
	again, err := c.RedeemInvite(ctx, api.Redemption{Code: one.Code, Guest: guest(1)})
	ok(t, err)
	if again.UserKey != first.UserKey {
		t.Errorf("the guest came back as somebody else: %s, %s", first.UserKey, again.UserKey)
	}
	_, err = c.RedeemInvite(ctx, api.Redemption{Code: one.Code, Guest: guest(2)})
	mustBe(t, "used up", err, "denied")
	_, err = c.RedeemInvite(ctx, api.Redemption{Code: strings.ToUpper(one.Code), Guest: guest(1)})
	mustBe(t, "a code that isn't", err, "unauthenticated")
	users := map[string]bool{}
	for n := range 5 {
		s, err := c.RedeemInvite(ctx, api.Redemption{Code: many.Code, Guest: guest(n)})
		ok(t, err)
		users[s.UserKey] = true
	}
	if len(users) != 5 {
		t.Errorf("five guests have the user keys %v", users)
	}
	h.advance(time.Hour)
	_, err = c.RedeemInvite(ctx, api.Redemption{Code: many.Code, Guest: guest(9)})
	mustBe(t, "expired", err, "denied")
	ok(t, c.RevokeInvite(ctx, one.ID))
	_, err = c.RedeemInvite(ctx, api.Redemption{Code: one.Code, Guest: guest(1)})
	mustBe(t, "revoked, for the guest who was in", err, "denied")
	list, err := c.ListInvites(ctx, api.ListInvitesIn{Session: "COOL cars"})
	ok(t, err)
	if len(list.Invites) != 2 || strings.Contains(asJSON(t, list), one.Code) {
		t.Errorf("%s", asJSON(t, list))
	}
}

func TestKeysAndBansOverHTTP(t *testing.T) {
	h := open(t, operated)
	c := h.as("")
	k := h.key(api.KeyRequest{Name: "k", Seconds: 3600})
	signs := func(userKey string) error {
		_, err := h.as(k.Secret).Sign(ctx, api.SignatureRequest{SessionName: "x", UserKey: userKey})
		return err
	}
	ok(t, signs("u1"))
	b, err := c.CreateBan(ctx, api.BanRequest{Subject: "user:u1", Reason: "spam"})
	ok(t, err)
	h.advance(2 * time.Second)
	mustBe(t, "for a banned user", signs("u1"), "banned")
	ok(t, signs("u2"))
	ok(t, c.RemoveBan(ctx, b.ID))
	h.advance(2 * time.Second)
	ok(t, signs("u1"))
	_, err = c.CreateBan(ctx, api.BanRequest{Subject: "key:" + k.ID})
	ok(t, err)
	h.advance(2 * time.Second)
	mustBe(t, "by a banned key", signs("u2"), "banned")

	other := h.key(api.KeyRequest{Name: "other", Seconds: 3600})
	ok(t, c.RevokeKey(ctx, other.ID))
	h.advance(2 * time.Second)
	_, err = h.as(other.Secret).Sign(ctx, api.SignatureRequest{SessionName: "x"})
	mustBe(t, "by a revoked key", err, "unauthenticated")
	late := h.key(api.KeyRequest{Name: "late", Seconds: 60})
	h.advance(time.Minute)
	_, err = h.as(late.Secret).Sign(ctx, api.SignatureRequest{SessionName: "x"})
	mustBe(t, "by an expired key", err, "unauthenticated")
	list, err := c.ListKeys(ctx, api.Page{})
	ok(t, err)
	if strings.Contains(asJSON(t, list), k.Secret) || len(list.Keys) != 3 {
		t.Errorf("%s", asJSON(t, list))
	}
}

// TestPagesOverHTTP reads lists page by page while they grow.
func TestPagesOverHTTP(t *testing.T) {
	h := open(t, operated)
	c := h.as("")
	for i := range 25 {
		_, err := c.CreateSession(ctx, api.NewSession{Name: fmt.Sprintf("s %02d", i)})
		ok(t, err)
		h.advance(time.Duration(i%2) * time.Second) // some at the same time
	}
	for _, limit := range []int{1, 7, 25, 200} {
		seen := map[string]int{}
		in := api.ListSessionsIn{Page: api.Page{Limit: limit}, Name: "S "}
		for pages := 0; ; pages++ {
			l, err := c.ListSessions(ctx, in)
			ok(t, err)
			if len(l.Sessions) > limit || pages > 30 {
				t.Fatalf("limit %d: page %d has %d", limit, pages, len(l.Sessions))
			}
			for _, s := range l.Sessions {
				seen[s.Name]++
			}
			if in.Cursor = l.NextCursor; in.Cursor == "" {
				break
			}
		}
		if len(seen) != 25 {
			t.Errorf("limit %d: %d of 25 were seen", limit, len(seen))
		}
		for name, n := range seen {
			if n != 1 {
				t.Errorf("limit %d: %s was seen %d times", limit, name, n)
			}
		}
	}
	rows := map[int64]bool{}
	in := api.QueryLedgerIn{Page: api.Page{Limit: 4}}
	for {
		l, err := c.QueryLedger(ctx, in)
		ok(t, err)
		for _, r := range l.Rows {
			rows[r.Number] = true
		}
		if in.Cursor = l.NextCursor; in.Cursor == "" {
			break
		}
	}
	if len(rows) != 25 {
		t.Errorf("%d of 25 rows of the ledger were seen", len(rows))
	}
	for _, cursor := range []string{"x", "AAAA", strings.Repeat("A", 200), "eyJhIjoxfQ", "' OR 1=1 --"} {
		for _, path := range []string{"/v1/sessions", "/v1/invites", "/v1/keys", "/v1/bans", "/v1/ledger"} {
			if status, _, body := h.send("GET", path+"?cursor="+urlQuery(cursor), ""); status != http.StatusUnprocessableEntity {
				t.Errorf("%s with cursor %q: %d %s", path, cursor, status, body)
			}
		}
	}
	for _, limit := range []string{"0", "-1", "201", "x", "1e9", "99999999999999999999"} {
		if status, _, body := h.send("GET", "/v1/sessions?limit="+limit, ""); status != http.StatusUnprocessableEntity {
			t.Errorf("limit %s: %d %s", limit, status, body)
		}
	}
	if status, _, body := h.send("GET", "/v1/sessions?nonsense=1", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown parameter: %d %s", status, body)
	}
}

func TestIdempotency(t *testing.T) {
	h := open(t, operated)
	k, other := h.key(api.KeyRequest{Name: "one"}), h.key(api.KeyRequest{Name: "two"})
	request := api.SignatureRequest{SessionName: "x", UserKey: "u1"}
	same := client.WithIdempotencyKey(ctx, "order-66")
	sign := func(ctx context.Context, key string, r api.SignatureRequest) (string, error) {
		s, err := h.as(key).Sign(ctx, r)
		return s.Signature, err
	}
	rows := func() int {
		l, err := h.as("").QueryLedger(ctx, api.QueryLedgerIn{Event: "signature.issued", Page: api.Page{Limit: 200}})
		ok(t, err)
		return len(l.Rows)
	}
	first, err := sign(same, k.Secret, request)
	ok(t, err)
	h.advance(time.Minute)
	again, err := sign(same, k.Secret, request)
	ok(t, err)
	if first != again || rows() != 1 {
		t.Errorf("the repeated call was signed anew: %d rows", rows())
	}
	theirs, err := sign(same, other.Secret, request)
	ok(t, err)
	if theirs == first || rows() != 2 {
		t.Error("another caller with the same key got the first one's signature")
	}
	_, err = sign(same, k.Secret, api.SignatureRequest{SessionName: "y", UserKey: "u1"})
	mustBe(t, "another call with the key", err, "conflict")

	// Twenty at once are one.
	var all sync.WaitGroup
	got := make(chan string, 20)
	race := client.WithIdempotencyKey(ctx, "race")
	for range 20 {
		all.Go(func() {
			for {
				s, err := sign(race, k.Secret, request)
				if code(err) == "conflict" {
					continue // it is being answered; repeat it
				}
				if err != nil {
					t.Error(err)
				}
				got <- s
				return
			}
		})
	}
	all.Wait()
	close(got)
	signatures := map[string]bool{}
	for s := range got {
		signatures[s] = true
	}
	if len(signatures) != 1 || rows() != 3 {
		t.Errorf("twenty calls at once made %d signatures in %d rows", len(signatures), rows()-2)
	}

	// A refusal isn't kept.
	_, err = h.as("").CreateSession(ctx, api.NewSession{Name: "closed"})
	ok(t, err)
	_, err = h.as("").UpdateSession(ctx, "closed", api.SessionChange{State: new("ended")})
	ok(t, err)
	h.advance(2 * time.Second)
	twice := client.WithIdempotencyKey(ctx, "twice")
	_, err = sign(twice, k.Secret, api.SignatureRequest{SessionName: "closed"})
	mustBe(t, "ended", err, "ended")
	_, err = h.as("").UpdateSession(ctx, "closed", api.SessionChange{State: new("open")})
	ok(t, err)
	h.advance(2 * time.Second)
	_, err = sign(twice, k.Secret, api.SignatureRequest{SessionName: "closed"})
	ok(t, err)

	// Neither a banned user's nor a revoked key's signature is handed out again.
	_, err = h.as("").CreateBan(ctx, api.BanRequest{Subject: "user:u1"})
	ok(t, err)
	h.advance(2 * time.Second)
	_, err = sign(same, k.Secret, request)
	mustBe(t, "a repeated call for a banned user", err, "banned")
	ok(t, h.as("").RevokeKey(ctx, other.ID))
	h.advance(2 * time.Second)
	_, err = sign(same, other.Secret, request)
	mustBe(t, "a repeated call with a revoked key", err, "unauthenticated")

	// It ends with the signature's life.
	h.advance(24 * time.Hour)
	fresh, err := sign(same, k.Secret, api.SignatureRequest{SessionName: "y", UserKey: "u2"})
	ok(t, err)
	if fresh == first {
		t.Error("an expired signature was handed out")
	}
}
