package cli

// The real program, built as it is shipped, over TCP and with signals.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/videosdk"
)

// patience is for a machine that does much else; nothing is judged by it.
const patience = time.Minute

// built is where the program is, once a test has asked for it; TestMain removes
// it. It is built without the flags of `make build`, so that it shares what
// other tests have compiled.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "usher-binary-")
	if err != nil {
		return "", err
	}
	builtDir.Store(&dir)
	path := filepath.Join(dir, "usher")
	cmd := exec.Command("go", "build", "-o", path, "../../cmd/usher")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

var builtDir atomic.Pointer[string]

func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running usher.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	mu   sync.Mutex
	text bytes.Buffer // all it wrote
	more chan struct{}
	done chan struct{} // closed when it has ended
	err  error         // how; once done is closed
}

// Write takes what the process writes.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(b)
	select {
	case p.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// run starts usher in dir with environ and nothing else of this environment.
func run(t *testing.T, dir string, environ []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary(t), args...), dir: dir, more: make(chan struct{}, 1), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = dir, environ, p, p
	if environ == nil {
		p.cmd.Env = []string{} // nil would be this process's
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if out := p.output(); strings.Contains(out, canaryInPublic) {
			t.Errorf("the output holds a secret:\n%s", out)
		}
	})
	return p
}

// waitFor waits until the output matches, and returns the first group.
func (p *process) waitFor(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(patience)
	for {
		if m := re.FindStringSubmatch(p.output()); m != nil {
			return m[1]
		}
		select {
		case <-p.more:
		case <-p.done:
			if m := re.FindStringSubmatch(p.output()); m != nil {
				return m[1]
			}
			p.t.Fatalf("it ended (%v) before it wrote %s:\n%s", p.err, pattern, p.output())
		case <-timeout:
			p.t.Fatalf("it doesn't write %s:\n%s", pattern, p.output())
		}
	}
}

// exitCode waits for the end.
func (p *process) exitCode() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("it doesn't end:\n%s", p.output())
	}
	return p.cmd.ProcessState.ExitCode()
}

const listening = `"msg":"listening","address":"[^"]*:(\d+)"`

func canaryEnv(more ...string) []string {
	return append([]string{"ZOOM_VIDEO_SDK_KEY=" + canaryKey, "ZOOM_VIDEO_SDK_SECRET=" + canarySecret}, more...)
}

// sign asks for a signature and returns status and answer.
func sign(t *testing.T, port, authorization, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+port+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// claimsOf verifies the signature in an answer.
func claimsOf(t *testing.T, answer string, c videosdk.Credentials) *videosdk.Claims {
	t.Helper()
	var a struct {
		Signature string `json:"signature"`
		ExpiresAt int64  `json:"expiresAt"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	v, err := videosdk.NewVerifier([]videosdk.Credentials{c})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := v.Verify(a.Signature, time.Now())
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	if claims.ExpiresAt.Unix() != a.ExpiresAt {
		t.Errorf("expiresAt is %d, exp %d", a.ExpiresAt, claims.ExpiresAt.Unix())
	}
	return claims
}

func TestDev(t *testing.T) {
	dir := t.TempDir()
	begun := time.Now()
	p := run(t, dir, nil, "dev", "--port", "0")
	port := p.waitFor(`Usher is at http://localhost:(\d+) `)
	status, answer := sign(t, port, "", `{"sessionName":"Cool Cars","sessionPasscode":"Ilovecars!"}`)
	t.Logf("from start to first answer: %s", time.Since(begun).Round(time.Millisecond))
	creds, err := config.ReadDevCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	if c := claimsOf(t, answer, creds); c.SessionName != "Cool Cars" || c.Passcode != "Ilovecars!" || c.Role != videosdk.Participant {
		t.Errorf("%+v", c)
	}
	for _, want := range []string{"curl http://localhost:" + port + "/", config.DevFile, "ZOOM_VIDEO_SDK_SECRET into .env"} {
		if !strings.Contains(p.output(), want) {
			t.Errorf("the greeting lacks %q:\n%s", want, p.output())
		}
	}
	if strings.Contains(p.output(), creds.Secret) {
		t.Error("the made-up secret is printed")
	}
	for name, mode := range map[string]fs.FileMode{config.DevDir: 0o700, config.DevFile: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}

	// The page, and nobody but this machine.
	res, err := http.Get("http://127.0.0.1:" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Errorf("GET /: %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	for _, a := range otherAddresses(t) {
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(a, port), 5*time.Second); err == nil {
			c.Close()
			t.Errorf("it answers on %s", a)
		}
	}

	// Ctrl-C is the usual end.
	p.cmd.Process.Signal(os.Interrupt)
	if code := p.exitCode(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, p.output())
	}
	// What was signed yesterday still verifies today.
	again := run(t, dir, nil, "dev", "--port", "0")
	port = again.waitFor(`Usher is at http://localhost:(\d+) `)
	_, answer = sign(t, port, "", `{"sessionName":"x"}`)
	claimsOf(t, answer, creds)
}

// otherAddresses are those of this machine that others can reach.
func otherAddresses(t *testing.T) (out []string) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			out = append(out, n.IP.String())
		}
	}
	return out
}

func TestDevWhereNothingCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.DevDir), nil, 0o600); err != nil { // where the folder should be
		t.Fatal(err)
	}
	p := run(t, dir, nil, "dev", "--port", "0")
	port := p.waitFor(`Usher is at http://localhost:(\d+) `)
	p.waitFor(`(made up for this run)`)
	if status, answer := sign(t, port, "", `{"sessionName":"x"}`); status != http.StatusOK {
		t.Errorf("%d %s", status, answer)
	}
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	p := run(t, dir, canaryEnv("USHER_API_KEYS=backend:"+canaryAPIKey, "PORT=0", "USHER_ORIGINS=https://app.example.com"), "serve")
	port := p.waitFor(listening)
	const body = `{"sessionName":"Cool Cars","role":1,"userKey":"u1"}`
	if status, answer := sign(t, port, "", body); status != http.StatusUnauthorized || !strings.Contains(answer, `"property":"authorization"`) {
		t.Errorf("nobody: %d %s", status, answer)
	}
	if status, answer := sign(t, port, "Bearer "+canaryAPIKey+"x", body); status != http.StatusUnauthorized || strings.Contains(answer, canaryInPublic) {
		t.Errorf("a wrong key: %d %s", status, answer)
	}
	status, answer := sign(t, port, "Bearer "+canaryAPIKey, body)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	if c := claimsOf(t, answer, videosdk.Credentials{Key: canaryKey, Secret: canarySecret}); c.Role != videosdk.Host || c.UserKey != "u1" {
		t.Errorf("%+v", c)
	}
	if runtime.GOOS == "linux" {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
		if err != nil || bytes.Contains(cmdline, []byte(canaryInPublic)) {
			t.Errorf("the list of processes shows %q, %v", cmdline, err)
		}
	}

	health := run(t, dir, []string{"PORT=" + port}, "health")
	if code := health.exitCode(); code != exitOK || health.output() != "ok\n" {
		t.Errorf("health: %d %q", code, health.output())
	}
	second := run(t, t.TempDir(), canaryEnv("USHER_API_KEYS="+canaryAPIKey, "PORT="+port), "serve")
	if code := second.exitCode(); code != exitFailed || !strings.Contains(second.output(), "port "+port+" is in use") || !strings.Contains(second.output(), "hint: take another: usher serve --port") {
		t.Errorf("on the same port: %d\n%s", code, second.output())
	}

	p.cmd.Process.Signal(syscall.SIGTERM)
	if code := p.exitCode(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	var signature struct{ Signature string }
	json.Unmarshal([]byte(answer), &signature)
	for line := range strings.Lines(p.output()) {
		var l struct{ Level, Msg, Caller string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("the log isn't JSON: %v: %s", err, line)
		}
		if l.Level != "INFO" {
			t.Errorf("nothing was wrong, but the log says: %s", line)
		}
		if strings.Contains(line, signature.Signature) {
			t.Errorf("the log holds a signature: %s", line)
		}
	}
	if !strings.Contains(p.output(), `"caller":"key:backend"`) {
		t.Errorf("the log doesn't say who asked:\n%s", p.output())
	}
}

func TestServeOpenWarns(t *testing.T) {
	p := run(t, t.TempDir(), canaryEnv(), "serve", "--open", "--port", "0", "--database", "none")
	port := p.waitFor(listening)
	p.waitFor(`("level":"WARN","msg":"Usher is open)`)
	if status, answer := sign(t, port, "", `{"sessionName":"x","role":1}`); status != http.StatusOK {
		t.Errorf("%d %s", status, answer)
	}
}

// TestServeFinishesWhatItHasBegun: a request whose body is still on its way
// when the server is told to stop gets its signature.
func TestServeFinishesWhatItHasBegun(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p := run(t, t.TempDir(), canaryEnv("USHER_API_KEYS="+canaryAPIKey, "PORT=0"), "serve", "--listen", "127.0.0.1")
		port := p.waitFor(listening)
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		const body = `{"sessionName":"Cool Cars"}`
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", canaryAPIKey, len(body))
		answers := bufio.NewReader(conn)
		// The server asks for the body: the request has begun.
		if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("%q, %v", line, err)
		}
		answers.ReadString('\n')
		p.cmd.Process.Signal(sig)
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				break // it takes no more
			}
			c.Close()
			if time.Now().After(deadline) {
				t.Fatal("it still takes connections")
			}
		}
		io.WriteString(conn, body)
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("%v: cut off: %v\n%s", sig, err, p.output())
		}
		answer, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%v: %d %s, %v", sig, res.StatusCode, answer, err)
		}
		claimsOf(t, string(answer), videosdk.Credentials{Key: canaryKey, Secret: canarySecret})
		if code := p.exitCode(); code != exitOK || regexp.MustCompile(`"level":"(WARN|ERROR)"`).MatchString(p.output()) {
			t.Errorf("%v: exit code %d:\n%s", sig, code, p.output())
		}
	}
}
