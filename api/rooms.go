package api

import (
	"net/http"
	"time"
)

// The operations of the gate. Those of a user in a room carry the ticket of the
// answer to join as Authorization: Bearer.
var (
	Join = Operation[JoinIn, JoinOut]{
		ID: "join", Method: http.MethodPost, Path: "/v1/join", Tag: "Rooms", Status: http.StatusOK,
		Summary: "Enter a session with a signature",
		Description: "The signature is the proof; no API key is needed. The state is `admitted`, with the room's address and a token that opens it " +
			"for a minute, or `waiting`: then poll with the ticket.",
	}
	PollJoin = Operation[TicketIn, JoinOut]{
		ID: "pollJoin", Method: http.MethodPost, Path: "/v1/join/poll", Tag: "Rooms", Status: http.StatusOK,
		Summary: "Ask whether the waiting is over",
	}
	RenewJoin = Operation[RenewIn, JoinOut]{
		ID: "renewJoin", Method: http.MethodPost, Path: "/v1/join/renew", Tag: "Rooms", Status: http.StatusOK,
		Summary: "Get another room token for a reconnect",
	}
	GetRoom = Operation[TicketIn, RoomOut]{
		ID: "getRoom", Method: http.MethodGet, Path: "/v1/room", Tag: "Rooms", Status: http.StatusOK,
		Summary: "See who is in the room",
	}
	ActInRoom = Operation[ActIn, NoContent]{
		ID: "actInRoom", Method: http.MethodPost, Path: "/v1/room/actions", Tag: "Rooms", Status: http.StatusNoContent,
		Summary: "Admit, remove, lock, end, mute, make a co-host; for hosts and co-hosts",
	}

	ListRooms = Operation[ListRoomsIn, RoomsOut]{
		ID: "listRooms", Method: http.MethodGet, Path: "/v1/rooms", Tag: "Rooms", Status: http.StatusOK,
		Summary: "List open rooms",
	}
	ShowRoom = Operation[RoomRef, RoomOut]{
		ID: "showRoom", Method: http.MethodGet, Path: "/v1/rooms/{session}", Tag: "Rooms", Status: http.StatusOK,
		Summary: "See who is in a session's room",
	}
	ActOnRoom = Operation[ActOnIn, NoContent]{
		ID: "actOnRoom", Method: http.MethodPost, Path: "/v1/rooms/{session}/actions", Tag: "Rooms", Status: http.StatusNoContent,
		Summary: "Remove, lock, end and the rest, from outside the room",
	}

	LiveKitToken = Operation[LiveKitTokenIn, LiveKitTokenOut]{
		ID: "liveKitToken", Method: http.MethodPost, Path: "/v1/livekit/token", Tag: "Rooms", Status: http.StatusCreated,
		Summary: "LiveKit's standard token endpoint, for any LiveKit client",
		Description: "The signature travels as Authorization: Bearer, or as the attribute `usher.signature`; a passcode as the header " +
			"Usher-Passcode or the attribute `usher.password`. Sessions with a waiting room can't be entered this way.",
	}
)

// JoinRequest asks to be let in.
type JoinRequest struct {
	Topic     string `json:"topic" minLength:"1" maxLength:"200" doc:"The session's name"`
	Signature string `json:"signature" minLength:"1" maxLength:"20000"`
	UserName  string `json:"userName" minLength:"1" maxLength:"200"`
	Password  string `json:"password,omitempty" maxLength:"10" doc:"The session's passcode"`
}

// Joined says how far somebody has come.
type Joined struct {
	State             string    `json:"state" enum:"admitted,waiting"`
	Ticket            string    `json:"ticket,omitempty" doc:"The secret for this user's further calls; shown once"`
	RetryAfterSeconds int       `json:"retryAfterSeconds,omitzero" doc:"When to poll, while waiting"`
	Room              *RoomPass `json:"room,omitempty"`

	Session JoinedSession `json:"session"`
	User    JoinedUser    `json:"user"`
}

// RoomPass opens a room.
type RoomPass struct {
	URL   string `json:"url" doc:"Where LiveKit is: ws:// or wss://"`
	Token string `json:"token" doc:"A LiveKit token that opens the room for a minute"`
}

