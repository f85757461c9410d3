package api

import (
	"encoding/json"
	"time"
)

// NoContent is the answer of an operation that has none.
type NoContent struct{}

// A Problem is a refusal (RFC 9457). Type and Code are stable for programs.
type Problem struct {
	// Type is https://github.com/usher-sessions/usher/blob/main/docs/problems.md#<code>.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code" doc:"What went wrong, in one stable word"`
	// ZoomCode is the number that Zoom's web client shows for it, where it has one.
	ZoomCode int `json:"zoomCode,omitzero"`
	// Errors are all faults of the request, where it has any.
	Errors []Fault `json:"errors,omitempty"`
	// Rules are those of the policy that decided, where it did.
	Rules     []string `json:"rules,omitempty"`
	RequestID string   `json:"requestId,omitempty"`
}

// GetStatus returns Status. With ContentType it lets the server answer with any Problem.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of problems.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Error makes a Problem an error for users of the client.
func (p *Problem) Error() string {
	s := p.Title
	if p.Detail != "" {
		s = p.Detail
	}
	for _, f := range p.Errors {
		s += "; " + f.Property + " " + f.Reason
	}
	return s
}

// A Fault says what is wrong with one property of a request.
type Fault struct {
	Property string `json:"property"`
	Reason   string `json:"reason"`
}

// Page is how a list is read on: cursors are opaque and stay valid while rows come and go.
type Page struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"nextCursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most rows in the answer"`
}

// Idempotent carries the key that makes repeating a call safe.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"A random text of yours, the same for each try of one call; remembered for 24 hours"`
}

// SignatureRequest asks for a signature. What the directory knows of the
// session takes the place of what is asked for.
type SignatureRequest struct {
	SessionName     string   `json:"sessionName" minLength:"1" maxLength:"200" doc:"The session's name, as passed to join"`
	SessionPasscode string   `json:"sessionPasscode,omitempty" maxLength:"10"`
	Role            string   `json:"role,omitempty" enum:"participant,host,best" default:"participant" doc:"best: host if permitted, else participant"`
	UserKey         string   `json:"userKey,omitempty" maxLength:"36" doc:"Your id of the user; signed-in users and guests have their own"`
	SessionKey      string   `json:"sessionKey,omitempty" maxLength:"36"`
	Seconds         int64    `json:"expirationSeconds,omitzero" minimum:"1800" maximum:"172800" doc:"Life in seconds; 7200 if left out"`
	GeoRegions      []string `json:"geoRegions,omitempty" maxItems:"12"`

	CloudRecordingOption           *int   `json:"cloudRecordingOption,omitempty" minimum:"0" maximum:"1"`
	CloudRecordingElection         *int   `json:"cloudRecordingElection,omitempty" minimum:"0" maximum:"1"`
	CloudRecordingTranscriptOption *int   `json:"cloudRecordingTranscriptOption,omitempty" minimum:"0" maximum:"2"`
	TelemetryTrackingID            string `json:"telemetryTrackingId,omitempty" maxLength:"512"`
	VideoWebRTCMode                *int   `json:"videoWebRtcMode,omitempty" minimum:"0" maximum:"1"`
	AudioWebRTCMode                *int   `json:"audioWebRtcMode,omitempty" minimum:"0" maximum:"1"`
}

// Signature is a signature and what it says.
type Signature struct {
	Signature   string    `json:"signature" doc:"Hand it to join; never log it"`
	ExpiresAt   time.Time `json:"expiresAt"`
	IssuedAt    time.Time `json:"issuedAt"`
	SessionName string    `json:"sessionName"`
	Role        string    `json:"role" enum:"participant,host"`
	UserKey     string    `json:"userKey,omitempty"`
	SessionKey  string    `json:"sessionKey,omitempty"`
	Passcode    string    `json:"passcode,omitempty" doc:"The session's passcode, for join, where it has one that you need not have known"`
}

type (
	SignIn struct {
		Idempotent
		Body SignatureRequest
	}
	SignatureOut struct{ Body Signature }
)

// Inspection is what is known about a signature; everything but the signature may be left out.
type Inspection struct {
	Signature   string `json:"signature" maxLength:"20000"`
	SessionName string `json:"sessionName,omitempty" maxLength:"1000" doc:"As passed to join"`
	Passcode    string `json:"passcode,omitempty" maxLength:"200" doc:"As passed to join"`
	ErrorShown  string `json:"errorShown,omitempty" maxLength:"500" doc:"What the client showed, for example 200 Verify JWT failed"`
}

type (
	InspectIn  struct{ Body Inspection }
	InspectOut struct {
		Body json.RawMessage
	}
)

