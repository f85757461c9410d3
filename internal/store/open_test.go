package store_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/internal/store"
)

// openVariable tells TestOpenAsAnotherProcess what to open.
const openVariable = "USHER_TEST_OPEN"

func TestOpenAsAnotherProcess(t *testing.T) {
	location := os.Getenv(openVariable)
	if location == "" {
		return // it is the part of TestProcessesThatStartTogether that runs as a process of its own
	}
	s, err := store.Open(t.Context(), store.Options{Location: location})
	noError(t, err)
	defer s.Close()
	noError(t, s.AddBan(t.Context(), &usher.Ban{Subject: "user:" + os.Getenv("USHER_TEST_NAME")}))
}

func TestProcessesThatStartTogether(t *testing.T) {
	for name, location := range map[string]string{"SQLite": filepath.Join(t.TempDir(), "usher.db"), "PostgreSQL": pgtest.URL(t)} {
		t.Run(name, func(t *testing.T) {
			const processes = 6
			var cmds [processes]*exec.Cmd
			var outs [processes]bytes.Buffer
			for i := range cmds {
				cmds[i] = exec.Command(os.Args[0], "-test.run=^TestOpenAsAnotherProcess$", "-test.v")
				cmds[i].Env = append(os.Environ(), openVariable+"="+location, "USHER_TEST_NAME="+string(rune('a'+i)))
				cmds[i].Stdout, cmds[i].Stderr = &outs[i], &outs[i]
				noError(t, cmds[i].Start())
			}
			for i, cmd := range cmds {
				if err := cmd.Wait(); err != nil {
					t.Errorf("process %d: %v\n%s", i, err, &outs[i])
				}
			}
			s, err := store.Open(t.Context(), store.Options{Location: location})
			noError(t, err)
			defer s.Close()
			if bans, _, err := s.ListBans(t.Context(), "", 100); err != nil || len(bans) != processes {
				t.Errorf("%d bans, %v; want one of each process", len(bans), err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.db")
	noError(t, os.WriteFile(junk, bytes.Repeat([]byte("not a database "), 100), 0o600))
	newer := filepath.Join(dir, "newer.db")
	s, err := store.Open(t.Context(), store.Options{Location: newer})
	noError(t, err)
	_, err = s.Raw().Exec("INSERT INTO schema_versions (version_id, is_applied) VALUES (9999, 1)")
	noError(t, err)
	noError(t, s.Close())
	for _, tt := range []struct{ location, want string }{
		{filepath.Join(dir, "none", "usher.db"), "can't open"},
		{junk, "not a database"},
		{newer, "use the newer program"},
		{"postgres://user:hush@127.0.0.1:1/none?connect_timeout=2", "doesn't answer"},
		{"postgres://user:hush@127.0.0.1:notaport/", "not one"},
	} {
		_, err := store.Open(t.Context(), store.Options{Location: tt.location})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want one that says %q", tt.location, err, tt.want)
		}
	}
}

func TestOnlyTheOwnerReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	noError(t, os.WriteFile(path+"-migrate", nil, 0o644)) // as an earlier start may have left it
	s, err := store.Open(t.Context(), store.Options{Location: path})
	noError(t, err)
	defer s.Close()
	noError(t, s.AddBan(t.Context(), &usher.Ban{Subject: "user:x"}))
	for _, f := range []string{path, path + "-wal", path + "-shm", path + "-migrate"} {
		info, err := os.Stat(f)
		noError(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
}

func TestCommitsWaitForTheDisk(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Location: filepath.Join(t.TempDir(), "usher.db")})
	noError(t, err)
	defer s.Close()
	var mode string
	var sync int
	noError(t, s.Raw().QueryRow("PRAGMA journal_mode").Scan(&mode))
	noError(t, s.Raw().QueryRow("PRAGMA synchronous").Scan(&sync))
	if mode != "wal" || sync != 2 {
		t.Errorf("journal_mode %s, synchronous %d; want wal and 2 (FULL)", mode, sync)
	}

	url := pgtest.URL(t)
	careless, err := store.Open(t.Context(), store.Options{Location: url + "&synchronous_commit=off"})
	noError(t, err)
	defer careless.Close()
	noError(t, careless.Raw().QueryRow("SHOW synchronous_commit").Scan(&mode))
	if mode != "on" {
		t.Errorf("synchronous_commit %s", mode)
	}
}

func TestTheDatabaseGoesAndComesBack(t *testing.T) {
	server := pgtest.Start(t)
	c := &clock{now: start}
	s := openAt(t, server.URL(t), c)
	cache, err := store.NewCache(t.Context(), s)
	noError(t, err)
	defer cache.Close()
	noError(t, s.CreateSession(t.Context(), &usher.Session{Name: "class"}))
	_, err = cache.Session(t.Context(), "class")
	noError(t, err)

	server.Stop()
	wantCode(t, "ping", s.Ping(t.Context()), usher.CodeUnavailable)
	wantCode(t, "write", s.AddBan(t.Context(), &usher.Ban{Subject: "user:x"}), usher.CodeUnavailable)
	eventually(t, "the cache stops to answer by itself", func() bool {
		_, err := cache.Session(t.Context(), "class")
		return usher.ErrorCode(err) == usher.CodeUnavailable
	})

	server.Up(t)
	eventually(t, "writes work again", func() bool {
		return s.AddBan(context.Background(), &usher.Ban{Subject: "user:y"}) == nil
	})
	eventually(t, "the feed works again", func() bool { return s.Current(store.Lateness) })
	if _, banned, err := cache.Ban(t.Context(), "user:y"); !banned || err != nil {
		t.Errorf("banned %v, %v", banned, err)
	}
}
