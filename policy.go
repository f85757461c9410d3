package usher

import "time"

// Action is what a caller wants to do with a session.
type Action string

const (
	ActionJoin    Action = "join"    // enter as a participant
	ActionHost    Action = "host"    // enter as a host, who may start the session
	ActionInspect Action = "inspect" // read the session, its ledger rows and who is in it
	ActionManage  Action = "manage"  // create, change, lock, end, delete it; invite to it
)

// Actions returns every action.
func Actions() []Action { return []Action{ActionJoin, ActionHost, ActionInspect, ActionManage} }

// A Question is what a policy is asked.
type Question struct {
	Caller  *Caller
	Action  Action
	Session *Session
	Now     time.Time
	// UserKey is the one that the signature would carry: the caller's own, or that
	// of whom the caller speaks for; "" for none.
	UserKey string
	// Life that the signature would have, 0 where the action needs none.
	Life time.Duration
	// Features that the signature would carry and that may cost money:
	// "recording", "recording-election", "transcript", "summary".
	Features []string
}

// A Decision is a policy's answer. The zero Decision denies.
type Decision struct {
	Allowed bool
	// Rules are the names of the rules that decided; empty where none applied.
	Rules []string
}

// A Policy decides. It must deny what no rule permits, must be safe for use by
// many goroutines, and must not change the question.
type Policy interface {
	Decide(q *Question) Decision
}

// PolicyFunc is a function that is a [Policy].
type PolicyFunc func(q *Question) Decision

// Decide calls f.
func (f PolicyFunc) Decide(q *Question) Decision { return f(q) }

// PermitAll permits whatever an authenticated caller asks for. It is the policy
// of an endpoint that leaves the decision to its callers.
var PermitAll Policy = PolicyFunc(func(q *Question) Decision {
	return Decision{Allowed: q.Caller.Kind != "", Rules: permitAllRules}
})

var permitAllRules = []string{"permit-all"}
