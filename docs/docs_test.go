// Package docs holds Usher's pages. Its test does what a reader would: it runs
// every command of README.md and of the pages here, in order, page by page.
//
// A block of commands is fenced as ```sh. The word behind it says how it runs:
// nothing, in bash with -e, and it must succeed; "refused", the same, but Usher
// must refuse what is asked; "background", until the page's
// end, and the next block runs once http://localhost:4000/healthz answers;
// "by-make", not here, because it is what runs this test. The blocks of a page
// share a folder (for README.md a copy of the checkout) and the environment.
// A block whose commands need what no test machine has (an account, a cluster)
// is fenced as ```console, with a prompt, and isn't run.
package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var fence = regexp.MustCompile("(?ms)^```sh *([a-z-]*)\n(.*?)^```$")

// refusal is what both kinds of refusals have.
var refusal = regexp.MustCompile(`"errors":|"code":"`)

// byMake are the only commands that a page may mark as run elsewhere: by what
// runs this test, or, for make rooms, by the tests of rooms/ that start what it builds.
var byMake = map[string]bool{"make test\n": true, "make bench\n": true, "make crash N=100\n": true, "make rooms\n": true}

func TestPagesDoWhatTheySay(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "usher"), "../cmd/usher")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building usher: %v\n%s", err, out)
	}
	blocks := 0
	for _, page := range append([]string{"../README.md"}, pages...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "```bash") + strings.Count(string(text), "```shell"); n > 0 {
			t.Errorf("%s has commands that are fenced as bash or shell; only sh is run", page)
		}
		found := fence.FindAllStringSubmatch(string(text), -1)
		blocks += len(found)
		if len(found) > 0 {
			// One page at a time: they use Usher's own port.
			t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, bin, found) })
		}
	}
	if blocks < 3 {
		t.Errorf("found %d blocks of commands; is the pattern right?", blocks)
	}
}

// runPage runs the blocks of one page in a fresh copy of the checkout.
func runPage(t *testing.T, bin string, blocks [][]string) {
	scene := t.TempDir()
	// What git knows of, as it is in the working tree: what a clone would hold after a commit.
	copyTree := exec.Command("bash", "-c", `git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done | tar -c --null -T - | tar -x -C "$0"`, scene)
	copyTree.Dir = ".."
	if out, err := copyTree.CombinedOutput(); err != nil {
		t.Fatalf("copying the checkout: %v\n%s", err, out)
	}
	env := filepath.Join(scene, ".docs-env")
	if err := os.WriteFile(env, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		how, script := b[1], b[2]
		switch how {
		case "by-make":
			if !byMake[script] {
				t.Errorf("block %d is marked by-make, but make doesn't run it:\n%s", i+1, script)
			}
			continue
		case "", "background", "refused":
		default:
			t.Fatalf("block %d has the unknown word %q", i+1, how)
		}
		// Functions, and variables that a block exports, are there in the next, as in a reader's shell.
		cmd := exec.Command("bash", "-c", "set -e; . ./.docs-env\n"+script+"\n{ export -p; declare -f; } > ./.docs-env\n")
		cmd.Dir = scene
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.WaitDelay = 10 * time.Second
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		var ended error // set once done is closed
		go func() { ended = cmd.Wait(); close(done) }()
		stop := func() {
			syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
			<-done
		}
		if how == "background" {
			t.Cleanup(stop)
			if err := waitHealthy(done); err != nil {
				stop()
				t.Fatalf("block %d: %v\n%s\n%s", i+1, err, script, out.String())
			}
			continue
		}
		select {
		case <-done:
			if ended != nil {
				t.Fatalf("block %d: %v\n%s\n--- its output:\n%s", i+1, ended, script, out.String())
			}
			refused := refusal.MatchString(out.String())
			if refused != (how == "refused") {
				t.Errorf("block %d: refused is %v:\n%s\n--- its output:\n%s", i+1, refused, script, out.String())
			}
		case <-time.After(3 * time.Minute):
			stop()
			t.Fatalf("block %d has not ended after 3 minutes\n%s\n%s", i+1, script, out.String())
		}
	}
}

// waitHealthy waits until Usher answers on its default port, or has ended.
func waitHealthy(done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for {
		res, err := http.Get("http://localhost:4000/healthz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-done:
			return errors.New("it ended before it answered")
		case <-ctx.Done():
			return fmt.Errorf("no answer within 3 minutes: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
