package interop_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

// question and answer are the lines that check.mjs reads and writes; see there.
type question struct {
	Op      string `json:"op"`
	Header  string `json:"header,omitempty"`
	Payload string `json:"payload,omitempty"`
	Secret  string `json:"secret"`
	Token   string `json:"token"`
	Now     int64  `json:"now"`
}

type answer struct {
	Token     string  `json:"token"`
	Plain     *string `json:"plain"`
	Foreign   string  `json:"foreign"`
	JSRSASign bool    `json:"jsrsasign"`
	Node      bool    `json:"node"`
}

// ask puts questions to check.mjs. It fails, rather than skips, where Node or
// jsrsasign is missing: a test that nobody ran proves nothing.
func ask(t *testing.T, questions []question) []answer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node is missing; this test needs node 18 or newer on the PATH (\"make test\" installs it)")
	}
	if _, err := os.Stat("node_modules/jsrsasign/package.json"); err != nil {
		t.Fatal("jsrsasign is missing; install it with \"npm ci --prefix interop\" (\"make test\" does)")
	}
	var in, errs bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, q := range questions {
		if err := enc.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), node, "check.mjs")
	cmd.Stdin, cmd.Stderr = &in, &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("node check.mjs: %v\n%s", err, errs.String())
	}
	var answers []answer
	for lines := bufio.NewReader(bytes.NewReader(out)); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// Over 2,000 random grants jsrsasign makes the same bytes, jsrsasign and Node's
// crypto verify ours, and what jsrsasign signs in its own way is verified.
func TestJSRSASignAndNode(t *testing.T) {
	const grants = 2000
	var all []sample
	var questions []question
	samples(t, 99, grants, func(s sample) {
		ps := strings.Split(s.token, ".")
		q := question{Op: "sign", Secret: s.credentials.Secret, Token: s.token, Now: s.now.Unix()}
		for i, part := range []*string{&q.Header, &q.Payload} {
			b, err := base64.RawURLEncoding.DecodeString(ps[i])
			if err != nil {
				t.Fatal(err)
			}
			*part = string(b)
		}
		all, questions = append(all, s), append(questions, q)
	})
	plain := 0
	for i, a := range ask(t, questions) {
		s := all[i]
		if a.Token != s.token {
			t.Fatalf("jsrsasign makes other bytes\n%s\n%s", s.describe(), a.Token)
		}
		if a.Plain != nil {
			plain++
			if *a.Plain != s.token {
				t.Fatalf("jsrsasign, called as in Zoom's sample, makes other bytes\n%s\n%s", s.describe(), *a.Plain)
			}
		}
		if !a.JSRSASign || !a.Node {
			t.Fatalf("jsrsasign verifies it: %t, Node's crypto: %t\n%s", a.JSRSASign, a.Node, s.describe())
		}
		if a.Foreign == s.token {
			t.Fatal("the token of another order is the same token")
		}
		s.accepts(t, "jsrsasign", a.Foreign)
	}
	if plain < grants/4 {
		t.Errorf("only %d secrets could be given to jsrsasign as plain text", plain)
	}
}

// A broken token must be refused by the peers as well: else their yes means nothing.
func TestPeersRefuse(t *testing.T) {
	var questions []question
	samples(t, 7, 60, func(s sample) {
		dot := strings.LastIndexByte(s.token, '.')
		for _, q := range []question{
			{Secret: s.credentials.Secret + "x", Token: s.token}, {Secret: s.credentials.Secret, Token: s.token[:dot-2] + s.token[dot:]},
			{Secret: s.credentials.Secret, Token: s.token[:dot+1] + strings.Repeat("A", 43)}, {Secret: s.credentials.Secret, Token: s.token[:dot+1]},
		} {
			q.Op, q.Now = "verify", s.now.Unix()
			questions = append(questions, q)
		}
	})
	for i, a := range ask(t, questions) {
		if a.JSRSASign || a.Node {
			t.Errorf("accepted by jsrsasign: %t, by Node: %t: %s", a.JSRSASign, a.Node, questions[i].Token)
		}
	}
}

// The vectors, as far as jsrsasign judges the same rule: whether the MAC is
// right, the algorithm HS256 and the time within iat, nbf and exp. Node's crypto
// judges the MAC alone, whatever the header says.
func TestVectorsWithJSRSASign(t *testing.T) {
	data, err := os.ReadFile("../vectors/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Key, Secret, Token, Expect string
		Now                              int64
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	// What each expectation says of jsrsasign's answer; other expectations judge rules that it doesn't have.
	sound := map[string]bool{"sound": true, "mismatch": false, "algorithm": false, "expired": false, "not-yet-valid": false}
	// RFC 7519, 4.1.4, refuses a token "on or after" exp, jsrsasign after it.
	const lateByOne = "at the moment of exp"
	var questions []question
	var asked []int
	for i, v := range vectors {
		if _, same := sound[v.Expect]; same {
			questions, asked = append(questions, question{Op: "verify", Secret: v.Secret, Token: v.Token, Now: v.Now}), append(asked, i)
		}
	}
	seen := map[string]int{}
	for i, a := range ask(t, questions) {
		v := vectors[asked[i]]
		seen[v.Expect]++
		if a.JSRSASign != (sound[v.Expect] || v.Name == lateByOne) {
			t.Errorf("%s (%s): jsrsasign says %t", v.Name, v.Expect, a.JSRSASign)
		}
		if macIsRight := v.Expect != "mismatch"; v.Expect != "algorithm" && a.Node != macIsRight {
			t.Errorf("%s (%s): Node says %t", v.Name, v.Expect, a.Node)
		}
	}
	for expect := range sound {
		if seen[expect] == 0 {
			t.Errorf("no vector expects %q", expect)
		}
	}
}

// jsrsasign takes a secret that looks like hexadecimal for hexadecimal when it
// is given as Zoom's sample gives it. Zoom's own servers read the secret as
// text, and so does Usher.
func TestSecretsThatLookLikeHexadecimal(t *testing.T) {
	c := videosdk.Credentials{Key: "Kx8TzQb1R9mW4vLd7YpN2g", Secret: strings.Repeat("0123456789abcdef", 2)}
	signer, err := videosdk.NewSigner(c)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1782907200, 0)
	token, err := signer.Sign(videosdk.Grant{SessionName: "Cool Cars"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if a := ask(t, []question{{Op: "verify", Secret: c.Secret, Token: token, Now: now.Unix()}})[0]; !a.JSRSASign || !a.Node {
		t.Errorf("as text: jsrsasign %t, Node %t", a.JSRSASign, a.Node)
	}
}
