package e2e

import (
	"fmt"
	"io"
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

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/rooms/internal/visitor"
	"github.com/usher-sessions/usher/rooms/media"
)

// livekitServer is LiveKit's own program, built once.
func livekitServer(t *testing.T) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(binary), "livekit-server")
	buildLiveKit.Do(func() {
		if out, err := exec.Command("go", "build", "-o", path, "github.com/livekit/livekit-server/cmd/server").CombinedOutput(); err != nil {
			t.Fatalf("building livekit-server: %v\n%s", err, out)
		}
	})
	return path
}

var buildLiveKit sync.Once

// process starts a program that ends with the test, or with kill, and waits until url answers.
func process(t *testing.T, url string, env []string, program string, args ...string) (kill func()) {
	t.Helper()
	cmd := exec.Command(program, args...)
	out := &safeBuffer{}
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = out, out, append(env, "PATH="+os.Getenv("PATH")), t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), out)
		}
	})
	if url != "" {
		visitor.Until(t, program+" answers", func() bool {
			res, err := http.Get(url)
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
	return kill
}

// balance leads connections to each of the addresses in turn, but to none that
// takes none, as a proxy before LiveKit's nodes does. It returns its own address.
func balance(t *testing.T, addresses ...string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for turn := 0; ; turn++ {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				for i := range addresses {
					to, err := net.Dial("tcp", addresses[(turn+i)%len(addresses)])
					if err != nil {
						continue
					}
					defer to.Close()
					go func() {
						io.Copy(to, from)
						to.Close()
					}()
					io.Copy(from, to)
					return
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// What deploy/rooms describes, on this machine: two LiveKit nodes with the
// settings of compose.yaml on one Redis, a proxy before them, and two Ushers on one
// PostgreSQL. Everybody is in one room, whichever way they came, and can come back
// when a node dies.
func TestCluster(t *testing.T) {
	t.Parallel()
	redisServer, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing; install the package redis-server (scripts/setup does)")
	}
	p, err := composed(t, asked)
	if err != nil {
		t.Fatal(err)
	}
	redis, first, second := freePort(t), freePort(t), freePort(t)
	process(t, "", nil, redisServer, "--port", fmt.Sprint(redis), "--bind", "127.0.0.1", "--save", "", "--requirepass", "redis-password")

	var at []string
	var nodes []*media.Server
	var kill []func()
	for _, name := range []string{"livekit-1", "livekit-2"} {
		env := plain(p.Services[name].Environment)
		key, secret, _ := strings.Cut(env["LIVEKIT_KEYS"], ": ")
		port := freePort(t)
		// As there, but on loopback and with Usher and Redis where they are here.
		body := env["LIVEKIT_CONFIG"]
		for was, is := range map[string]string{
			"port: 7880":            fmt.Sprintf("port: %d\nbind_addresses: [127.0.0.1]", port),
			"redis:6379":            fmt.Sprintf("127.0.0.1:%d", redis),
			"http://usher:4000/":    fmt.Sprintf("http://127.0.0.1:%d/", first),
			"use_external_ip: true": "use_external_ip: false\n  node_ip: 127.0.0.1\n  enable_loopback_candidate: true\n  ips: {includes: [127.0.0.1/32]}\n  stun_servers: [127.0.0.1:9]",
		} {
			if !strings.Contains(body, was) {
				t.Fatalf("LiveKit's configuration has no %q:\n%s", was, body)
			}
			body = strings.Replace(body, was, is, 1)
		}
		env["LIVEKIT_CONFIG"], env["UDP_PORT"], env["LIVEKIT_RTC_TCP_PORT"] = body, fmt.Sprint(freeMediaPort(t)), fmt.Sprint(freePort(t))
		var environ []string
		for name, value := range env {
			environ = append(environ, name+"="+value)
		}
		at = append(at, fmt.Sprintf("127.0.0.1:%d", port))
		nodes = append(nodes, &media.Server{URL: "ws://" + at[len(at)-1], Key: key, Secret: secret})
		kill = append(kill, process(t, "http://"+at[len(at)-1]+"/", environ, livekitServer(t)))
	}
	before := &media.Server{URL: "ws://" + balance(t, at...), Key: nodes[0].Key, Secret: nodes[0].Secret}

	database := pgtest.URL(t)
	a := serve(t, first, database, append(with(before), "USHER_INSTANCE=usher-1")...)
	b := serve(t, second, database, append(with(before), "USHER_INSTANCE=usher-2")...)
	ana, bo, cy := a.join(t, "Talk", "ana", "host"), b.join(t, "Talk", "bo", ""), b.join(t, "Talk", "cy", "")
	ana.Speak()
	bo.Hears()
	for _, node := range nodes {
		agree(t, b, node, ana.User.ID, bo.User.ID, cy.User.ID)
	}
	// The host acts by the other Ushers and by any node.
	if err := b.ActInRoom(t.Context(), ana.Ticket, api.RoomAction{Action: "remove", User: bo.User.ID}); err != nil {
		t.Fatal(err)
	}
	bo.Dropped()
	cy.Hears()

	// LiveKit notices after some seconds that a node is gone; then there is room on
	// the other. (She leaves before, since the SDK doesn't end its tries to come back.)
	ana.Leave()
	kill[0]()
	var dee *guest
	visitor.Within(t, time.Minute, "joins go on", func() bool { dee, err = b.tryJoin(t, "Talk", "dee", ""); return err == nil })
	back, err := a.RenewJoin(t.Context(), ana.Ticket, ana.signature)
	if err != nil {
		t.Fatal(err)
	}
	ana.Visitor = visitor.Enter(t, back.Room.URL, back.Room.Token)
	ana.Speak()
	dee.Hears()
	// On LiveKit's list those from before remain until the room ends, and so in the ledger.
	visitor.Until(t, "both are in by ledger and list", func() bool {
		byLedger, byLiveKit := b.inside(t), present(t, nodes[1])
		return slices.Contains(byLedger, dee.User.ID) && slices.Contains(byLedger, ana.User.ID) &&
			slices.Contains(byLiveKit, dee.User.ID) && slices.Contains(byLiveKit, ana.User.ID)
	})

	for _, n := range []*node{a, b} {
		if err := n.ActInRoom(t.Context(), ana.Ticket, api.RoomAction{Action: "mute-all"}); err != nil {
			t.Errorf("muting all by way of %s: %v", n.url, err)
		}
	}
	if err := b.ActInRoom(t.Context(), ana.Ticket, api.RoomAction{Action: "end"}); err != nil {
		t.Fatal(err)
	}
	ana.Dropped()
	dee.Dropped()
	agree(t, a, nodes[1])
}
