package ledger_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/ledger"
	"github.com/usher-sessions/usher/internal/pgtest"
	"github.com/usher-sessions/usher/internal/store"
)

// A shelf is an Archive in memory, quick enough to be read ten thousand times.
type shelf struct {
	heads      []usher.LedgerHead
	rows       map[int64][]usher.LedgerRow // by writer, ordered by number
	checkpoint []byte
}

func (s *shelf) LedgerHeads(context.Context) ([]usher.LedgerHead, error) { return s.heads, nil }

func (s *shelf) LedgerChain(_ context.Context, writer, after int64, limit int) (out []usher.LedgerRow, _ error) {
	for _, r := range s.rows[writer] {
		if r.Number > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s *shelf) LedgerStrays(_ context.Context, limit int) (out []usher.LedgerRow, _ error) {
	for writer, rows := range s.rows {
		i := slices.IndexFunc(s.heads, func(h usher.LedgerHead) bool { return h.WriterID == writer })
		for _, r := range rows {
			if (i < 0 || r.Number > s.heads[i].Number || r.Number < 1) && len(out) < limit {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func (s *shelf) LastCheckpoint(context.Context) (int64, []byte, error) {
	if s.checkpoint == nil {
		return 0, nil, nil
	}
	return 1, s.checkpoint, nil
}

func (s *shelf) SaveCheckpoint(_ context.Context, _ int64, _ time.Time, body []byte) error {
	s.checkpoint = body
	return nil
}

func (s *shelf) clone() *shelf {
	c := &shelf{heads: slices.Clone(s.heads), rows: map[int64][]usher.LedgerRow{}, checkpoint: s.checkpoint}
	for w, rows := range s.rows {
		c.rows[w] = slices.Clone(rows)
		for i := range c.rows[w] {
			c.rows[w][i].Rules = slices.Clone(rows[i].Rules)
		}
	}
	return c
}

// chains makes a ledger of several chains.
func chains(lengths ...int) *shelf {
	s := &shelf{rows: map[int64][]usher.LedgerRow{}}
	for w, n := range lengths {
		head := usher.LedgerHead{Writer: fmt.Sprintf("writer-%d", w), WriterID: int64(w + 1)}
		for i := range n {
			r := usher.LedgerRow{Entry: *issued(100*w + i)}
			r.FoldedSession = usher.FoldName(r.Session)
			head, _ = ledger.Link(head, &r, nil)
			s.rows[head.WriterID] = append(s.rows[head.WriterID], r)
		}
		s.heads = append(s.heads, head)
	}
	return s
}

// edit changes one thing about the rows, at random, and says what.
func edit(r *rand.Rand, s *shelf) string {
	writer := s.heads[r.IntN(len(s.heads))].WriterID
	rows := s.rows[writer]
	i := r.IntN(len(rows))
	row := &rows[i]
	kind := r.IntN(10)
	if len(rows) == 1 && kind == 1 { // has none to change places with
		kind = 0
	}
	switch kind {
	case 0: // one row, or a run of them, is dropped
		n := 1 + r.IntN(min(3, len(rows)-i))
		s.rows[writer] = slices.Delete(rows, i, i+n)
		return fmt.Sprintf("dropped %d rows from %d", n, i+1)
	case 1: // two rows of a chain change places
		j := (i + 1 + r.IntN(len(rows)-1)) % len(rows)
		rows[i], rows[j] = rows[j], rows[i]
		rows[i].Number, rows[j].Number = rows[j].Number, rows[i].Number
		return fmt.Sprintf("swapped %d and %d", i+1, j+1)
	case 2: // and of two chains
		other := s.heads[(int(writer)+r.IntN(len(s.heads)-1))%len(s.heads)].WriterID
		j := r.IntN(len(s.rows[other]))
		a, b := row, &s.rows[other][j]
		*a, *b = *b, *a
		a.Number, b.Number = b.Number, a.Number
		a.Writer, b.Writer, a.WriterID, b.WriterID = b.Writer, a.Writer, b.WriterID, a.WriterID
		return fmt.Sprintf("swapped %d with %d of another chain", i+1, j+1)
	case 3: // the tail is cut off
		s.rows[writer] = rows[:i]
		return fmt.Sprintf("cut off from %d", i+1)
	case 4: // a row is doubled at the end
		double := *row
		double.Number = int64(len(rows) + 1 + r.IntN(3))
		s.rows[writer] = append(rows, double)
		return fmt.Sprintf("doubled %d as %d", i+1, double.Number)
	case 5: // a row is written anew with a hash of its own that fits
		row.Reason += "!"
		before := usher.LedgerHead{Writer: row.Writer, WriterID: row.WriterID, Number: row.Number - 1, Hash: row.Prev}
		ledger.Link(before, row, nil)
		return fmt.Sprintf("wrote %d anew", i+1)
	}
	field := r.IntN(18)
	texts := []*string{(*string)(&row.Event), &row.Caller, &row.UserKey, &row.Session, &row.FoldedSession, &row.Role, &row.Decision, &row.Reason, &row.Address, &row.SignatureSHA256, &row.Subject, &row.RequestID}
	switch {
	case field < len(texts):
		*texts[field] = editText(r, *texts[field])
	case field == 12:
		row.Rules = append(row.Rules, "r")
	case field == 13:
		row.Rules[0] = editText(r, row.Rules[0])
	case field == 14:
		row.Time = row.Time.Add(time.Duration(1+r.IntN(1e6)) * time.Microsecond)
	case field == 15:
		row.Expires = row.Expires.Add(-time.Duration(1+r.IntN(1e6)) * time.Microsecond)
	case field == 16:
		row.Hash[r.IntN(32)] ^= 1 << r.IntN(8)
	case field == 17:
		row.Prev[r.IntN(32)] ^= 1 << r.IntN(8)
	}
	return fmt.Sprintf("changed field %d of %d", field, i+1)
}

func editText(r *rand.Rand, s string) string {
	if s == "" {
		return "x"
	}
	b := []byte(s)
	switch i := r.IntN(len(b)); r.IntN(3) {
	case 0:
		b[i] ^= 1 << r.IntN(7)
	case 1:
		b = slices.Delete(b, i, i+1)
	case 2:
		b = slices.Insert(b, i, b[i]^1)
	}
	return string(b)
}

func TestVerifyFindsEveryEdit(t *testing.T) {
	whole := chains(40, 1, 7, 25)
	if r, err := ledger.Verify(t.Context(), whole, ledger.VerifyOptions{}); err != nil || len(r.Faults) > 0 || r.Rows != 73 || r.Chains != 4 {
		t.Fatalf("before any edit: %+v, %v", r, err)
	}
	const edits = 10_000
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range edits {
		s := whole.clone()
		if n%2 == 0 { // checkpoints and the chains' ends don't get into each other's way
			_, err := ledger.NewCheckpoint(t.Context(), s, keys(t, "k"), start)
			noError(t, err)
		}
		what := edit(r, s)
		report, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{Keys: ledger.Public(keys(t, "k"))})
		noError(t, err)
		if len(report.Faults) == 0 {
			t.Fatalf("seed %d, edit %d: %s, and nothing was found", seed, n, what)
		}
	}
}

func TestVerifyNamesTheRow(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(s *shelf)
		want []string
	}{
		{"nothing", func(s *shelf) {}, nil},
		{"changed", func(s *shelf) { s.rows[1][4].Role = "host" },
			[]string{"row writer-0/5: changed: it doesn't fit its hash"}},
		{"the last one changed", func(s *shelf) { s.rows[1][9].Role = "host" },
			[]string{"row writer-0/10: changed: it doesn't fit its hash"}},
		{"hidden by the index", func(s *shelf) { s.rows[1][4].Hidden = true },
			[]string{"row writer-0/5: changed: the index doesn't find it"}},
		{"its index changed", func(s *shelf) { s.rows[1][4].FoldedSession = "elsewhere" },
			[]string{"row writer-0/5: changed: it doesn't fit its hash"}},
		{"written anew", func(s *shelf) { rewrite(s, 1, 4, 5) },
			[]string{"row writer-0/5: changed: the row after it holds another hash of it"}},
		{"the last one written anew", func(s *shelf) { rewrite(s, 1, 9, 10) },
			[]string{"row writer-0/10: changed: the chain's head holds another hash of it"}},
		{"dropped", func(s *shelf) { s.rows[1] = slices.Delete(s.rows[1], 3, 5) },
			[]string{"rows writer-0/4 to 5: missing: the rows are gone"}},
		{"the first dropped", func(s *shelf) { s.rows[1] = s.rows[1][1:] },
			[]string{"row writer-0/1: missing: the rows are gone"}},
		{"the tail cut off", func(s *shelf) { s.rows[1] = s.rows[1][:7] },
			[]string{"rows writer-0/8 to 10: missing: the rows are gone"}},
		{"all rows gone", func(s *shelf) { s.rows[2] = nil },
			[]string{"rows writer-1/1 to 3: missing: the rows are gone"}},
		{"swapped", func(s *shelf) {
			a, b := &s.rows[1][2], &s.rows[1][6]
			*a, *b = *b, *a
			a.Number, b.Number = b.Number, a.Number
		}, []string{"row writer-0/3: misplaced: it was written as row 7", "row writer-0/7: misplaced: it was written as row 3"}},
		{"added behind the end", func(s *shelf) {
			r := s.rows[2][2]
			r.Number = 4
			s.rows[2] = append(s.rows[2], r)
		}, []string{"row writer-1/4: added: it stands in no chain or behind its chain's end"}},
		{"a chain's head dropped", func(s *shelf) { s.heads = s.heads[1:] },
			[]string{"chain number 1: missing: the chain is gone; the next is number 2, writer-1"}},
		{"the head put back", func(s *shelf) { s.heads[0].Number-- },
			[]string{"row writer-0/9: changed: the chain's head holds another hash of it", "row writer-0/10: added: it stands in no chain or behind its chain's end"}},
		{"the head's hash changed", func(s *shelf) { s.heads[0].Hash[0]++ },
			[]string{"row writer-0/10: changed: the chain's head holds another hash of it"}},
		{"a head without rows", func(s *shelf) {
			s.heads = append(s.heads, usher.LedgerHead{Writer: "w", WriterID: 3, Hash: [32]byte{1}})
		}, []string{"chain w: head: the chain has no rows and its head has a hash"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := chains(10, 3)
			tt.edit(s)
			r, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{})
			noError(t, err)
			var got []string
			for _, f := range r.Faults {
				if !strings.HasPrefix(f.String(), "row number 1/") { // the rows without a head, each
					got = append(got, f.String())
				}
			}
			if tt.name == "a chain's head dropped" {
				got = slices.DeleteFunc(got, func(f string) bool { return strings.Contains(f, ": added: ") })
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q\nwant  %q", got, tt.want)
			}
		})
	}
}

// rewrite changes a row and links it and those after it, up to index end, anew.
func rewrite(s *shelf, writer int64, from, end int) usher.LedgerHead {
	rows := s.rows[writer]
	rows[from].Reason = "rewritten"
	head := usher.LedgerHead{Writer: rows[from].Writer, WriterID: writer, Number: rows[from].Number - 1, Hash: rows[from].Prev}
	for i := from; i < end; i++ {
		head, _ = ledger.Link(head, &rows[i], nil)
	}
	return head
}

func keys(t testing.TB, secrets ...string) (out []ed25519.PrivateKey) {
	t.Helper()
	for _, s := range secrets {
		k, err := ledger.KeyFrom([]byte(s + " and enough bytes to be a secret"))
		noError(t, err)
		out = append(out, k)
	}
	return out
}

// Whoever may write everything in the database is found out by a checkpoint.
func TestCheckpointsHoldAgainstWhoeverRewritesAll(t *testing.T) {
	for _, tt := range []struct {
		name   string
		attack func(s *shelf)
		want   string
	}{
		{"rewritten up to the head", func(s *shelf) { s.heads[0] = rewrite(s, 1, 4, 10) }, "row writer-0/10: changed: it, or rows before it, were written anew"},
		{"cut off with its head", func(s *shelf) {
			s.rows[1] = s.rows[1][:8]
			s.heads[0].Number, s.heads[0].Hash = 8, s.rows[1][7].Hash
		}, "rows writer-0/9 to 10: missing: a checkpoint knows them"},
		{"the last chain removed", func(s *shelf) { delete(s.rows, 2); s.heads = s.heads[:1] }, "chain writer-1: missing: the checkpoint of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := chains(10, 3)
			key := keys(t, "key")
			cp, err := ledger.NewCheckpoint(t.Context(), s, key, start)
			noError(t, err)
			kept := s.checkpoint
			tt.attack(s)
			s.checkpoint = nil // the attacker removes it too
			r, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{Keys: ledger.Public(key)})
			noError(t, err)
			if len(r.Faults) > 0 {
				t.Errorf("without a checkpoint %v was found; the documentation says that it can't be", r.Faults)
			}
			find := func(what string, opts ledger.VerifyOptions) {
				t.Helper()
				opts.Keys = ledger.Public(keys(t, "new", "key"))
				r, err := ledger.Verify(t.Context(), s, opts)
				noError(t, err)
				if len(r.Faults) != 1 || !strings.HasPrefix(r.Faults[0].String(), tt.want) {
					t.Errorf("%s: found %v, want %s", what, r.Faults, tt.want)
				}
			}
			find("with the one that was exported", ledger.VerifyOptions{Checkpoints: []*ledger.Checkpoint{cp}})
			s.checkpoint = kept
			find("with the one in the database", ledger.VerifyOptions{})
		})
	}
}

