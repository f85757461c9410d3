package client

import (
	"context"

	"github.com/usher-sessions/usher/api"
)

// Join enters a session with a signature.
func (c *Client) Join(ctx context.Context, r api.JoinRequest) (*api.Joined, error) {
	out, err := call(ctx, c, api.Join, &api.JoinIn{Body: r})
	return &out.Body, err
}

// PollJoin asks whether the wait of a ticket's holder is over.
func (c *Client) PollJoin(ctx context.Context, ticket string) (*api.Joined, error) {
	in := ticketIn(ticket)
	out, err := call(ctx, c, api.PollJoin, &in)
	return &out.Body, err
}

// RenewJoin gets the holder of a ticket another room token.
func (c *Client) RenewJoin(ctx context.Context, ticket, signature string) (*api.Joined, error) {
	out, err := call(ctx, c, api.RenewJoin, &api.RenewIn{TicketIn: ticketIn(ticket), Body: api.Renewal{Signature: signature}})
	return &out.Body, err
}

// GetRoom shows the holder of a ticket the room.
func (c *Client) GetRoom(ctx context.Context, ticket string) (*api.Room, error) {
	in := ticketIn(ticket)
	out, err := call(ctx, c, api.GetRoom, &in)
	return &out.Body, err
}

// ActInRoom does what a host or co-host may do in the room.
func (c *Client) ActInRoom(ctx context.Context, ticket string, a api.RoomAction) error {
	_, err := call(ctx, c, api.ActInRoom, &api.ActIn{TicketIn: ticketIn(ticket), Body: a})
	return err
}

func ticketIn(ticket string) api.TicketIn { return api.TicketIn{Ticket: "Bearer " + ticket} }

// ListRooms returns one page of open rooms.
func (c *Client) ListRooms(ctx context.Context, p api.Page) (*api.RoomList, error) {
	out, err := call(ctx, c, api.ListRooms, &api.ListRoomsIn{Page: p})
	return &out.Body, err
}

// ShowRoom shows who is in a session's room.
func (c *Client) ShowRoom(ctx context.Context, session string) (*api.Room, error) {
	out, err := call(ctx, c, api.ShowRoom, &api.RoomRef{Session: session})
	return &out.Body, err
}

// ActOnRoom does in a session's room what a host may, from outside.
func (c *Client) ActOnRoom(ctx context.Context, session string, a api.RoomAction) error {
	_, err := call(ctx, c, api.ActOnRoom, &api.ActOnIn{RoomRef: api.RoomRef{Session: session}, Body: a})
	return err
}