// JoinedSession is a session with its room.
type JoinedSession struct {
	ID          string `json:"id" doc:"Of this run of the session; LiveKit's name of the room"`
	Name        string `json:"name"`
	WaitingRoom bool   `json:"waitingRoom"`
	Locked      bool   `json:"locked"`
}

// JoinedUser is the user as the room knows them.
type JoinedUser struct {
	ID      string `json:"id" doc:"LiveKit's identity"`
	Name    string `json:"name"`
	Role    string `json:"role" enum:"host,participant"`
	Cohost  bool   `json:"cohost" doc:"A host who wasn't first, or a participant whom a host gave a host's rights"`
	UserKey string `json:"userKey,omitempty"`
}

// Room is who is in a room.
type Room struct {
	Session      JoinedSession `json:"session"`
	CreatedAt    time.Time     `json:"createdAt"`
	Participants []Participant `json:"participants"`
	Waiting      []Waiting     `json:"waiting,omitempty" doc:"For hosts"`
}

// Participant is somebody in a room.
type Participant struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role" enum:"host,participant"`
	Cohost   bool      `json:"cohost"`
	UserKey  string    `json:"userKey,omitempty"`
	JoinedAt time.Time `json:"joinedAt"`
}

// Waiting is somebody in a waiting room.
type Waiting struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	UserKey string    `json:"userKey,omitempty"`
	Since   time.Time `json:"since"`
}

// RoomAction is something that hosts do.
type RoomAction struct {
	Action string `json:"action" enum:"admit,admit-all,deny,remove,lock,unlock,end,mute,mute-all,make-cohost"`
	User   string `json:"user,omitempty" maxLength:"100" doc:"The id of whom it is done to, where it is to one"`
}

type (
	JoinIn   struct{ Body JoinRequest }
	JoinOut  struct{ Body Joined }
	TicketIn struct {
		Ticket string `header:"Authorization" maxLength:"200" doc:"Bearer and the ticket"`
	}
	RenewIn struct {
		TicketIn
		Body Renewal
	}
	// Renewal carries a signature that is still good.
	Renewal struct {
		Signature string `json:"signature" minLength:"1" maxLength:"20000"`
	}
	RoomOut struct{ Body Room }
	ActIn   struct {
		TicketIn
		Body RoomAction
	}
	ListRoomsIn struct{ Page }
	RoomRef     struct {
		Session string `path:"session" maxLength:"200" doc:"The session's name"`
	}
	ActOnIn struct {
		RoomRef
		Body RoomAction
	}
	// RoomSummary is a room in a list.
	RoomSummary struct {
		ID        string    `json:"id"`
		Session   string    `json:"session"`
		Locked    bool      `json:"locked"`
		CreatedAt time.Time `json:"createdAt"`
	}
	RoomList struct {
		Rooms      []RoomSummary `json:"rooms"`
		NextCursor string        `json:"nextCursor,omitempty"`
	}
	RoomsOut struct{ Body RoomList }
)

// LiveKitTokenRequest is LiveKit's TokenSourceRequest. What Usher decides itself
// (identity, metadata, the room's configuration) is refused.
type LiveKitTokenRequest struct {
	RoomName              string            `json:"room_name" minLength:"1" maxLength:"200" doc:"The session's name"`
	ParticipantName       string            `json:"participant_name" minLength:"1" maxLength:"200"`
	ParticipantAttributes map[string]string `json:"participant_attributes,omitempty" maxProperties:"2" doc:"usher.signature and usher.password, where headers can't carry them"`
}

// LiveKitTokenAnswer is LiveKit's TokenSourceResponse.
type LiveKitTokenAnswer struct {
	ServerURL        string `json:"server_url"`
	ParticipantToken string `json:"participant_token"`
}

type (
	LiveKitTokenIn struct {
		Authorization string `header:"Authorization" maxLength:"20100" doc:"Bearer and the signature"`
		Passcode      string `header:"Usher-Passcode" maxLength:"10"`
		Body          LiveKitTokenRequest
	}
	LiveKitTokenOut struct{ Body LiveKitTokenAnswer }
)
