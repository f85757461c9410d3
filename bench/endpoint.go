package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// The places of servers in what servers returns.
const (
	usherKey = iota
	usherOpen
	bareGo
	naiveGo
	expressJS
)

func servers(b *built) []*server {
	return []*server{
		usherKey:  {name: "Usher with an API key", command: []string{b.usher, "serve"}, folder: b.dir, env: []string{"USHER_API_KEYS=" + apiKey}, key: apiKey},
		usherOpen: {name: "Usher with --open", command: []string{b.usher, "serve", "--open"}, folder: b.dir},
		bareGo:    {name: "bare net/http, a constant", command: []string{b.bare}},
		naiveGo:   {name: "naive net/http with encoding/json and golang-jwt", command: []string{b.naive}},
		expressJS: {name: "Express + jsrsasign", command: []string{"node", "server.js"}, folder: nodeDir},
	}
}

// endpoints measures each server: starts, memory when idle, then load in turns.
func endpoints(ctx context.Context, p plan, b *built) ([]row, error) {
	all := servers(b)
	progress("starts")
	for round := range p.starts {
		for _, i := range turn(len(all), round) {
			if err := all[i].measureStart(ctx, b.dir); err != nil {
				return nil, err
			}
		}
	}
	defer func() {
		for _, s := range all {
			if s.cmd != nil && s.cmd.ProcessState == nil {
				s.stop()
			}
		}
	}()
	for _, s := range all {
		if _, err := s.run(ctx, b.dir); err != nil {
			return nil, err
		}
	}
	for round := range p.loadRounds {
		progress(fmt.Sprintf("load, round %d of %d", round+1, p.loadRounds))
		for _, i := range turn(len(all), round) {
			if err := all[i].measureLoad(ctx, p, b); err != nil {
				return nil, fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
	}
	for _, s := range all {
		var err error
		if s.peak, err = s.memory("VmHWM"); err != nil {
			return nil, err
		}
	}
	return endpointRows(all), nil
}

// settle is how long a server is left alone before its idle memory is read.
const settle = 100 * time.Millisecond

// measureStart starts the server once, and ends it.
func (s *server) measureStart(ctx context.Context, dir string) error {
	took, err := s.run(ctx, dir)
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
func (s *server) measureLoad(ctx context.Context, p plan, b *built) error {
	cmd := exec.CommandContext(ctx, b.load, "-addr", s.addr(), "-conns", strconv.Itoa(p.conns), "-warm", p.loadWarm.String(), "-time", p.loadTime.String(), "-key", s.key)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	before, err := s.processorTime()
	if err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s\n%s", err, errs.String(), s.lastWords())
	}
	after, err := s.processorTime()
	if err != nil {
		return err
	}
	var seen struct {
		Requests, All          int
		Seconds, P50, P99, CPU float64
	}
	if err := json.Unmarshal(out.Bytes(), &seen); err != nil {
		return fmt.Errorf("reading what the load generator saw: %w", err)
	}
	s.rate = append(s.rate, float64(seen.Requests)/seen.Seconds)
	s.p50, s.p99 = append(s.p50, seen.P50), append(s.p99, seen.P99)
	s.cpu = append(s.cpu, float64((after-before).Microseconds())/float64(seen.All))
	s.loaderBusy = append(s.loaderBusy, seen.CPU/seen.Seconds)
	return nil
}

func endpointRows(all []*server) []row {
	us, express := all[usherKey], all[expressJS]
	// one compares a figure of Usher with an API key to that of the server peer.
	one := func(what string, peer *server, figure func(*server) series, g goal) row {
		ours, theirs := figure(us), figure(peer)
		return row{what: what, ours: number(ours.median()), peer: peer.name, theirs: number(theirs.median()), ratio: ours.over(theirs), goal: g}
	}
	rate := func(s *server) series { return s.rate }
	p50 := func(s *server) series { return s.p50 }
	p99 := func(s *server) series { return s.p99 }
	cpu := func(s *server) series { return s.cpu }
	const rates = "endpoint, requests a second"
	rows := []row{
		one(rates, all[bareGo], rate, atLeast(0.8, "≥ 0.8×")),
		one(rates, all[naiveGo], rate, goal{}),
		one(rates, express, rate, atLeast(14, "≥ 14×")),
		one("endpoint, p50 ms", express, p50, goal{}),
		one("endpoint, p99 ms", all[bareGo], p99, goal{}),
		one("endpoint, p99 ms", express, p99, atMost(0.1, "≤ 0.1×")),
		one("endpoint, µs of processor a request", all[bareGo], cpu, goal{}),
		one("endpoint, µs of processor a request", express, cpu, goal{}),
	}
	open := one("endpoint with --open, requests a second", all[bareGo], rate, goal{})
	open.ours, open.ratio = number(all[usherOpen].rate.median()), all[usherOpen].rate.over(all[bareGo].rate)
	rows = append(rows, open)

	start := one("start to first answer, ms", express, func(s *server) series { return s.start }, atMost(50, "< 50 ms"))
	started := us.start.median()
	start.measured = &started
	idle := one("resident when idle, MiB", express, func(s *server) series { return s.idle }, atMost(25, "< 25 MB"))
	megabytes := us.idle.median() * (1 << 20) / 1e6
	idle.goal.limit, idle.measured = 25, &megabytes
	peak := row{what: "resident at most under load, MiB", ours: number(us.peak), peer: express.name, theirs: number(express.peak), ratio: series{us.peak / express.peak}}
	return append(rows, start, idle, peak)
}
