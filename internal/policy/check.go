package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/usher-sessions/usher"
)

// Check reports all faults of the sources as [Problems], or nil. It finds what
// can't be read, what the schema doesn't know or gives another type, and what
// is sound Cedar but can never be true of a session.
func Check(sources ...Source) error {
	_, err := compile(sources)
	return err
}

// vocabulary is the schema, resolved once.
type vocabulary struct {
	validator *validate.Validator
	schema    *resolved.Schema
}

var words = sync.OnceValue(func() vocabulary {
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(schemaText)); err != nil {
		panic("policy: the embedded schema: " + err.Error())
	}
	r, err := s.Resolve()
	if err != nil {
		panic("policy: the embedded schema: " + err.Error())
	}
	return vocabulary{validate.New(r), r}
})

// checkRule reports the faults of one rule.
func checkRule(r *rule) (problems Problems) {
	// The checker is experimental; should a rule upset it, that rule is refused
	// and the rules in force stay.
	defer func() {
		if x := recover(); x != nil {
			problems = Problems{r.problem(fmt.Sprintf("the schema checker failed: %v", x), "write the rule more simply")}
		}
	}()
	v := words()
	if err := v.validator.Policy("", r.ast); err != nil {
		for _, e := range flatten(err) {
			problems = append(problems, r.translate(e.Error()))
		}
		problems = mostTelling(problems)
	}
	walk(r.ast, func(n ast.IsNode) {
		if p, found := r.neverTrue(n); found {
			problems = append(problems, p)
		}
	})
	return problems
}

func flatten(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}

const unreachable = "no caller and action can be in the rule's head"

// mostTelling leaves out each problem that is but a consequence of another.
func mostTelling(ps Problems) Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int { return strings.Compare(a.Message, b.Message) })
	ps = slices.Compact(ps)
	if len(ps) > 1 {
		ps = slices.DeleteFunc(ps, func(p Problem) bool { return p.Message == unreachable })
	}
	return ps
}

var (
	sayAttribute = regexp.MustCompile("^attribute `([^`]*)` on entity types? (.+) not found$")
	sayContext   = regexp.MustCompile("^attribute `([^`]*)` in context for .* not found$")
	sayOptional  = regexp.MustCompile("^unable to guarantee safety of access to optional attribute `([^`]*)`(.*)$")
	sayType      = regexp.MustCompile("^unrecognized entity type `([^`]*)`$")
	sayAction    = regexp.MustCompile("^unrecognized action `Action::\"(.*)\"`$")
	sayMismatch  = regexp.MustCompile("^unexpected type: expected (.+) but saw (.+)$")
	sayValue     = regexp.MustCompile("^error during extension function argument validation: failed to parse as (.+): `(\".*\")`$")
)

// translate puts the checker's sentence into the words of a policy's author,
// with the place and, where a word is misspelt, the word that was meant.
func (r *rule) translate(said string) Problem {
	s := words().schema
	if m := sayContext.FindStringSubmatch(said); m != nil {
		return r.at(m[1], fmt.Sprintf("context has no attribute %q", m[1]), suggest(m[1], contextAttributes(s)))
	}
	if m := sayAttribute.FindStringSubmatch(said); m != nil {
		on := strings.ReplaceAll(m[2], "`", "")
		var known []string
		for t, e := range s.Entities {
			if string(t) == on {
				for a := range e.Shape {
					known = append(known, string(a))
				}
			}
		}
		hint := suggest(m[1], known)
		if slices.Contains([]string{"id", "name"}, m[1]) {
			hint = "name the callers that are meant: principal is User"
		}
		return r.at(m[1], fmt.Sprintf("%s has no attribute %q", on, m[1]), hint)
	}
	if m := sayOptional.FindStringSubmatch(said); m != nil {
		of := "resource"
		if strings.Contains(m[2], "context") {
			of = "context"
		}
		return r.at(m[1], fmt.Sprintf("%s.%s isn't always there", of, m[1]), fmt.Sprintf("write \"%s has %s && …\" before it", of, m[1]))
	}
	if m := sayType.FindStringSubmatch(said); m != nil {
		types := []string{"Action"}
		for t := range s.Entities {
			types = append(types, string(t))
		}
		return r.at(m[1], fmt.Sprintf("there is no type %s", m[1]), suggest(m[1], types))
	}
	if m := sayAction.FindStringSubmatch(said); m != nil {
		var known []string
		for _, a := range usher.Actions() {
			known = append(known, string(a))
		}
		return r.at(m[1], fmt.Sprintf("there is no action %q", m[1]), suggest(m[1], known))
	}
	if m := sayMismatch.FindStringSubmatch(said); m != nil {
		return r.at("", fmt.Sprintf("a %s stands where %s is needed", plainType(m[2]), plainType(m[1])), "")
	}
	if m := sayValue.FindStringSubmatch(said); m != nil {
		return r.at(strings.Trim(m[2], `"`), fmt.Sprintf("%s can't be read as %s", m[2], m[1]), "")
	}
	if strings.Contains(said, "unable to find an applicable action") {
		return r.problem(unreachable, "callers are User, Key, Guest and Anyone (a group is meant with: principal in Group::\"…\"), the resource is a Session")
	}
	return r.at("", said, "")
}

