package usher_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/usher-sessions/usher"

// mayImport says which packages of this module each room may know, directly or
// not; see docs/architecture.md. A package that isn't named here is a mistake.
var mayImport = map[string][]string{
	"videosdk":        {},
	"":                {"videosdk"},
	"web":             {},
	"api":             {},
	"client":          {"api"},
	"endpoint":        {"", "videosdk", "internal/web"},
	"internal/web":    {},
	"internal/limit":  {"", "videosdk"},
	"internal/policy": {"", "videosdk"},
	"internal/store":  {"", "videosdk"},
	"internal/ledger": {"", "videosdk"},
	"internal/caller": {"", "videosdk", "internal/limit"},
	"internal/gate":   {"", "videosdk"},
}

// free may import anything of this module: they wire the rooms together.
var free = []string{"internal/server", "cmd/", "internal/cli", "internal/app", "internal/config", "internal/pgtest", "examples/", "interop", "e2e", "docs", "deploy"}

func TestRoomsKnowOnlyTheirOwn(t *testing.T) {
	type pkg struct {
		ImportPath string
		Standard   bool
		Deps       []string
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Standard,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		room := roomOf(p.ImportPath)
		if slices.ContainsFunc(free, func(f string) bool { return strings.HasPrefix(room, f) }) {
			continue
		}
		allowed, ok := mayImport[room]
		if !ok {
			t.Errorf("package %q has no place in the plan: add it to mayImport and docs/architecture.md", room)
			continue
		}
		for _, dep := range p.Deps {
			if !strings.HasPrefix(dep, module) {
				if room == "videosdk" && strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") {
					t.Errorf("videosdk imports %s; it may import the standard library alone", dep)
				}
				continue
			}
			if d := roomOf(dep); !slices.Contains(allowed, d) {
				t.Errorf("%s imports %s, which it may not know", p.ImportPath, dep)
			}
		}
	}
	if seen < 2 {
		t.Fatalf("go list named %d packages", seen)
	}
}

func roomOf(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}