func TestCheckpointsCantBeForged(t *testing.T) {
	s := chains(10, 3)
	cp, err := ledger.NewCheckpoint(t.Context(), s, keys(t, "key"), start)
	noError(t, err)
	again, err := ledger.ParseCheckpoint(s.checkpoint)
	noError(t, err)
	again.Heads[0].Number--
	for name, opts := range map[string]ledger.VerifyOptions{
		"changed":         {Keys: ledger.Public(keys(t, "key")), Checkpoints: []*ledger.Checkpoint{again}},
		"by another key":  {Keys: ledger.Public(keys(t, "other"))},
		"no key is known": {},
	} {
		r, err := ledger.Verify(t.Context(), s, opts)
		noError(t, err)
		if len(r.Faults) != 1 || r.Faults[0].Kind != ledger.BadMark {
			t.Errorf("%s: found %v", name, r.Faults)
		}
	}
	s.checkpoint = []byte("{")
	r, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{Keys: ledger.Public(keys(t, "key"))})
	noError(t, err)
	if len(r.Faults) != 1 || r.Faults[0].Kind != ledger.BadMark {
		t.Errorf("not JSON: found %v", r.Faults)
	}
	if len(cp.Heads) != 2 || cp.Heads[0].Number != 10 {
		t.Errorf("checkpoint %+v", cp)
	}
}

