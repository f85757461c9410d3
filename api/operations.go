package api

import "net/http"

// An Operation is one call: what goes in, what comes out, and where it is sent.
type Operation[In, Out any] struct {
	ID, Method, Path string
	Summary          string
	Description      string // more, in Markdown; may be empty
	Tag              string // the heading that the reference lists it under
	Status           int    // of a success
}

// The operations, in the order of the reference.
var (
	Sign = Operation[SignIn, SignatureOut]{
		ID: "sign", Method: http.MethodPost, Path: "/v1/signatures", Tag: "Signatures", Status: http.StatusOK,
		Summary: "Get a signature for a user and a session",
		Description: "Decides by directory and policy, signs, records, answers. With an Idempotency-Key a repeated call gives the same " +
			"signature for 24 hours or until it expires, so a call whose answer was lost can be repeated safely.",
	}
	Inspect = Operation[InspectIn, InspectOut]{
		ID: "inspect", Method: http.MethodPost, Path: "/v1/inspect", Tag: "Signatures", Status: http.StatusOK,
		Summary:     "Explain a signature",
		Description: "Says what a signature holds and why it is or would be refused. The signature is neither kept nor logged.",
	}

	ListSessions = Operation[ListSessionsIn, SessionsOut]{
		ID: "listSessions", Method: http.MethodGet, Path: "/v1/sessions", Tag: "Sessions", Status: http.StatusOK,
		Summary: "List sessions of the directory",
	}
	CreateSession = Operation[CreateSessionIn, SessionOut]{
		ID: "createSession", Method: http.MethodPost, Path: "/v1/sessions", Tag: "Sessions", Status: http.StatusCreated,
		Summary: "Add a session to the directory",
	}
	GetSession = Operation[SessionRef, SessionOut]{
		ID: "getSession", Method: http.MethodGet, Path: "/v1/sessions/{id}", Tag: "Sessions", Status: http.StatusOK,
		Summary: "Read a session",
	}
	UpdateSession = Operation[UpdateSessionIn, SessionOut]{
		ID: "updateSession", Method: http.MethodPatch, Path: "/v1/sessions/{id}", Tag: "Sessions", Status: http.StatusOK,
		Summary:     "Change a session: settings, lock, end",
		Description: "Only the fields that are sent change. With `version` the change is refused (409) if somebody else changed the session meanwhile.",
	}
	DeleteSession = Operation[SessionRef, NoContent]{
		ID: "deleteSession", Method: http.MethodDelete, Path: "/v1/sessions/{id}", Tag: "Sessions", Status: http.StatusNoContent,
		Summary: "Remove a session from the directory",
	}

	ListInvites = Operation[ListInvitesIn, InvitesOut]{
		ID: "listInvites", Method: http.MethodGet, Path: "/v1/invites", Tag: "Invites", Status: http.StatusOK,
		Summary: "List invites",
	}
	CreateInvite = Operation[CreateInviteIn, NewInviteOut]{
		ID: "createInvite", Method: http.MethodPost, Path: "/v1/invites", Tag: "Invites", Status: http.StatusCreated,
		Summary:     "Invite guests to a session",
		Description: "The code is shown in this answer alone. Put it behind `#invite=` of a link, where no server log sees it.",
	}
	RevokeInvite = Operation[InviteRef, NoContent]{
		ID: "revokeInvite", Method: http.MethodDelete, Path: "/v1/invites/{id}", Tag: "Invites", Status: http.StatusNoContent,
		Summary: "Revoke an invite, and those who came with it",
	}
	RedeemInvite = Operation[RedeemIn, SignatureOut]{
		ID: "redeemInvite", Method: http.MethodPost, Path: "/v1/invites/redeem", Tag: "Invites", Status: http.StatusOK,
		Summary: "Get a guest's signature for an invite",
		Description: "Needs no other proof than the code. `guest` is a random secret that the guest's browser makes and keeps: with the same one " +
			"the guest comes back without spending another use, and a call whose answer was lost can be repeated.",
	}

	ListKeys = Operation[ListKeysIn, KeysOut]{
		ID: "listKeys", Method: http.MethodGet, Path: "/v1/keys", Tag: "API keys", Status: http.StatusOK,
		Summary: "List API keys",
	}
	CreateKey = Operation[CreateKeyIn, NewKeyOut]{
		ID: "createKey", Method: http.MethodPost, Path: "/v1/keys", Tag: "API keys", Status: http.StatusCreated,
		Summary:     "Make an API key",
		Description: "The key is shown in this answer alone.",
	}
	RevokeKey = Operation[KeyRef, NoContent]{
		ID: "revokeKey", Method: http.MethodDelete, Path: "/v1/keys/{id}", Tag: "API keys", Status: http.StatusNoContent,
		Summary: "Revoke an API key",
	}

	ListBans = Operation[ListBansIn, BansOut]{
		ID: "listBans", Method: http.MethodGet, Path: "/v1/bans", Tag: "Bans", Status: http.StatusOK,
		Summary: "List bans",
	}
	CreateBan = Operation[CreateBanIn, BanOut]{
		ID: "createBan", Method: http.MethodPost, Path: "/v1/bans", Tag: "Bans", Status: http.StatusCreated,
		Summary:     "Ban a user or a key",
		Description: "Nothing is signed for them any more, whatever the rules say.",
	}
	RemoveBan = Operation[BanRef, NoContent]{
		ID: "removeBan", Method: http.MethodDelete, Path: "/v1/bans/{id}", Tag: "Bans", Status: http.StatusNoContent,
		Summary: "Lift a ban",
	}

	QueryLedger = Operation[QueryLedgerIn, LedgerOut]{
		ID: "queryLedger", Method: http.MethodGet, Path: "/v1/ledger", Tag: "Ledger", Status: http.StatusOK,
		Summary: "Read the ledger",
	}
	ExplainPolicy = Operation[ExplainIn, ExplainOut]{
		ID: "explainPolicy", Method: http.MethodPost, Path: "/v1/policy/explain", Tag: "Policy", Status: http.StatusOK,
		Summary: "Ask what the policy would decide, and why",
	}
)
