package policy

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/usher-sessions/usher"
)

// A rule is one statement of a policy.
type rule struct {
	name   string // unique; what decisions and the ledger say
	doc    string // the @doc annotation
	text   string // as written, without what stands between it and the next
	policy *cedar.Policy
	ast    *ast.Policy
	// rest is the policy without what its bucket settles.
	rest *cedar.Policy
	// reported keeps a rule that always fails from filling the log.
	reported atomic.Bool
}

func (r *rule) permits() bool { return r.policy.Effect() == cedar.Permit }

// Names that Usher itself gives as the deciding rule; no rule may have them.
const (
	// RuleScope decides where the caller's key or invite isn't made for the question.
	RuleScope = "scope"
	// RuleCaller decides where the caller is of no known kind.
	RuleCaller = "caller"
)

var ruleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$`)

// parse reads the rules of one source; each problem it returns is fatal for the source.
func parse(src Source) ([]*rule, Problems) {
	if line, what := tooDeep(src.Text); line > 0 {
		return nil, Problems{{File: src.Name, Line: line, Column: 1, Message: what}}
	}
	list, err := cedar.NewPolicyListFromBytes(src.Name, []byte(src.Text))
	if err != nil {
		return nil, Problems{syntaxProblem(src.Name, err)}
	}
	rules := make([]*rule, len(list))
	var problems Problems
	for i, p := range list {
		end := len(src.Text)
		if i+1 < len(list) {
			end = list[i+1].Position().Offset
		}
		pos := p.Position()
		text := src.Text[pos.Offset:end]
		// What follows the last semicolon are comments on the next rule.
		text = text[:strings.LastIndexByte(text, ';')+1]
		r := &rule{name: fmt.Sprintf("%s:%d", src.Name, pos.Line), text: text, policy: p, ast: (*ast.Policy)(p.AST())}
		r.rest = withoutSettled(r.ast)
		for _, a := range r.ast.Annotations {
			switch a.Key {
			case "id":
				r.name = string(a.Value)
				if !ruleName.MatchString(r.name) || r.name == RuleScope || r.name == RuleCaller {
					problems = append(problems, r.problem(fmt.Sprintf("the @id %q can't be used", r.name),
						"take letters, digits and . _ - / (64 at most), but neither \""+RuleScope+"\" nor \""+RuleCaller+"\""))
				}
			case "doc":
				r.doc = string(a.Value)
			default:
				problems = append(problems, r.problem(fmt.Sprintf("there is no annotation @%s", a.Key), "known are @id and @doc"))
			}
		}
		rules[i] = r
	}
	return rules, problems
}

func (r *rule) problem(message, hint string) Problem {
	pos := r.policy.Position()
	return Problem{File: pos.Filename, Line: pos.Line, Column: pos.Column, Rule: r.name, Message: message, Hint: hint}
}

// A ruleSet is what is in force at one time. It doesn't change.
type ruleSet struct {
	sources []Source
	rules   []*rule
	digest  string
	byName  map[string]*rule
	// buckets hold for each kind of caller and action the rules that can apply,
	// so that a decision looks at few of many.
	buckets [len(kinds)][len(actionList)]bucket
}

// A bucket is what matters to one kind of caller and action.
type bucket struct {
	rules ruleList
	// uses are the names of the attributes that any of the rules reads; others
	// aren't built. groups are the groups that any of them names.
	uses, groups map[string]bool
}

// A ruleList is in the order of the files.
type ruleList []*rule

// All makes a ruleList what cedar.Authorize takes.
func (b ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range b {
			if !yield(cedar.PolicyID(r.name), r.rest) {
				return
			}
		}
	}
}

var (
	kinds      = [...]usher.CallerKind{usher.KindAnyone, usher.KindKey, usher.KindUser, usher.KindGuest}
	kindTypes  = [...]cedar.EntityType{typeAnyone, typeKey, typeUser, typeGuest}
	actionList = [...]usher.Action{usher.ActionJoin, usher.ActionHost, usher.ActionInspect, usher.ActionManage}
	actionUIDs = [...]cedar.EntityUID{actionUID(usher.ActionJoin), actionUID(usher.ActionHost), actionUID(usher.ActionInspect), actionUID(usher.ActionManage)}
)

func actionUID(a usher.Action) cedar.EntityUID {
	return cedar.NewEntityUID(typeAction, cedar.String(a))
}

// compile parses and checks the sources. On an error nothing of them is used.
func compile(sources []Source) (*ruleSet, error) {
	rs := &ruleSet{sources: sources, digest: digest(sources), byName: map[string]*rule{}}
	var problems Problems
	for _, src := range sources {
		rules, ps := parse(src)
		problems = append(problems, ps...)
		rs.rules = append(rs.rules, rules...)
	}
	if len(rs.rules) > MaxRules {
		return nil, Problems{{File: sources[len(sources)-1].Name, Message: fmt.Sprintf("the files hold %d rules together; at most %d are allowed", len(rs.rules), MaxRules)}}
	}
	for _, r := range rs.rules {
		if other := rs.byName[r.name]; other != nil {
			at := other.policy.Position()
			problems = append(problems, r.problem(fmt.Sprintf("the name is taken by the rule at %s:%d", at.Filename, at.Line), "give each rule an @id of its own"))
		}
		rs.byName[r.name] = r
		problems = append(problems, checkRule(r)...)
		rs.index(r)
	}
	if len(problems) > 0 {
		return nil, problems.sorted(sources)
	}
	return rs, nil
}

// index puts r into the buckets that it can apply to, and notes what it reads.
func (rs *ruleSet) index(r *rule) {
	var uses, groups []string
	walk(r.ast, func(n ast.IsNode) {
		switch n := n.(type) {
		case ast.NodeTypeAccess:
			uses = append(uses, string(n.Value))
		case ast.NodeTypeHas:
			uses = append(uses, string(n.Value))
		case ast.NodeValue:
			if uid, ok := n.Value.(cedar.EntityUID); ok && uid.Type == typeGroup {
				groups = append(groups, string(uid.ID))
			}
		}
	})
	for k, t := range kindTypes {
		for a, uid := range actionUIDs {
			if scopeAdmits(r.ast.Principal, t) && actionInScope(r.ast.Action, uid) {
				b := &rs.buckets[k][a]
				b.rules = append(b.rules, r)
				b.uses, b.groups = note(b.uses, uses), note(b.groups, groups)
			}
		}
	}
}

func note(set map[string]bool, names []string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	for _, n := range names {
		set[n] = true
	}
	return set
}

// scopeAdmits reports whether a principal of that type can be in the scope.
// Where only the evaluation can tell, it says yes.
func scopeAdmits(scope ast.IsPrincipalScopeNode, t cedar.EntityType) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return s.Entity.Type == t
	case ast.ScopeTypeIn: // users alone are in groups and lists
		return s.Entity.Type == t || t == typeUser && (s.Entity.Type == typeGroup || s.Entity.Type == typeList)
	case ast.ScopeTypeIs:
		return s.Type == t
	case ast.ScopeTypeIsIn:
		return s.Type == t
	}
	return true
}

func actionInScope(scope ast.IsActionScopeNode, uid cedar.EntityUID) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return s.Entity == uid
	case ast.ScopeTypeIn:
		return s.Entity == uid
	case ast.ScopeTypeInSet:
		return slices.Contains(s.Entities, uid)
	}
	return true
}

// withoutSettled leaves out of the rule's head what is so for every question in
// its buckets: the action (actions have no hierarchy) and the types.
func withoutSettled(p *ast.Policy) *cedar.Policy {
	rest := *p
	rest.Action = ast.ScopeTypeAll{}
	if _, ok := p.Principal.(ast.ScopeTypeIs); ok {
		rest.Principal = ast.ScopeTypeAll{}
	}
	if s, ok := p.Resource.(ast.ScopeTypeIs); ok && s.Type == typeSession {
		rest.Resource = ast.ScopeTypeAll{}
	}
	return cedar.NewPolicyFromAST((*publicast.Policy)(&rest))
}

// walk calls fn for every node of the conditions and for the entities of the scope.
func walk(p *ast.Policy, fn func(ast.IsNode)) {
	for _, uid := range scopeEntities(p) {
		fn(ast.NodeValue{Value: uid})
	}
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool { fn(n); return true })
	}
}

// scopeEntities are the principals and sessions that the scope names.
func scopeEntities(p *ast.Policy) []cedar.EntityUID {
	var out []cedar.EntityUID
	for _, s := range []any{p.Principal, p.Resource} {
		switch s := s.(type) {
		case ast.ScopeTypeEq:
			out = append(out, s.Entity)
		case ast.ScopeTypeIn:
			out = append(out, s.Entity)
		case ast.ScopeTypeIsIn:
			out = append(out, s.Entity)
		}
	}
	return out
}
