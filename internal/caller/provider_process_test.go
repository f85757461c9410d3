package caller_test

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An openIDProvider is interop/op, a real one in a process of its own.
type openIDProvider struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.Closer
	Issuer string `json:"issuer"`
	API    string `json:"api"` // the audience of access tokens
}

const providerDir = "../../interop/op"

// startProvider starts one on a port of its own choice, or on the one given. It ends with the test.
func startProvider(t *testing.T, port ...string) *openIDProvider {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node is missing, which the OpenID provider of these tests runs on; install it with scripts/setup")
	}
	if _, err := os.Stat(providerDir + "/node_modules/oidc-provider"); err != nil {
		t.Fatal("interop/op is not installed; run scripts/setup, or npm ci --prefix interop/op")
	}
	cmd := exec.Command(node, append([]string{"op.mjs"}, port...)...)
	cmd.Dir = providerDir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	op := &openIDProvider{t: t, cmd: cmd, stdin: stdin}
	t.Cleanup(op.stop)
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, op) != nil {
		op.stop()
		t.Fatalf("the OpenID provider did not start: %v\n%s", err, stderr.String())
	}
	return op
}

// stop ends the process; the second time does nothing.
func (op *openIDProvider) stop() {
	if op.cmd != nil {
		op.cmd.Process.Kill()
		op.cmd.Wait()
		op.cmd = nil
	}
}

func (op *openIDProvider) port() string {
	u, _ := url.Parse(op.Issuer)
	return u.Port()
}

func (op *openIDProvider) post(path string) {
	op.t.Helper()
	resp, err := http.Post(op.Issuer+path, "", nil)
	if err != nil {
		op.t.Fatal(err)
	}
	resp.Body.Close()
}

// hits returns how often discovery and keys were fetched.
func (op *openIDProvider) hits() (discovery, keys int) {
	op.t.Helper()
	resp, err := http.Get(op.Issuer + "/test/hits")
	if err != nil {
		op.t.Fatal(err)
	}
	defer resp.Body.Close()
	var h struct{ Discovery, Keys int }
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		op.t.Fatal(err)
	}
	return h.Discovery, h.Keys
}

// signIn does what a browser app does: authorization code with PKCE, the forms
// of login and consent filled in, the code exchanged. With a resource the
// access token is a JWT for it.
func (op *openIDProvider) signIn(client, login, resource string) (idToken, accessToken string) {
	op.t.Helper()
	jar, _ := cookiejar.New(nil)
	var back *url.URL
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/signed-in" {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	const redirect = "http://127.0.0.1/signed-in"
	q := url.Values{
		"client_id": {client}, "response_type": {"code"}, "scope": {"openid profile email join"}, "redirect_uri": {redirect},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}, "state": {"s"},
	}
	if resource != "" {
		q.Set("resource", resource)
	}
	page := must(browser.Get(op.Issuer + "/auth?" + q.Encode()))
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {login}, "password": {"any"}}, {"prompt": {"consent"}}} {
		page.Body.Close()
		page = must(browser.PostForm(page.Request.URL.String(), form))
	}
	body, _ := io.ReadAll(page.Body)
	page.Body.Close()
	if back == nil || back.Query().Get("code") == "" {
		op.t.Fatalf("signing in led to %s %s\n%.2000s", page.Status, page.Request.URL, body)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"client_id": {client}, "code_verifier": {verifier},
	}
	if resource != "" {
		form.Set("resource", resource)
	}
	resp := must(http.PostForm(op.Issuer+"/token", form))
	defer resp.Body.Close()
	var tokens struct {
		ID     string `json:"id_token"`
		Access string `json:"access_token"`
		Error  string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil || tokens.ID == "" {
		op.t.Fatalf("no tokens: %s %v %s", resp.Status, err, tokens.Error)
	}
	return tokens.ID, tokens.Access
}

// must is for what can only fail if the test itself is wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