func plainType(t string) string {
	return strings.ReplaceAll(t, "__cedar::internal::AnyEntity", "entity")
}

func contextAttributes(s *resolved.Schema) []string {
	var out []string
	for _, a := range s.Actions {
		for name := range a.AppliesTo.Context {
			out = append(out, string(name))
		}
		break // all have the same
	}
	return out
}

// features are those that a Question may name.
var features = []string{"recording", "recording-election", "transcript", "summary"}

// neverTrue finds what Cedar accepts but what can't be so: names in upper case,
// where sessions are compared in lower case, and misspelt features, lists and attributes.
func (r *rule) neverTrue(n ast.IsNode) (Problem, bool) {
	lower := func(lit string) (Problem, bool) {
		if usher.FoldName(lit) == lit {
			return Problem{}, false
		}
		return r.at(lit, fmt.Sprintf("no session's name is %q", lit), "names are compared in lower case: write "+strconv.Quote(usher.FoldName(lit))), true
	}
	compare := func(b ast.BinaryNode) (Problem, bool) {
		for _, pair := range [][2]ast.IsNode{{b.Left, b.Right}, {b.Right, b.Left}} {
			if lit, ok := stringLiteral(pair[1]); ok && isAccess(pair[0], "resource", "name") {
				return lower(lit)
			}
		}
		return Problem{}, false
	}
	switch n := n.(type) {
	case ast.NodeValue:
		uid, ok := n.Value.(cedar.EntityUID)
		switch {
		case ok && uid.Type == typeSession:
			return lower(string(uid.ID))
		case ok && uid.Type == typeList && !slices.Contains([]string{"hosts", "people", "groups"}, string(uid.ID)):
			return r.at(string(uid.ID), fmt.Sprintf("there is no list %q", uid.ID), "write resource.hosts, resource.people or resource.groups"), true
		}
	case ast.NodeTypeEquals:
		return compare(n.BinaryNode)
	case ast.NodeTypeNotEquals:
		return compare(n.BinaryNode)
	case ast.NodeTypeLike:
		if isAccess(n.Arg, "resource", "name") {
			return lower(patternText(n.Value))
		}
	case ast.NodeTypeContains:
		if isAccess(n.Left, "context", "features") {
			return r.knownFeatures(n.Right)
		}
	case ast.NodeTypeContainsAny:
		if isAccess(n.Left, "context", "features") {
			return r.knownFeatures(n.Right)
		}
	case ast.NodeTypeContainsAll:
		if isAccess(n.Left, "context", "features") {
			return r.knownFeatures(n.Right)
		}
	case ast.NodeTypeHas:
		return r.knownAttribute(n)
	}
	return Problem{}, false
}

func (r *rule) knownFeatures(n ast.IsNode) (Problem, bool) {
	elements := []ast.IsNode{n}
	if set, ok := n.(ast.NodeTypeSet); ok {
		elements = set.Elements
	}
	for _, e := range elements {
		if lit, ok := stringLiteral(e); ok && !slices.Contains(features, lit) {
			return r.at(lit, fmt.Sprintf("there is no feature %q", lit), suggest(lit, features)), true
		}
	}
	return Problem{}, false
}

