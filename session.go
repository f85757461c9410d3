package usher

import (
	"slices"
	"strings"
	"time"
)

// SessionState says whether a session lets people in.
type SessionState string

const (
	// StateOpen lets in whom the policy permits.
	StateOpen SessionState = "open"
	// StateLocked lets in nobody but hosts.
	StateLocked SessionState = "locked"
	// StateEnded lets in nobody.
	StateEnded SessionState = "ended"
)

// Admission says whom a session of the directory takes, besides its hosts.
type Admission string

const (
	// AdmitListed takes the people and groups on its list.
	AdmitListed Admission = "listed"
	// AdmitSignedIn takes everyone who is signed in.
	AdmitSignedIn Admission = "signed-in"
)

// A Session is a video session. One that stands in the directory has an ID and
// settings that no client can override; any other has its name alone.
type Session struct {
	// ID is the directory's own, "" for a session that isn't in it.
	ID string
	// Name identifies the session, ignoring case; see [FoldName].
	Name string
	// Passcode closes the session to whoever doesn't know it, "" for none. See
	// [Session.NeedsPasscode] for whom it is asked of.
	Passcode string
	// SessionKey is the same in every signature for the session, as Zoom asks.
	SessionKey string
	// NotBefore and NotAfter are the opening window; zero is no bound.
	NotBefore, NotAfter time.Time
	State               SessionState
	// Owner is the user key of whoever may host and manage the session, "" for none.
	Owner string
	// Hosts, People are user keys; Groups are those of the identity provider.
	Hosts, People, Groups []string
	Admit                 Admission
	// Life of signatures for the session, 0 for what the request asks or the default.
	Life time.Duration
	// GeoRegions and the recording settings stand in every signature for the
	// session; nil leaves the claim out, whatever the client asks for.
	GeoRegions                     []string
	CloudRecordingOption           *int
	CloudRecordingElection         *int
	CloudRecordingTranscriptOption *int
	// WaitingRoom keeps everybody but hosts waiting at the gate until a host admits them.
	WaitingRoom bool
	// Capacity is how many may be in the room at once, 0 for no bound.
	Capacity int
	// CreatedAt and UpdatedAt are UTC.
	CreatedAt, UpdatedAt time.Time
	// Version grows by one with each change; it keeps two changes from overwriting each other.
	Version int64
}

// Listed reports whether the session stands in the directory.
func (s *Session) Listed() bool { return s.ID != "" }

// IsHost reports whether the user key belongs to the owner or a host.
func (s *Session) IsHost(userKey string) bool {
	return userKey != "" && (userKey == s.Owner || slices.Contains(s.Hosts, userKey))
}

// IsListed reports whether c is on the session's list: as owner, host, person or member of a group.
func (s *Session) IsListed(c *Caller) bool {
	if c.Kind != KindUser {
		return false
	}
	return s.IsHost(c.UserKey) || slices.Contains(s.People, c.UserKey) ||
		slices.ContainsFunc(c.Groups, func(g string) bool { return slices.Contains(s.Groups, g) })
}

// NeedsPasscode reports whether c must know the passcode to get a signature.
// Who was let in by name needs none: people on the list, guests with an
// invite, back ends with a key.
func (s *Session) NeedsPasscode(c *Caller) bool {
	return s.Passcode != "" && c.Kind != KindKey && c.Kind != KindGuest && !s.IsListed(c)
}

// FoldName returns the form in which session names are compared: Zoom ignores case.
func FoldName(name string) string { return strings.ToLower(name) }

// A SessionFilter selects sessions of the directory; what is zero selects all.
type SessionFilter struct {
	// NamePrefix is how the name begins, in any case.
	NamePrefix string
	State      SessionState
}
