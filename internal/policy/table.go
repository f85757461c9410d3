package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a bare container has no time zones of its own

	"go.yaml.in/yaml/v3"

	"github.com/usher-sessions/usher"
)

// Bounds of a table.
const (
	MaxTableBytes = 1 << 20
	MaxCases      = 10000
)

// A Table is a file of cases: who may do what. docs/policy.md shows one.
type Table struct {
	// Name is the file's.
	Name string `yaml:"-"`
	// Policy says which rules the table is about; nil is those in force.
	Policy *TablePolicy `yaml:"policy"`
	// Now is when a case happens that doesn't say, e.g. "2026-07-01T10:00:00Z".
	Now      time.Time               `yaml:"now"`
	Callers  map[string]TableCaller  `yaml:"callers"`
	Sessions map[string]TableSession `yaml:"sessions"`
	Cases    []Case                  `yaml:"cases"`
}

// TablePolicy is the policy that a table was written for.
type TablePolicy struct {
	// Files are relative to the table.
	Files []string `yaml:"files"`
	// Default is "extend" or "replace"; "" is extend.
	Default  string `yaml:"default"`
	TimeZone string `yaml:"timeZone"`
	Open     bool   `yaml:"open"`
}

// TableCaller is a caller of a table.
type TableCaller struct {
	Kind    usher.CallerKind `yaml:"kind"`
	ID      string           `yaml:"id"` // left out: the name it has in the table
	Name    string           `yaml:"name"`
	UserKey string           `yaml:"userKey"` // left out: the id, for users
	Groups  []string         `yaml:"groups"`
	Address string           `yaml:"address"`
	Scope   *struct {
		Actions  []usher.Action `yaml:"actions"`
		Sessions []string       `yaml:"sessions"`
	} `yaml:"scope"`
}

// TableSession is a session of a table.
type TableSession struct {
	Name        string             `yaml:"name"`     // left out: the name it has in the table
	Unlisted    bool               `yaml:"unlisted"` // not in the directory
	Owner       string             `yaml:"owner"`
	Hosts       []string           `yaml:"hosts"`
	People      []string           `yaml:"people"`
	Groups      []string           `yaml:"groups"`
	Admit       usher.Admission    `yaml:"admit"`
	State       usher.SessionState `yaml:"state"`
	Passcode    string             `yaml:"passcode"`
	SessionKey  string             `yaml:"sessionKey"`
	NotBefore   time.Time          `yaml:"notBefore"`
	NotAfter    time.Time          `yaml:"notAfter"`
	Life        time.Duration      `yaml:"life"`
	WaitingRoom bool               `yaml:"waitingRoom"`
	Capacity    int                `yaml:"capacity"`
}

// A Case is one line of a table.
type Case struct {
	Name    string       `yaml:"name"` // left out: made of what it asks
	Caller  string       `yaml:"caller"`
	Action  usher.Action `yaml:"action"`
	Session string       `yaml:"session"`
	Context struct {
		Time     time.Time     `yaml:"time"`
		Address  string        `yaml:"address"`
		Life     time.Duration `yaml:"life"`
		Features []string      `yaml:"features"`
		UserKey  string        `yaml:"userKey"`
		Open     *bool         `yaml:"open"`
	} `yaml:"context"`
	// Expect is "allow" or "deny".
	Expect string `yaml:"expect"`
	// Rule must be among those that decided; "" is any.
	Rule string `yaml:"rule"`

	question usher.Question
}

