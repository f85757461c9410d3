// Command fill makes a database for `usher serve` with as many sessions, API
// keys and ledger rows as asked for, and prints those keys whose secret is
// known, one a line.
//
// Each is a copy of one that Usher itself made, multiplied within the database.
// The copies of ledger rows are no sound chain; nobody verifies them here.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/store"
)

// known is how many keys are made one by one and printed.
const known = 64

func main() {
	path := flag.String("db", "", "`path` of the database, which is made")
	sessions := flag.Int("sessions", 0, "sessions, named \"Room 0000001\" and on")
	keys := flag.Int("keys", known, "API keys, at least 64")
	rows := flag.Int("rows", 0, "ledger rows")
	flag.Parse()
	if err := fill(context.Background(), *path, *sessions, *keys, *rows); err != nil {
		log.Fatal(err)
	}
}

func fill(ctx context.Context, path string, sessions, keys, rows int) error {
	s, err := store.Open(ctx, store.Options{Location: path})
	if err != nil {
		return err
	}
	defer s.Close()
	for range known {
		secret, hash, err := caller.NewKey(rand.Reader)
		if err != nil {
			return err
		}
		if err := s.CreateKey(ctx, &usher.Key{Name: "bench", Hash: hash, May: []usher.Action{usher.ActionJoin, usher.ActionHost}}); err != nil {
			return err
		}
		fmt.Println(secret)
	}
	if sessions > 0 {
		room := &usher.Session{Name: "Room 0000000", State: usher.StateOpen, Admit: usher.AdmitListed, Owner: "teacher-1", SessionKey: "room", GeoRegions: []string{"US", "DE"}}
		for i := range 10 {
			room.People = append(room.People, fmt.Sprintf("pupil-%d", i))
		}
		if err := s.CreateSession(ctx, room); err != nil {
			return err
		}
	}
	if rows > 0 {
		if err := record(ctx, s); err != nil {
			return err
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	return multiply(ctx, path, sessions-1, keys-known, rows-1)
}

// record writes one row, as a signature has it.
func record(ctx context.Context, s *store.Store) error {
	l, err := ledger.New(ledger.Config{Book: s, Writer: "fill"})
	if err != nil {
		return err
	}
	defer l.Close()
	now := time.Now().UTC()
	return l.Record(ctx, &usher.Entry{
		Time: now, Event: usher.EventSigned, Caller: "key:fill", UserKey: "user-0000001", Session: "Room 0000000", Role: "participant",
		Decision: usher.Allowed, Rules: []string{"keys"}, Expires: now.Add(2 * time.Hour), Address: "192.0.2.7",
		RequestID: "0123456789abcdef", SignatureSHA256: strings.Repeat("0", 64),
	})
}

// multiply copies the one session, a key and the ledger's one row within the database.
func multiply(ctx context.Context, path string, sessions, keys, rows int) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // what is set here holds for one connection
	exec := func(query string, args ...any) {
		if err == nil {
			if _, err = db.ExecContext(ctx, query, args...); err != nil {
				err = fmt.Errorf("%s: %w", query, err)
			}
		}
	}
	// What a crash would leave is of no use to anybody.
	exec("PRAGMA journal_mode = OFF")
	exec("PRAGMA synchronous = OFF")
	exec("PRAGMA temp_store = MEMORY")
	exec("PRAGMA cache_size = -500000")
	for _, t := range []struct {
		table, differ string
		n             int
	}{
		{"sessions", `id = id || '-' || rowid, name = printf('Room %07d', rowid), folded_name = printf('room %07d', rowid)`, sessions},
		{"api_keys", `id = id || '-' || rowid, hash = randomblob(32)`, keys},
		// Spread over the sessions and users, in the order of time.
		{"ledger", `number = number + rowid, time = time + rowid, hash = randomblob(32), signature_sha256 = hex(randomblob(32)),
			session = printf('Room %07d', rowid * 7919 % 1000003), folded_session = printf('room %07d', rowid * 7919 % 1000003),
			user_key = printf('user-%07d', rowid * 104729 % 1000003)`, rows},
	} {
		if t.n < 1 {
			continue
		}
		exec(`CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			SELECT t.* FROM n CROSS JOIN (SELECT * FROM `+t.table+` LIMIT 1) t`, t.n)
		exec("UPDATE copies SET " + t.differ)
		exec("INSERT INTO " + t.table + " SELECT * FROM copies")
		exec("DROP TABLE copies")
	}
	exec("PRAGMA journal_mode = WAL")
	if err != nil {
		return err
	}
	return settle(path)
}

// settle waits until the file is on the disk, so that it isn't still being
// written while something else is measured.
func settle(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
