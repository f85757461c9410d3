// Package visitor simulates users in rooms, for tests: each is a client of
// LiveKit's Go SDK with a connection of its own.
package visitor

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// within bounds all that a visitor waits for.
const within = 20 * time.Second

// A Visitor is a user in a room.
type Visitor struct {
	Room *lksdk.Room
	// Gone says why the visitor is in the room no more, once that is so.
	Gone chan lksdk.DisconnectionReason

	heard  atomic.Int64
	speaks atomic.Bool
	t      testing.TB
}

// The SDK writes its errors to the standard log, which says nothing that a test
// doesn't find out by itself.
func init() { lksdk.SetLogger(logger.GetDiscardLogger()) }

// Enter enters a room and stays until Leave or the test's end.
func Enter(t testing.TB, url, token string) *Visitor {
	t.Helper()
	v, err := TryEnter(t, url, token)
	if err != nil {
		t.Fatalf("entering a room: %v", err)
	}
	return v
}

// TryEnter is Enter where it may fail, and may be called by any goroutine.
func TryEnter(t testing.TB, url, token string) (*Visitor, error) {
	v := &Visitor{t: t, Gone: make(chan lksdk.DisconnectionReason, 1)}
	callback := lksdk.NewRoomCallback()
	callback.OnDisconnectedWithReason = func(reason lksdk.DisconnectionReason) {
		select {
		case v.Gone <- reason:
		default:
		}
	}
	callback.OnTrackSubscribed = func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			v.heard.Add(1)
		}
	}
	v.Room = lksdk.NewRoom(callback)
	v.Room.SetLogger(logger.GetDiscardLogger())
	if err := v.Room.JoinWithToken(url, token); err != nil {
		return nil, err
	}
	t.Cleanup(v.Leave)
	return v, nil
}

// Leave leaves the room. A second time does nothing.
func (v *Visitor) Leave() {
	v.speaks.Store(false)
	v.Room.Disconnect()
}

// Speak sends sound until the visitor leaves.
func (v *Visitor) Speak() *lksdk.LocalTrackPublication {
	v.t.Helper()
	track, err := lksdk.NewLocalSampleTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})
	if err != nil {
		v.t.Fatal(err)
	}
	publication, err := v.Room.LocalParticipant.PublishTrack(track, &lksdk.TrackPublicationOptions{Name: "microphone", Source: livekit.TrackSource_MICROPHONE})
	if err != nil {
		v.t.Fatalf("publishing sound: %v", err)
	}
	v.speaks.Store(true)
	go func() {
		const frame = 20 * time.Millisecond
		for v.speaks.Load() {
			// An Opus frame of silence.
			if track.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: frame}, nil) != nil {
				return
			}
			time.Sleep(frame)
		}
	}()
	return publication
}

// Hears waits until more of others' sound has arrived.
func (v *Visitor) Hears() {
	v.t.Helper()
	before := v.heard.Load()
	Until(v.t, "a visitor hears another", func() bool { return v.heard.Load() > before })
}

// Dropped waits until the visitor is in the room no more and returns why. Any
// goroutine may call it.
func (v *Visitor) Dropped() lksdk.DisconnectionReason {
	v.t.Helper()
	select {
	case reason := <-v.Gone:
		return reason
	case <-time.After(within):
		v.t.Error("the visitor is still in the room")
		return ""
	}
}

// Until waits until ok.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, within, what, ok)
}

// Within is Until for as long as d.
func Within(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(d); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s this is still not so: %s", d, what)
		}
	}
}
