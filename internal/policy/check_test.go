package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/internal/policy"
)

func TestTheDefaultPolicyIsSound(t *testing.T) {
	if err := policy.Check(policy.Source{Name: policy.DefaultName, Text: policy.Default()}); err != nil {
		t.Error(err)
	}
}

// TestCheckFinds pins what an author is told. The middle of many messages comes
// from an experimental checker: this table is what notices when it changes.
func TestCheckFinds(t *testing.T) {
	when := func(cond string) string {
		return "permit (principal is User, action, resource)\nwhen { " + cond + " };"
	}
	for _, tt := range []struct {
		name, text string
		want       string // the whole of the first problem
		count      int    // of problems, 0 is 1
	}{
		{"attribute of the session", when(`resource.nam == "x"`),
			`p.cedar:2:17: rule "p.cedar:1": Session has no attribute "nam"; did you mean "name"?`, 0},
		{"attribute of the context, once", when(`context.adress == ip("1.2.3.4")`),
			`p.cedar:2:16: rule "p.cedar:1": context has no attribute "adress"; did you mean "address"?`, 0},
		{"an attribute that is nothing like another", when(`context.zzz == 1`),
			`p.cedar:2:16: rule "p.cedar:1": context has no attribute "zzz"; known are address, features, hour, life, open, time, userKey, weekday`, 0},
		{"type of caller", `permit (principal is Usr, action, resource);`,
			`p.cedar:1:22: rule "p.cedar:1": there is no type Usr; did you mean "User"?`, 0},
		{"action", `permit (principal, action == Action::"joyn", resource);`,
			`p.cedar:1:39: rule "p.cedar:1": there is no action "joyn"; did you mean "join"?`, 0},
		{"a group as a caller", `permit (principal is Group, action, resource);`,
			`p.cedar:1:1: rule "p.cedar:1": no caller and action can be in the rule's head; callers are User, Key, Guest and Anyone (a group is meant with: principal in Group::"…"), the resource is a Session`, 0},
		{"attribute that may be missing", when(`resource.owner == principal`),
			`p.cedar:2:17: rule "p.cedar:1": resource.owner isn't always there; write "resource has owner && …" before it`, 0},
		{"address that may be missing", when(`context.address.isLoopback()`),
			`p.cedar:2:16: rule "p.cedar:1": context.address isn't always there; write "context has address && …" before it`, 0},
		{"name of anyone", `permit (principal, action, resource) when { principal.name == "x" };`,
			`p.cedar:1:55: rule "p.cedar:1": Anyone has no attribute "name"; name the callers that are meant: principal is User`, 0},
		{"wrong type", when(`context.life > "x"`), `p.cedar:1:1: rule "p.cedar:1": a String stands where datetime, or duration, or Long is needed`, 0},
		{"no condition", when(`"x"`), `p.cedar:1:1: rule "p.cedar:1": a String stands where Bool is needed`, 0},
		{"address range", when(`context has address && context.address.isInRange(ip("10.0.0.0/99"))`),
			`p.cedar:2:61: rule "p.cedar:1": "10.0.0.0/99" can't be read as IP address`, 0},
		{"misspelt has", when(`resource has ownr`), `p.cedar:2:21: rule "p.cedar:1": resource has no attribute "ownr"; did you mean "owner"?`, 0},
		{"misspelt has of the context", when(`context has adres`), `p.cedar:2:20: rule "p.cedar:1": context has no attribute "adres"; did you mean "address"?`, 0},
		{"feature", when(`context.features.contains("recrding")`),
			`p.cedar:2:35: rule "p.cedar:1": there is no feature "recrding"; did you mean "recording"?`, 0},
		{"one feature of several", when(`context.features.containsAny(["summary", "transkript"])`),
			`p.cedar:2:50: rule "p.cedar:1": there is no feature "transkript"; did you mean "transcript"?`, 0},
		{"list", when(`principal in List::"host"`), `p.cedar:2:28: rule "p.cedar:1": there is no list "host"; write resource.hosts, resource.people or resource.groups`, 0},
		{"session in upper case", `permit (principal, action, resource == Session::"Board");`,
			`p.cedar:1:50: rule "p.cedar:1": no session's name is "Board"; names are compared in lower case: write "board"`, 0},
		{"pattern in upper case", when(`resource.name like "HR-*"`),
			`p.cedar:2:28: rule "p.cedar:1": no session's name is "HR-*"; names are compared in lower case: write "hr-*"`, 0},
		{"name in upper case, the other way round", when(`"HR" == resource.name`),
			`p.cedar:2:9: rule "p.cedar:1": no session's name is "HR"; names are compared in lower case: write "hr"`, 0},
		{"annotation", `@name("x") permit (principal, action, resource);`, `p.cedar:1:1: rule "p.cedar:1": there is no annotation @name; known are @id and @doc`, 0},
		{"a name that is taken", "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
			`p.cedar:2:1: rule "a": the name is taken by the rule at p.cedar:1; give each rule an @id of its own`, 0},
		{"a name of Usher's own", `@id("scope") permit (principal, action, resource);`,
			`p.cedar:1:1: rule "scope": the @id "scope" can't be used; take letters, digits and . _ - / (64 at most), but neither "scope" nor "caller"`, 0},
		{"syntax", "\npermit (principal, action, resource) whn { true };", `p.cedar:2:42: can't be read as Cedar: "whn" stands where ";" is needed`, 0},
		{"unknown function", when(`foo(1)`), "p.cedar:2:12: can't be read as Cedar: \"1\": `foo` is not a function", 0},
		{"open string", when(`"a`), `p.cedar:2:1: a string that isn't closed`, 0},
		{"two faults", when(`resource.nam == "x"`) + "\n" + `permit (principal is Usr, action, resource);`,
			`p.cedar:2:17: rule "p.cedar:1": Session has no attribute "nam"; did you mean "name"?`, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := policy.Check(policy.Source{Name: "p.cedar", Text: tt.text})
			var ps policy.Problems
			if !errors.As(err, &ps) {
				t.Fatalf("got %v, want problems", err)
			}
			if len(ps) != max(tt.count, 1) {
				t.Errorf("%d problems, want %d:\n%v", len(ps), max(tt.count, 1), err)
			}
			if got := ps[0].Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	for _, text := range []string{
		``, `// nothing but a comment "with a quote`,
		`permit (principal in Group::"staff", action, resource) when { principal.name like "A*" };`,
		`permit (principal, action, resource) when { principal is User && principal.id == "u" };`,
		`forbid (principal, action, resource) unless { context has address && context.address.isInRange(ip("2001:db8::/32")) };`,
		`forbid (principal, action, resource) when { context.time.toTime() < duration("7h") || context.hour >= 22 || context.weekday > 5 };`,
		`permit (principal, action == Action::"join", resource) when { Group::"pupils" in resource.groups };`,
		`permit (principal, action, resource) when { User::"head" in resource.hosts };`,
		`permit (principal, action, resource) when { resource has notBefore && context.time < resource.notBefore.offset(duration("-5m")) };`,
		`@id("x") @doc("why; and how") permit (principal is Key, action, resource) when { context has userKey && context.userKey like "pupil-*" };`,
	} {
		if err := policy.Check(policy.Source{Name: "p.cedar", Text: text}); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// TestCheckIsBounded feeds what would overflow the stack, or never end, were it
// not bounded; it holds if the test program lives.
func TestCheckIsBounded(t *testing.T) {
	const n = policy.MaxFileBytes
	wrap := func(s string) string { return "permit (principal, action, resource) when { " + s + " };" }
	for name, text := range map[string]string{
		"open brackets":    wrap(strings.Repeat("(", n)),
		"nested sets":      wrap(strings.Repeat("[", 40) + strings.Repeat("]", 40) + " == []"),
		"nots":             wrap(strings.Repeat("!", n) + "true"),
		"some nots":        wrap(strings.Repeat("!", 1990) + "true"),
		"ifs":              wrap(strings.Repeat("if true then ", n/13)),
		"nested ifs":       wrap(strings.Repeat("if context.open then true else ", 45) + "true"),
		"ifs in ifs":       wrap(strings.Repeat("if if context.open then true else false then (context.open || context.opn) else ", 20) + "true"),
		"dots":             wrap("context" + strings.Repeat(".a", n/2)),
		"has with dots":    wrap("context has a" + strings.Repeat(".a", 14)),
		"ands":             wrap(strings.Repeat("true && ", n/8) + "true"),
		"some ands":        wrap(strings.Repeat("context.open && ", 990) + "true"),
		"some wrong ands":  wrap(strings.Repeat("context.opn && ", 990) + "true"),
		"ors of has":       wrap(strings.Repeat("context has address || ", 900) + "true"),
		"arithmetic":       wrap(strings.Repeat("1 + ", 1900) + "1 == 2"),
		"a long set":       wrap("context.life in [" + strings.Repeat("1,", n/4) + "]"),
		"a long name set":  wrap("principal in [" + strings.Repeat(`User::"someone",`, n/20) + `User::"x"]`),
		"many rules":       strings.Repeat("permit(principal,action,resource);", n/35),
		"brackets closing": wrap(strings.Repeat(")", n)),
		"in a string":      wrap(`"` + strings.Repeat("(", n/2) + `" == "x"`),
		"nothing":          strings.Repeat(" ", n),
	} {
		t.Run(name, func(*testing.T) { _ = policy.Check(policy.Source{Name: "p", Text: text}) })
	}
}

func TestTooManyRulesAreRefused(t *testing.T) {
	var b strings.Builder
	for i := range policy.MaxRules + 1 {
		fmt.Fprintf(&b, "@id(\"r%d\") permit (principal, action, resource);\n", i)
	}
	if err := policy.Check(policy.Source{Name: "p.cedar", Text: b.String()}); err == nil || !strings.Contains(err.Error(), "at most 2000") {
		t.Errorf("got %v", err)
	}
}
