package gate_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/internal/store"
	"github.com/usher-sessions/usher/videosdk"
)

// book is a ledger in memory.
type book struct{ rows []string }

func (b *book) Record(_ context.Context, e *usher.Entry) error {
	b.rows = append(b.rows, strings.TrimSpace(string(e.Event)+" "+e.UserKey+" "+e.Reason))
	return nil
}

// deaf is an engine that tells nothing, and does nothing while it is gone.
type deaf struct {
	there []string
	gone  error
}

func (d *deaf) Ready(context.Context) error             { return d.gone }
func (d *deaf) Token(gate.Pass) (string, string, error) { return "ws://deaf.example", "token", nil }
func (d *deaf) Present(context.Context, string) ([]string, error) {
	return slices.Clone(d.there), d.gone
}
func (d *deaf) Mute(context.Context, string, string) error                { return d.gone }
func (d *deaf) SetRole(_ context.Context, _, _ string, role string) error { return d.gone }

func (d *deaf) Remove(_ context.Context, _, id string) error {
	if d.gone == nil {
		d.there = slices.DeleteFunc(d.there, func(s string) bool { return s == id })
	}
	return d.gone
}

func (d *deaf) End(context.Context, string) error {
	if d.gone == nil {
		d.there = nil
	}
	return d.gone
}

// door is a gate with a clock that tests set.
type door struct {
	*gate.Gate
	t      *testing.T
	now    time.Time
	engine *deaf
	book   *book
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), engine: &deaf{}, book: &book{}}
	clock := func() time.Time { return d.now }
	sealer, err := store.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{Location: filepath.Join(t.TempDir(), "usher.db"), Now: clock, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d.Gate, err = gate.New(gate.Config{
		Credentials: []videosdk.Credentials{sdk}, Policy: usher.PermitAll, Store: s, Engine: d.engine, Ledger: d.book, Now: clock,
		Recall: func(context.Context, *usher.LedgerRow) (*usher.Caller, error) {
			return nil, errors.New("nothing was issued here")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var sdk = videosdk.Credentials{Key: "sweepKey", Secret: "a-secret-of-more-than-thirty-two-bytes"}

func (d *door) join(userKey string, role videosdk.Role) *gate.Answer {
	d.t.Helper()
	s, err := videosdk.NewSigner(sdk)
	if err != nil {
		d.t.Fatal(err)
	}
	signature, err := s.Sign(videosdk.Grant{SessionName: "Talk", UserKey: userKey, Role: role}, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := d.Join(d.t.Context(), &gate.Request{Topic: "Talk", Signature: signature, UserName: userKey})
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// enters brings somebody into the engine's room, which tells nobody.
func (d *door) enters(userKey string, role videosdk.Role) *gate.Answer {
	d.t.Helper()
	a := d.join(userKey, role)
	d.engine.there = append(d.engine.there, a.Entrant.ID)
	return a
}

// sweep lets that time pass, sweeps, and returns what it put into the ledger.
func (d *door) sweep(after time.Duration) string {
	d.t.Helper()
	d.now = d.now.Add(after)
	before := len(d.book.rows)
	if err := d.Sweep(d.t.Context()); err != nil && d.engine.gone == nil {
		d.t.Fatal(err)
	}
	rows := d.book.rows[before:]
	slices.Sort(rows)
	return strings.Join(rows, "; ")
}

func (d *door) says(after time.Duration, want string) {
	d.t.Helper()
	if got := d.sweep(after); got != want {
		d.t.Errorf("the sweep wrote %q, want %q", got, want)
	}
}

// Of an engine whose word never arrives the gate finds out all by itself.
func TestSweepFindsOut(t *testing.T) {
	d := newDoor(t)
	d.enters("ana", videosdk.Host)
	bo := d.enters("bo", videosdk.Participant)
	d.join("cy", videosdk.Participant) // gets a token and never comes
	d.says(time.Second, "room.joined ana; room.joined bo")
	d.says(15*time.Second, "")
	if err := d.engine.Remove(t.Context(), bo.Room.ID, bo.Entrant.ID); err != nil { // bo closes the tab
		t.Fatal(err)
	}
	d.says(44*time.Second, "room.left bo after 59s")
	d.engine.there = append(d.engine.there, bo.Entrant.ID) // and opens it again
	d.says(time.Second, "room.joined bo")
	d.engine.there = d.engine.there[:1]
	d.says(20*time.Second, "room.left bo after 20s")
	d.engine.there = append(d.engine.there, "recorder") // of the operator's own
	d.says(time.Minute, "")
	d.engine.there = nil
	d.says(time.Minute, "room.left ana after 3m20s")
	d.says(time.Minute, "")
	if rooms, _, err := d.Rooms(t.Context(), "", 10); err != nil || len(rooms) != 0 {
		t.Errorf("open are %v (%v), though nobody is there and nobody may come", rooms, err)
	}
}

// What a host decided while the engine was gone is carried out once it is back.
func TestSweepCarriesOut(t *testing.T) {
	for _, c := range []struct {
		action gate.Action
		left   int
		want   string
	}{
		{gate.ActRemove, 1, "room.left bo after 16s"},
		{gate.ActEnd, 0, "room.left ana after 16s; room.left bo after 16s"},
	} {
		t.Run(string(c.action), func(t *testing.T) {
			d := newDoor(t)
			ana, bo := d.enters("ana", videosdk.Host), d.enters("bo", videosdk.Participant)
			d.sweep(0)
			d.engine.gone = errors.New("connection refused")
			who := ""
			if c.action == gate.ActRemove {
				who = bo.Entrant.ID
			}
			if err := d.Act(t.Context(), ana.Ticket, c.action, who, &gate.Request{}); usher.ErrorCode(err) != usher.CodeUnavailable {
				t.Fatalf("%s without an engine: %v", c.action, err)
			}
			d.says(time.Second, "")
			if len(d.engine.there) != 2 {
				t.Fatal("the test's engine isn't gone")
			}
			d.engine.gone = nil
			d.says(time.Second, "")
			if len(d.engine.there) != c.left {
				t.Errorf("%v are still there", d.engine.there)
			}
			d.says(14*time.Second, c.want)
			d.says(30*time.Minute, "")
		})
	}
}
