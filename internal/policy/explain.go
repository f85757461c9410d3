package policy

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"github.com/usher-sessions/usher"
)

// An Explanation says how a question was decided and what stood near to
// deciding it otherwise. It is of the policy alone: the session's window, lock
// and passcode are looked at afterwards and can still refuse what is allowed here.
type Explanation struct {
	Allowed bool   `json:"allowed"`
	Caller  string `json:"caller"`
	Action  string `json:"action"`
	Session string `json:"session"`
	// Why is the decision in one sentence.
	Why string `json:"why"`
	// Rules are the names of the rules that decided, as the ledger has them.
	Rules []string `json:"rules"`
	// Matched are the rules that applied, deciding or outweighed.
	Matched []Finding `json:"matched"`
	// Failed are the rules that could not be evaluated.
	Failed []Finding `json:"failed,omitempty"`
	// Missed are the rules for such a caller and action whose conditions didn't hold.
	Missed []Finding `json:"missed"`
}

// A Finding is what became of one rule.
type Finding struct {
	Rule   string `json:"rule"`
	Effect string `json:"effect"` // "permit" or "forbid"
	File   string `json:"file"`
	Line   int    `json:"line"`
	Doc    string `json:"doc,omitempty"`
	Text   string `json:"text"`
	// Because are the conditions that didn't hold, or the fault of a failed rule.
	Because []string `json:"because,omitempty"`
}

// Explain decides q as Decide does and says why.
func (e *Engine) Explain(q *usher.Question) *Explanation {
	return e.explain(e.rules.Load(), q, e.cfg.Open)
}

func (e *Engine) explain(rs *ruleSet, q *usher.Question, open bool) *Explanation {
	d := e.decide(rs, q, open)
	x := &Explanation{Allowed: d.Allowed, Rules: d.Rules, Caller: q.Caller.String(), Action: string(q.Action), Session: q.Session.Name,
		Matched: []Finding{}, Missed: []Finding{}}
	kind, action := slices.Index(kinds[:], q.Caller.Kind), slices.Index(actionList[:], q.Action)
	switch barred(q, kind, action) {
	case RuleCaller:
		x.Why = "Denied: the caller or the action is of no kind that rules can speak of."
		return x
	case RuleScope:
		x.Why = "Denied: the caller's key or invite isn't made for this action on this session."
		return x
	}
	b := &rs.buckets[kind][action]
	f := newFacts(q, b, kindTypes[kind], actionUIDs[action], open, e.cfg.TimeZone)
	env := eval.Env{Entities: f, Principal: f.request.Principal, Action: f.request.Action, Resource: f.request.Resource, Context: f.request.Context}
	for _, r := range b.rules {
		ok, why := cedar.Authorize(ruleList{r}, f, f.request)
		applied := len(why.Reasons) > 0
		switch fi := r.finding(); {
		case len(why.Errors) > 0:
			fi.Because = []string{why.Errors[0].Message}
			x.Failed = append(x.Failed, fi)
		case applied || ok == cedar.Allow:
			x.Matched = append(x.Matched, fi)
		default:
			fi.Because = unmet(r.ast, env)
			x.Missed = append(x.Missed, fi)
		}
	}
	x.Why = sentence(x)
	return x
}

func (r *rule) finding() Finding {
	pos := r.policy.Position()
	effect := "forbid"
	if r.permits() {
		effect = "permit"
	}
	return Finding{Rule: r.name, Effect: effect, File: pos.Filename, Line: pos.Line, Doc: r.doc, Text: r.text}
}

func sentence(x *Explanation) string {
	names := `"` + strings.Join(x.Rules, `", "`) + `"`
	isForbid := func(f Finding) bool { return f.Effect == "forbid" }
	switch {
	case x.Allowed:
		return "Allowed: permitted by " + names + "; no rule forbids it."
	case slices.ContainsFunc(x.Matched, isForbid) || slices.ContainsFunc(x.Failed, isForbid):
		return "Denied: forbidden by " + names + "."
	case len(x.Failed) > 0:
		return "Denied: no rule permits it; some could not be evaluated."
	}
	return "Denied: no rule permits it."
}