// Session is a session of the directory.
type Session struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Passcode    string     `json:"passcode,omitempty" doc:"Shown to those who may manage the session"`
	SessionKey  string     `json:"sessionKey,omitempty"`
	NotBefore   *time.Time `json:"notBefore,omitempty"`
	NotAfter    *time.Time `json:"notAfter,omitempty"`
	State       string     `json:"state" enum:"open,locked,ended"`
	Owner       string     `json:"owner,omitempty"`
	Hosts       []string   `json:"hosts,omitempty"`
	People      []string   `json:"people,omitempty"`
	Groups      []string   `json:"groups,omitempty"`
	Admit       string     `json:"admit" enum:"listed,signed-in"`
	Seconds     int64      `json:"expirationSeconds,omitzero"`
	GeoRegions  []string   `json:"geoRegions,omitempty"`
	WaitingRoom bool       `json:"waitingRoom,omitzero"`
	Capacity    int        `json:"capacity,omitzero"`

	CloudRecordingOption           *int `json:"cloudRecordingOption,omitempty"`
	CloudRecordingElection         *int `json:"cloudRecordingElection,omitempty"`
	CloudRecordingTranscriptOption *int `json:"cloudRecordingTranscriptOption,omitempty"`

	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Version   int64     `json:"version"`
}

// NewSession describes a session to be made.
type NewSession struct {
	Name             string     `json:"name" minLength:"1" maxLength:"200"`
	Passcode         string     `json:"passcode,omitempty" maxLength:"10"`
	GeneratePasscode bool       `json:"generatePasscode,omitzero" doc:"Make a passcode of 10 random characters"`
	SessionKey       string     `json:"sessionKey,omitempty" maxLength:"36" doc:"Made if left out"`
	NotBefore        *time.Time `json:"notBefore,omitempty"`
	NotAfter         *time.Time `json:"notAfter,omitempty"`
	Owner            string     `json:"owner,omitempty" maxLength:"36" doc:"User key; a signed-in user owns what they create"`
	Hosts            []string   `json:"hosts,omitempty" maxItems:"1000"`
	People           []string   `json:"people,omitempty" maxItems:"10000"`
	Groups           []string   `json:"groups,omitempty" maxItems:"1000"`
	Admit            string     `json:"admit,omitempty" enum:"listed,signed-in" default:"listed"`
	Seconds          int64      `json:"expirationSeconds,omitzero" minimum:"1800" maximum:"172800"`
	GeoRegions       []string   `json:"geoRegions,omitempty" maxItems:"12"`
	WaitingRoom      bool       `json:"waitingRoom,omitzero"`
	Capacity         int        `json:"capacity,omitzero" minimum:"0" maximum:"5000"`

	CloudRecordingOption           *int `json:"cloudRecordingOption,omitempty" minimum:"0" maximum:"1"`
	CloudRecordingElection         *int `json:"cloudRecordingElection,omitempty" minimum:"0" maximum:"1"`
	CloudRecordingTranscriptOption *int `json:"cloudRecordingTranscriptOption,omitempty" minimum:"0" maximum:"2"`
}

// SessionChange holds what shall change; what is nil stays.
type SessionChange struct {
	Version     *int64     `json:"version,omitempty" doc:"The version that was read; refused if it isn't the present one"`
	Passcode    *string    `json:"passcode,omitempty" maxLength:"10" doc:"Empty takes it away"`
	NotBefore   *time.Time `json:"notBefore,omitempty" doc:"0001-01-01T00:00:00Z takes it away"`
	NotAfter    *time.Time `json:"notAfter,omitempty" doc:"0001-01-01T00:00:00Z takes it away"`
	State       *string    `json:"state,omitempty" enum:"open,locked,ended"`
	Owner       *string    `json:"owner,omitempty" maxLength:"36"`
	Hosts       *[]string  `json:"hosts,omitempty" maxItems:"1000"`
	People      *[]string  `json:"people,omitempty" maxItems:"10000"`
	Groups      *[]string  `json:"groups,omitempty" maxItems:"1000"`
	Admit       *string    `json:"admit,omitempty" enum:"listed,signed-in"`
	Seconds     *int64     `json:"expirationSeconds,omitempty" minimum:"0" maximum:"172800" doc:"0 takes it away"`
	GeoRegions  *[]string  `json:"geoRegions,omitempty" maxItems:"12"`
	WaitingRoom *bool      `json:"waitingRoom,omitempty"`
	Capacity    *int       `json:"capacity,omitempty" minimum:"0" maximum:"5000"`

	CloudRecordingOption           *int `json:"cloudRecordingOption,omitempty" minimum:"0" maximum:"1"`
	CloudRecordingElection         *int `json:"cloudRecordingElection,omitempty" minimum:"0" maximum:"1"`
	CloudRecordingTranscriptOption *int `json:"cloudRecordingTranscriptOption,omitempty" minimum:"0" maximum:"2"`
}

