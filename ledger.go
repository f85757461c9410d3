package usher

import (
	"context"
	"time"
)

// Event says what a row of the ledger records.
type Event string

const (
	EventSigned        Event = "signature.issued"
	EventRefused       Event = "signature.refused"
	EventAdmitted      Event = "gate.admitted"
	EventGateRefused   Event = "gate.refused"
	EventSessionChange Event = "session.changed"
	EventKeyChange     Event = "key.changed"
	EventInviteChange  Event = "invite.changed"
	EventBanChange     Event = "ban.changed"
)

// Outcomes of an entry.
const (
	Allowed = "allow"
	Denied  = "deny"
)

// An Entry is one row of the ledger: what was decided, for whom, by which rule.
type Entry struct {
	Time  time.Time
	Event Event
	// Caller is [Caller.String] of whoever asked.
	Caller  string
	UserKey string
	Session string // the session's name
	Role    string // "host", "participant", or "" where none was granted
	// Decision is Allowed or Denied.
	Decision string
	// Rules are the names of the rules that decided.
	Rules []string
	// Reason says in words why something was refused, or what was changed.
	Reason string
	// Expires is the signature's exp, zero where there is none.
	Expires time.Time
	Address string
	// SignatureSHA256 is the hex digest of the signature, which itself is never kept.
	SignatureSHA256 string
	// Subject is the id of the session, key, invite or ban that was changed.
	Subject string
	// RequestID ties the row to the log.
	RequestID string
}

// A Ledger keeps entries.
type Ledger interface {
	// Record returns nil only once the entry can't be lost any more: it has
	// reached the disk. It gives up with an error when ctx ends; the entry may
	// then have been recorded or not.
	Record(ctx context.Context, e *Entry) error
}