// unmet lists which of the rule's conditions don't hold, each in Cedar's words
// with the values that it looked at.
func unmet(p *ast.Policy, env eval.Env) []string {
	var out []string
	holds := func(n ast.IsNode) bool {
		v, err := eval.Eval(n, env)
		return err == nil && v == cedar.True
	}
	for _, n := range scopeConditions(p) {
		if !holds(n) {
			out = append(out, render(n)+" is false")
		}
	}
	for _, c := range p.Conditions {
		if c.Condition == ast.ConditionUnless {
			if holds(c.Body) {
				out = append(out, "unless "+render(c.Body)+", which is true"+values(c.Body, env))
			}
			continue
		}
		for _, n := range conjuncts(c.Body) {
			if !holds(n) {
				out = append(out, render(n)+" is false"+values(n, env))
				break // what follows may only make sense after it
			}
		}
	}
	return out
}

// scopeConditions are the parts of the rule's head that the buckets don't settle.
func scopeConditions(p *ast.Policy) []ast.IsNode {
	var out []ast.IsNode
	for _, s := range []struct {
		scope any
		of    ast.Node
	}{{p.Principal, ast.Principal()}, {p.Resource, ast.Resource()}} {
		switch sc := s.scope.(type) {
		case ast.ScopeTypeEq:
			out = append(out, s.of.Equal(ast.Value(sc.Entity)).AsIsNode())
		case ast.ScopeTypeIn:
			out = append(out, s.of.In(ast.Value(sc.Entity)).AsIsNode())
		case ast.ScopeTypeIsIn:
			out = append(out, s.of.In(ast.Value(sc.Entity)).AsIsNode())
		}
	}
	return out
}

// conjuncts takes a && b && c apart.
func conjuncts(n ast.IsNode) []ast.IsNode {
	if and, ok := n.(ast.NodeTypeAnd); ok {
		return append(conjuncts(and.Left), conjuncts(and.Right)...)
	}
	return []ast.IsNode{n}
}

// render writes a condition as Cedar does.
func render(n ast.IsNode) string {
	const open, end = "when { ", " };"
	text := string((*publicast.Policy)(ast.Permit().When(ast.NewNode(n))).MarshalCedar())
	if i := strings.Index(text, open); i >= 0 {
		text = strings.TrimSuffix(text[i+len(open):], end)
	}
	return text
}

// values tells the plain attributes that n reads: " (context.life is 7200)". It
// is empty where n is an attribute itself.
func values(n ast.IsNode, env eval.Env) string {
	if _, ok := n.(ast.NodeTypeAccess); ok {
		return ""
	}
	var out []string
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		a, ok := n.(ast.NodeTypeAccess)
		if !ok {
			return true
		}
		if _, ok := a.Arg.(ast.NodeTypeVariable); !ok {
			return true
		}
		v, err := eval.Eval(a, env)
		if err != nil {
			return true
		}
		if uid, ok := v.(cedar.EntityUID); ok && uid.Type == typeList {
			return true
		}
		if s := render(a) + " is " + string(v.MarshalCedar()); !slices.Contains(out, s) {
			out = append(out, s)
		}
		return true
	})
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

// Print writes the explanation for people.
func (x *Explanation) Print(w io.Writer) {
	fmt.Fprintf(w, "%s asks to %s %q\n%s\n", x.Caller, x.Action, x.Session, x.Why)
	section := func(title string, fs []Finding, text bool) {
		for i, f := range fs {
			if i == 0 {
				fmt.Fprintf(w, "\n%s\n", title)
			}
			fmt.Fprintf(w, "  %s %q (%s:%d)\n", f.Effect, f.Rule, f.File, f.Line)
			if f.Doc != "" {
				fmt.Fprintf(w, "      %s\n", f.Doc)
			}
			if text {
				fmt.Fprintf(w, "      %s\n", strings.ReplaceAll(f.Text, "\n", "\n      "))
			}
			for _, b := range f.Because {
				fmt.Fprintf(w, "      %s\n", b)
			}
		}
	}
	section("Rules that apply:", x.Matched, true)
	section("Rules that failed:", x.Failed, false)
	if x.Allowed {
		return // who is in doesn't need to know what else might have let them in
	}
	permits := func(f Finding) bool { return f.Effect == "permit" }
	if slices.ContainsFunc(x.Matched, permits) {
		return // a permit more would not have helped against the forbid
	}
	near := slices.DeleteFunc(slices.Clone(x.Missed), func(f Finding) bool { return !permits(f) })
	section("Rules that would permit it, and what is missing:", near, false)
	if len(x.Matched)+len(x.Failed)+len(near) == 0 {
		fmt.Fprintln(w, "\nNo rule speaks of such a caller and action.")
	}
}
