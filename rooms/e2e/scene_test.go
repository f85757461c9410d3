package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/livekit/protocol/livekit"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/rooms/internal/visitor"
	"github.com/usher-sessions/usher/rooms/media"
)

const (
	sdkKey     = "rooms-sdk-key"
	sdkSecret  = "canary-rooms-sdk-secret-0123456789abcdef" // looked for in all output
	apiKey     = "canary-rooms-api-key-0123456789"
	storageKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

	livekitKey    = "rooms-livekit-key"
	livekitSecret = "canary-rooms-livekit-secret-0123456789"
)

// binary is the usher-rooms under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "usher-rooms-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "rooms")
	if out, err := exec.Command("go", "build", "-o", binary, "..").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building usher-rooms: %v\n%s", err, out)
		os.Exit(1)
	}
	code := pgtest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// freePort returns a TCP port that nobody has at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// freeMediaPort returns a UDP port that nobody has at the moment.
func freeMediaPort(t *testing.T) int {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// startLiveKit starts a LiveKit of its own, which tells the Usher on that port.
// It takes the ports of the one before, if there was one.
func startLiveKit(t *testing.T, before *media.Server, usher int) *media.Server {
	t.Helper()
	cfg := media.Config{Port: freePort(t), MediaPort: freeMediaPort(t), Key: livekitKey, Secret: livekitSecret, Webhook: fmt.Sprintf("http://127.0.0.1:%d/v1/livekit/webhook", usher)}
	if before != nil {
		cfg.Port, cfg.MediaPort = portOf(t, before.URL), before.MediaPort
	}
	s, err := media.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func portOf(t *testing.T, url string) (port int) {
	t.Helper()
	if _, err := fmt.Sscanf(url[strings.LastIndexByte(url, ':'):], ":%d", &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// with are the settings that lead Usher to a LiveKit.
func with(s *media.Server) []string {
	return []string{"LIVEKIT_URL=" + s.URL, "LIVEKIT_API_KEY=" + s.Key, "LIVEKIT_API_SECRET=" + s.Secret}
}

// node is a running usher-rooms.
type node struct {
	*client.Client                // with a key that signs
	operator       *client.Client // with a key that sees and manages
	t              *testing.T
	url            string
	cmd            *exec.Cmd
	out            *safeBuffer
	gone           chan struct{}
}

// serve starts usher-rooms serve on that port and database, a file's path or a
// URL, and waits until it is ready.
func serve(t *testing.T, port int, database string, settings ...string) *node {
	t.Helper()
	where := "USHER_DATABASE=" + database
	if strings.Contains(database, "://") {
		where = "DATABASE_URL=" + database
	}
	settings = append([]string{
		"USHER_LISTEN=127.0.0.1", "ZOOM_VIDEO_SDK_KEY=" + sdkKey, "ZOOM_VIDEO_SDK_SECRET=" + sdkSecret,
		"USHER_API_KEYS=e2e:" + apiKey, where, "USHER_STORAGE_KEY=" + storageKey,
	}, settings...)
	create := exec.Command(binary, "keys", "create", "--name", "operator", "--may", "inspect,manage")
	create.Env = settings
	create.Dir = t.TempDir()
	key, err := create.Output()
	if err != nil {
		t.Fatalf("making a key: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	n := start(t, "serve", port, settings...)
	if n.operator, err = client.New(n.url, client.WithKey(strings.TrimSpace(string(key)))); err != nil {
		t.Fatal(err)
	}
	return n
}

func start(t *testing.T, command string, port int, settings ...string) *node {
	t.Helper()
	return startIn(t, t.TempDir(), command, port, settings...)
}

// startIn starts it in that folder, which usher-rooms dev keeps things in.
func startIn(t *testing.T, dir, command string, port int, settings ...string) *node {
	t.Helper()
	key := apiKey
	if command == "dev" {
		key = "" // it asks nobody on this machine for one
	}
	n := &node{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), out: &safeBuffer{}, gone: make(chan struct{})}
	var err error
	if n.Client, err = client.New(n.url, client.WithKey(key)); err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command(binary, command)
	n.cmd.Dir = dir
	n.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.cmd.Dir, fmt.Sprintf("PORT=%d", port)}, settings...)
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { n.cmd.Wait(); close(n.gone) }()
	t.Cleanup(func() {
		n.kill()
		for _, secret := range []string{sdkSecret, apiKey, storageKey, livekitSecret, "eyJ", "usher_t_"} {
			if strings.Contains(n.out.String(), secret) {
				t.Errorf("a secret, signature, token or ticket stands in the output of usher-rooms:\n%s", n.out)
			}
		}
		if t.Failed() {
			t.Logf("usher-rooms said:\n%s", n.out)
		}
	})
	visitor.Until(t, "usher-rooms is ready", func() bool {
		select {
		case <-n.gone:
			t.Fatalf("usher-rooms ended:\n%s", n.out)
		default:
		}
		res, err := http.Get(n.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return n
}

// stop asks usher-rooms to end, and it must do so well.
func (n *node) stop() {
	n.t.Helper()
	n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.gone:
	case <-time.After(40 * time.Second):
		n.t.Fatalf("usher-rooms hasn't ended 40 s after SIGTERM:\n%s", n.out)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		n.t.Errorf("usher-rooms ended with %d:\n%s", code, n.out)
	}
}

// kill is kill -9.
func (n *node) kill() {
	n.cmd.Process.Kill()
	<-n.gone
}

// safeBuffer collects output that is read while it is written.
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

// guest is a user on the way into a session.
type guest struct {
	*visitor.Visitor
	*api.Joined
	signature string
}

// ask gets a signature and hands it in.
func (n *node) ask(session, userKey, role string) (*guest, error) {
	ctx := context.Background()
	signed, err := n.Sign(ctx, api.SignatureRequest{SessionName: session, UserKey: userKey, Role: role})
	if err != nil {
		return nil, fmt.Errorf("signing for %s: %w", userKey, err)
	}
	joined, err := n.Join(ctx, api.JoinRequest{Topic: session, Signature: signed.Signature, UserName: userKey})
	if err != nil {
		return nil, fmt.Errorf("joining as %s: %w", userKey, err)
	}
	return &guest{Joined: joined, signature: signed.Signature}, nil
}

// join brings a user into a session's room.
func (n *node) join(t *testing.T, session, userKey, role string) *guest {
	t.Helper()
	g, err := n.tryJoin(t, session, userKey, role)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// tryJoin is join for any goroutine.
func (n *node) tryJoin(t *testing.T, session, userKey, role string) (*guest, error) {
	g, err := n.ask(session, userKey, role)
	if err != nil {
		return nil, err
	}
	if g.Joined.Room == nil {
		return nil, fmt.Errorf("%s is %s", userKey, g.State)
	}
	g.Visitor, err = visitor.TryEnter(t, g.Joined.Room.URL, g.Joined.Room.Token)
	return g, err
}

// rows returns the ledger's rows of an event, the newest first.
func (n *node) rows(t *testing.T, event string) []api.LedgerRow {
	t.Helper()
	var out []api.LedgerRow
	for page := (api.Page{Limit: 100}); ; {
		list, err := n.operator.QueryLedger(t.Context(), api.QueryLedgerIn{Event: event, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list.Rows...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return out
		}
	}
}

// inside returns who is in the rooms by the ledger: joined as often as left or once more.
func (n *node) inside(t *testing.T) []string {
	t.Helper()
	times := map[string]int{}
	for _, r := range n.rows(t, "room.left") { // first, so that nobody seems to have left who hasn't joined
		times[r.Subject]--
	}
	for _, r := range n.rows(t, "room.joined") {
		times[r.Subject]++
	}
	var in []string
	for id, n := range times {
		switch n {
		case 0:
		case 1:
			in = append(in, id)
		default:
			t.Errorf("%s has joined %d times more than left", id, n)
		}
	}
	slices.Sort(in)
	return in
}

// present returns who is in the rooms by LiveKit.
func present(t *testing.T, s *media.Server) []string {
	t.Helper()
	lk := lksdk.NewRoomServiceClient(s.URL, s.Key, s.Secret)
	rooms, err := lk.ListRooms(t.Context(), &livekit.ListRoomsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	in := []string{}
	for _, r := range rooms.Rooms {
		list, err := lk.ListParticipants(t.Context(), &livekit.ListParticipantsRequest{Room: r.Name})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Participants {
			in = append(in, p.Identity)
		}
	}
	slices.Sort(in)
	return in
}

// settle waits until a user's coming is in the ledger. Who goes within a
// millisecond of coming may never have been in for LiveKit, and so for the ledger.
func (n *node) settle(g *guest) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		list, err := n.operator.QueryLedger(context.Background(), api.QueryLedgerIn{Event: "room.joined", UserKey: g.User.UserKey})
		switch {
		case err != nil:
			return err
		case slices.ContainsFunc(list.Rows, func(r api.LedgerRow) bool { return r.Subject == g.User.ID }):
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("that %s is in the room isn't in the ledger after 20 s", g.User.Name)
		}
	}
}

// agree waits until ledger and LiveKit say that those are in the rooms, and no others.
func agree(t *testing.T, n *node, s *media.Server, want ...string) {
	t.Helper()
	slices.Sort(want)
	var byLedger, byLiveKit []string
	deadline := time.Now().Add(45 * time.Second) // two sweeps, where word of LiveKit got lost
	for {
		byLedger, byLiveKit = n.inside(t), present(t, s)
		if slices.Equal(byLedger, want) && slices.Equal(byLiveKit, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("in the rooms are\n %v by the ledger,\n %v by LiveKit, want\n %v", byLedger, byLiveKit, want)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// refused checks that err is a problem of that status and code and returns it.
func refused(t *testing.T, err error, status int, code string) *api.Problem {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code != code {
		t.Fatalf("%v, want the problem %d %s", err, status, code)
	}
	return p
}
