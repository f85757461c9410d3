package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// authorize measures one decision of the policy with many rules, and signatures
// with much in the database beside those with nothing in it.
func authorize(ctx context.Context, p plan, b *built) ([]row, error) {
	decisions, err := decide(ctx, p, b)
	if err != nil {
		return nil, err
	}
	filled, err := full(ctx, p, b)
	return append(decisions, filled...), err
}

func decide(ctx context.Context, p plan, b *built) ([]row, error) {
	progress("policy")
	var cs []*contender
	for _, rules := range []int{0, 100} {
		c, err := startChild(ctx, ".", b.decide, "-rules", strconv.Itoa(rules))
		if err != nil {
			return nil, err
		}
		defer c.stop()
		cs = append(cs, &contender{name: fmt.Sprintf("%d rules", rules), sign: c.sign, took: c.own})
	}
	if err := inTurns(ctx, p, cs); err != nil {
		return nil, err
	}
	us := cs[1].ns.median() / 1000
	return []row{{
		what: "policy, µs a decision with 100 rules more", ours: number(us), peer: "the default policy alone", theirs: number(cs[0].ns.median() / 1000),
		ratio: cs[1].ns.over(cs[0].ns), measured: &us, goal: atMost(20, "< 20 µs"),
	}}, nil
}

// full compares a database with a million sessions and ledger rows and a
// hundred thousand keys to one with keys alone. Each request is for another
// session, by another of 64 keys.
func full(ctx context.Context, p plan, b *built) ([]row, error) {
	sessions := 1_000_000 / p.scale
	empty, err := fill(ctx, b, "empty", 0, 64, 0)
	if err != nil {
		return nil, err
	}
	much, err := fill(ctx, b, "much", sessions, 100_000/p.scale, 1_000_000/p.scale)
	if err != nil {
		return nil, err
	}
	much.name = "Usher with a full database"
	empty.rooms, much.rooms = sessions, sessions // the same names, which the empty one doesn't have
	all := []*server{empty, much}
	for round := range min(p.starts, 5) {
		for _, i := range turn(len(all), round) {
			if err := all[i].measureStart(ctx, b.dir); err != nil {
				return nil, err
			}
		}
	}
	if err := loadInTurns(ctx, p, b, all); err != nil {
		return nil, err
	}
	const what = "with 1,000,000 sessions and ledger rows, 100,000 keys: "
	most := atMost(1.5, "≤ 1.5×")
	return []row{
		compare(what+"p50 ms", much, empty, func(s *server) series { return s.p50 }, most),
		compare(what+"p99 ms", much, empty, func(s *server) series { return s.p99 }, most),
		compare(what+"longest of a round, ms", much, empty, func(s *server) series { return s.longest }, goal{}),
		compare(what+"requests a second", much, empty, func(s *server) series { return s.rate }, goal{}),
		compare(what+"start to first answer, ms", much, empty, func(s *server) series { return s.start }, goal{}),
		compare(what+"resident at most under load, MB", much, empty, func(s *server) series { return series{s.peak} }, goal{}),
	}, nil
}

// fill makes a database and returns the server that has it.
func fill(ctx context.Context, b *built, name string, sessions, keys, rows int) (*server, error) {
	progress("filling a database: " + name)
	db, keyFile := filepath.Join(b.dir, name+".db"), filepath.Join(b.dir, name+".keys")
	cmd := exec.CommandContext(ctx, b.fill, "-db", db, "-sessions", strconv.Itoa(sessions), "-keys", strconv.Itoa(keys), "-rows", strconv.Itoa(rows))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	known, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("filling a database: %w\n%s", err, errs.String())
	}
	if err := os.WriteFile(keyFile, known, 0o600); err != nil {
		return nil, err
	}
	return &server{
		name: "Usher with an empty database", command: []string{b.usher, "serve"}, folder: b.dir,
		env: []string{"USHER_LISTEN=127.0.0.1", "USHER_DATABASE=" + db}, keys: keyFile,
	}, nil
}
