package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newTerminal returns the two ends of a terminal of that many columns: what is
// written to inner can be read from outer.
func newTerminal(t *testing.T, columns uint16) (outer, inner *os.File) {
	t.Helper()
	outer, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { outer.Close() })
	fd := int(outer.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	inner, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inner.Close() })
	if err := unix.IoctlSetWinsize(int(inner.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return outer, inner
}

// onTerminal runs a command whose outputs are a terminal, and returns what stands on it.
func onTerminal(t *testing.T, columns uint16, environ []string, args ...string) (string, int) {
	t.Helper()
	outer, inner := newTerminal(t, columns)
	m := &Main{
		Stdin: strings.NewReader(""), Stdout: inner, Stderr: inner, Environ: environ, Dir: t.TempDir(),
		Now: func() time.Time { return time.Unix(1782907200, 0) }, Random: bytes.NewReader(nil),
	}
	// Read meanwhile: a terminal holds only so much.
	var text bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		text.ReadFrom(outer) // ends with an error once inner is closed
	}()
	code := m.Run(t.Context(), args)
	inner.Close()
	<-read
	return strings.ReplaceAll(text.String(), "\r\n", "\n"), code
}

func TestColoursOnATerminal(t *testing.T) {
	for _, tc := range []struct {
		name     string
		environ  []string
		coloured bool
	}{
		{"usual", []string{"TERM=xterm-256color"}, true},
		{"NO_COLOR", []string{"TERM=xterm-256color", "NO_COLOR=1"}, false},
		{"NO_COLOR empty", []string{"TERM=xterm", "NO_COLOR="}, true},
		{"dumb", []string{"TERM=dumb"}, false},
	} {
		for _, args := range [][]string{{"inspect", "x.y.z"}, {"serve"}, {"--help"}} {
			text, _ := onTerminal(t, 80, tc.environ, args...)
			if got := strings.Contains(text, "\x1b["); got != tc.coloured {
				t.Errorf("%s: %v coloured is %v:\n%q", tc.name, args, got, text)
			}
			if strings.Count(text, "\x1b[") != 2*strings.Count(text, "\x1b[0m") {
				t.Errorf("%s: %v leaves a colour on", tc.name, args)
			}
		}
	}
}

func TestLinesFitTheTerminal(t *testing.T) {
	for _, columns := range []uint16{40, 72, 200} {
		for _, args := range [][]string{{"inspect", "--error", "200 Verify JWT failed", "eyJhbGciOiJub25lIn0.e30."}, {"serve", "--port", "x"}} {
			text, code := onTerminal(t, columns, []string{"TERM=xterm"}, args...)
			if code == exitOK {
				t.Errorf("%v: exit code %d", args, code)
			}
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				if n := columnsOf(line); n > min(int(columns), widest) && strings.Count(strings.TrimLeft(line, " "), " ") > 0 {
					t.Errorf("%d columns: %v: a line of %d: %q", columns, args, n, line)
				}
			}
		}
	}
}
