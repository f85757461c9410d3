package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
)

// manyRules are n rules of the kinds that operators write, none of which
// decides the question of BenchmarkDecide.
func manyRules(n int, head string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "@id(\"rule-%d\") ", i)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "permit (%s, action == Action::\"join\", resource) when { resource.name like \"team-%d-*\" };\n", head, i)
		case 1:
			fmt.Fprintf(&b, "permit (principal in Group::\"group-%d\", action == Action::\"join\", resource) when { resource.listed };\n", i)
		case 2:
			fmt.Fprintf(&b, "forbid (%s, action, resource) when { context.life > %d && resource.locked };\n", head, 86400+i)
		case 3:
			fmt.Fprintf(&b, "forbid (%s, action == Action::\"join\", resource) when { context has address && context.address.isInRange(ip(\"10.%d.0.0/16\")) };\n", head, i%256)
		}
	}
	return b.String()
}

// BenchmarkDecide is one decision with the default policy and n rules more. All
// of the n can apply to the question; in "other callers" most are about others.
func BenchmarkDecide(b *testing.B) {
	for _, bb := range []struct {
		name  string
		rules int
		head  string
		list  int
	}{
		{"default alone", 0, "", 10},
		{"1 rule", 1, "principal is User", 10},
		{"100 rules", 100, "principal is User", 10},
		{"100 rules of other callers", 100, "principal is Key", 10},
		{"100 rules, 5000 people", 100, "principal is User", 5000},
		{"1000 rules", 1000, "principal is User", 10},
	} {
		b.Run(bb.name, func(b *testing.B) {
			e := with(b, policy.Config{}, true, manyRules(bb.rules, bb.head))
			s := class()
			s.People = nil
			for i := range bb.list {
				s.People = append(s.People, fmt.Sprintf("pupil-%d", i))
			}
			c := user(s.People[len(s.People)-1], "a", "b", "c", "d", "e", "f", "g", "h")
			q := ask(c, usher.ActionJoin, s)
			if d := e.Decide(q); !d.Allowed {
				b.Fatal(d)
			}
			b.ReportAllocs()
			for b.Loop() {
				e.Decide(q)
			}
		})
	}
}

// BenchmarkLoad is a reload of 100 rules, schema check included.
func BenchmarkLoad(b *testing.B) {
	text := manyRules(100, "principal is User")
	for b.Loop() {
		if err := policy.Check(policy.Source{Name: "p.cedar", Text: text}); err != nil {
			b.Fatal(err)
		}
	}
}
