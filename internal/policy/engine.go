package policy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/usher-sessions/usher"
)

// Config says which rules an [Engine] is made of.
type Config struct {
	// Files are the operator's policies; a folder stands for its *.cedar files.
	Files []string
	// Replace leaves the default policy out, so that the files are all there is.
	Replace bool
	// Open is context.open: the server was started with --open.
	Open bool
	// TimeZone is that of context.hour and context.weekday; nil is UTC.
	TimeZone *time.Location
	// Now is the clock of [Status]; nil is time.Now.
	Now func() time.Time
	// Log hears of reloads and of rules that fail; nil is silent.
	Log *slog.Logger
}

// An Engine decides by the rules in force. It is safe for use by many
// goroutines; a reload takes effect between two decisions.
type Engine struct {
	cfg   Config
	rules atomic.Pointer[ruleSet]

	loading sync.Mutex // one reload at a time; guards what follows
	status  Status
	seen    string // digest of what was read last, in force or not; "" if reading failed
	failed  string // what the last failed reload said, to say it once
}

// Status says which rules are in force and how the last reload went.
type Status struct {
	LoadedAt time.Time `json:"loadedAt"`
	Files    []string  `json:"files"`
	Rules    int       `json:"rules"`
	// Digest is the SHA-256 of the texts; replicas with the same one have the same rules.
	Digest string `json:"digest"`
	// Error is why the last reload was refused and FailedAt when, empty if it
	// wasn't. The rules in force are then older than the files.
	Error    string    `json:"error,omitempty"`
	FailedAt time.Time `json:"failedAt,omitzero"`
}

