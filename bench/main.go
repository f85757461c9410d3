// Command bench measures Usher beside its peers and prints one table, as
// ratios, from one run. docs/performance.md says what each row means.
//
// Everything runs on this machine: signing in this process and in a Node child,
// the endpoints as processes of their own on 127.0.0.1, the load from a third
// process. What is compared is measured in turns (A, B, C, A, B, C, …); a ratio
// is the median of the ratios of the single rounds, so that what disturbs the
// machine for a while disturbs both sides of it. It reads /proc and so needs
// Linux, and Node for the peers in JavaScript.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// plan says how long the run takes. Nothing else differs between plans.
type plan struct {
	signRounds int
	signTime   time.Duration // of one contender in one round
	starts     int           // of each server
	loadFirst  time.Duration // of each server before the first round, not measured
	loadRounds int
	loadWarm   time.Duration // of one server in one round, not measured
	loadTime   time.Duration // of one server in one round, measured
	conns      int
	scale      int           // by how much fewer rows than a million are in the full database
	limit      time.Duration // of everything, building apart
}

var (
	fullPlan  = plan{signRounds: 25, signTime: 20 * time.Millisecond, starts: 15, loadFirst: 4 * time.Second, loadRounds: 7, loadWarm: 400 * time.Millisecond, loadTime: 1600 * time.Millisecond, conns: 32, scale: 1, limit: 6 * time.Minute}
	shortPlan = plan{signRounds: 5, signTime: 2 * time.Millisecond, starts: 2, loadFirst: 100 * time.Millisecond, loadRounds: 1, loadWarm: 200 * time.Millisecond, loadTime: 400 * time.Millisecond, conns: 32, scale: 100, limit: 2 * time.Minute}
)

func main() {
	short := flag.Bool("short", false, "check quickly that everything can be measured; the figures mean nothing")
	usher := flag.String("usher", "", "measure this `binary` instead of building one from the checkout")
	only := flag.String("only", "", "measure this `section` alone: sign, endpoint or authorize")
	page := flag.String("o", "", "also write the table into this `file`, between its marks")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bench: unknown argument %q; see -help\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options{*short, *usher, *only, *page}, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are those of the command line.
type options struct {
	short             bool
	usher, only, page string
}

// sections are what a run consists of, in this order.
var sections = []struct {
	name    string
	measure func(context.Context, plan, *built) ([]row, error)
}{
	{"sign", signing},
	{"endpoint", endpoints},
	{"authorize", authorize},
}

func run(ctx context.Context, o options, out io.Writer) error {
	p := fullPlan
	if o.short {
		p = shortPlan
	}
	if o.page != "" && (o.short || o.only != "") {
		return errors.New("only a whole run is worth writing down; leave -o out, or -short and -only")
	}
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	progress("building")
	b, err := build(ctx, dir, o.usher)
	if err != nil {
		return err
	}
	begun := time.Now()
	m, err := describe(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, fmt.Errorf("not done after %s", p.limit))
	defer cancel()
	var rows []row
	for _, section := range sections {
		if o.only != "" && o.only != section.name {
			continue
		}
		more, err := section.measure(ctx, p, b)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			return err
		}
		rows = append(rows, more...)
	}
	if len(rows) == 0 {
		return fmt.Errorf("there is no section %q", o.only)
	}
	m.took = time.Since(begun)
	text := m.String() + "\n" + table(rows)
	if o.short {
		text = "A check with -short: the figures mean nothing.\n\n" + text
	}
	if _, err := io.WriteString(out, text); err != nil {
		return err
	}
	if o.page != "" {
		return writeBetweenMarks(o.page, text)
	}
	return nil
}

// built names the programs of a run, compiled from this checkout.
type built struct {
	dir                               string
	usher, bare, naive, livekit, load string
	decide, fill                      string
}

// build compiles every program into dir, Usher's unless its binary is given,
// and installs the Node peers as locked.
func build(ctx context.Context, dir, usher string) (*built, error) {
	b := &built{dir: dir}
	for _, t := range []struct {
		program *string
		name    string
		folder  string // in which go build runs, from bench/
		pkg     string
	}{
		{&b.usher, "usher", "..", "./cmd/usher"},
		{&b.bare, "bare", ".", "./peers/bare"},
		{&b.naive, "naive", ".", "./peers/naive"},
		{&b.livekit, "livekit", ".", "./peers/livekit"},
		{&b.decide, "decide", ".", "./decide"},
		{&b.fill, "fill", ".", "./fill"},
		{&b.load, "load", ".", "./load"},
	} {
		if t.name == "usher" && usher != "" {
			var err error
			if b.usher, err = filepath.Abs(usher); err != nil {
				return nil, err
			}
			continue
		}
		*t.program = filepath.Join(dir, t.name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", *t.program, t.pkg)
		cmd.Dir = t.folder
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w\n%s", t.name, err, out)
		}
	}
	return b, installNode(ctx)
}

// nodeDir holds the peers in JavaScript, from bench/.
const nodeDir = "peers/node"

// installNode runs npm ci unless what is installed is what the lock file says;
// the stamp is the one that scripts/setup leaves.
func installNode(ctx context.Context) error {
	lock, err := os.ReadFile(filepath.Join(nodeDir, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("run bench from its own folder (go run -C bench .): %w", err)
	}
	stamp := filepath.Join(nodeDir, "node_modules", ".usher-lock")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == string(lock) {
		return nil
	}
	progress("npm ci in bench/" + nodeDir)
	out, err := exec.CommandContext(ctx, "npm", "ci", "--prefix", nodeDir, "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput()
	if err != nil {
		return fmt.Errorf("installing the peers in %s: %w\n%s", nodeDir, err, out)
	}
	return os.WriteFile(stamp, lock, 0o644)
}

// progress says on standard error what is being done.
func progress(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }
