package videosdk_test

// The vectors of vectors/inspect.json are written from the tables of the
// inspect_cases files by "go test ./videosdk -run InspectVectors -update-inspect";
// what is expected of each is written by hand there. Implementations in other
// languages can run the file as it is.

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

var updateInspect = flag.Bool("update-inspect", false, "write vectors/inspect.json anew")

const inspectVectorsFile = "../vectors/inspect.json"

// inspectVector is one case of vectors/inspect.json.
type inspectVector struct {
	Name    string        `json:"name"`
	Comment string        `json:"comment,omitempty"`
	Token   string        `json:"token"`
	Known   inspectKnown  `json:"known"`
	Expect  inspectExpect `json:"expect"`
}

type inspectKnown struct {
	Key         string             `json:"key,omitempty"`
	Secret      string             `json:"secret,omitempty"`
	Others      []inspectKeySecret `json:"others,omitempty"`
	SessionName string             `json:"sessionName,omitempty"`
	Passcode    *string            `json:"passcode,omitempty"` // "" means joined without one, absent means not known
	Now         int64              `json:"now,omitempty"`      // epoch seconds; absent means no time is given
	ErrorShown  string             `json:"errorShown,omitempty"`
}

type inspectKeySecret struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

type inspectExpect struct {
	Sound     bool                     `json:"sound"`
	Kind      videosdk.Kind            `json:"kind"`
	Signature videosdk.SignatureStatus `json:"signature"`
	Cause     videosdk.Code            `json:"cause,omitempty"`
	Findings  []videosdk.Code          `json:"findings"` // exactly these, in this order
}

func (k inspectKnown) known() videosdk.Known {
	out := videosdk.Known{Key: k.Key, Secret: k.Secret, SessionName: k.SessionName, Passcode: k.Passcode, ErrorShown: k.ErrorShown}
	for _, o := range k.Others {
		out.Others = append(out.Others, videosdk.Credentials{Key: o.Key, Secret: o.Secret})
	}
	if k.Now != 0 {
		out.Now = time.Unix(k.Now, 0).UTC()
	}
	return out
}

// inspectCase is a vector as the tables of this package write it.
type inspectCase struct {
	name, comment, token string
	known                inspectKnown
	kind                 videosdk.Kind            // KindVideoSDK if empty
	signature            videosdk.SignatureStatus // SignatureVerified if empty
	errors               []videosdk.Code          // findings of severity error, the cause first
	others               []videosdk.Code          // warnings, then infos
}

func (c inspectCase) vector() inspectVector {
	v := inspectVector{Name: c.name, Comment: c.comment, Token: c.token, Known: c.known}
	v.Expect = inspectExpect{Sound: len(c.errors) == 0, Kind: c.kind, Signature: c.signature, Findings: append(slices.Clone(c.errors), c.others...)}
	if c.kind == "" {
		v.Expect.Kind = videosdk.KindVideoSDK
	}
	if c.signature == "" {
		v.Expect.Signature = videosdk.SignatureVerified
	}
	if len(c.errors) > 0 {
		v.Expect.Cause = c.errors[0]
	}
	if v.Expect.Findings == nil {
		v.Expect.Findings = []videosdk.Code{}
	}
	return v
}

func allInspectCases() []inspectCase {
	return slices.Concat(inspectSoundCases(), inspectFormCases(), inspectKindCases(), inspectHeaderCases(), inspectSecretCases(),
		inspectClaimCases(), inspectTimeCases(), inspectJoinCases(), inspectShownCases())
}