func TestWhatWasTamperedWithIsNotSigned(t *testing.T) {
	s := chains(10, 3)
	_, err := ledger.NewCheckpoint(t.Context(), s, keys(t, "key"), start)
	noError(t, err)
	s.heads[0].Number++
	if _, err := ledger.NewCheckpoint(t.Context(), s, keys(t, "key"), start); err == nil || !strings.Contains(err.Error(), "row writer-0/11: missing") {
		t.Errorf("got %v", err)
	}
}

// The same on the databases themselves, by SQL.
func TestVerifyFindsEditsInTheDatabase(t *testing.T) {
	for _, db := range []struct {
		name, location string
		edits          int
	}{{"SQLite", filepath.Join(t.TempDir(), "usher.db"), 400}, {"PostgreSQL", pgtest.URL(t), 200}} {
		t.Run(db.name, func(t *testing.T) {
			s := open(t, db.location)
			for w := range 3 {
				l := begin(t, ledger.Config{Book: s, Writer: fmt.Sprint("writer-", w)})
				for i := range 8 {
					noError(t, l.Record(t.Context(), issued(i)))
				}
			}
			whole(t, s, 24)
			raw := openRaw(t, db.location)
			r := rand.New(rand.NewPCG(rand.Uint64(), 0))
			for range db.edits {
				statements := sqlEdit(r)
				exec(t, raw, "CREATE TABLE before_edit AS SELECT * FROM ledger")
				for _, st := range statements {
					exec(t, raw, st)
				}
				report, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{})
				noError(t, err)
				if len(report.Faults) == 0 {
					t.Fatalf("%q, and nothing was found", statements)
				}
				for _, st := range []string{"DELETE FROM ledger", "INSERT INTO ledger SELECT * FROM before_edit", "DROP TABLE before_edit"} {
					exec(t, raw, st)
				}
			}
			whole(t, s, 24)
		})
	}
}

