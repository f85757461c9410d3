package usher

import "time"

// A Key is an API key as the store knows it: its secret is not in it.
type Key struct {
	ID   string
	Name string
	// Hash is the SHA-256 of the key as it is sent.
	Hash [32]byte
	// May are the actions that the key is made for.
	May []Action
	// Sessions are names, each with * for any run of characters; empty means every session.
	Sessions  []string
	CreatedAt time.Time
	// ExpiresAt is zero for a key without end, RevokedAt for one that holds.
	ExpiresAt, RevokedAt time.Time
	// LastUsedAt is right to within a minute; zero for never.
	LastUsedAt time.Time
}

// Holds reports whether the key is neither revoked nor expired at now.
func (k *Key) Holds(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// An Invite lets guests into one session.
type Invite struct {
	ID string
	// Hash is the SHA-256 of the invite's code.
	Hash [32]byte
	// Session is the name of the session.
	Session string
	// Host says that the invite makes hosts; otherwise participants.
	Host bool
	// Uses is how many guests it lets in, 0 for any number; Used how many came.
	Uses, Used           int
	CreatedAt, ExpiresAt time.Time
	// RevokedAt is zero for an invite that holds.
	RevokedAt time.Time
}

// A Guest is one who came with an invite.
type Guest struct {
	// Number counts the guests of the invite from 1.
	Number int
	// Back says that the guest came before, which spends no use.
	Back bool
}

// A Ban keeps a caller or a user from getting any signature.
type Ban struct {
	ID string
	// Subject is [Caller.String] of a caller, or "user:" and a user key.
	Subject   string
	Reason    string
	CreatedAt time.Time
}