func (r *rule) knownAttribute(n ast.NodeTypeHas) (Problem, bool) {
	v, ok := n.Arg.(ast.NodeTypeVariable)
	if !ok {
		return Problem{}, false
	}
	var known []string
	switch v.Name {
	case "context":
		known = contextAttributes(words().schema)
	case "resource":
		for a := range words().schema.Entities[typeSession].Shape {
			known = append(known, string(a))
		}
	default:
		known = []string{"id", "name"}
	}
	if slices.Contains(known, string(n.Value)) {
		return Problem{}, false
	}
	return r.at(string(n.Value), fmt.Sprintf("%s has no attribute %q", v.Name, n.Value), suggest(string(n.Value), known)), true
}

func isAccess(n ast.IsNode, variable, attribute string) bool {
	a, ok := n.(ast.NodeTypeAccess)
	if !ok || string(a.Value) != attribute {
		return false
	}
	v, ok := a.Arg.(ast.NodeTypeVariable)
	return ok && string(v.Name) == variable
}

func stringLiteral(n ast.IsNode) (string, bool) {
	v, ok := n.(ast.NodeValue)
	if !ok {
		return "", false
	}
	s, ok := v.Value.(cedar.String)
	return string(s), ok
}

// patternText is the pattern of a like as written, without the quotes.
func patternText(p cedar.Pattern) string {
	return strings.Trim(string(p.MarshalCedar()), `"`)
}

// at is a problem of r at the place of the first word like it, or at r's own.
func (r *rule) at(word, message, hint string) Problem {
	p := r.problem(message, hint)
	if i := wordIndex(r.text, word); i >= 0 {
		before := r.text[:i]
		if n := strings.Count(before, "\n"); n > 0 {
			p.Line += n
			p.Column = 0
		}
		p.Column += len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		if strings.Contains(before, "\n") {
			p.Column++
		}
	}
	return p
}

// wordIndex finds word in text where it stands alone, -1 if nowhere.
func wordIndex(text, word string) int {
	if word == "" {
		return -1
	}
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(word)
		if (i == 0 || !isWordByte(text[i-1])) && (end == len(text) || !isWordByte(text[end])) {
			return i
		}
		from = i + 1
	}
}

// suggest returns "did you mean …?" for the nearest known word, or all of them.
func suggest(word string, known []string) string {
	known = slices.Clone(known)
	slices.Sort(known)
	best, at := 1+len(word)/3, ""
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d <= best && (at == "" || d < best) {
			best, at = d, k
		}
	}
	switch {
	case at != "":
		return fmt.Sprintf("did you mean %q?", at)
	case len(known) == 0:
		return ""
	}
	return "known are " + strings.Join(known, ", ")
}

// distance is the number of letters to add, drop, change or swap with the next
// between a and b (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

var (
	sayPlace = regexp.MustCompile(`<input>:(\d+):(\d+)`)
	sayToken = regexp.MustCompile(`: exact got (.*) want (.*)$`)
)

// syntaxProblem turns the parser's error into a Problem with its place.
func syntaxProblem(file string, err error) Problem {
	text := strings.TrimPrefix(err.Error(), "parser error: ")
	p := Problem{File: file, Message: text}
	if m := sayPlace.FindStringSubmatch(text); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Column, _ = strconv.Atoi(m[2])
		p.Message = strings.Trim(strings.TrimPrefix(strings.Replace(text, m[0], "", 1), "parse error at "), " :")
		if m := sayToken.FindStringSubmatch(p.Message); m != nil {
			p.Message = fmt.Sprintf("%s stands where %q is needed", strconv.Quote(m[1]), m[2])
			if m[1] == "" {
				p.Message = fmt.Sprintf("it ends where %q is needed", m[2])
			}
		}
		p.Message = "can't be read as Cedar: " + p.Message
	}
	return p
}

// Vocabulary returns the names that a policy may use, by where they stand:
// "resource", "context", "principal", "action", "feature". For completion and reference.
func Vocabulary() map[string][]string {
	s := words().schema
	out := map[string][]string{"context": contextAttributes(s), "feature": slices.Clone(features), "principal": {"id", "name"}}
	for a := range maps.Keys(s.Entities[typeSession].Shape) {
		out["resource"] = append(out["resource"], string(a))
	}
	for _, a := range usher.Actions() {
		out["action"] = append(out["action"], string(a))
	}
	for _, v := range out {
		slices.Sort(v)
	}
	return out
}