// SQLite's index is a table that can be edited too, so as to hide rows from who asks for a user.
func TestVerifyFindsRowsThatTheIndexHides(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	s := open(t, path)
	head, err := s.LedgerHead(t.Context(), "a")
	noError(t, err)
	for range 5 { // more than two blocks
		rows := make([]usher.LedgerRow, 200)
		before := head
		for i := range rows {
			rows[i] = usher.LedgerRow{Entry: *issued(int(head.Number))}
			head, _ = ledger.Link(head, &rows[i], nil)
		}
		noError(t, s.AppendLedger(t.Context(), before, rows))
	}
	whole(t, s, 1000)
	raw := openRaw(t, path)
	for _, tt := range []struct {
		name, edit string
		want       string
	}{
		{"one print", "UPDATE ledger_blocks SET prints = CAST(substr(prints, 1, 80) || x'0000000000000000' || substr(prints, 89) AS BLOB) WHERE block = 1", "row a/491: changed: the index doesn't find it"},
		{"the last prints", "UPDATE ledger_blocks SET prints = CAST(substr(prints, 1, length(prints) - 1) AS BLOB) WHERE block = 2", "row a/1000: changed: the index doesn't find it"},
		{"a later start", "UPDATE ledger_blocks SET oldest = oldest + 1 WHERE block = 0", "row a/1: changed: the index doesn't find it"},
		{"an earlier end", "UPDATE ledger_blocks SET newest = newest - 1 WHERE block = 0", "row a/480: changed: the index doesn't find it"},
		{"a whole block", "DELETE FROM ledger_blocks WHERE block = 1", "row a/481: changed: the index doesn't find it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			exec(t, raw, "CREATE TABLE before_edit AS SELECT * FROM ledger_blocks")
			exec(t, raw, tt.edit)
			report, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{})
			noError(t, err)
			if len(report.Faults) == 0 || report.Faults[0].String() != tt.want {
				t.Errorf("found %v, want %s", report.Faults, tt.want)
			}
			for _, st := range []string{"DELETE FROM ledger_blocks", "INSERT INTO ledger_blocks SELECT * FROM before_edit", "DROP TABLE before_edit"} {
				exec(t, raw, st)
			}
		})
	}
	whole(t, s, 1000)
}

