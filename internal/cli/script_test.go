package cli

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// What no output of any command may hold, whatever goes wrong.
const (
	canarySecret   = "canary-5b1c-secret-0123456789abcdef"
	canaryAPIKey   = "canary-e02f-apikey-0123456789abcdef"
	canaryLogEnv   = "TEST_CANARY_LOG"
	canaryKey      = "scriptKey1"
	canaryInPublic = "canary-"
)

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){
		"tamper": tamper,
		"usher":  func() { os.Exit(Start(guard(os.Stdout), guard(os.Stderr), nil)) },
	})
}

// tidy removes what tests leave for one another.
type tidy struct{ *testing.M }

// Run runs all tests.
func (m tidy) Run() int {
	defer func() {
		if dir := builtDir.Load(); dir != nil {
			os.RemoveAll(*dir)
		}
	}()
	return m.M.Run()
}

// TestScripts runs the scenes of testdata/script. Each tells what a user types
// and sees; besides the usual commands there is
//
//	exits CODE PROGRAM [ARGS...]
func TestScripts(t *testing.T) {
	leaks := filepath.Join(t.TempDir(), "leaks")
	t.Run("scene", func(t *testing.T) { // returns when all scenes, which run side by side, have
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/script",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(e *testscript.Env) error {
				e.Setenv("KEY", canaryKey)
				e.Setenv("SECRET", canarySecret)
				e.Setenv("APIKEY", canaryAPIKey)
				e.Setenv(canaryLogEnv, leaks)
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		})
	})
	if b, err := os.ReadFile(leaks); err == nil {
		t.Errorf("a command showed a secret: %s", b)
	}
}

// tamper edits a database behind Usher's back: tamper FILE SQL.
func tamper() {
	db, err := sql.Open("sqlite", os.Args[1])
	if err == nil {
		_, err = db.Exec(os.Args[2])
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// guard lets everything through but the canaries, and notes where one was. A
// terminal stays what it is, since commands write differently to one.
func guard(f *os.File) io.Writer {
	if isTerminal(f) {
		return f
	}
	return &guarded{w: f}
}

type guarded struct {
	mu   sync.Mutex
	w    io.Writer
	tail []byte // of what was written before: a secret may come in two writes
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := append(g.tail, p...)
	if bytes.Contains(seen, []byte(canaryInPublic)) {
		f, err := os.OpenFile(os.Getenv(canaryLogEnv), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			f.WriteString(filepath.Base(os.Args[0]) + ": " + string(seen) + "\n")
			f.Close()
		}
	}
	g.tail = bytes.Clone(seen[max(0, len(seen)-len(canaryInPublic)):])
	return g.w.Write(p)
}
