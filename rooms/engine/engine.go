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

// LiveKit is a [gate.Engine] on a LiveKit server or cluster. Errors of its
// methods say where LiveKit should be and which setting to look at, and come
// within five seconds.
type LiveKit struct {
	url, calls, key, secret string
	rooms                   livekit.RoomService
	client                  *http.Client
	pulse                   pulse
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
	client := &http.Client{Timeout: callWithin}
	return &LiveKit{
		url: clients.String(), calls: calls.String(), key: key, secret: secret,
		rooms: livekit.NewRoomServiceProtobufClient(calls.String(), client), client: client,
	}, nil
}

// URL is where clients reach LiveKit, ws:// or wss://.
func (l *LiveKit) URL() string { return l.url }

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
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return nil, err
	}
	list, err := l.rooms.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
	if err != nil {
		return nil, l.fault(err)
	}
	out := make([]string, 0, len(list.Participants))
	for _, p := range list.Participants {
		if p.State != livekit.ParticipantInfo_DISCONNECTED {
			out = append(out, p.Identity)
		}
	}
	return out, nil
}

// Remove throws a user out.
func (l *LiveKit) Remove(ctx context.Context, room, identity string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	_, err = l.rooms.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	return l.fault(err)
}

// Mute mutes what a user's microphone sends.
func (l *LiveKit) Mute(ctx context.Context, room, identity string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	p, err := l.rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	if err != nil {
		return l.fault(err)
	}
	for _, t := range p.Tracks {
		if t.Type != livekit.TrackType_AUDIO || t.Muted {
			continue
		}
		_, err := l.rooms.MutePublishedTrack(ctx, &livekit.MuteRoomTrackRequest{Room: room, Identity: identity, TrackSid: t.Sid, Muted: true})
		if err = l.fault(err); err != nil {
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
	return l.fault(err)
}

// End throws everybody out and closes the room.
func (l *LiveKit) End(ctx context.Context, room string) error {
	ctx, err := l.admin(ctx, room)
	if err != nil {
		return err
	}
	_, err = l.rooms.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: room})
	return l.fault(err)
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

// fault is nil where somebody or a room isn't there any more, which is what was
// wanted, and else says what to look at.
func (l *LiveKit) fault(err error) error {
	var e twirp.Error
	if err == nil || errors.As(err, &e) && e.Code() == twirp.NotFound {
		return nil
	}
	if e != nil && (e.Code() == twirp.Unauthenticated || e.Code() == twirp.PermissionDenied) {
		return fmt.Errorf("LiveKit at %s refuses Usher; LIVEKIT_API_KEY and LIVEKIT_API_SECRET must be a pair that it has, and the clocks must agree: %w", l.calls, err)
	}
	return fmt.Errorf("LiveKit at %s (LIVEKIT_URL) doesn't do as asked: %w", l.calls, err)
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
		// Told of who never got through, and of some who left after a reconnect.
		webhook.EventParticipantConnectionAborted: gate.HappenedLeft,
	}
	kind, ok := kinds[event.Event]
	if !ok {
		return nil, nil
	}
	return &gate.Happening{Kind: kind, Room: event.Room.GetName(), Identity: event.Participant.GetIdentity(), At: time.Unix(event.CreatedAt, 0)}, nil
}
