package policy_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"pgregory.net/rapid"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
)

// Generators of sound policies and of questions whose parts meet often.

var (
	people   = []string{"ann", "bob", "cy", ""}
	groups   = []string{"g1", "g2", "g3"}
	sessions = []string{"room", "hr-1", "x"}
	feature  = []string{"recording", "transcript", "summary"}
)

func pick(t *rapid.T, from ...string) string { return rapid.SampledFrom(from).Draw(t, "pick") }

func condition(t *rapid.T, user bool, depth int) string {
	if depth > 0 && rapid.Bool().Draw(t, "deeper") {
		a, b := condition(t, user, depth-1), condition(t, user, depth-1)
		return pick(t, "("+a+" && "+b+")", "("+a+" || "+b+")", "!("+a+")", "(if "+a+" then "+b+" else true)")
	}
	atoms := []string{
		`resource.name like "` + pick(t, "r*", "*1", "*") + `"`, `resource.listed`, `resource.admitsSignedIn`, `resource.locked`, `resource.hasPasscode`,
		`(resource has owner && resource.owner == User::"` + pick(t, people...) + `")`,
		`User::"` + pick(t, people...) + `" in resource.` + pick(t, "hosts", "people"),
		`Group::"` + pick(t, groups...) + `" in resource.groups`,
		`resource.capacity ` + pick(t, "<", ">=") + ` 5`, `context.hour < ` + pick(t, "7", "12", "23"), `context.weekday == ` + pick(t, "1", "3"),
		`context.open`, `context.life > 3600`, `context.features.contains("` + pick(t, feature...) + `")`,
		`(context has address && context.address.isInRange(ip("10.0.0.0/8")))`, `(context has userKey && context.userKey == "` + pick(t, people...) + `")`,
		`(resource has notAfter && context.time < resource.notAfter)`, `principal is ` + pick(t, "User", "Key", "Guest", "Anyone"),
		`context.life * ` + pick(t, "1", "9223372036854775807") + ` > 7`, // the second fails
	}
	if user {
		atoms = append(atoms, `principal in resource.hosts`, `principal in resource.people`, `principal in resource.groups`,
			`principal in Group::"`+pick(t, groups...)+`"`, `principal.id == "`+pick(t, people...)+`"`, `principal.name like "A*"`)
	}
	return rapid.SampledFrom(atoms).Draw(t, "atom")
}

func oneRule(t *rapid.T, effect string) string {
	head := pick(t, "principal", "principal is User", "principal is User", "principal is Key", "principal is Guest",
		`principal in Group::"`+pick(t, groups...)+`"`, `principal == User::"`+pick(t, people...)+`"`)
	action := pick(t, "action", `action == Action::"`+pick(t, "join", "host", "inspect", "manage")+`"`, `action in [Action::"join", Action::"host"]`)
	resource := pick(t, "resource", "resource", "resource is Session", `resource == Session::"`+pick(t, sessions...)+`"`)
	clause := pick(t, "when", "unless")
	return fmt.Sprintf("%s (%s, %s, %s) %s { %s };", effect, head, action, resource, clause, condition(t, strings.Contains(head, "User") || strings.Contains(head, "Group"), 2))
}

func somePolicy(t *rapid.T) string {
	var b strings.Builder
	for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
		fmt.Fprintf(&b, "@id(\"r%d\") %s\n", i, oneRule(t, pick(t, "permit", "permit", "forbid")))
	}
	return b.String()
}

