package docs

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/videosdk"
)

var update = flag.Bool("update", false, "write the table of findings into inspect.md")

// TestCodes holds inspect.md's table to the codes that there are.
func TestCodes(t *testing.T) {
	const begin, end = "<!-- codes: made by `go test ./docs -run TestCodes -update` -->\n", "<!-- /codes -->"
	b, err := os.ReadFile("inspect.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatal("inspect.md lacks the lines between which the table stands")
	}
	var want strings.Builder
	want.WriteString("| code | severity | what it means |\n| --- | --- | --- |\n")
	for _, c := range videosdk.Codes() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", c.Code, c.Severity, strings.ReplaceAll(c.Means, "|", `\|`))
	}
	switch {
	case have == want.String():
	case *update:
		if err := os.WriteFile("inspect.md", []byte(before+begin+want.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the table of findings is out of date; run: go test ./docs -run TestCodes -update")
	}
}