// New returns an Engine with its rules loaded. The error is [Problems] where
// the files could be read but not used.
func New(cfg Config) (*Engine, error) {
	if cfg.TimeZone == nil {
		cfg.TimeZone = time.UTC
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Replace && len(cfg.Files) == 0 {
		return nil, errors.New("policy: the default policy is left out but no file takes its place, so nothing would be permitted; name a file or extend the default")
	}
	e := &Engine{cfg: cfg}
	if err := e.Reload(); err != nil {
		return nil, err
	}
	return e, nil
}

// FromSources returns an Engine with the given rules alone. It never reads a file.
func FromSources(cfg Config, sources ...Source) (*Engine, error) {
	rs, err := compile(sources)
	if err != nil {
		return nil, err
	}
	if cfg.TimeZone == nil {
		cfg.TimeZone = time.UTC
	}
	cfg.Files, cfg.Log = nil, slog.New(slog.DiscardHandler)
	e := &Engine{cfg: cfg}
	e.rules.Store(rs)
	e.status = Status{Rules: len(rs.rules), Digest: rs.digest}
	return e, nil
}

// Groups returns the groups that any rule names.
func (e *Engine) Groups() []string {
	found := map[string]bool{}
	rs := e.rules.Load()
	for k := range rs.buckets {
		for a := range rs.buckets[k] {
			for g := range rs.buckets[k][a].groups {
				found[g] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// read returns the sources that the configuration names.
func (e *Engine) read() ([]Source, error) {
	sources, err := readSources(e.cfg.Files)
	if err != nil {
		return nil, err
	}
	if !e.cfg.Replace {
		sources = slices.Insert(sources, 0, Source{DefaultName, defaultText})
	}
	return sources, nil
}

// Reload reads the files again and puts their rules in force, all at once. If
// anything is wrong with any of them the rules in force stay, and the error
// says what; it is kept in [Engine.Status] and written to the log.
func (e *Engine) Reload() error {
	e.loading.Lock()
	defer e.loading.Unlock()
	return e.reload()
}

func (e *Engine) reload() error {
	sources, err := e.read()
	var rs *ruleSet
	e.seen = ""
	if err == nil {
		e.seen = digest(sources)
		if rs = e.rules.Load(); rs == nil || rs.digest != e.seen {
			rs, err = compile(sources)
		}
	}
	if err != nil {
		e.status.Error, e.status.FailedAt = err.Error(), e.cfg.Now()
		if e.failed != err.Error() {
			e.failed = err.Error()
			e.cfg.Log.Error("policy not reloaded; the rules in force stay", "error", err)
		}
		return err
	}
	changed := e.rules.Swap(rs) != rs
	e.failed = ""
	e.status = Status{LoadedAt: e.cfg.Now(), Rules: len(rs.rules), Digest: rs.digest}
	for _, s := range sources {
		e.status.Files = append(e.status.Files, s.Name)
	}
	if changed {
		e.cfg.Log.Info("policy loaded", "rules", len(rs.rules), "files", strings.Join(e.status.Files, " "), "digest", rs.digest)
	}
	return nil
}

// Watch reloads at every tick that finds the files changed, until ctx ends.
// A change is found by what is in the files: time stamps miss some editors
// and mounts, and policies are small. Once a second is a good pace.
func (e *Engine) Watch(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			e.poll()
		}
	}
}

// poll reloads if the files aren't as they were when they were last read.
func (e *Engine) poll() {
	e.loading.Lock()
	defer e.loading.Unlock()
	sources, err := e.read()
	if err == nil && digest(sources) == e.seen {
		return
	}
	_ = e.reload() // its error is in the status and the log
}

// Status returns which rules are in force and how the last reload went.
func (e *Engine) Status() Status {
	e.loading.Lock()
	defer e.loading.Unlock()
	s := e.status
	s.Files = slices.Clone(s.Files)
	return s
}

// Text returns the rules in force as they were written, each file under a
// comment with its name.
func (e *Engine) Text() string {
	var b strings.Builder
	for i, s := range e.rules.Load().sources {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "// ---- %s\n%s", s.Name, s.Text)
		if !strings.HasSuffix(s.Text, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Decide answers q by the rules in force.
func (e *Engine) Decide(q *usher.Question) usher.Decision {
	return e.decide(e.rules.Load(), q, e.cfg.Open)
}

func (e *Engine) decide(rs *ruleSet, q *usher.Question, open bool) usher.Decision {
	kind, action := slices.Index(kinds[:], q.Caller.Kind), slices.Index(actionList[:], q.Action)
	if name := barred(q, kind, action); name != "" {
		return usher.Decision{Rules: []string{name}}
	}
	b := &rs.buckets[kind][action]
	f := newFacts(q, b, kindTypes[kind], actionUIDs[action], open, e.cfg.TimeZone)
	verdict, why := cedar.Authorize(b.rules, f, f.request)

	var names []string
	for _, x := range why.Errors {
		r := rs.byName[string(x.PolicyID)]
		e.reportFailure(r, x.Message)
		if !r.permits() {
			// Cedar would leave the rule out and let in whom it was to keep out.
			if verdict == cedar.Allow {
				why.Reasons = nil // permits that no longer decide
			}
			verdict = cedar.Deny
			names = append(names, r.name)
		}
	}
	for _, x := range why.Reasons {
		names = append(names, string(x.PolicyID))
	}
	return usher.Decision{Allowed: verdict == cedar.Allow, Rules: names}
}

// barred returns the name of what refuses q before any rule is asked, or "".
// The issuer checks the scope too; here it holds for whoever asks a policy.
func barred(q *usher.Question, kind, action int) string {
	switch {
	case kind < 0 || action < 0 || q.Caller.Kind == usher.KindUser && q.Caller.UserKey == "":
		return RuleCaller
	case !q.Caller.Scope.Covers(q.Action, q.Session.Name),
		q.Caller.Kind == usher.KindGuest && (q.Caller.Scope == nil || len(q.Caller.Scope.Sessions) == 0):
		return RuleScope
	}
	return ""
}

func (e *Engine) reportFailure(r *rule, message string) {
	if !r.reported.Swap(true) {
		pos := r.policy.Position()
		e.cfg.Log.Error("policy rule failed; it lets nobody in", "rule", r.name, "file", pos.Filename, "line", pos.Line, "error", message)
	}
}
