package usher

import "net/netip"

// CallerKind says how a caller is known. It is the type of the policy's principal.
type CallerKind string

const (
	// KindAnyone is a caller who is not known at all.
	KindAnyone CallerKind = "anyone"
	// KindKey is a back end with an API key.
	KindKey CallerKind = "key"
	// KindUser is a person signed in at an OpenID Connect issuer.
	KindUser CallerKind = "user"
	// KindGuest is a person with an invite.
	KindGuest CallerKind = "guest"
)

// A Caller is whoever asks Usher for something, as authentication found it.
// The zero Caller is nobody and is refused everything.
type Caller struct {
	Kind CallerKind
	// ID identifies the caller among its kind for policy, ledger and bans: the
	// API key's id, the user's key, the invite's id with the guest's number.
	ID string
	// Name is for people: the key's name, the user's display name.
	Name string
	// UserKey is the user key that the signature carries. Where it is empty the
	// caller speaks for others and names the user in the request.
	UserKey string
	// Groups are those that the identity provider lists for a user.
	Groups []string
	// Addr is where the request came from.
	Addr netip.Addr
	// Scope bounds what the caller may ask for, before any policy; nil is no bound.
	Scope *Scope
}

// String returns "kind:id", the form of callers in the ledger.
func (c Caller) String() string {
	if c.ID == "" {
		return string(c.Kind)
	}
	return string(c.Kind) + ":" + c.ID
}

// A Scope is what an API key or an invite was made for.
type Scope struct {
	// Actions that may be asked for; empty means join and host.
	Actions []Action
	// Sessions are names, each with * for any run of characters, in any case; empty means every session.
	Sessions []string
	// Exact takes a * in Sessions for itself: an invite is to one session, whatever its name.
	Exact bool
}

// Covers reports whether the scope allows action on the session of that name.
func (s *Scope) Covers(action Action, session string) bool {
	if s == nil {
		return true
	}
	actions := s.Actions
	if len(actions) == 0 {
		actions = signActions
	}
	return containsAction(actions, action) && (len(s.Sessions) == 0 || s.names(FoldName(session)))
}

var signActions = []Action{ActionJoin, ActionHost}

func containsAction(as []Action, a Action) bool {
	for _, x := range as {
		if x == a {
			return true
		}
	}
	return false
}

// names reports whether one of Sessions is, or matches, the folded name.
func (s *Scope) names(name string) bool {
	for _, p := range s.Sessions {
		if p = FoldName(p); p == name || !s.Exact && matchName(p, name) {
			return true
		}
	}
	return false
}

// matchName reports whether name matches pattern, in which * stands for any
// run of characters. It takes time in proportion to the product of the lengths
// at worst: after a mismatch only the last * is tried again.
func matchName(pattern, name string) bool {
	p, n, star, retry := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			retry++
			p, n = star+1, retry
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
