// Package engine is the gate's media engine on LiveKit, through LiveKit's own Go
// packages. They weigh 13 MB in a binary and 10 MB of memory at rest, so they
// live in this module and not in the main one.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/webhook"
	"github.com/twitchtv/twirp"

	"github.com/usher-sessions/usher/internal/gate"
)

// callWithin bounds one call to LiveKit, and adminLife the life of the token it carries.
const (
	callWithin = 5 * time.Second
	adminLife  = time.Minute
)

// LiveKit is a [gate.Engine] on a LiveKit server or cluster.
type LiveKit struct {
	url, key, secret string
	rooms            livekit.RoomService
}

// New returns the engine at address, ws://, wss://, http:// or https://, with
// the key and secret that the LiveKit server has.
func New(address, key, secret string) (*LiveKit, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || u.Host == "" {
		return nil, errors.New("LIVEKIT_URL is not an address such as wss://livekit.example.com")
	}
	if key == "" || secret == "" {
		return nil, errors.New("LIVEKIT_API_KEY and LIVEKIT_API_SECRET must be set beside LIVEKIT_URL")
	}
	clients, calls := *u, *u
	switch u.Scheme {
	case "ws", "http":
		clients.Scheme, calls.Scheme = "ws", "http"
	case "wss", "https":
		clients.Scheme, calls.Scheme = "wss", "https"
	default:
		return nil, fmt.Errorf("LIVEKIT_URL begins with %s; it must begin with wss://, ws://, https:// or http://", u.Scheme)
	}
	return &LiveKit{
		url: clients.String(), key: key, secret: secret,
		rooms: livekit.NewRoomServiceProtobufClient(calls.String(), &http.Client{Timeout: callWithin}),
	}, nil
}

// Token makes a token that lets one user into one room and do there what a user
// does: see, hear, speak, show, send data. Whatever else hosts may do they ask of
// the gate, so no token carries an administrator's rights.
func (l *LiveKit) Token(p gate.Pass) (string, string, error) {
	grant := &auth.VideoGrant{RoomJoin: true, Room: p.Room}
	grant.SetCanPublish(true)
	grant.SetCanSubscribe(true)
	grant.SetCanPublishData(true)
	grant.SetCanUpdateOwnMetadata(false)
	token, err := auth.NewAccessToken(l.key, l.secret).SetIdentity(p.Identity).SetName(p.Name).SetValidFor(p.Life).
		SetAttributes(attributes(p.Role, p.UserKey)).SetVideoGrant(grant).ToJWT()
	return l.url, token, err
}

// attributes are what everybody in the room sees of a user.
func attributes(role, userKey string) map[string]string {
	a := map[string]string{"usher.role": role}
	if userKey != "" {
		a["usher.userKey"] = userKey
	}
	return a
}

// Present returns who is in the room.
func (l *LiveKit) Present(ctx context.Context, room string) ([]string, error) {
	list, err := l.participants(ctx, room)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(list))
	for _, p := range list {
		if p.State != livekit.ParticipantInfo_DISCONNECTED {
			out = append(out, p.Identity)
		}
	}
	return out, nil
}

func (l *LiveKit) participants(ctx context.Context, room string) ([]*livekit.ParticipantInfo, error) {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return nil, err
	}
	list, err := l.rooms.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
	return list.GetParticipants(), orGone(err)
}

// Remove throws a user out.
func (l *LiveKit) Remove(ctx context.Context, room, identity string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	_, err = l.rooms.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	return orGone(err)
}

// Mute mutes what a user's microphone sends.
func (l *LiveKit) Mute(ctx context.Context, room, identity string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	p, err := l.rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	if err != nil {
		return orGone(err)
	}
	for _, t := range p.Tracks {
		if t.Type != livekit.TrackType_AUDIO || t.Muted {
			continue
		}
		if _, err := l.rooms.MutePublishedTrack(ctx, &livekit.MuteRoomTrackRequest{Room: room, Identity: identity, TrackSid: t.Sid, Muted: true}); orGone(err) != nil {
			return err
		}
	}
	return nil
}

// SetRole shows everybody another role of a user.
func (l *LiveKit) SetRole(ctx context.Context, room, identity, role string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	_, err = l.rooms.UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{Room: room, Identity: identity, Attributes: attributes(role, "")})
	return orGone(err)
}

// End throws everybody out and closes the room.
func (l *LiveKit) End(ctx context.Context, room string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	_, err = l.rooms.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: room})
	return orGone(err)
}

// admin adds to ctx what lets a call manage that room.
func (l *LiveKit) admin(ctx context.Context, room string) (context.Context, error) {
	token, err := auth.NewAccessToken(l.key, l.secret).SetValidFor(adminLife).
		SetVideoGrant(&auth.VideoGrant{RoomAdmin: true, RoomCreate: true, Room: room}).ToJWT()
	if err != nil {
		return nil, err
	}
	return twirp.WithHTTPRequestHeaders(ctx, http.Header{"Authorization": {"Bearer " + token}})
}

// orGone is nil where somebody or a room isn't there any more, which is what was wanted.
func orGone(err error) error {
	var e twirp.Error
	if errors.As(err, &e) && e.Code() == twirp.NotFound {
		return nil
	}
	return err
}

// Receive verifies that LiveKit sent a webhook and returns what it says; nil
// for what the gate has no use for.
func (l *LiveKit) Receive(r *http.Request) (*gate.Happening, error) {
	event, err := webhook.ReceiveWebhookEvent(r, auth.NewSimpleKeyProvider(l.key, l.secret))
	if err != nil {
		return nil, err
	}
	kinds := map[string]gate.HappeningKind{
		webhook.EventParticipantJoined: gate.HappenedJoined, webhook.EventParticipantLeft: gate.HappenedLeft, webhook.EventRoomFinished: gate.HappenedEnded,
	}
	kind, ok := kinds[event.Event]
	if !ok {
		return nil, nil
	}
	return &gate.Happening{Kind: kind, Room: event.Room.GetName(), Identity: event.Participant.GetIdentity(), At: time.Unix(event.CreatedAt, 0)}, nil
}
