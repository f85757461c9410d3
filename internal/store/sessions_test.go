package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/store"
	"github.com/usher-sessions/usher/videosdk"
)

func fullSession(name string) *usher.Session {
	return &usher.Session{
		Name: name, Passcode: "s3cret!", SessionKey: "key-1", NotBefore: start.Add(time.Hour), NotAfter: start.Add(2 * time.Hour),
		State: usher.StateOpen, Owner: "ann", Hosts: []string{"bob"}, People: []string{"cäcilie", "d'Arcy"}, Groups: []string{"7b"},
		Admit: usher.AdmitSignedIn, Life: time.Hour, GeoRegions: []string{"DE", "NL"}, CloudRecordingOption: new(0),
		CloudRecordingElection: new(1), CloudRecordingTranscriptOption: new(2), WaitingRoom: true, Capacity: 30,
	}
}

func TestSessionsAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		v := fullSession("Ärzte & Co")
		noError(t, s.CreateSession(ctx, v))
		if v.ID == "" || v.Version != 1 || !v.CreatedAt.Equal(start) || !v.UpdatedAt.Equal(start) {
			t.Errorf("created %+v", v)
		}
		other := open(t) // as after a restart, or on another replica
		for _, read := range []func() (*usher.Session, error){
			func() (*usher.Session, error) { return other.Session(ctx, "äRZTE & CO") },
			func() (*usher.Session, error) { return other.SessionByID(ctx, v.ID) },
		} {
			got, err := read()
			noError(t, err)
			if !reflect.DeepEqual(got, v) {
				t.Errorf("read  %+v\nwrote %+v", got, v)
			}
		}
		plain := &usher.Session{Name: "plain", State: usher.StateOpen}
		noError(t, s.CreateSession(ctx, plain))
		got, err := s.Session(ctx, "plain")
		noError(t, err)
		if !reflect.DeepEqual(got, plain) {
			t.Errorf("read  %+v\nwrote %+v", got, plain)
		}
	})
}

func TestSessionNamesAreTakenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		a, b := &usher.Session{Name: "Math"}, &usher.Session{Name: "Physics"}
		noError(t, s.CreateSession(ctx, a))
		noError(t, s.CreateSession(ctx, b))
		wantCode(t, "the name in another case", s.CreateSession(ctx, &usher.Session{Name: "MATH"}), usher.CodeConflict)
		b.Name = "math"
		wantCode(t, "renamed to a taken name", s.UpdateSession(ctx, b), usher.CodeConflict)
		a.Name = "MATH"
		wantCode(t, "its own name in another case", s.UpdateSession(ctx, a), "")
	})
}

func TestSessionsChange(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		v := fullSession("class")
		noError(t, s.CreateSession(ctx, v))
		stale := *v
		c.move(time.Minute)
		v.State, v.Passcode = usher.StateLocked, ""
		noError(t, s.UpdateSession(ctx, v))
		if v.Version != 2 || !v.UpdatedAt.Equal(start.Add(time.Minute)) || !v.CreatedAt.Equal(start) {
			t.Errorf("updated %+v", v)
		}
		got, err := s.Session(ctx, "class")
		noError(t, err)
		if !reflect.DeepEqual(got, v) {
			t.Errorf("read  %+v\nwrote %+v", got, v)
		}
		stale.Owner = "mallory"
		wantCode(t, "an old version", s.UpdateSession(ctx, &stale), usher.CodeConflict)
		wantCode(t, "no such session", s.UpdateSession(ctx, &usher.Session{ID: "none", Version: 1}), usher.CodeNotFound)
		noError(t, s.DeleteSession(ctx, v.ID))
		wantCode(t, "deleted twice", s.DeleteSession(ctx, v.ID), usher.CodeNotFound)
		_, err = s.SessionByID(ctx, v.ID)
		wantCode(t, "read after delete", err, usher.CodeNotFound)
		if got, err := s.Session(ctx, "class"); got != nil || err != nil {
			t.Errorf("by name after delete: %v, %v", got, err)
		}
	})
}

func TestSessionsAreListedInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		for i := range 25 {
			state := usher.StateOpen
			if i%5 == 0 {
				state = usher.StateEnded
			}
			noError(t, s.CreateSession(ctx, &usher.Session{Name: fmt.Sprintf("Class-%02d", i), State: state}))
		}
		for _, name := range []string{"clasp", "class_", "Zebra", "äpfel", "50% off"} {
			noError(t, s.CreateSession(ctx, &usher.Session{Name: name, State: usher.StateOpen}))
		}
		for _, tt := range []struct {
			filter usher.SessionFilter
			limit  int
			want   int
		}{
			{usher.SessionFilter{}, 7, 30}, {usher.SessionFilter{}, 30, 30}, {usher.SessionFilter{}, 200, 30},
			{usher.SessionFilter{NamePrefix: "CLASS-"}, 4, 25}, {usher.SessionFilter{NamePrefix: "class-", State: usher.StateEnded}, 2, 5},
			{usher.SessionFilter{NamePrefix: "Ä"}, 1, 1}, {usher.SessionFilter{NamePrefix: "50%"}, 1, 1}, {usher.SessionFilter{NamePrefix: "_"}, 1, 0},
			{usher.SessionFilter{NamePrefix: "a\x00b"}, 1, 0},
		} {
			seen := map[string]bool{}
			last := ""
			for cursor, more := "", true; more; more = cursor != "" {
				page, next, err := s.ListSessions(ctx, tt.filter, cursor, tt.limit)
				noError(t, err)
				if len(page) > tt.limit || next != "" && len(page) != tt.limit {
					t.Fatalf("%+v: a page of %d with next %q", tt, len(page), next)
				}
				for _, v := range page {
					if f := usher.FoldName(v.Name); seen[f] || f <= last {
						t.Fatalf("%+v: %q after %q", tt, f, last)
					} else {
						seen[f], last = true, f
					}
				}
				cursor = next
			}
			if len(seen) != tt.want {
				t.Errorf("%+v: %d sessions, want %d", tt, len(seen), tt.want)
			}
		}
		for _, cursor := range []string{"x", "!!", "bnVsbA", "W10", "WzFd", "WyJhIiwiYiJd"} {
			_, _, err := s.ListSessions(ctx, usher.SessionFilter{}, cursor, 5)
			var faults videosdk.FieldErrors
			if !errors.As(err, &faults) || faults[0].Field != "cursor" {
				t.Errorf("cursor %q: %v, want a fault of it", cursor, err)
			}
		}
	})
}

func TestHostileTextIsRefusedOrKeptWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		for _, name := range []string{"'; DROP TABLE sessions; --", `"quoted"`, "$1 ? ?", "\\", "\u202Egnp", "emoji 👩‍🏫", "\r\n\t", " "} {
			v := &usher.Session{Name: name, State: usher.StateOpen, People: []string{name}, Passcode: name}
			noError(t, s.CreateSession(ctx, v))
			got, err := s.Session(ctx, name)
			noError(t, err)
			if !reflect.DeepEqual(got, v) {
				t.Errorf("%q: read %+v", name, got)
			}
		}
		for _, name := range []string{"a\x00b", "\xff\xfe"} {
			var faults videosdk.FieldErrors
			if err := s.CreateSession(ctx, &usher.Session{Name: name}); !errors.As(err, &faults) {
				t.Errorf("created %q: %v, want faults of the request", name, err)
			}
			if got, err := s.Session(ctx, name); got != nil || err != nil {
				t.Errorf("session %q: %v, %v", name, got, err)
			}
			_, err := s.SessionByID(ctx, name)
			wantCode(t, "by id", err, usher.CodeNotFound)
			wantCode(t, "delete", s.DeleteSession(ctx, name), usher.CodeNotFound)
		}
	})
}

func TestPasscodesAreSealed(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		noError(t, s.CreateSession(ctx, fullSession("a")))
		noError(t, s.CreateSession(ctx, fullSession("b")))
		db := s.Raw()
		var sealed []byte
		noError(t, db.QueryRow("SELECT passcode FROM sessions WHERE name = 'a'").Scan(&sealed))
		if len(sealed) < 30 || contains(sealed, "s3cret!") {
			t.Errorf("stored as %q", sealed)
		}
		// What is sealed for one session doesn't open in another.
		_, err := db.Exec("UPDATE sessions SET passcode = (SELECT passcode FROM sessions WHERE name = 'a') WHERE name = 'b'")
		noError(t, err)
		_, err = s.Session(ctx, "b")
		wantCode(t, "a copied passcode", err, usher.CodeUnavailable)
	})
}

func TestReseal(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		noError(t, s.CreateSession(ctx, fullSession("a")))
		noError(t, s.CreateSession(ctx, fullSession("b")))
		noError(t, s.CreateSession(ctx, &usher.Session{Name: "none"}))
		both := s.With(sealer(t, 2, 1))
		for _, want := range []int{2, 0} {
			if n, err := both.Reseal(ctx); n != want || err != nil {
				t.Errorf("resealed %d, %v; want %d", n, err, want)
			}
		}
		got, err := s.With(sealer(t, 2)).Session(ctx, "a")
		noError(t, err)
		if got.Passcode != "s3cret!" {
			t.Errorf("passcode %q", got.Passcode)
		}
		_, err = s.Session(ctx, "a")
		wantCode(t, "with the old key alone", err, usher.CodeUnavailable)
	})
}
