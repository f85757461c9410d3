package usher_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
)

var (
	creds = videosdk.Credentials{Key: "test-key-1", Secret: "a-secret-of-enough-bytes-for-hs256-0123"}
	start = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
)

// directory is a Directory of fixed sessions, by folded name.
type directory map[string]*usher.Session

func (d directory) Session(_ context.Context, name string) (*usher.Session, error) {
	return d[usher.FoldName(name)], nil
}

// book is a Ledger in memory, or one that fails with err.
type book struct {
	entries []usher.Entry
	err     error
}

func (b *book) Record(_ context.Context, e *usher.Entry) error {
	if b.err == nil {
		b.entries = append(b.entries, *e)
	}
	return b.err
}

func newIssuer(t *testing.T, cfg usher.Config) *usher.Issuer {
	t.Helper()
	cfg.Credentials = creds
	if cfg.Policy == nil {
		cfg.Policy = usher.PermitAll
	}
	cfg.Now = func() time.Time { return start }
	i, err := usher.NewIssuer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func verify(t *testing.T, token string) *videosdk.Claims {
	t.Helper()
	v, err := videosdk.NewVerifier([]videosdk.Credentials{creds})
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Verify(token, start)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIssueSignsAndRecords(t *testing.T) {
	ledger := &book{}
	i := newIssuer(t, usher.Config{Ledger: ledger})
	caller := &usher.Caller{Kind: usher.KindKey, ID: "k1"}
	got, err := i.Issue(context.Background(), caller, &usher.Request{
		ID: "r1", Wish: usher.WishHost,
		Grant: videosdk.Grant{SessionName: "Cool Cars", UserKey: "u1", Passcode: "Ilovecars!", CloudRecordingOption: new(1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := verify(t, got.Signature)
	if c.SessionName != "Cool Cars" || c.Role != videosdk.Host || c.UserKey != "u1" || c.Passcode != "Ilovecars!" || *c.CloudRecordingOption != 1 {
		t.Errorf("claims %+v", c)
	}
	if !c.ExpiresAt.Equal(got.ExpiresAt) || !c.IssuedAt.Equal(got.IssuedAt) {
		t.Errorf("times %v %v, signature says %v %v", got.IssuedAt, got.ExpiresAt, c.IssuedAt, c.ExpiresAt)
	}
	sum := sha256.Sum256([]byte(got.Signature))
	if len(ledger.entries) != 1 {
		t.Fatalf("%d rows, want 1", len(ledger.entries))
	}
	if e := ledger.entries[0]; e.Event != usher.EventSigned || e.SignatureSHA256 != hex.EncodeToString(sum[:]) ||
		e.Caller != "key:k1" || e.Role != "host" || e.RequestID != "r1" || !e.Expires.Equal(got.ExpiresAt) {
		t.Errorf("row %+v", e)
	}
}

func TestNoSignatureWithoutRecord(t *testing.T) {
	i := newIssuer(t, usher.Config{Ledger: &book{err: errors.New("disk full")}})
	for _, caller := range []*usher.Caller{{Kind: usher.KindKey, ID: "k"}, {}} {
		got, err := i.Issue(context.Background(), caller, &usher.Request{Grant: videosdk.Grant{SessionName: "x"}})
		if got != nil || usher.ErrorCode(err) != usher.CodeUnavailable {
			t.Errorf("caller %q got %v, %v; want no signature and %q", caller, got, err, usher.CodeUnavailable)
		}
	}
}

func TestIssueReportsFaultsOfTheRequestTogether(t *testing.T) {
	ledger := &book{}
	i := newIssuer(t, usher.Config{Ledger: ledger})
	_, err := i.Issue(context.Background(), &usher.Caller{Kind: usher.KindAnyone}, &usher.Request{
		Grant: videosdk.Grant{UserKey: strings.Repeat("x", 37), Life: time.Minute},
	})
	var faults videosdk.FieldErrors
	if !errors.As(err, &faults) || len(faults) != 3 {
		t.Errorf("got %v, want three faults", err)
	}
	if len(ledger.entries) != 0 {
		t.Error("a faulty request decides nothing, so it has no row")
	}
}

// hostsOnly permits hosting to owners and joining to everyone who is known.
var hostsOnly = usher.PolicyFunc(func(q *usher.Question) usher.Decision {
	ok := q.Action == usher.ActionJoin || q.Action == usher.ActionHost && q.Session.IsHost(q.Caller.UserKey)
	return usher.Decision{Allowed: ok, Rules: []string{"hosts-only"}}
})

func TestIssueDecides(t *testing.T) {
	sessions := directory{
		"class": {ID: "1", Name: "Class", State: usher.StateOpen, Owner: "teacher", SessionKey: "sk", Passcode: "s3cret", People: []string{"pupil"}, Life: time.Hour},
		"ended": {ID: "2", Name: "ended", State: usher.StateEnded},
		"lock":  {ID: "3", Name: "lock", State: usher.StateLocked, Owner: "teacher"},
		"early": {ID: "4", Name: "early", State: usher.StateOpen, NotBefore: start.Add(time.Second)},
		"odd":   {ID: "6", Name: "odd"},
		"late":  {ID: "5", Name: "late", State: usher.StateOpen, NotAfter: start},
	}
	user := func(key string) *usher.Caller { return &usher.Caller{Kind: usher.KindUser, ID: key, UserKey: key} }
	guest := &usher.Caller{Kind: usher.KindGuest, ID: "inv", UserKey: "g1", Scope: &usher.Scope{Actions: []usher.Action{usher.ActionJoin}, Sessions: []string{"class"}}}
	banned := user("troll")
	for _, tt := range []struct {
		name   string
		caller *usher.Caller
		req    usher.Request
		want   usher.Code
		role   videosdk.Role
	}{
		{"owner hosts", user("teacher"), ask("CLASS", usher.WishHost), "", videosdk.Host},
		{"best of an owner", user("teacher"), ask("class", usher.WishBest), "", videosdk.Host},
		{"best of a pupil", user("pupil"), ask("class", usher.WishBest), "", videosdk.Participant},
		{"pupil may not host", user("pupil"), ask("class", usher.WishHost), usher.CodeHostDenied, 0},
		{"stranger without passcode", user("other"), ask("class", ""), usher.CodePasscode, 0},
		{"stranger with passcode", user("other"), withPasscode(ask("class", ""), "s3cret"), "", videosdk.Participant},
		{"a wrong passcode is refused from everybody", user("teacher"), withPasscode(ask("class", ""), "guess"), usher.CodePasscode, 0},
		{"guest into the invite's session", guest, ask("Class", ""), "", videosdk.Participant},
		{"guest into another", guest, ask("lock", ""), usher.CodeScope, 0},
		{"guest as host", guest, ask("class", usher.WishHost), usher.CodeHostDenied, 0},
		{"another's user key", user("pupil"), withUser(ask("class", ""), "teacher"), usher.CodeUserKey, 0},
		{"a user without a user key", &usher.Caller{Kind: usher.KindUser, ID: "x"}, withUser(ask("class", ""), "teacher"), usher.CodeUnauthenticated, 0},
		{"a session in no known state", user("pupil"), ask("odd", ""), usher.CodeClosed, 0},
		{"nobody", &usher.Caller{}, ask("class", ""), usher.CodeUnauthenticated, 0},
		{"banned", banned, ask("class", ""), usher.CodeBanned, 0},
		{"ended", user("teacher"), ask("ended", ""), usher.CodeEnded, 0},
		{"locked for participants", user("pupil"), ask("lock", ""), usher.CodeLocked, 0},
		{"locked but not for hosts", user("teacher"), ask("lock", usher.WishHost), "", videosdk.Host},
		{"before the window", user("pupil"), ask("early", ""), usher.CodeNotOpenYet, 0},
		{"the window's end is closed", user("pupil"), ask("late", ""), usher.CodeClosed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ledger := &book{}
			i := newIssuer(t, usher.Config{Policy: hostsOnly, Directory: sessions, Ledger: ledger,
				Banned: func(_ context.Context, c *usher.Caller, _ string) (string, error) {
					if c == banned {
						return "spam", nil
					}
					return "", nil
				}})
			got, err := i.Issue(context.Background(), tt.caller, &tt.req)
			if code := usher.ErrorCode(err); code != tt.want || (err == nil) != (tt.want == "") {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if len(ledger.entries) != 1 {
				t.Fatalf("%d rows, want 1", len(ledger.entries))
			}
			if err != nil {
				if e := ledger.entries[0]; e.Event != usher.EventRefused || e.Reason != string(tt.want) {
					t.Errorf("row %+v", e)
				}
				return
			}
			if c := verify(t, got.Signature); c.Role != tt.role || got.Role != tt.role {
				t.Errorf("role %v, answer says %v, want %v", c.Role, got.Role, tt.role)
			}
		})
	}
}

func ask(name string, wish usher.Wish) usher.Request {
	return usher.Request{Wish: wish, Grant: videosdk.Grant{SessionName: name}}
}

func withPasscode(r usher.Request, p string) usher.Request { r.Grant.Passcode = p; return r }
func withUser(r usher.Request, u string) usher.Request     { r.Grant.UserKey = u; return r }

func TestTheDirectoryOverridesTheClient(t *testing.T) {
	i := newIssuer(t, usher.Config{Directory: directory{"class": {
		ID: "1", Name: "Class", State: usher.StateOpen, SessionKey: "theirs", Life: time.Hour, GeoRegions: []string{"DE"}, CloudRecordingOption: new(0),
	}}})
	got, err := i.Issue(context.Background(), &usher.Caller{Kind: usher.KindKey, ID: "k"}, &usher.Request{Wish: usher.WishHost, Grant: videosdk.Grant{
		SessionName: "cLaSS", SessionKey: "mine", Life: 48 * time.Hour, GeoRegions: []string{"US"},
		CloudRecordingOption: new(1), CloudRecordingElection: new(1), CloudRecordingTranscriptOption: new(2),
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := verify(t, got.Signature)
	if c.SessionName != "Class" || c.SessionKey != "theirs" || c.GeoRegions != "DE" || *c.CloudRecordingOption != 0 ||
		c.CloudRecordingElection != nil || c.CloudRecordingTranscriptOption != nil || c.ExpiresAt != start.Add(time.Hour) {
		t.Errorf("claims %+v", c)
	}
}

func TestNoSignatureOutlivesTheWindow(t *testing.T) {
	for _, tt := range []struct{ left, want time.Duration }{
		{45 * time.Minute, 45 * time.Minute},
		{90*time.Minute + 500*time.Millisecond, 90 * time.Minute},
		{time.Minute, videosdk.MinLife}, // Zoom takes no shorter one
		{24 * time.Hour, videosdk.DefaultLife},
	} {
		i := newIssuer(t, usher.Config{Directory: directory{"class": {ID: "1", Name: "class", State: usher.StateOpen, NotAfter: start.Add(tt.left)}}})
		got, err := i.Issue(context.Background(), &usher.Caller{Kind: usher.KindKey, ID: "k"}, &usher.Request{Grant: videosdk.Grant{SessionName: "class"}})
		if err != nil {
			t.Fatal(err)
		}
		if life := got.ExpiresAt.Sub(start); life != tt.want {
			t.Errorf("window open for %v: life %v, want %v", tt.left, life, tt.want)
		}
	}
}

func TestScopeCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"class-*", "Class-7", true}, {"class-*", "class-", true}, {"class-*", "klass-7", false},
		{"*", "", true}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXbY", false}, {"", "", true}, {"", "x", false},
		{"class", "class-7", false}, {"*-7", "class-7", true}, {"a*a*a*a*a*b", strings.Repeat("a", 200), false},
	} {
		s := &usher.Scope{Sessions: []string{tt.pattern}}
		if got := s.Covers(usher.ActionJoin, tt.name); got != tt.want {
			t.Errorf("%q covers %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
	if s := (&usher.Scope{Sessions: []string{"*"}, Exact: true}); s.Covers(usher.ActionJoin, "x") || !s.Covers(usher.ActionJoin, "*") {
		t.Error("an exact scope takes * for itself")
	}
	if (&usher.Scope{}).Covers(usher.ActionManage, "x") {
		t.Error("a scope without actions covers join and host alone")
	}
	if !(*usher.Scope)(nil).Covers(usher.ActionManage, "x") {
		t.Error("no scope is no bound")
	}
}

func TestNoNameLeadsPastTheDirectory(t *testing.T) {
	var b book
	i := newIssuer(t, usher.Config{
		Options:   []videosdk.SignerOption{videosdk.WithAnySessionName()},
		Directory: directory{"secret room": {ID: "1", Name: "Secret Room", State: usher.StateEnded}}, Ledger: &b,
	})
	for _, name := range []string{"Secret Room", "sEcRet rOOm"} {
		_, err := i.Issue(t.Context(), &usher.Caller{Kind: usher.KindAnyone}, &usher.Request{Grant: videosdk.Grant{SessionName: name}})
		if usher.ErrorCode(err) != usher.CodeEnded {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"Secret Room ", " Secret Room", "\u00a0Secret Room", "Secret Room\u3000", " "} {
		req := &usher.Request{Grant: videosdk.Grant{SessionName: name}}
		_, err := i.Issue(t.Context(), &usher.Caller{Kind: usher.KindAnyone}, req)
		for _, err := range []error{err, i.Check(req)} {
			var faults videosdk.FieldErrors
			if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Field != "sessionName" {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}
