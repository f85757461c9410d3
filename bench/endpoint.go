package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The places of servers in what servers returns.
const (
	usherKey = iota
	usherOpen
	usherFull
	bareGo
	naiveGo
	expressJS
)

func servers(b *built) ([]*server, error) {
	const key = "bench-api-key-0123456789-0123456789"
	keys := filepath.Join(b.dir, "keys")
	if err := os.WriteFile(keys, []byte(key+"\n"), 0o600); err != nil {
		return nil, err
	}
	env := []string{"USHER_LISTEN=127.0.0.1", "USHER_API_KEYS=" + key}
	return []*server{
		usherKey:  {name: "Usher without a record", command: []string{b.usher, "serve"}, folder: b.dir, env: append(env[:2:2], "USHER_DATABASE=none"), keys: keys},
		usherOpen: {name: "Usher with --open", command: []string{b.usher, "serve", "--open"}, folder: b.dir, env: []string{"USHER_LISTEN=127.0.0.1", "USHER_DATABASE=none"}},
		usherFull: {name: "Usher", command: []string{b.usher, "serve"}, folder: b.dir, env: append(env[:2:2], "USHER_DATABASE="+filepath.Join(b.dir, "full.db")), keys: keys},
		bareGo:    {name: "bare net/http, a constant", command: []string{b.bare}},
		naiveGo:   {name: "naive net/http with encoding/json and golang-jwt", command: []string{b.naive}},
		expressJS: {name: "Express + jsrsasign", command: []string{"node", "server.js"}, folder: nodeDir},
	}, nil
}

// endpoints measures each server: starts, memory when idle, then load in turns.
func endpoints(ctx context.Context, p plan, b *built) ([]row, error) {
	all, err := servers(b)
	if err != nil {
		return nil, err
	}
	progress("starts")
	for round := range p.starts {
		for _, i := range turn(len(all), round) {
			if err := all[i].measureStart(ctx, b.dir); err != nil {
				return nil, err
			}
		}
	}
	if err := loadInTurns(ctx, p, b, all); err != nil {
		return nil, err
	}
	return endpointRows(all), nil
}

