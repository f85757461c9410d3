package policy_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
)

// noon is a Wednesday.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func user(key string, groups ...string) *usher.Caller {
	return &usher.Caller{Kind: usher.KindUser, ID: key, UserKey: key, Name: strings.ToUpper(key), Groups: groups}
}

func class() *usher.Session {
	return &usher.Session{ID: "1", Name: "Class 7", State: usher.StateOpen, Admit: usher.AdmitListed,
		Owner: "teacher", Hosts: []string{"aide"}, People: []string{"pupil"}, Groups: []string{"class-7"}}
}

func ask(c *usher.Caller, a usher.Action, s *usher.Session) *usher.Question {
	return &usher.Question{Caller: c, Action: a, Session: s, Now: noon, UserKey: c.UserKey, Life: 2 * time.Hour}
}

// with returns an engine with the default policy, if extend, and the rules in text.
func with(t testing.TB, cfg policy.Config, extend bool, text string) *policy.Engine {
	t.Helper()
	sources := []policy.Source{{Name: "p.cedar", Text: text}}
	if extend {
		sources = slices.Insert(sources, 0, policy.Source{Name: policy.DefaultName, Text: policy.Default()})
	}
	e, err := policy.FromSources(cfg, sources...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestVocabulary has one rule for each word of the schema and asks once where it
// is so and once where it isn't.
func TestVocabulary(t *testing.T) {
	for cond, change := range map[string]func(*usher.Question){ // change makes it true
		`principal.id == "other"`:                               func(q *usher.Question) { q.Caller = user("other") },
		`principal.name == "OTHER"`:                             func(q *usher.Question) { q.Caller = user("other") },
		`principal == User::"other"`:                            func(q *usher.Question) { q.Caller = user("other") },
		`principal in Group::"staff"`:                           func(q *usher.Question) { q.Caller = user("x", "a", "staff") },
		`principal in [Group::"staff", Group::"head"]`:          func(q *usher.Question) { q.Caller = user("x", "head") },
		`principal in resource.hosts`:                           func(q *usher.Question) { q.Session.Hosts = []string{"me"} },
		`principal in resource.hosts || false`:                  func(q *usher.Question) { q.Session.Owner = "me" },
		`principal in resource.people`:                          func(q *usher.Question) { q.Session.People = []string{"me"} },
		`principal in resource.groups`:                          func(q *usher.Question) { q.Session.Groups = []string{"mine"} },
		`User::"aide2" in resource.hosts`:                       func(q *usher.Question) { q.Session.Hosts = []string{"aide2"} },
		`Group::"b" in resource.groups`:                         func(q *usher.Question) { q.Session.Groups = []string{"b"} },
		`resource.name == "board"`:                              func(q *usher.Question) { q.Session.Name = "BOARD" },
		`resource.name like "hr-*"`:                             func(q *usher.Question) { q.Session.Name = "HR-7" },
		`resource == Session::"board"`:                          func(q *usher.Question) { q.Session.Name = "Board" },
		`!resource.listed`:                                      func(q *usher.Question) { q.Session.ID = "" },
		`resource has owner && resource.owner == principal`:     func(q *usher.Question) { q.Session.Owner = "me" },
		`!(resource has owner)`:                                 func(q *usher.Question) { q.Session.Owner = "" },
		`resource.admitsSignedIn`:                               func(q *usher.Question) { q.Session.Admit = usher.AdmitSignedIn },
		`resource.locked`:                                       func(q *usher.Question) { q.Session.State = usher.StateLocked },
		`resource.ended`:                                        func(q *usher.Question) { q.Session.State = usher.StateEnded },
		`resource.hasPasscode`:                                  func(q *usher.Question) { q.Session.Passcode = "x" },
		`resource.waitingRoom`:                                  func(q *usher.Question) { q.Session.WaitingRoom = true },
		`resource.capacity > 10`:                                func(q *usher.Question) { q.Session.Capacity = 11 },
		`resource.life == 3600`:                                 func(q *usher.Question) { q.Session.Life = time.Hour },
		`resource has sessionKey && resource.sessionKey == "k"`: func(q *usher.Question) { q.Session.SessionKey = "k" },
		`resource has notBefore && context.time < resource.notBefore.offset(duration("-5m"))`: func(q *usher.Question) { q.Session.NotBefore = noon.Add(6 * time.Minute) },
		`resource has notAfter && resource.notAfter < datetime("2026-07-02")`:                 func(q *usher.Question) { q.Session.NotAfter = noon },
		`context.time.toTime() < duration("12h")`:                                             func(q *usher.Question) { q.Now = noon.Add(-time.Second) },
		`context.hour == 15`:                                                                           func(q *usher.Question) { q.Now = noon.Add(time.Hour) }, // in Berlin
		`context.weekday == 7`:                                                                         func(q *usher.Question) { q.Now = noon.AddDate(0, 0, 4) },
		`context.weekday == 1`:                                                                         func(q *usher.Question) { q.Now = noon.AddDate(0, 0, 5) },
		`context has userKey && context.userKey == "u"`:                                                func(q *usher.Question) { q.UserKey = "u" },
		`context.life > 7200`:                                                                          func(q *usher.Question) { q.Life = 7201 * time.Second },
		`context.features.contains("recording")`:                                                       func(q *usher.Question) { q.Features = []string{"summary", "recording"} },
		`context.features.isEmpty() == false`:                                                          func(q *usher.Question) { q.Features = []string{"summary"} },
		`context has address && context.address.isInRange(ip("10.0.0.0/8"))`:                           func(q *usher.Question) { q.Caller.Addr = netip.MustParseAddr("10.1.2.3") },
		`context has address && context.address == ip("10.1.2.3")`:                                     func(q *usher.Question) { q.Caller.Addr = netip.MustParseAddr("::ffff:10.1.2.3") },
		`context has address && context.address.isInRange(ip("fe80::/10"))`:                            func(q *usher.Question) { q.Caller.Addr = netip.MustParseAddr("fe80::1%eth0") },
		`action == Action::"host"`:                                                                     func(q *usher.Question) { q.Action = usher.ActionHost },
		`[Action::"host", Action::"manage"].contains(action)`:                                          func(q *usher.Question) { q.Action = usher.ActionManage },
		`principal is User && principal.id == "other" || context.hour == 3 && resource.ended`:          func(q *usher.Question) { q.Caller = user("other") },
		`if principal in resource.hosts then context.life < 3 else context.life == 8000`:               func(q *usher.Question) { q.Life = 8000 * time.Second },
		`context.features.containsAny(["transcript"]) && context.features.containsAll(["transcript"])`: func(q *usher.Question) { q.Features = []string{"transcript"} },
		`resource has notBefore && resource has notAfter && resource.notBefore < context.time `:        func(q *usher.Question) { q.Session.NotBefore, q.Session.NotAfter = noon.Add(-1), noon },
	} {
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		e := with(t, policy.Config{TimeZone: berlin}, false, "@id(\"it\") permit (principal is User, action, resource) when { "+cond+" };")
		q := ask(user("me", "mine", "other-group"), usher.ActionJoin, class())
		if d := e.Decide(q); d.Allowed {
			t.Errorf("%s: true where it is not", cond)
		}
		change(q)
		if d := e.Decide(q); !d.Allowed || !slices.Equal(d.Rules, []string{"it"}) {
			t.Errorf("%s: not true where it is: %v\n%v", cond, d, e.Explain(q))
		}
	}
}

func TestOpenIsTheServersWord(t *testing.T) {
	q := ask(&usher.Caller{Kind: usher.KindAnyone}, usher.ActionHost, &usher.Session{Name: "drop-in", State: usher.StateOpen})
	if with(t, policy.Config{}, true, "").Decide(q).Allowed {
		t.Error("anyone hosts without --open")
	}
	if d := with(t, policy.Config{Open: true}, true, "").Decide(q); !d.Allowed || d.Rules[0] != "open" {
		t.Errorf("with --open: %v", d)
	}
}

// TestAFailingRuleLetsNobodyIn: Cedar skips a forbid that fails; Usher doesn't.
func TestAFailingRuleLetsNobodyIn(t *testing.T) {
	const overflow = `context.life * 9223372036854775807 > 0`
	q := ask(user("teacher"), usher.ActionHost, class())
	e := with(t, policy.Config{}, true, `@id("broken") forbid (principal, action, resource) when { `+overflow+` };`)
	if d := e.Decide(q); d.Allowed || !slices.Equal(d.Rules, []string{"broken"}) {
		t.Errorf("a failing forbid: %v", d)
	}
	if x := e.Explain(q); x.Why != `Denied: forbidden by "broken".` || len(x.Failed) != 1 || !strings.Contains(x.Failed[0].Because[0], "overflow") {
		t.Errorf("explained as %+v", x)
	}
	e = with(t, policy.Config{}, false, `@id("broken") permit (principal, action, resource) when { `+overflow+` };`)
	if d := e.Decide(q); d.Allowed {
		t.Errorf("a failing permit: %v", d)
	}
}

func TestAFailingRuleIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	file := write(t, t.TempDir(), "p.cedar", `@id("broken") permit (principal, action, resource) when { context.life * 9223372036854775807 > 0 };`)
	e, err := policy.New(policy.Config{Files: []string{file}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		e.Decide(ask(user("u"), usher.ActionJoin, class()))
	}
	if n := strings.Count(log.String(), "rule=broken"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

func TestWhatIsRefusedBeforeAnyRule(t *testing.T) {
	e := with(t, policy.Config{Open: true}, false, `permit (principal, action, resource);`)
	scope := func(sessions ...string) *usher.Scope { return &usher.Scope{Sessions: sessions} }
	for _, tt := range []struct {
		name   string
		caller *usher.Caller
		action usher.Action
		rule   string
	}{
		{"nobody", &usher.Caller{}, usher.ActionJoin, policy.RuleCaller},
		{"a kind nobody knows", &usher.Caller{Kind: "robot", ID: "r"}, usher.ActionJoin, policy.RuleCaller},
		{"an action nobody knows", user("u"), "destroy", policy.RuleCaller},
		{"a user without a key", &usher.Caller{Kind: usher.KindUser, ID: "u"}, usher.ActionJoin, policy.RuleCaller},
		{"a key for other sessions", &usher.Caller{Kind: usher.KindKey, ID: "k", Scope: scope("other")}, usher.ActionJoin, policy.RuleScope},
		{"a key for other actions", &usher.Caller{Kind: usher.KindKey, ID: "k", Scope: scope("class*")}, usher.ActionManage, policy.RuleScope},
		{"a guest without an invite", &usher.Caller{Kind: usher.KindGuest, ID: "g"}, usher.ActionJoin, policy.RuleScope},
		{"a guest of every session", &usher.Caller{Kind: usher.KindGuest, ID: "g", Scope: scope()}, usher.ActionJoin, policy.RuleScope},
	} {
		q := ask(tt.caller, tt.action, class())
		if d := e.Decide(q); d.Allowed || !slices.Equal(d.Rules, []string{tt.rule}) {
			t.Errorf("%s: %v, want rule %q", tt.name, d, tt.rule)
		}
		if x := e.Explain(q); x.Allowed || !strings.HasPrefix(x.Why, "Denied: ") {
			t.Errorf("%s: explained as %+v", tt.name, x)
		}
	}
}

func TestExtendOrReplace(t *testing.T) {
	file := write(t, t.TempDir(), "p.cedar", `@id("mine") permit (principal is User, action == Action::"join", resource);`)
	host := ask(user("teacher"), usher.ActionHost, class())
	join := ask(user("stranger"), usher.ActionJoin, class())
	for _, replace := range []bool{false, true} {
		e, err := policy.New(policy.Config{Files: []string{file}, Replace: replace})
		if err != nil {
			t.Fatal(err)
		}
		if d := e.Decide(join); !d.Allowed || !slices.Equal(d.Rules, []string{"mine"}) {
			t.Errorf("replace %v: the file's rule: %v", replace, d)
		}
		if d := e.Decide(host); d.Allowed == replace {
			t.Errorf("replace %v: the default's rule: %v", replace, d)
		}
		if got := strings.Contains(e.Text(), `@id("hosts")`); got == replace {
			t.Errorf("replace %v: shows the default: %v", replace, got)
		}
	}
	if _, err := policy.New(policy.Config{Replace: true}); err == nil {
		t.Error("an engine without any rule started")
	}
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartRefusesWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	big := write(t, dir, "big.cedar", strings.Repeat(" ", policy.MaxFileBytes+1))
	empty := t.TempDir()
	many := t.TempDir()
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		write(t, many, n+".cedar", strings.Repeat(" ", policy.MaxFileBytes))
	}
	for _, tt := range []struct{ name, file, want string }{
		{"no such file", filepath.Join(dir, "none.cedar"), "no such file"},
		{"too big", big, "over 262144 bytes"},
		{"empty folder", empty, "no *.cedar file"},
		{"too much together", many, "together"},
		{"not Cedar", write(t, dir, "x.cedar", "hello"), "can't be read as Cedar"},
		{"the default's name", write(t, dir, "y.cedar", `@id("hosts") permit (principal, action, resource);`), "taken by the rule at default.cedar:"},
	} {
		if _, err := policy.New(policy.Config{Files: []string{tt.file}}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestReload(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	write(t, dir, "p.cedar", `@id("one") permit (principal, action, resource);`)
	write(t, dir, "notes.txt", "not a policy")
	now := noon
	e, err := policy.New(policy.Config{Files: []string{dir}, Replace: true, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	q := ask(user("u"), usher.ActionJoin, class())
	rules := func() string { return strings.Join(e.Decide(q).Rules, " ") }
	first := e.Status()
	if rules() != "one" || first.Rules != 1 || first.Error != "" || !first.LoadedAt.Equal(noon) || len(first.Files) != 1 {
		t.Fatalf("rules %q, status %+v", rules(), first)
	}

	ctx, stop := context.WithCancel(context.Background())
	ticks, ended := make(chan time.Time), make(chan struct{})
	go func() { e.Watch(ctx, ticks); close(ended) }()
	// The second tick is taken only once the first has been dealt with.
	look := func() { ticks <- now; ticks <- now }

	now = noon.Add(time.Minute)
	look()
	if s := e.Status(); !s.LoadedAt.Equal(noon) {
		t.Error("reloaded without a change")
	}
	write(t, dir, "q.cedar", `@id("two") permit (principal, action, resource);`)
	look()
	if rules() != "one two" || !e.Status().LoadedAt.Equal(now) || e.Status().Digest == first.Digest {
		t.Errorf("a new file: rules %q, status %+v", rules(), e.Status())
	}
	good := e.Status()
	write(t, dir, "q.cedar", `@id("two") forbid (principal, action, resource) when { resource.nam == "" };`)
	for range 3 {
		look()
	}
	s := e.Status()
	if rules() != "one two" || !strings.Contains(s.Error, `did you mean "name"?`) || !s.FailedAt.Equal(now) || s.Digest != good.Digest || s.Rules != 2 {
		t.Errorf("a bad file: rules %q, status %+v", rules(), s)
	}
	if n := strings.Count(log.String(), "the rules in force stay"); n != 1 {
		t.Errorf("the bad file was reported %d times:\n%s", n, log.String())
	}
	if err := e.Reload(); err == nil {
		t.Error("a reload that was asked for doesn't say that it failed")
	}
	os.Remove(filepath.Join(dir, "q.cedar"))
	look()
	if rules() != "one" || e.Status().Error != "" || !e.Status().FailedAt.IsZero() {
		t.Errorf("after repair: rules %q, status %+v", rules(), e.Status())
	}
	os.RemoveAll(dir)
	look()
	if rules() != "one" || e.Status().Error == "" {
		t.Errorf("without the folder: rules %q, status %+v", rules(), e.Status())
	}
	stop()
	<-ended
}

func TestDecideWhileReloading(t *testing.T) {
	dir := t.TempDir()
	texts := []string{`@id("a") permit (principal, action, resource);`, `@id("b") permit (principal, action, resource) when { principal in Group::"g" };`}
	file := write(t, dir, "p.cedar", texts[0])
	e, err := policy.New(policy.Config{Files: []string{file}, Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					d := e.Decide(ask(user("u", "g"), usher.ActionJoin, class()))
					if !d.Allowed || d.Rules[0] != "a" && d.Rules[0] != "b" {
						t.Errorf("between two policies: %v", d)
						return
					}
				}
			}
		})
	}
	for i := range 200 {
		write(t, dir, "p.cedar", texts[i%2])
		if err := e.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	asking.Wait()
}

func TestVocabularyIsTheSchemas(t *testing.T) {
	v := policy.Vocabulary()
	if !slices.Equal(v["action"], []string{"host", "inspect", "join", "manage"}) || len(v["context"]) != 8 || len(v["resource"]) != 16 {
		t.Errorf("%v", v)
	}
}
