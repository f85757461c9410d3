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
	EventWaiting       Event = "gate.waiting"
	EventJoined        Event = "room.joined"
	EventLeft          Event = "room.left"
	EventRoomChange    Event = "room.changed"
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

// EventLedgerPruned records that rows past their age were removed.
const EventLedgerPruned Event = "ledger.pruned"

// A LedgerRow is an entry in its place: rows of one writer form a chain in
// which each carries the hash of the one before.
type LedgerRow struct {
	Entry
	// Writer names the chain; WriterID is the store's number for it.
	Writer   string
	WriterID int64
	// Number counts the rows of the chain from 1 without a gap.
	Number int64
	// Prev is the Hash of the row before, zero in the first row.
	Prev [32]byte
	// Hash is taken over Writer, Number, Prev and the entry.
	Hash [32]byte
	// FoldedSession is the session's name as the store's index has it; reading sets
	// it, so that an index that hides a row is found out.
	FoldedSession string
	// Hidden says that the store's index wouldn't find the row. Reading a chain sets it.
	Hidden bool
}

// A LedgerHead is the end of a chain: the number and hash of its last row, both
// zero while it has none.
type LedgerHead struct {
	Writer   string
	WriterID int64
	Number   int64
	Hash     [32]byte
}

// A LedgerFilter selects rows; what is zero selects all.
type LedgerFilter struct {
	UserKey  string
	Session  string // compared by [FoldName]
	Caller   string
	Decision string
	Event    Event
	// From is the first moment, To the one after the last.
	From, To time.Time
	// OldestFirst turns the order around; newest come first otherwise.
	OldestFirst bool
}
