package policy_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
)

// FuzzLoad feeds policy files. Whatever they hold, they are either refused with
// problems that have a place, or the engine answers and explains every kind of question.
func FuzzLoad(f *testing.F) {
	f.Add(policy.Default())
	for _, text := range policyTexts {
		f.Add(text)
	}
	worked, err := filepath.Glob("../../docs/policies/*/policy.cedar")
	if err != nil || len(worked) == 0 {
		f.Fatal("the worked policies are missing", err)
	}
	for _, name := range worked {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add(`@id("a") @doc("b") forbid (principal in Group::"x", action in [Action::"join"], resource == Session::"a") unless { if context.open then -1 < 2 else [1, {a: "\u{1F600}"}].contains(resource has owner) };`)
	f.Add(`permit (principal, action, resource) when { context.life * 9223372036854775807 > 0 || "a" like "\*" };`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := policy.FromSources(policy.Config{}, policy.Source{Name: "p.cedar", Text: text})
		if err != nil {
			var ps policy.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("refused with %v", err)
			}
			for _, p := range ps {
				if p.File != "p.cedar" || p.Message == "" || p.Line < 0 || p.Column < 0 {
					t.Errorf("a problem without a place or a reason: %+v", p)
				}
			}
			return
		}
		for _, w := range everyone {
			for _, a := range usher.Actions() {
				q := ask(w.caller(), a, class())
				x := e.Explain(q)
				if d := e.Decide(q); d.Allowed != x.Allowed || d.Allowed && len(d.Rules) == 0 {
					t.Errorf("%s %s: decided %v, explained %+v", w, a, d, x)
				}
				x.Print(new(bytes.Buffer))
			}
		}
	})
}

func FuzzParseTable(f *testing.F) {
	f.Add([]byte(table))
	f.Add([]byte("cases: [{}]"))
	f.Add([]byte("a: &a [*a]"))
	e := with(f, policy.Config{}, true, "")
	f.Fuzz(func(t *testing.T, data []byte) {
		tab, err := policy.ParseTable("t.yaml", data)
		if err != nil {
			if tab != nil {
				t.Error("a table and an error")
			}
			return
		}
		r := e.Run(tab)
		if len(r.Results) != len(tab.Cases) {
			t.Errorf("%d results of %d cases", len(r.Results), len(tab.Cases))
		}
		r.Print(new(bytes.Buffer))
	})
}
