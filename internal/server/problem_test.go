package server

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/usher-sessions/usher"
)

// TestProblemsPage holds the page that problems lead to to the codes that there are.
func TestProblemsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^### (\S+)$`).FindAllSubmatch(page, -1) {
		have = append(have, string(m[1]))
	}
	want := []string{codeInvalid, codeNoRoute, codeMethod, codeTooLarge, codeMedia, codeForeign, codeInternal, codeNoGate}
	for code := range problemKinds {
		want = append(want, string(code))
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("docs/problems.md has anchors for\n%q\nand the codes are\n%q", have, want)
	}
}

// TestEveryRefusalIsAProblem holds each code of the domain to an answer of its own.
func TestEveryRefusalIsAProblem(t *testing.T) {
	for code, kind := range problemKinds {
		p := problemOf(&usher.Error{Code: code, Message: "Why.", Rules: []string{"r"}})
		if p.Code != string(code) || p.Status != kind.status || p.Title == "" || p.Detail != "Why." || p.Type != problemTypes+string(code) || len(p.Rules) != 1 {
			t.Errorf("%s: %+v", code, p)
		}
	}
	p := problemOf(&usher.Error{Code: "new and forgotten", Message: "secret"})
	if p.Code != codeInternal || p.Status != 500 || p.Detail == "secret" {
		t.Errorf("a code without a kind: %+v", p)
	}
}