// loadInTurns runs all servers at once and puts load on each in turns.
func loadInTurns(ctx context.Context, p plan, b *built, all []*server) error {
	defer func() {
		for _, s := range all {
			if s.cmd != nil && s.cmd.ProcessState == nil {
				s.stop()
			}
		}
	}()
	forServers, forLoad := apart()
	for _, s := range all {
		if _, err := s.run(ctx, b.dir, forServers); err != nil {
			return err
		}
	}
	// Engines that compile while they run get the time to; what this saw is thrown away.
	first := p
	first.loadWarm, first.loadTime = p.loadFirst, p.loadTime/10
	for _, s := range all {
		progress("load, to warm up: " + s.name)
		if err := s.measureLoad(ctx, first, b, forLoad); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.rate, s.p50, s.p99, s.longest, s.cpu = nil, nil, nil, nil, nil
	}
	for round := range p.loadRounds {
		progress(fmt.Sprintf("load, round %d of %d", round+1, p.loadRounds))
		for _, i := range turn(len(all), round) {
			if err := all[i].measureLoad(ctx, p, b, forLoad); err != nil {
				return fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
	}
	for _, s := range all {
		var err error
		if s.peak, err = s.memory("VmHWM"); err != nil {
			return err
		}
	}
	return nil
}

// settle is how long a server is left alone before its idle memory is read.
const settle = 100 * time.Millisecond

// measureStart starts the server once, and ends it.
func (s *server) measureStart(ctx context.Context, dir string) error {
	took, err := s.run(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer s.stop()
	s.start = append(s.start, took.Seconds()*1000)
	time.Sleep(settle)
	idle, err := s.memory("VmRSS")
	s.idle = append(s.idle, idle)
	return err
}

// measureLoad puts load on the running server once.
func (s *server) measureLoad(ctx context.Context, p plan, b *built, cpus *unix.CPUSet) error {
	cmd := exec.CommandContext(ctx, b.load, "-addr", s.addr(), "-conns", strconv.Itoa(p.conns), "-warm", p.loadWarm.String(), "-time", p.loadTime.String(), "-keys", s.keys, "-rooms", strconv.Itoa(s.rooms))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	before, err := s.processorTime()
	if err != nil {
		return err
	}
	if err := startOn(cpus, cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s\n%s", err, errs.String(), s.lastWords())
	}
	after, err := s.processorTime()
	if err != nil {
		return err
	}
	var seen struct {
		Requests, All               int
		Seconds, P50, P99, Max, CPU float64
	}
	if err := json.Unmarshal(out.Bytes(), &seen); err != nil {
		return fmt.Errorf("reading what the load generator saw: %w", err)
	}
	s.rate = append(s.rate, float64(seen.Requests)/seen.Seconds)
	s.p50, s.p99, s.longest = append(s.p50, seen.P50), append(s.p99, seen.P99), append(s.longest, seen.Max)
	s.cpu = append(s.cpu, float64((after-before).Microseconds())/float64(seen.All))
	if busy := seen.CPU / seen.Seconds; busy > 0.9 {
		progress(fmt.Sprintf("the load generator took %.0f%% of its processor against %s, which may be faster than this run says", 100*busy, s.name))
	}
	return nil
}

func endpointRows(all []*server) []row {
	rate := func(s *server) series { return s.rate }
	p50 := func(s *server) series { return s.p50 }
	p99 := func(s *server) series { return s.p99 }
	cpu := func(s *server) series { return s.cpu }
	bare, express := all[bareGo], all[expressJS]

	us := all[usherKey]
	const rates = "endpoint, requests a second"
	rows := []row{
		compare(rates, us, bare, rate, atLeast(0.8, "≥ 0.8×")),
		compare(rates, us, all[naiveGo], rate, goal{}),
		compare(rates, us, express, rate, atLeast(14, "≥ 14×")),
		compare("endpoint, p50 ms", us, express, p50, goal{}),
		compare("endpoint, p99 ms", us, bare, p99, goal{}),
		compare("endpoint, p99 ms", us, express, p99, atMost(0.1, "≤ 0.1×")),
		compare("endpoint, µs of processor a request", us, bare, cpu, goal{}),
		compare("endpoint, µs of processor a request", us, express, cpu, goal{}),
		compare("endpoint with --open, requests a second", all[usherOpen], bare, rate, goal{}),
	}
	rows = append(rows, footprint("endpoint", us, express)...)

	full := all[usherFull]
	rows = append(rows,
		compare("with policy and ledger, requests a second", full, us, rate, goal{}),
		compare("with policy and ledger, requests a second", full, express, rate, atLeast(5, "≥ 5×")),
		compare("with policy and ledger, p50 ms", full, express, p50, goal{}),
		compare("with policy and ledger, p99 ms", full, express, p99, atMost(1, "≤ 1×")),
		compare("with policy and ledger, longest of a round, ms", full, express, func(s *server) series { return s.longest }, goal{}),
		compare("with policy and ledger, µs of processor a request", full, express, cpu, goal{}))
	return append(rows, footprint("with policy and ledger", full, express)...)
}

// compare is a row of the ratios of one figure of two servers.
func compare(what string, us, peer *server, figure func(*server) series, g goal) row {
	ours, theirs := figure(us), figure(peer)
	return row{what: what, ours: number(ours.median()), peer: peer.name, theirs: number(theirs.median()), ratio: ours.over(theirs), goal: g}
}

// footprint is what a server takes: time to start, memory when idle and under load.
func footprint(what string, us, peer *server) []row {
	start := compare(what+", start to first answer, ms", us, peer, func(s *server) series { return s.start }, atMost(50, "< 50 ms"))
	started := us.start.median()
	start.measured = &started
	idle := compare(what+", resident when idle, MB", us, peer, func(s *server) series { return s.idle }, atMost(25, "< 25 MB"))
	resident := us.idle.median()
	idle.measured = &resident
	peak := compare(what+", resident at most under load, MB", us, peer, func(s *server) series { return series{s.peak} }, goal{})
	return []row{start, idle, peak}
}