func openRaw(t *testing.T, location string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if !strings.HasPrefix(location, "postgres") {
		driver, location = "sqlite", "file:"+location+"?_pragma=synchronous(0)&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, location)
	noError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// sqlEdit returns statements that change, drop or swap rows of three chains of eight.
func sqlEdit(r *rand.Rand) []string {
	row := fmt.Sprintf("WHERE writer = %d AND number = %d", 1+r.IntN(3), 1+r.IntN(8))
	switch r.IntN(4) {
	case 0:
		return []string{"DELETE FROM ledger " + row}
	case 1:
		w, a := 1+r.IntN(3), 1+r.IntN(8)
		b := 1 + (a+r.IntN(7))%8
		return []string{
			fmt.Sprintf("UPDATE ledger SET number = 100 WHERE writer = %d AND number = %d", w, a),
			fmt.Sprintf("UPDATE ledger SET number = %d WHERE writer = %d AND number = %d", a, w, b),
			fmt.Sprintf("UPDATE ledger SET number = %d WHERE writer = %d AND number = 100", b, w),
		}
	case 2:
		numbers := []string{"time", "expires", "number"}
		return []string{fmt.Sprintf("UPDATE ledger SET %s = %[1]s + 1000 %s", numbers[r.IntN(3)], row)}
	}
	texts := []string{"event", "caller", "user_key", "session", "folded_session", "role", "decision", "rules", "reason", "address", "signature_sha256", "subject", "request_id"}
	c := texts[r.IntN(len(texts))]
	return []string{fmt.Sprintf("UPDATE ledger SET %s = %[1]s || 'x' %s", c, row)}
}

func TestVerifyReadsBesideWriters(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		s := open(t, location)
		l := begin(t, ledger.Config{Book: s, Writer: "a"})
		stop := make(chan struct{})
		done := make(chan int64)
		go func() {
			for n := int64(0); ; n++ {
				select {
				case <-stop:
					done <- n
					return
				default:
				}
				if err := l.Record(context.Background(), issued(int(n))); err != nil {
					t.Error(err)
				}
			}
		}()
		for range 10 {
			r, err := ledger.Verify(t.Context(), s, ledger.VerifyOptions{})
			noError(t, err)
			if len(r.Faults) > 0 {
				t.Errorf("found %v", r.Faults)
			}
		}
		close(stop)
		whole(t, s, <-done)
	})
}

var _ ledger.Attic = (*store.Store)(nil)
