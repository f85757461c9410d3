package usher

import "time"

// A Room is one run of a session in the media engine: it begins when the first
// user comes and ends when a host ends it or nobody is left. Its name is free
// again then.
type Room struct {
	// ID is the media engine's name of the room; no two rooms ever share one.
	ID string
	// Session is the session's name, as whoever came first wrote it.
	Session string
	// Passcode is the one that the first to come gave, "" for none. It closes
	// sessions that have none of their own.
	Passcode string
	// Locked lets in nobody but hosts.
	Locked    bool
	CreatedAt time.Time
	// EndedAt is zero for a room that is open.
	EndedAt time.Time
	// EndedBy is [Caller.String] of whoever ended it, "" if it ran empty.
	EndedBy string
}

// EntrantState says how far somebody at the gate has come.
type EntrantState string

const (
	// EntrantWaiting is in the waiting room.
	EntrantWaiting EntrantState = "waiting"
	// EntrantAdmitted may be in the room.
	EntrantAdmitted EntrantState = "admitted"
	// EntrantDenied was turned away from the waiting room.
	EntrantDenied EntrantState = "denied"
	// EntrantLeft went, from the waiting room or from the room.
	EntrantLeft EntrantState = "left"
	// EntrantTimedOut waited for longer than anybody may.
	EntrantTimedOut EntrantState = "timed-out"
	// EntrantRemoved was removed by a host and can't come back.
	EntrantRemoved EntrantState = "removed"
)

// An Entrant is one user at the gate of one room.
type Entrant struct {
	// ID is the media engine's name of the user.
	ID     string
	RoomID string
	// Session is the name of the room's session.
	Session string
	// Name is what the user wants to be called; nobody has checked it.
	Name    string
	UserKey string
	// Ticket and Signature are SHA-256 of the secrets.
	Ticket, Signature [32]byte
	// Host says that the signature makes a host, Cohost that another was first
	// or that a host has made a participant one.
	Host, Cohost bool
	State        EntrantState
	// Present says that the media engine has the user in the room.
	Present bool
	// Caller is [Caller.String] of whoever the signature was issued to, "" if it isn't in the ledger.
	Caller string
	// IssuedAt is when the signature was made, ExpiresAt its end.
	IssuedAt, ExpiresAt time.Time
	// CameAt is when the user came to the gate, SeenAt when last heard of while waiting.
	CameAt, SeenAt time.Time
	// AdmittedAt, JoinedAt and LeftAt are zero until then.
	AdmittedAt, JoinedAt, LeftAt time.Time
}

// MayManage reports whether the entrant has a host's rights in the room.
func (e *Entrant) MayManage() bool { return e.Host || e.Cohost }

// Role is "host" or "participant", as the signature says.
func (e *Entrant) Role() string {
	if e.Host {
		return "host"
	}
	return "participant"
}

// An Arrival is what the store knows at the moment when somebody wants to enter.
type Arrival struct {
	// Room is the session's open room; nil if the entrant would open one.
	Room *Room
	// Ended is when a host last ended a room of the session, zero for never.
	Ended time.Time
	// RemovedHere says that the user, by user key or signature, was removed from
	// Room; Removed is when they were last removed from any room of the session.
	RemovedHere bool
	Removed     time.Time
	// Admitted is how many may be in the room, HostThere whether one of them is its host.
	Admitted  int
	HostThere bool
}