func encodeInspectVectors(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("[\n")
	cases := allInspectCases()
	for i, c := range cases {
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		enc.SetIndent("  ", "  ")
		if err := enc.Encode(c.vector()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("  ")
		b.Write(bytes.TrimSpace(line.Bytes()))
		if i < len(cases)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes()
}

func readInspectVectors(t testing.TB) []inspectVector {
	t.Helper()
	data, err := os.ReadFile(inspectVectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var vs []inspectVector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestInspectVectors(t *testing.T) {
	made := encodeInspectVectors(t)
	if *updateInspect {
		if err := os.WriteFile(inspectVectorsFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(inspectVectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, made) {
		t.Errorf("%s is not what the tables make; run this test with -update-inspect and read the difference", inspectVectorsFile)
	}
	names := map[string]bool{}
	for _, v := range readInspectVectors(t) {
		if names[v.Name] {
			t.Errorf("two vectors are called %q", v.Name)
		}
		names[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			r := videosdk.Inspect(v.Token, v.Known.known())
			got := inspectExpect{Sound: r.Sound(), Kind: r.Kind, Signature: r.Signature, Findings: []videosdk.Code{}}
			if c := r.Cause(); c != nil {
				got.Cause = c.Code
			}
			for _, f := range r.Findings {
				got.Findings = append(got.Findings, f.Code)
			}
			if fmt.Sprint(got) != fmt.Sprint(v.Expect) {
				t.Errorf("got  %+v\nwant %+v\n%s", got, v.Expect, describeFindings(r))
			}
			checkReport(t, r, v.Known.known())
		})
	}
}

func describeFindings(r *videosdk.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s %s [%s] %s — %s\n", f.Severity, f.Code, f.Claim, f.Problem, f.Remedy)
	}
	return b.String()
}

// checkReport holds what is true of every report.
func checkReport(t *testing.T, r *videosdk.Report, known videosdk.Known) {
	t.Helper()
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("the report can't be written as JSON: %v", err)
	}
	if len(out) > 8*videosdk.MaxTokenBytes {
		t.Errorf("the report has %d bytes", len(out))
	}
	secrets := []string{known.Secret}
	for _, o := range known.Others {
		secrets = append(secrets, o.Secret)
	}
	for _, s := range secrets {
		if len(s) >= 12 && (bytes.Contains(out, []byte(s)) || strings.Contains(fmt.Sprintf("%+v", r), s)) {
			t.Errorf("the report holds a secret:\n%s", out)
		}
	}
	severities := []videosdk.Severity{videosdk.SeverityError, videosdk.SeverityWarning, videosdk.SeverityInfo}
	last := 0
	for _, f := range r.Findings {
		at := slices.Index(severities, f.Severity)
		if at < last {
			t.Errorf("%s (%s) stands behind a milder finding", f.Code, f.Severity)
		}
		last = at
		if !strings.HasSuffix(f.Problem, ".") || strings.Contains(f.Problem, "..") && !strings.Contains(f.Problem, `..."`) {
			t.Errorf("%s: the problem is not a sentence: %q", f.Code, f.Problem)
		}
		if f.Remedy != "" && !strings.HasSuffix(f.Remedy, ".") && !strings.HasSuffix(f.Remedy, "?") && !strings.HasSuffix(f.Remedy, ")") {
			t.Errorf("%s: the remedy is not a sentence: %q", f.Code, f.Remedy)
		}
		if f.Severity == videosdk.SeverityError && f.Remedy == "" {
			t.Errorf("%s: no remedy", f.Code)
		}
		if len(f.Problem)+len(f.Remedy) > 2000 {
			t.Errorf("%s: %d bytes of text", f.Code, len(f.Problem)+len(f.Remedy))
		}
	}
}

func TestInspectCodesAllHaveVectors(t *testing.T) {
	seen := map[videosdk.Code]bool{}
	for _, v := range readInspectVectors(t) {
		for _, c := range v.Expect.Findings {
			seen[c] = true
		}
	}
	listed := map[videosdk.Code]bool{}
	for _, c := range videosdk.Codes() {
		if listed[c.Code] {
			t.Errorf("%s is listed twice", c.Code)
		}
		listed[c.Code] = true
		if !seen[c.Code] {
			t.Errorf("no vector has %s", c.Code)
		}
		if c.Means == "" || c.Severity == "" {
			t.Errorf("%s is not described", c.Code)
		}
	}
	for c := range seen {
		if !listed[c] {
			t.Errorf("%s is not in the list of codes", c)
		}
	}
}
