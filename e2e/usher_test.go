package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/internal/store"
)

const (
	sdkKey     = "e2e-sdk-key"
	sdkSecret  = "canary-e2e-sdk-secret-0123456789abcdef" // looked for in all output
	apiKey     = "canary-e2e-api-key-0123456789"
	storageKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

// binary is the usher under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "usher-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "usher")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/usher").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building usher: %v\n%s", err, out)
		os.Exit(1)
	}
	code := pgtest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// node is one running usher serve.
type node struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string
	out  *safeBuffer
	gone chan struct{}
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

// start runs usher serve with settings on top of the usual ones and waits until
// it is ready.
func start(t testing.TB, settings ...string) *node {
	t.Helper()
	n := launch(t, settings...)
	n.waitReady()
	return n
}

// startCommand runs usher dev or serve and waits until it is ready.
func startCommand(t testing.TB, command string, settings ...string) *node {
	t.Helper()
	n := launchCommand(t, command, settings...)
	n.waitReady()
	return n
}

func launch(t testing.TB, settings ...string) *node {
	t.Helper()
	return launchCommand(t, "serve", settings...)
}

func launchCommand(t testing.TB, command string, settings ...string) *node {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	n := &node{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), out: &safeBuffer{}, gone: make(chan struct{})}
	n.cmd = exec.Command(binary, command)
	n.cmd.Dir = t.TempDir()
	n.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + n.cmd.Dir, fmt.Sprintf("PORT=%d", port), "USHER_LISTEN=127.0.0.1",
		"ZOOM_VIDEO_SDK_KEY=" + sdkKey, "ZOOM_VIDEO_SDK_SECRET=" + sdkSecret, "USHER_API_KEYS=e2e:" + apiKey,
		"USHER_STORAGE_KEY=" + storageKey,
	}, settings...)
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { n.cmd.Wait(); close(n.gone) }()
	t.Cleanup(func() {
		n.kill()
		for _, secret := range []string{sdkSecret, apiKey, storageKey, `eyJ`} {
			if strings.Contains(n.out.String(), secret) {
				t.Errorf("a secret or a signature stands in the output of usher serve")
			}
		}
	})
	return n
}

func (n *node) waitReady() {
	n.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		res, err := http.Get(n.url + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-n.gone:
			n.t.Fatalf("usher serve ended before it was ready:\n%s", n.out)
		default:
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("usher serve is not ready after 20 s:\n%s", n.out)
		}
	}
}

// runUsher runs another command of usher and returns what it prints.
func runUsher(t testing.TB, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir,
		"ZOOM_VIDEO_SDK_KEY=" + sdkKey, "ZOOM_VIDEO_SDK_SECRET=" + sdkSecret}, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("usher %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), err
}

// kill is kill -9.
func (n *node) kill() {
	n.cmd.Process.Kill()
	<-n.gone
}

// answer is what a request for a signature got.
type answer struct {
	status     int
	signature  string
	retryAfter string
	body       string
}

var httpClient = &http.Client{
	Timeout:   15 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
}

// ask asks n for a signature; err is a lost connection.
func (n *node) ask(key, body string) (answer, error) {
	return post(n.url+"/", key, body)
}

func post(url, key, body string) (a answer, err error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return a, err
	}
	a = answer{status: res.StatusCode, retryAfter: res.Header.Get("Retry-After"), body: string(b)}
	var said struct{ Signature string }
	json.Unmarshal(b, &said)
	a.signature = said.Signature
	return a, nil
}

// load asks for signatures from many clients until stop is called, which
// returns every signature that a client received.
type load struct {
	stop    func() []string
	signed  *atomic.Int64
	refused *atomic.Int64 // answers that are no signature
	wrong   *safeBuffer   // answers that may not be
}

func startLoad(clients int, nodes ...*node) *load {
	l := &load{signed: &atomic.Int64{}, refused: &atomic.Int64{}, wrong: &safeBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var received []string
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			n := nodes[c%len(nodes)]
			for i := 0; ctx.Err() == nil; i++ {
				a, err := n.ask(apiKey, fmt.Sprintf(`{"sessionName":"load %d","userKey":"c%d-%d","role":%d}`, c, c, i, i%2))
				switch {
				case err != nil:
					time.Sleep(5 * time.Millisecond) // killed, or not there yet
				case a.status == http.StatusOK && a.signature != "":
					l.signed.Add(1)
					mu.Lock()
					received = append(received, a.signature)
					mu.Unlock()
				case a.status == http.StatusServiceUnavailable && a.retryAfter != "" && a.signature == "":
					l.refused.Add(1)
					time.Sleep(5 * time.Millisecond)
				default:
					fmt.Fprintf(l.wrong, "%d %s\n", a.status, a.body)
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	l.stop = func() []string {
		cancel()
		all.Wait()
		return received
	}
	return l
}

// mustBeRecorded checks that every signature stands in the ledger at location,
// and that the ledger is whole. It returns the number of rows.
func mustBeRecorded(t testing.TB, location string, signatures []string) int64 {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Location: location})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	recorded := map[string]bool{}
	for cursor := ""; ; {
		rows, next, err := s.QueryLedger(ctx, usher.LedgerFilter{Event: usher.EventSigned}, cursor, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			recorded[r.SignatureSHA256] = true
		}
		if cursor = next; next == "" {
			break
		}
	}
	missing := 0
	for _, sig := range signatures {
		sum := sha256.Sum256([]byte(sig))
		if !recorded[hex.EncodeToString(sum[:])] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d signatures that clients received are not in the ledger", missing, len(signatures))
	}
	report, err := ledger.Verify(ctx, s, ledger.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Faults {
		t.Errorf("the ledger is not whole: %s", f)
	}
	return report.Rows
}

// inForce is how soon a revocation must count on every replica.
const inForce = 2 * time.Second

// soon asks until the answer has that status, which must be in time.
func soon(t *testing.T, n *node, key, body string, status int) {
	t.Helper()
	begun := time.Now()
	for {
		a, err := n.ask(key, body)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == status {
			return
		}
		if time.Since(begun) > inForce {
			t.Fatalf("after %v the answer is still %d, want %d: %s", inForce, a.status, status, a.body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
