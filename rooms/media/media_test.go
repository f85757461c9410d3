package media_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/rooms/engine"
	"github.com/usher-sessions/usher/rooms/internal/sockets"
	"github.com/usher-sessions/usher/rooms/internal/visitor"
	"github.com/usher-sessions/usher/rooms/media"
)

func start(t *testing.T, cfg media.Config) (*media.Server, *engine.LiveKit) {
	t.Helper()
	s, err := media.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	e, err := engine.New(s.URL, s.Key, s.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

func token(t *testing.T, e *engine.LiveKit, room, identity string) string {
	t.Helper()
	_, token, err := e.Token(gate.Pass{Room: room, Identity: identity, Name: identity, Role: "participant", Life: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Sound goes from one user to another, and nothing listens to or asks beyond this machine.
func TestTwoTalkOverLoopbackAlone(t *testing.T) {
	before, err := sockets.Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	s, e := start(t, media.Config{})
	opened, err := sockets.Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	opened = slices.DeleteFunc(opened, func(a netip.AddrPort) bool { return slices.Contains(before, a) })
	if len(opened) < 2 {
		t.Errorf("only %v were opened; is the search for them right?", opened)
	}
	for _, address := range opened {
		if !address.Addr().IsLoopback() {
			t.Errorf("LiveKit listens on %s", address)
		}
	}

	ana := visitor.Enter(t, s.URL, token(t, e, "r1", "ana"))
	bo := visitor.Enter(t, s.URL, token(t, e, "r1", "bo"))
	ana.Speak()
	bo.Hears()

	// What LiveKit tells clients to ask is this machine too.
	for _, server := range iceServers(t, s.URL, token(t, e, "r1", "cy")) {
		for _, url := range server.Urls {
			host, _, err := net.SplitHostPort(strings.TrimPrefix(url, "stun:"))
			if err != nil || !netip.MustParseAddr(host).IsLoopback() {
				t.Errorf("clients are told to ask %s", url)
			}
		}
	}
}

// iceServers enters a room and returns the servers that LiveKit names in its first message.
func iceServers(t *testing.T, url, token string) []*livekit.ICEServer {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url+"/rtc?protocol=15&sdk=go&access_token="+token, nil)
	if err != nil {
		t.Fatalf("%v (%v)", err, res)
	}
	defer ws.Close()
	_, message, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	var signal livekit.SignalResponse
	if err := proto.Unmarshal(message, &signal); err != nil {
		t.Fatal(err)
	}
	servers := signal.GetJoin().GetIceServers()
	if len(servers) == 0 {
		t.Fatal("LiveKit's answer to a join names no ICE servers; it falls back to its own then")
	}
	return servers
}

// Who comes and goes is told to the webhook, signed, in order.
func TestWebhooks(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	var e *engine.LiveKit
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		h, err := e.Receive(r)
		if err != nil {
			t.Errorf("a webhook of LiveKit's own is refused: %v", err)
			return
		}
		if h != nil {
			heard = append(heard, string(h.Kind)+" "+h.Room+" "+h.Identity)
		}
	}))
	defer hook.Close()
	mu.Lock()
	var s *media.Server
	s, e = start(t, media.Config{Webhook: hook.URL})
	mu.Unlock()

	ana := visitor.Enter(t, s.URL, token(t, e, "r1", "ana"))
	bo := visitor.Enter(t, s.URL, token(t, e, "r1", "bo"))
	ana.Leave()
	has := func(want ...string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(heard, want)
		}
	}
	visitor.Until(t, "a user who left is told of", has("joined r1 ana", "joined r1 bo", "left r1 ana"))
	// The end of the server is everybody's leave.
	s.Stop()
	visitor.Until(t, "all have left", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(heard, "left r1 bo")
	})
	bo.Dropped()
}

// The ports are free after Stop, and the same key and secret hold on a server that takes them again.
func TestStopAndStartAgain(t *testing.T) {
	first, e := start(t, media.Config{})
	before := token(t, e, "r1", "ana")
	port := netip.MustParseAddrPort(strings.TrimPrefix(first.URL, "ws://")).Port()
	again := media.Config{Port: int(port), MediaPort: first.MediaPort, Key: first.Key, Secret: first.Secret}

	if _, err := media.Start(t.Context(), again); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("two servers on one port: %v", err)
	}
	first.Stop()
	first.Stop() // does nothing
	second, _ := start(t, again)
	visitor.Enter(t, second.URL, before)
}

func TestSettingsThatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  media.Config
		want string
	}{
		"key alone":       {media.Config{Key: "k"}, "give both or none"},
		"short secret":    {media.Config{Key: "k", Secret: "s"}, "shorter than 32"},
		"every address":   {media.Config{Address: netip.IPv4Unspecified()}, "name the one address"},
		"another machine": {media.Config{Address: netip.MustParseAddr("192.0.2.1")}, "finding a port"},
		"no randomness":   {media.Config{Random: strings.NewReader("")}, "random bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := media.Start(context.Background(), c.cfg)
			if s != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want something with %q", err, c.want)
			}
		})
	}
}

// Warnings of LiveKit reach the log, tokens don't.
func TestLog(t *testing.T) {
	var log safeBuffer
	s, _ := start(t, media.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	other, err := engine.New(s.URL, s.Key, strings.Repeat("x", 32))
	if err != nil {
		t.Fatal(err)
	}
	forged := token(t, other, "r1", "ana")
	res, err := http.Get(strings.Replace(s.URL, "ws", "http", 1) + "/rtc/validate?access_token=" + forged)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a forged token: %s", res.Status)
	}
	visitor.Until(t, "the refusal is in the log", func() bool { return strings.Contains(log.String(), "livekit: ") })
	if text := log.String(); strings.Contains(text, "eyJ") || !strings.Contains(text, "level=WARN") {
		t.Errorf("the log is:\n%s", text)
	}
}

// safeBuffer is written by LiveKit while the test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