type (
	SessionRef struct {
		ID string `path:"id" maxLength:"200" doc:"The session's id, or its name"`
	}
	ListSessionsIn struct {
		Page
		Name  string `query:"name" maxLength:"200" doc:"Only names that begin so"`
		State string `query:"state" enum:"open,locked,ended"`
	}
	CreateSessionIn struct {
		Idempotent
		Body NewSession
	}
	UpdateSessionIn struct {
		SessionRef
		Body SessionChange
	}
	SessionOut  struct{ Body Session }
	SessionList struct {
		Sessions   []Session `json:"sessions"`
		NextCursor string    `json:"nextCursor,omitempty"`
	}
	SessionsOut struct{ Body SessionList }
)

// Invite lets guests into a session.
type Invite struct {
	ID        string     `json:"id"`
	Session   string     `json:"session" doc:"The session's name"`
	Role      string     `json:"role" enum:"participant,host"`
	Uses      int        `json:"uses" doc:"How many guests it lets in; 0 is any number"`
	Used      int        `json:"used"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt time.Time  `json:"expiresAt"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

// NewInvite is an invite with its code, shown once.
type NewInvite struct {
	Invite
	Code string `json:"code" doc:"The secret; shown once"`
	Link string `json:"link,omitempty" doc:"A link with the code in its fragment, where the server knows its address"`
}

// InviteRequest describes an invite to be made.
type InviteRequest struct {
	Session string `json:"session" minLength:"1" maxLength:"200" doc:"The session's name"`
	Role    string `json:"role,omitempty" enum:"participant,host" default:"participant"`
	Uses    *int   `json:"uses,omitempty" minimum:"0" maximum:"100000" default:"1" doc:"How many guests it lets in; 0 is any number"`
	Seconds int64  `json:"expirationSeconds,omitzero" minimum:"60" maximum:"31536000" default:"86400" doc:"How long it can be redeemed"`
}

// Redemption is what a guest sends.
type Redemption struct {
	Code  string `json:"code" minLength:"1" maxLength:"100"`
	Guest string `json:"guest" minLength:"22" maxLength:"100" doc:"A random secret that the guest keeps, at least 128 bits"`
	Name  string `json:"name,omitempty" maxLength:"200" doc:"For the log of who came; not checked"`
}

type (
	InviteRef struct {
		ID string `path:"id" maxLength:"100"`
	}
	ListInvitesIn struct {
		Page
		Session string `query:"session" maxLength:"200"`
	}
	CreateInviteIn struct {
		Idempotent
		Body InviteRequest
	}
	NewInviteOut struct{ Body NewInvite }
	InviteList   struct {
		Invites    []Invite `json:"invites"`
		NextCursor string   `json:"nextCursor,omitempty"`
	}
	InvitesOut struct{ Body InviteList }
	RedeemIn   struct{ Body Redemption }
)

// Key is an API key, without its secret.
type Key struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	May        []string   `json:"may"`
	Roles      []string   `json:"roles,omitempty"`
	Sessions   []string   `json:"sessions,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt,omitempty"`
	RevokedAt  *time.Time `json:"revokedAt,omitempty"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty" doc:"To within a minute"`
}

// NewKey is a key with its secret, shown once.
type NewKey struct {
	Key
	Secret string `json:"secret" doc:"Send it as Authorization: Bearer …; shown once"`
}

// KeyRequest describes a key to be made.
type KeyRequest struct {
	Name     string   `json:"name" minLength:"1" maxLength:"100"`
	May      []string `json:"may,omitempty" enum:"sign,inspect,manage" maxItems:"3" doc:"sign if left out"`
	Roles    []string `json:"roles,omitempty" enum:"participant,host" maxItems:"2" doc:"Roles it may sign; both if left out"`
	Sessions []string `json:"sessions,omitempty" maxItems:"100" doc:"Names of sessions, * stands for any characters; every session if left out"`
	Seconds  int64    `json:"expirationSeconds,omitzero" minimum:"60" maximum:"315360000" doc:"Life in seconds; without end if left out"`
}

type (
	KeyRef struct {
		ID string `path:"id" maxLength:"100"`
	}
	ListKeysIn  struct{ Page }
	CreateKeyIn struct {
		Idempotent
		Body KeyRequest
	}
	NewKeyOut struct{ Body NewKey }
	KeyList   struct {
		Keys       []Key  `json:"keys"`
		NextCursor string `json:"nextCursor,omitempty"`
	}
	KeysOut struct{ Body KeyList }
)

