// Command bench measures the gate, and how soon somebody who joins sees
// somebody else. It prints one table, which docs/performance.md has.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
)

func main() {
	short := flag.Bool("short", false, "check quickly that everything can be measured; the figures mean nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *short); err != nil {
		fmt.Fprintln(os.Stderr, "rooms/bench:", err)
		os.Exit(1)
	}
}

// perSecond is the rate at which the gate is to keep up.
const perSecond = 1000

func run(ctx context.Context, short bool) error {
	joins, rounds := 8*perSecond, 15
	if short {
		joins, rounds = perSecond/4, 1
	}
	dir, err := os.MkdirTemp("", "usher-rooms-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "usher-rooms")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("building usher-rooms: %w\n%s", err, out)
	}
	s, err := start(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	latency, err := s.gate(ctx, joins)
	if err != nil {
		return err
	}
	decisions, err := s.decisions()
	if err != nil {
		return err
	}
	frames, err := s.firstFrames(ctx, rounds)
	if err != nil {
		return err
	}
	ratios := make([]float64, len(frames.Join))
	for i := range ratios {
		ratios[i] = frames.Join[i] / frames.Connect[i]
	}
	fmt.Printf("| measured | Usher | compared with | its figure | ratio | to reach | |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	line := func(what string, ours float64, goal string, reached bool) {
		verdict := "reached"
		if goal == "" {
			verdict = ""
		} else if !reached {
			verdict = "**fell short**"
		}
		fmt.Printf("| %s | %.2f | | | | %s | %s |\n", what, ours, goal, verdict)
	}
	p99 := at(decisions, 99)
	line(fmt.Sprintf("gate at %d joins a second, decided and recorded, ms: p50", perSecond), at(decisions, 50), "", true)
	line("the same: p99", p99, "< 2 ms", p99 < 2)
	line("the same, as the client sees it, ms: p50", at(latency, 50), "", true)
	line("the same: p99", at(latency, 99), "", true)
	ratio := at(ratios, 50)
	verdict := "reached"
	if ratio > 1.1 {
		verdict = "**fell short**"
	}
	fmt.Printf("| from join() to the first picture of somebody else, ms | %.0f | livekit-client with a token made before | %.0f | %.2f× | ≤ 1.1× | %s |\n",
		at(frames.Join, 50), at(frames.Connect, 50), ratio, verdict)
	return nil
}

// at returns a percentile.
func at(values []float64, percent int) float64 {
	s := slices.Sorted(slices.Values(values))
	return s[min(len(s)-1, len(s)*percent/100)]
}

// server is a usher-rooms dev, which asks nobody for a key.
type server struct {
	*client.Client
	url string
	cmd *exec.Cmd
	log string
}

func start(ctx context.Context, binary, dir string) (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	s := &server{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: filepath.Join(dir, "log")}
	out, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, binary, "dev", "--port", fmt.Sprint(port), "--log-format", "json")
	s.cmd.Dir, s.cmd.Stderr = dir, out
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if s.Client, err = client.New(s.url); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get(s.url + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		if time.Now().After(deadline) {
			s.stop()
			return nil, errors.New("usher-rooms isn't ready after 30 s")
		}
	}
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// gate has users join at a steady rate, as they come of themselves: who is late
// doesn't hold up the next. It returns what each waited, in milliseconds.
func (s *server) gate(ctx context.Context, n int) ([]float64, error) {
	bodies := make([][]byte, n)
	var all sync.WaitGroup
	var failed error
	var mu sync.Mutex
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
	}
	lanes := make(chan struct{}, 16)
	for i := range n {
		lanes <- struct{}{}
		all.Go(func() {
			defer func() { <-lanes }()
			topic := fmt.Sprintf("Room %d", i%200)
			sig, err := s.Sign(ctx, api.SignatureRequest{SessionName: topic, UserKey: fmt.Sprintf("u%d", i)})
			if err != nil {
				fail(err)
				return
			}
			bodies[i], _ = json.Marshal(api.JoinRequest{Topic: topic, Signature: sig.Signature, UserName: "Visitor"})
		})
	}
	all.Wait()
	if failed != nil {
		return nil, failed
	}
	h := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	took := make([]float64, n)
	begun := time.Now()
	for i, body := range bodies {
		time.Sleep(time.Until(begun.Add(time.Duration(i) * time.Second / perSecond)))
		all.Go(func() {
			sent := time.Now()
			res, err := h.Post(s.url+"/v1/join", "application/json", bytes.NewReader(body))
			if err != nil {
				fail(err)
				return
			}
			defer res.Body.Close()
			var joined api.Joined
			if err := json.NewDecoder(res.Body).Decode(&joined); err != nil || joined.State != "admitted" {
				fail(fmt.Errorf("%s: %v", res.Status, err))
			}
			took[i] = float64(time.Since(sent)) / 1e6
		})
	}
	all.Wait()
	return took, failed
}

// decisions are what the server's own log says that joins took, in milliseconds:
// from the request until its answer was made, recorded on the disk.
func (s *server) decisions() ([]float64, error) {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return nil, err
	}
	var out []float64
	for line := range strings.Lines(string(b)) {
		var l struct {
			Path string
			Us   float64
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Path == "/v1/join" {
			out = append(out, l.Us/1000)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the log of usher-rooms has no joins")
	}
	return out, nil
}

// frames are times until the first picture, in milliseconds.
type frames struct{ Join, Connect []float64 }

func (s *server) firstFrames(ctx context.Context, rounds int) (f frames, err error) {
	cmd := exec.CommandContext(ctx, "node", "../interop/browser/firstframe.mjs", s.url+"/", fmt.Sprint(rounds))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("the browser's script: %w", err)
	}
	if err := json.Unmarshal(out, &f); err != nil || len(f.Join) != rounds || len(f.Connect) != rounds {
		return f, fmt.Errorf("the browser's script said %s", out)
	}
	return f, nil
}
