package policy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
)

const table = `
now: 2026-07-01T12:00:00Z
callers:
  teacher: {kind: user, name: Ms Frizzle, groups: [staff]}
  pupil: {kind: user}
  backend: {kind: key, scope: {actions: [join], sessions: ["class*"]}}
  stranger: {kind: anyone}
sessions:
  class: {name: Class 7, owner: teacher, people: [pupil], passcode: s3cret, notAfter: 2026-07-01T13:00:00Z}
  drop-in: {unlisted: true}
cases:
  - {caller: teacher, action: host, session: class, expect: allow, rule: hosts}
  - {caller: pupil, action: join, session: class, expect: allow, rule: people}
  - {caller: pupil, action: host, session: class, expect: deny}
  - {caller: backend, action: host, session: class, expect: deny, rule: scope}
  - {caller: stranger, action: host, session: drop-in, expect: deny}
  - name: on an open server
    caller: stranger
    action: host
    session: drop-in
    context: {open: true, time: 2026-07-01T03:00:00Z, address: 192.0.2.1, life: 1h30m, features: [recording], userKey: u}
    expect: allow
`

func TestRunTable(t *testing.T) {
	tab, err := policy.ParseTable("cases.yaml", []byte(table))
	if err != nil {
		t.Fatal(err)
	}
	e := with(t, policy.Config{}, true, "")
	r := e.Run(tab)
	var out bytes.Buffer
	r.Print(&out)
	if r.Failed() != 0 || out.String() != "cases.yaml: 6 cases, 6 as expected, 0 different\n" {
		t.Errorf("%s", out.String())
	}

	tab.Cases[1].Rule = "signed-in"
	tab.Cases[2].Expect = usher.Allowed
	r = e.Run(tab)
	out.Reset()
	r.Print(&out)
	const want = `case 2: pupil join class
  - want allow by signed-in
  + got  allow by people
    user:pupil asks to join "Class 7"
    Allowed: permitted by "people"; no rule forbids it.

    Rules that apply:
      permit "people" (default.cedar:16)
          @id("people")
          permit (principal is User, action == Action::"join", resource)
          when { principal in resource.people || principal in resource.groups };

case 3: pupil host class
  - want allow
  + got  deny
    user:pupil asks to host "Class 7"
    Denied: no rule permits it.

    Rules that would permit it, and what is missing:
      permit "hosts" (default.cedar:6)
          principal in resource.hosts is false

cases.yaml: 6 cases, 4 as expected, 2 different
`
	if r.Failed() != 2 || out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestParseTableRefuses(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"an unknown field", "expect: deny}", "expects: deny}", "field expects not found"},
		{"an unknown field of a caller", "name: Ms Frizzle", "nam: Ms Frizzle", "field nam not found"},
		{"a field twice", "{kind: user}", "{kind: user, kind: key}", "already defined"},
		{"an unknown caller", "caller: pupil", "caller: pupl", `case 2: caller "pupl" isn't among`},
		{"an unknown session", "session: drop-in, expect", "session: dropin, expect", `case 5: session "dropin" isn't among`},
		{"an unknown action", "action: join, session: class", "action: enter, session: class", `action is "enter"`},
		{"neither allow nor deny", "expect: allow, rule: hosts", "expect: yes, rule: hosts", `expect is "yes"`},
		{"an unknown kind", "kind: anyone", "kind: everyone", `caller stranger: kind is "everyone"`},
		{"groups of a key", "kind: key,", "kind: key, groups: [a],", "only users have groups"},
		{"an unknown action of a scope", "actions: [join]", "actions: [jump]", `scope.actions names "jump"`},
		{"a bad address", "192.0.2.1", "192.0.2", `address "192.0.2" is no IP address`},
		{"an unknown feature", "[recording]", "[video]", `there is no feature "video"`},
		{"an unlisted session with an owner", "unlisted: true", "unlisted: true, owner: x", "nothing but its name is known"},
		{"an unknown state", "owner: teacher", "state: shut", `state is "shut"`},
		{"an unknown admission", "owner: teacher", "admit: all", `admit is "all"`},
		{"an unknown default", "now:", "policy: {default: none}\nnow:", `policy.default is "none"`},
		{"a bad time", "03:00:00Z", "03:00", "cannot parse"},
		{"no cases", table, "callers: {}", "there are no cases"},
		{"nothing", table, "", "empty"},
		{"too much", table, strings.Repeat("#", policy.MaxTableBytes+1), "over 1048576 bytes"},
	} {
		text := strings.Replace(table, tt.from, tt.to, 1)
		if tab, err := policy.ParseTable("t.yaml", []byte(text)); err == nil || tab != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := policy.ParseTable("t.yaml", []byte(table+"---\nx: 1\n")); err == nil || !strings.Contains(err.Error(), "one document") {
		t.Errorf("two documents: %v", err)
	}
}

func TestTestFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p.cedar", `@id("mine") permit (principal, action, resource) when { context.hour == 14 };`)
	named := write(t, dir, "named.yaml", "policy: {files: [p.cedar], default: replace, timeZone: Europe/Berlin}\n"+strings.ReplaceAll(table, "rule: hosts", "rule: mine"))
	r, err := policy.TestFile(named, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Results[0].OK || r.Results[1].OK {
		t.Errorf("%+v", r.Results[:2])
	}
	plain := write(t, dir, "plain.yaml", table)
	if r, err := policy.TestFile(plain, with(t, policy.Config{}, true, "")); err != nil || r.Failed() != 0 {
		t.Errorf("on the policy in force: %v %v", r, err)
	}
	for _, tt := range []struct{ name, want string }{
		{plain, "names no policy and none is in force"},
		{filepath.Join(dir, "none.yaml"), "no such file"},
		{write(t, dir, "zone.yaml", "policy: {timeZone: Mars/Olympus}\n"+table), "policy.timeZone"},
		{write(t, dir, "file.yaml", "policy: {files: [q.cedar]}\n"+table), "q.cedar"},
	} {
		if _, err := policy.TestFile(tt.name, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", filepath.Base(tt.name), err, tt.want)
		}
	}
}

// TestWorkedPolicies runs the table of each worked policy of the documentation.
func TestWorkedPolicies(t *testing.T) {
	tables, err := filepath.Glob("../../docs/policies/*/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) < 10 {
		t.Errorf("%d worked policies, want ten", len(tables))
	}
	guide, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tables {
		folder := filepath.Base(filepath.Dir(name))
		t.Run(folder, func(t *testing.T) {
			r, err := policy.TestFile(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failed() > 0 {
				var out bytes.Buffer
				r.Print(&out)
				t.Error(out.String())
			}
			got := map[string]int{}
			for _, res := range r.Results {
				got[res.Got]++
			}
			if got[usher.Allowed] < 2 || got[usher.Denied] < 3 {
				t.Errorf("the table shows too little: %v", got)
			}
			rules, err := os.ReadFile(filepath.Join(filepath.Dir(name), "policy.cedar"))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(guide, rules) {
				t.Error("docs/policy.md doesn't show this policy as it is")
			}
		})
	}
}

func TestExplain(t *testing.T) {
	e := with(t, policy.Config{}, true, `@id("short") @doc("Signatures are short.") forbid (principal is User, action, resource) when { context.life > 3600 };
@id("head") permit (principal == User::"head", action, resource == Session::"board") when { resource.listed && context.hour < 9 };
@id("night") permit (principal in Group::"watch", action, resource) unless { context.hour > 6 };`)
	q := ask(user("pupil"), usher.ActionJoin, class())
	var out bytes.Buffer
	e.Explain(q).Print(&out)
	const forbidden = `user:pupil asks to join "Class 7"
Denied: forbidden by "short".

Rules that apply:
  permit "people" (default.cedar:16)
      @id("people")
      permit (principal is User, action == Action::"join", resource)
      when { principal in resource.people || principal in resource.groups };
  forbid "short" (p.cedar:1)
      Signatures are short.
      @id("short") @doc("Signatures are short.") forbid (principal is User, action, resource) when { context.life > 3600 };
`
	const missed = `user:pupil-8 asks to join "Class 7"
Denied: no rule permits it.

Rules that would permit it, and what is missing:
  permit "hosts" (default.cedar:6)
      principal in resource.hosts is false
  permit "people" (default.cedar:16)
      principal in resource.people || principal in resource.groups is false
  permit "signed-in" (default.cedar:20)
      resource.admitsSignedIn is false
  permit "head" (p.cedar:2)
      principal == User::"head" is false
      resource == Session::"board" is false
      context.hour < 9 is false (context.hour is 12)
  permit "night" (p.cedar:3)
      principal in Group::"watch" is false
      unless context.hour > 6, which is true (context.hour is 12)
`
	if out.String() != forbidden {
		t.Errorf("got\n%s\nwant\n%s", out.String(), forbidden)
	}
	out.Reset()
	q = ask(user("pupil-8"), usher.ActionJoin, class())
	q.Life = time.Hour
	if e.Explain(q).Print(&out); out.String() != missed {
		t.Errorf("got\n%s\nwant\n%s", out.String(), missed)
	}
	out.Reset()
	e.Explain(ask(&usher.Caller{Kind: usher.KindAnyone}, usher.ActionManage, class())).Print(&out)
	if want := "anyone asks to manage \"Class 7\"\nDenied: no rule permits it.\n\nNo rule speaks of such a caller and action.\n"; out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestTheGuideIsTrue holds docs/policy.md to the code: it shows the default
// policy as it is and names every word of the schema, and its table can be read.
func TestTheGuideIsTrue(t *testing.T) {
	b, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(b)
	if !strings.Contains(guide, policy.Default()) {
		t.Error("the default policy is not as shown")
	}
	for where, words := range policy.Vocabulary() {
		for _, w := range words {
			if !strings.Contains(guide, "`"+w+"`") {
				t.Errorf("%s %q isn't explained", where, w)
			}
		}
	}
	blocks := map[string]int{}
	for _, part := range strings.Split(guide, "```")[1:] {
		language, text, _ := strings.Cut(part, "\n")
		switch {
		case language == "cedar":
			if err := policy.Check(policy.Source{Name: "docs/policy.md", Text: text}); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		case language == "yaml" && strings.Contains(text, "cases:"):
			tab, err := policy.ParseTable("docs/policy.md", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if r := with(t, policy.Config{}, true, "").Run(tab); r.Failed() > 0 {
				t.Errorf("%+v", r.Results)
			}
		}
		blocks[language]++
	}
	if blocks["cedar"] < 13 || blocks["yaml"] < 2 {
		t.Errorf("found %v", blocks)
	}
}