// Ban keeps a caller or a user key from getting any signature.
type Ban struct {
	ID        string    `json:"id"`
	Subject   string    `json:"subject" doc:"user:<user key>, key:<id> or guest:<id>"`
	Reason    string    `json:"reason,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// BanRequest describes a ban to be made.
type BanRequest struct {
	Subject string `json:"subject" minLength:"3" maxLength:"200" pattern:"^(user|key|guest):.+$" doc:"user:<user key>, key:<id> or guest:<id>"`
	Reason  string `json:"reason,omitempty" maxLength:"200" doc:"Shown to the banned"`
}

type (
	BanRef struct {
		ID string `path:"id" maxLength:"100"`
	}
	ListBansIn  struct{ Page }
	CreateBanIn struct {
		Idempotent
		Body BanRequest
	}
	BanOut  struct{ Body Ban }
	BanList struct {
		Bans       []Ban  `json:"bans"`
		NextCursor string `json:"nextCursor,omitempty"`
	}
	BansOut struct{ Body BanList }
)

// LedgerRow is one row of the ledger.
type LedgerRow struct {
	Writer          string     `json:"writer" doc:"The chain that the row stands in"`
	Number          int64      `json:"number" doc:"Its place in the chain"`
	Time            time.Time  `json:"time"`
	Event           string     `json:"event"`
	Caller          string     `json:"caller,omitempty"`
	UserKey         string     `json:"userKey,omitempty"`
	Session         string     `json:"session,omitempty"`
	Role            string     `json:"role,omitempty"`
	Decision        string     `json:"decision,omitempty" enum:"allow,deny"`
	Rules           []string   `json:"rules,omitempty"`
	Reason          string     `json:"reason,omitempty"`
	ExpiresAt       *time.Time `json:"expiresAt,omitempty"`
	Address         string     `json:"address,omitempty"`
	SignatureSHA256 string     `json:"signatureSha256,omitempty"`
	Subject         string     `json:"subject,omitempty"`
	RequestID       string     `json:"requestId,omitempty"`
	Hash            string     `json:"hash"`
}

type (
	QueryLedgerIn struct {
		Page
		UserKey  string    `query:"userKey" maxLength:"200"`
		Session  string    `query:"session" maxLength:"200"`
		Decision string    `query:"decision" enum:"allow,deny"`
		Event    string    `query:"event" maxLength:"50"`
		From     time.Time `query:"from" doc:"Not before"`
		To       time.Time `query:"to" doc:"Before"`
	}
	LedgerList struct {
		Rows       []LedgerRow `json:"rows"`
		NextCursor string      `json:"nextCursor,omitempty"`
	}
	LedgerOut struct{ Body LedgerList }
)

// Explanation asks what would be decided for somebody.
type Explanation struct {
	Kind    string   `json:"kind,omitempty" enum:"user,key,guest,anyone" default:"user"`
	ID      string   `json:"id,omitempty" maxLength:"200" doc:"User key, key id or invite id"`
	Groups  []string `json:"groups,omitempty" maxItems:"200"`
	Session string   `json:"session" minLength:"1" maxLength:"200"`
	Action  string   `json:"action,omitempty" enum:"join,host,inspect,manage" default:"join"`
	Address string   `json:"address,omitempty" maxLength:"50"`
}

// Explained says what would be decided, and why.
type Explained struct {
	Allowed bool            `json:"allowed"`
	Caller  string          `json:"caller"`
	Action  string          `json:"action"`
	Session string          `json:"session"`
	Why     string          `json:"why" doc:"The decision in one sentence"`
	Rules   []string        `json:"rules" doc:"The rules that decide, as the ledger has them"`
	Matched []ExplainedRule `json:"matched" doc:"Rules that apply, deciding or outweighed"`
	Failed  []ExplainedRule `json:"failed,omitempty" doc:"Rules that could not be evaluated"`
	Missed  []ExplainedRule `json:"missed" doc:"Rules for such a caller and action whose conditions don't hold"`
}

// ExplainedRule is what becomes of one rule.
type ExplainedRule struct {
	Rule    string   `json:"rule"`
	Effect  string   `json:"effect" enum:"permit,forbid"`
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Doc     string   `json:"doc,omitempty"`
	Text    string   `json:"text"`
	Because []string `json:"because,omitempty" doc:"Conditions that don't hold, or the fault"`
}

type (
	ExplainIn  struct{ Body Explanation }
	ExplainOut struct{ Body Explained }
)