// ParseTable reads a table. The error names every fault; unknown fields are faults.
func ParseTable(name string, data []byte) (*Table, error) {
	if len(data) > MaxTableBytes {
		return nil, fmt.Errorf("%s has over %d bytes", name, MaxTableBytes)
	}
	t := &Table{Name: name}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(t); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: one document is expected, and nothing after it", name)
	}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %w", name, fmt.Errorf(format, args...)))
	}
	switch {
	case len(t.Cases) == 0:
		fault("there are no cases")
	case len(t.Cases) > MaxCases:
		fault("there are %d cases; at most %d are allowed", len(t.Cases), MaxCases)
	}
	if p := t.Policy; p != nil && !slices.Contains([]string{"", "extend", "replace"}, p.Default) {
		fault("policy.default is %q; it must be extend or replace", p.Default)
	}
	callers, sessions := map[string]*usher.Caller{}, map[string]*usher.Session{}
	for _, key := range slices.Sorted(maps.Keys(t.Callers)) {
		c, err := t.Callers[key].caller(key)
		if err != nil {
			fault("caller %s: %w", key, err)
		}
		callers[key] = c
	}
	for _, key := range slices.Sorted(maps.Keys(t.Sessions)) {
		s, err := t.Sessions[key].session(key)
		if err != nil {
			fault("session %s: %w", key, err)
		}
		sessions[key] = s
	}
	for i := range t.Cases {
		if err := t.Cases[i].resolve(t, callers, sessions); err != nil {
			fault("case %d: %w", i+1, err)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return t, nil
}

func (tc TableCaller) caller(key string) (*usher.Caller, error) {
	c := &usher.Caller{Kind: tc.Kind, ID: tc.ID, Name: tc.Name, UserKey: tc.UserKey, Groups: tc.Groups}
	if !slices.Contains(kinds[:], tc.Kind) {
		return c, fmt.Errorf("kind is %q; it must be user, key, guest or anyone", tc.Kind)
	}
	if c.ID == "" && c.Kind != usher.KindAnyone {
		c.ID = key
	}
	if c.UserKey == "" && c.Kind == usher.KindUser {
		c.UserKey = c.ID
	}
	if len(c.Groups) > 0 && c.Kind != usher.KindUser {
		return c, errors.New("only users have groups")
	}
	if tc.Scope != nil {
		c.Scope = &usher.Scope{Actions: tc.Scope.Actions, Sessions: tc.Scope.Sessions}
		for _, a := range c.Scope.Actions {
			if !slices.Contains(actionList[:], a) {
				return c, fmt.Errorf("scope.actions names %q; known are join, host, inspect, manage", a)
			}
		}
	}
	return c, setAddress(c, tc.Address)
}

func setAddress(c *usher.Caller, text string) error {
	if text == "" {
		return nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("address %q is no IP address", text)
	}
	c.Addr = addr
	return nil
}

func (ts TableSession) session(key string) (*usher.Session, error) {
	s := &usher.Session{ID: key, Name: ts.Name, Owner: ts.Owner, Hosts: ts.Hosts, People: ts.People, Groups: ts.Groups, Admit: ts.Admit, State: ts.State,
		Passcode: ts.Passcode, SessionKey: ts.SessionKey, NotBefore: ts.NotBefore, NotAfter: ts.NotAfter, Life: ts.Life, WaitingRoom: ts.WaitingRoom, Capacity: ts.Capacity}
	if s.Name == "" {
		s.Name = key
	}
	if s.State == "" {
		s.State = usher.StateOpen
	}
	if ts.Unlisted {
		if ts.Owner != "" || ts.Passcode != "" || ts.Admit != "" || ts.SessionKey != "" || len(ts.Hosts)+len(ts.People)+len(ts.Groups) > 0 {
			return s, errors.New("is unlisted, so nothing but its name is known")
		}
		s.ID = ""
		return s, nil
	}
	if s.Admit == "" {
		s.Admit = usher.AdmitListed
	}
	if s.Admit != usher.AdmitListed && s.Admit != usher.AdmitSignedIn {
		return s, fmt.Errorf("admit is %q; it must be listed or signed-in", s.Admit)
	}
	if !slices.Contains([]usher.SessionState{usher.StateOpen, usher.StateLocked, usher.StateEnded}, s.State) {
		return s, fmt.Errorf("state is %q; it must be open, locked or ended", s.State)
	}
	return s, nil
}

func (c *Case) resolve(t *Table, callers map[string]*usher.Caller, sessions map[string]*usher.Session) error {
	if c.Name == "" {
		c.Name = fmt.Sprintf("%s %s %s", c.Caller, c.Action, c.Session)
	}
	who, ok := callers[c.Caller]
	if !ok {
		return fmt.Errorf("caller %q isn't among the table's callers", c.Caller)
	}
	which, ok := sessions[c.Session]
	if !ok {
		return fmt.Errorf("session %q isn't among the table's sessions", c.Session)
	}
	if !slices.Contains(actionList[:], c.Action) {
		return fmt.Errorf("action is %q; it must be join, host, inspect or manage", c.Action)
	}
	if c.Expect != usher.Allowed && c.Expect != usher.Denied {
		return fmt.Errorf("expect is %q; it must be allow or deny", c.Expect)
	}
	for _, f := range c.Context.Features {
		if !slices.Contains(features, f) {
			return fmt.Errorf("there is no feature %q; known are %s", f, strings.Join(features, ", "))
		}
	}
	caller := *who
	if err := setAddress(&caller, c.Context.Address); err != nil {
		return err
	}
	c.question = usher.Question{Caller: &caller, Action: c.Action, Session: which, Now: c.Context.Time,
		UserKey: c.Context.UserKey, Life: c.Context.Life, Features: c.Context.Features}
	if c.question.Now.IsZero() {
		c.question.Now = t.Now
	}
	if c.question.UserKey == "" {
		c.question.UserKey = caller.UserKey
	}
	return nil
}

// Engine returns the engine that the table asks for, or inForce where it asks for none.
func (t *Table) Engine(inForce *Engine) (*Engine, error) {
	p := t.Policy
	if p == nil {
		if inForce == nil {
			return nil, fmt.Errorf("%s names no policy and none is in force", t.Name)
		}
		return inForce, nil
	}
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("%s: policy.timeZone: %w", t.Name, err)
	}
	cfg := Config{Replace: p.Default == "replace", Open: p.Open, TimeZone: zone}
	for _, f := range p.Files {
		if !filepath.IsAbs(f) {
			f = filepath.Join(filepath.Dir(t.Name), f)
		}
		cfg.Files = append(cfg.Files, f)
	}
	return New(cfg)
}

// A Report is what came of running a table.
type Report struct {
	Table   string   `json:"table"`
	Results []Result `json:"results"`
}

// A Result is what came of one case.
type Result struct {
	Case     int    `json:"case"` // from 1
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Want     string `json:"want"`
	WantRule string `json:"wantRule,omitempty"`
	Got      string `json:"got"`
	// Why is set where the case failed.
	Why *Explanation `json:"why,omitempty"`
}

// Run asks e every case of t.
func (e *Engine) Run(t *Table) *Report {
	rs := e.rules.Load() // one set of rules for the whole table
	r := &Report{Table: t.Name}
	for i := range t.Cases {
		c := &t.Cases[i]
		open := e.cfg.Open
		if c.Context.Open != nil {
			open = *c.Context.Open
		}
		d := e.decide(rs, &c.question, open)
		res := Result{Case: i + 1, Name: c.Name, Want: c.Expect, WantRule: c.Rule, Got: usher.Denied}
		if d.Allowed {
			res.Got = usher.Allowed
		}
		res.OK = res.Got == res.Want && (c.Rule == "" || slices.Contains(d.Rules, c.Rule))
		if !res.OK {
			res.Why = e.explain(rs, &c.question, open)
		}
		r.Results = append(r.Results, res)
	}
	return r
}

// TestFile runs the table in the file of that name: on the policy that it
// names, else on inForce, which may be nil.
func TestFile(name string, inForce *Engine) (*Report, error) {
	data, err := readBounded(name, MaxTableBytes)
	if err != nil {
		return nil, err
	}
	t, err := ParseTable(name, []byte(data))
	if err != nil {
		return nil, err
	}
	e, err := t.Engine(inForce)
	if err != nil {
		return nil, err
	}
	return e.Run(t), nil
}

// Failed is the number of cases that didn't come out as expected.
func (r *Report) Failed() int {
	n := 0
	for _, res := range r.Results {
		if !res.OK {
			n++
		}
	}
	return n
}

// Print writes each case that differs, why, and a summary.
func (r *Report) Print(w io.Writer) {
	for _, res := range r.Results {
		if res.OK {
			continue
		}
		want := res.Want
		if res.WantRule != "" {
			want += " by " + res.WantRule
		}
		got := res.Got
		if len(res.Why.Rules) > 0 {
			got += " by " + strings.Join(res.Why.Rules, ", ")
		}
		fmt.Fprintf(w, "case %d: %s\n  - want %s\n  + got  %s\n", res.Case, res.Name, want, got)
		var b strings.Builder
		res.Why.Print(&b)
		for line := range strings.Lines(b.String()) {
			fmt.Fprint(w, strings.TrimRight("    "+line, " \n")+"\n")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s: %d cases, %d as expected, %d different\n", r.Table, len(r.Results), len(r.Results)-r.Failed(), r.Failed())
}