func someQuestion(t *rapid.T) *usher.Question {
	some := func(from []string, label string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID).Draw(t, label)
	}
	c := &usher.Caller{Kind: rapid.SampledFrom([]usher.CallerKind{usher.KindUser, usher.KindUser, usher.KindKey, usher.KindGuest, usher.KindAnyone}).Draw(t, "kind"), ID: pick(t, "ann", "k1"), Name: pick(t, "Ann", "Bob")}
	switch c.Kind {
	case usher.KindUser:
		c.ID = pick(t, people...)
		c.UserKey, c.Groups = c.ID, some(groups, "groups")
	case usher.KindGuest:
		c.Scope = &usher.Scope{Actions: usher.Actions(), Sessions: []string{"*"}}
	}
	if rapid.Bool().Draw(t, "address") {
		c.Addr = netip.MustParseAddr(pick(t, "10.0.0.1", "192.0.2.1", "::1"))
	}
	s := &usher.Session{ID: pick(t, "", "1"), Name: pick(t, "Room", "HR-1", "x"), Owner: pick(t, people...), Hosts: some(people, "hosts"), People: some(people, "people"), Groups: some(groups, "on the list"),
		Admit: rapid.SampledFrom([]usher.Admission{usher.AdmitListed, usher.AdmitSignedIn}).Draw(t, "admit"), State: rapid.SampledFrom([]usher.SessionState{usher.StateOpen, usher.StateLocked}).Draw(t, "state"),
		Passcode: pick(t, "", "x"), Capacity: rapid.IntRange(0, 9).Draw(t, "capacity")}
	if rapid.Bool().Draw(t, "ends") {
		s.NotAfter = noon.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "end")) * time.Hour)
	}
	return &usher.Question{Caller: c, Session: s, Action: rapid.SampledFrom(usher.Actions()).Draw(t, "action"), Now: noon.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "hours")) * time.Hour),
		UserKey: pick(t, people...), Life: time.Duration(rapid.IntRange(0, 2).Draw(t, "life")) * time.Hour, Features: some(feature, "features")}
}

func TestAForbidNeverAdmitsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := somePolicy(t)
		open := rapid.Bool().Draw(t, "open")
		more := base + `@id("more") ` + oneRule(t, "forbid")
		extend := rapid.Bool().Draw(t, "extend")
		before, after := compile(t, base, extend, open), compile(t, more, extend, open)
		for range 20 {
			q := someQuestion(t)
			if after.Decide(q).Allowed && !before.Decide(q).Allowed {
				t.Fatalf("%s\nadmits %+v, which it didn't before its last rule", more, q)
			}
		}
	})
}

func compile(t *rapid.T, text string, extend, open bool) *policy.Engine {
	sources := []policy.Source{{Name: "p.cedar", Text: text}}
	if extend {
		sources = slices.Insert(sources, 0, policy.Source{Name: policy.DefaultName, Text: policy.Default()})
	}
	e, err := policy.FromSources(policy.Config{Open: open}, sources...)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return e
}

// TestDecidesAsCedarDoes compares the engine, which looks at few rules and
// builds few attributes, with Cedar given every rule and every fact at once.
func TestDecidesAsCedarDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := somePolicy(t)
		open := rapid.Bool().Draw(t, "open")
		e := compile(t, text, false, open)
		var set cedar.PolicyList
		if err := set.UnmarshalCedar([]byte(text)); err != nil {
			t.Fatal(err)
		}
		all := cedar.NewPolicySet()
		for i, p := range set {
			all.Add(cedar.PolicyID(fmt.Sprintf("r%d", i)), p)
		}
		for range 20 {
			q := someQuestion(t)
			entities, request := allFacts(q, open)
			verdict, why := cedar.Authorize(all, entities, request)
			var want []string
			for _, x := range why.Errors { // the one rule that is Usher's own
				if all.Get(x.PolicyID).Effect() == cedar.Forbid {
					if verdict == cedar.Allow {
						why.Reasons = nil
					}
					verdict = cedar.Deny
					want = append(want, string(x.PolicyID))
				}
			}
			for _, x := range why.Reasons {
				want = append(want, string(x.PolicyID))
			}
			if q.Caller.Kind == usher.KindUser && q.Caller.UserKey == "" {
				verdict, want = cedar.Deny, []string{policy.RuleCaller}
			}
			got := e.Decide(q)
			slices.Sort(want)
			slices.Sort(got.Rules)
			if got.Allowed != bool(verdict) || !slices.Equal(got.Rules, want) {
				t.Fatalf("%s\n%+v %+v %+v\ngot %v, Cedar says %v %v", text, q, q.Caller, q.Session, got, verdict, want)
			}
			if x := e.Explain(q); x.Allowed != got.Allowed || len(x.Why) == 0 {
				t.Fatalf("explained as %+v", x)
			}
		}
	})
}

