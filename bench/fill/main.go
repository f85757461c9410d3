// Command fill makes a database for `usher serve` with as many sessions, API
// keys and ledger rows as asked for, and prints those keys whose secret is
// known, one a line.
//
// Sessions and keys are copies of one that Usher itself made, multiplied within
// the database. Rows of the ledger are appended as Usher does, but for their
// hashes: they are no sound chain, and nobody verifies them here.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
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
	if err := record(ctx, s, rows); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return multiply(ctx, path, sessions-1, keys-known)
}

// record appends rows as signatures have them, spread over sessions and users.
func record(ctx context.Context, s *store.Store, rows int) error {
	head, err := s.LedgerHead(ctx, "fill")
	if err != nil {
		return err
	}
	begun := time.Now().UTC().Add(-time.Hour)
	batch := make([]usher.LedgerRow, 0, store.MaxLedgerRows)
	for n := 1; n <= rows; n++ {
		at := begun.Add(time.Duration(n) * time.Hour / time.Duration(rows))
		r := usher.LedgerRow{Number: int64(n), Entry: usher.Entry{
			Time: at, Event: usher.EventSigned, Caller: "key:fill", UserKey: fmt.Sprintf("user-%07d", n*104729%1000003), Session: fmt.Sprintf("Room %07d", n*7919%1000003),
			Role: "participant", Decision: usher.Allowed, Rules: []string{"keys"}, Expires: at.Add(2 * time.Hour), Address: "192.0.2.7", RequestID: "0123456789abcdef",
		}}
		r.Hash = sha256.Sum256([]byte(r.UserKey))
		r.SignatureSHA256 = hex.EncodeToString(r.Hash[:])
		if batch = append(batch, r); len(batch) == cap(batch) || n == rows {
			if err := s.AppendLedger(ctx, head, batch); err != nil {
				return err
			}
			head.Number, head.Hash = r.Number, r.Hash
			batch = batch[:0]
		}
	}
	return nil
}

// multiply copies the one session and a key within the database.
func multiply(ctx context.Context, path string, sessions, keys int) error {
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