// allFacts states q in Cedar's words in the plainest way.
func allFacts(q *usher.Question, open bool) (cedar.EntityMap, cedar.Request) {
	uid := func(typ, id string) cedar.EntityUID {
		return cedar.NewEntityUID(cedar.EntityType(typ), cedar.String(id))
	}
	s, c := q.Session, q.Caller
	entities := cedar.EntityMap{}
	add := func(u cedar.EntityUID, attributes cedar.RecordMap, parents ...cedar.EntityUID) {
		entities[u] = cedar.Entity{UID: u, Attributes: cedar.NewRecord(attributes), Parents: cedar.NewEntityUIDSet(parents...)}
	}
	for _, g := range groups {
		if slices.Contains(s.Groups, g) {
			add(uid("Group", g), nil, uid("List", "groups"))
		}
	}
	principal := uid(map[usher.CallerKind]string{usher.KindUser: "User", usher.KindKey: "Key", usher.KindGuest: "Guest", usher.KindAnyone: "Anyone"}[c.Kind], c.ID)
	for _, key := range []string{"ann", "bob", "cy"} {
		u := uid("User", key)
		var parents []cedar.EntityUID
		if key == s.Owner || slices.Contains(s.Hosts, key) {
			parents = append(parents, uid("List", "hosts"))
		}
		if slices.Contains(s.People, key) {
			parents = append(parents, uid("List", "people"))
		}
		if u == principal {
			for _, g := range c.Groups {
				parents = append(parents, uid("Group", g))
			}
		}
		add(u, cedar.RecordMap{"id": cedar.String(key), "name": cedar.String(c.Name)}, parents...)
	}
	if c.Kind != usher.KindUser {
		add(principal, cedar.RecordMap{"id": cedar.String(c.ID), "name": cedar.String(c.Name)})
	}
	name := strings.ToLower(s.Name)
	attributes := cedar.RecordMap{"name": cedar.String(name), "listed": cedar.Boolean(s.ID != ""), "hosts": uid("List", "hosts"), "people": uid("List", "people"), "groups": uid("List", "groups"),
		"admitsSignedIn": cedar.Boolean(s.Admit == usher.AdmitSignedIn), "locked": cedar.Boolean(s.State == usher.StateLocked), "hasPasscode": cedar.Boolean(s.Passcode != ""), "capacity": cedar.Long(s.Capacity)}
	if s.Owner != "" {
		attributes["owner"] = uid("User", s.Owner)
	}
	if !s.NotAfter.IsZero() {
		attributes["notAfter"] = cedar.NewDatetime(s.NotAfter)
	}
	add(uid("Session", name), attributes)
	var fs []cedar.Value
	for _, f := range q.Features {
		fs = append(fs, cedar.String(f))
	}
	weekdays := map[time.Weekday]cedar.Long{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 0: 7}
	context := cedar.RecordMap{"time": cedar.NewDatetime(q.Now), "hour": cedar.Long(q.Now.Hour()), "weekday": weekdays[q.Now.Weekday()], "life": cedar.Long(q.Life.Seconds()),
		"features": cedar.NewSet(fs...), "open": cedar.Boolean(open)}
	if q.UserKey != "" {
		context["userKey"] = cedar.String(q.UserKey)
	}
	if c.Addr.IsValid() {
		a, _ := cedarIP(c.Addr.String())
		context["address"] = a
	}
	return entities, cedar.Request{Principal: principal, Action: uid("Action", string(q.Action)), Resource: uid("Session", name), Context: cedar.NewRecord(context)}
}

func cedarIP(s string) (cedar.IPAddr, error) {
	var a cedar.IPAddr
	err := a.UnmarshalJSON([]byte(`"` + s + `"`))
	return a, err
}
