package store_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/store"
)

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

func hash(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func TestKeysAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		k := &usher.Key{Name: "back end", Hash: hash("k1"), May: []usher.Action{usher.ActionJoin, usher.ActionHost},
			Sessions: []string{"class-*", "a, b"}, ExpiresAt: start.Add(time.Hour)}
		noError(t, s.CreateKey(ctx, k))
		wantCode(t, "the same hash", s.CreateKey(ctx, &usher.Key{Hash: hash("k1")}), usher.CodeConflict)
		read := func() *usher.Key {
			t.Helper()
			got, err := s.KeyByHash(ctx, hash("k1"))
			noError(t, err)
			return got
		}
		if got := read(); !reflect.DeepEqual(got, k) {
			t.Errorf("read  %+v\nwrote %+v", got, k)
		}
		if got, err := s.KeyByHash(ctx, hash("k2")); got != nil || err != nil {
			t.Errorf("unknown key: %v, %v", got, err)
		}
		noError(t, s.KeysUsed(ctx, map[string]time.Time{k.ID: start.Add(time.Minute), "gone": start}))
		noError(t, s.KeysUsed(ctx, map[string]time.Time{k.ID: start.Add(time.Second)}))
		if got := read(); !got.LastUsedAt.Equal(start.Add(time.Minute)) {
			t.Errorf("last used %v", got.LastUsedAt)
		}
		noError(t, s.RevokeKey(ctx, k.ID))
		c.move(time.Hour)
		noError(t, s.RevokeKey(ctx, k.ID))
		if got := read(); !got.RevokedAt.Equal(start) || got.Holds(start) {
			t.Errorf("revoked %+v", got)
		}
		wantCode(t, "revoking none", s.RevokeKey(ctx, "none"), usher.CodeNotFound)
		for i := range 11 {
			c.move(time.Second * time.Duration(i%2)) // some in the same moment
			noError(t, s.CreateKey(ctx, &usher.Key{Name: "n", Hash: hash(fmt.Sprint(i)), May: nil}))
		}
		var ids []string
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := s.ListKeys(ctx, cursor, 5)
			noError(t, err)
			for _, k := range page {
				ids = append(ids, k.ID)
			}
			cursor = next
		}
		if len(ids) != 12 || ids[11] != k.ID {
			t.Errorf("listed %v", ids)
		}
	})
}

func TestInvitesLetInAsManyAsTheyMay(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		replicas, ctx := []*store.Store{open(t), open(t)}, t.Context()
		for _, uses := range []int{1, 3, 0} {
			v := &usher.Invite{Hash: hash(fmt.Sprint("invite", uses)), Session: "Cars", Uses: uses, ExpiresAt: start.Add(time.Hour)}
			noError(t, replicas[0].CreateInvite(ctx, v))
			const guests = 50
			var in atomic.Int64
			var numbers sync.Map
			var wg sync.WaitGroup
			for g := range guests {
				wg.Go(func() {
					got, guest, err := replicas[g%2].Redeem(ctx, v.Hash, hash(fmt.Sprint("guest", g)), "")
					switch {
					case err == nil:
						in.Add(1)
						if _, taken := numbers.LoadOrStore(guest.Number, g); taken || guest.Back || got.ID != v.ID {
							t.Errorf("guest %+v with %+v", guest, got)
						}
					case usher.ErrorCode(err) != usher.CodeDenied:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			want := uses
			if uses == 0 {
				want = guests
			}
			if in.Load() != int64(want) {
				t.Errorf("%d uses let %d in", uses, in.Load())
			}
			numbers.Range(func(n, g any) bool { // each comes back on the other replica, and as the same
				_, guest, err := replicas[(g.(int)+1)%2].Redeem(ctx, v.Hash, hash(fmt.Sprint("guest", g)), "")
				if err != nil || !guest.Back || guest.Number != n {
					t.Errorf("guest %v came back as %+v, %v", n, guest, err)
				}
				return true
			})
			got, err := replicas[1].Invite(ctx, v.ID)
			noError(t, err)
			if v.Used = want; !reflect.DeepEqual(got, v) {
				t.Errorf("read %+v, want %+v", got, v)
			}
		}
	})
}

func TestOneGuestManyTimesAtOnceSpendsOneUse(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		replicas, ctx := []*store.Store{open(t), open(t)}, t.Context()
		v := &usher.Invite{Hash: hash("i"), Session: "Cars", Uses: 2, ExpiresAt: start.Add(time.Hour), Host: true}
		noError(t, replicas[0].CreateInvite(ctx, v))
		var wg sync.WaitGroup
		for g := range 20 {
			wg.Go(func() {
				if _, guest, err := replicas[g%2].Redeem(ctx, v.Hash, hash("me"), "Me"); err != nil || guest.Number != 1 {
					t.Errorf("%+v, %v", guest, err)
				}
			})
		}
		wg.Wait()
		got, err := replicas[0].InviteByHash(ctx, v.Hash)
		noError(t, err)
		if got.Used != 1 || !got.Host {
			t.Errorf("read %+v", got)
		}
	})
}

func TestInvitesEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		a := &usher.Invite{Hash: hash("a"), Session: "Cars", ExpiresAt: start.Add(time.Hour)}
		b := &usher.Invite{Hash: hash("b"), Session: "CARS", ExpiresAt: start.Add(2 * time.Hour)}
		other := &usher.Invite{Hash: hash("c"), Session: "Ships", ExpiresAt: start.Add(2 * time.Hour)}
		for _, v := range []*usher.Invite{a, b, other} {
			noError(t, s.CreateInvite(ctx, v))
			c.move(time.Second)
		}
		redeem := func(code string) error {
			_, _, err := s.Redeem(ctx, hash(code), hash("guest"), "")
			return err
		}
		wantCode(t, "unknown", redeem("x"), usher.CodeNotFound)
		wantCode(t, "a", redeem("a"), "")
		wantCode(t, "b", redeem("b"), "")
		noError(t, s.RevokeInvite(ctx, b.ID))
		wantCode(t, "revoked, for those who came too", redeem("b"), usher.CodeDenied)
		c.move(time.Hour)
		wantCode(t, "expired", redeem("a"), usher.CodeDenied)
		wantCode(t, "revoking none", s.RevokeInvite(ctx, "none"), usher.CodeNotFound)
		list, next, err := s.ListInvites(ctx, "cars", "", 1)
		noError(t, err)
		if len(list) != 1 || list[0].ID != b.ID || next == "" {
			t.Errorf("listed %v, %q", list, next)
		}
		list, next, err = s.ListInvites(ctx, "cars", next, 1)
		noError(t, err)
		if len(list) != 1 || list[0].ID != a.ID || next != "" {
			t.Errorf("listed %v, %q", list, next)
		}
		if list, _, err = s.ListInvites(ctx, "", "", 10); err != nil || len(list) != 3 {
			t.Errorf("listed %v, %v", list, err)
		}
	})
}

func TestBans(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		b := &usher.Ban{Subject: "user:troll", Reason: "spam"}
		noError(t, s.AddBan(ctx, b))
		wantCode(t, "twice", s.AddBan(ctx, &usher.Ban{Subject: "user:troll"}), usher.CodeConflict)
		for subject, want := range map[string]bool{"user:troll": true, "user:Troll": false, "key:troll": false, "user:\x00": false} {
			if reason, banned, err := s.Ban(ctx, subject); err != nil || banned != want || banned && reason != "spam" {
				t.Errorf("%q: %q, %v, %v", subject, reason, banned, err)
			}
		}
		list, next, err := s.ListBans(ctx, "", 10)
		noError(t, err)
		if len(list) != 1 || !reflect.DeepEqual(list[0], b) || next != "" {
			t.Errorf("listed %v", list)
		}
		noError(t, s.RemoveBan(ctx, b.ID))
		wantCode(t, "removed twice", s.RemoveBan(ctx, b.ID), usher.CodeNotFound)
		if _, banned, err := s.Ban(ctx, "user:troll"); banned || err != nil {
			t.Errorf("after removal: %v, %v", banned, err)
		}
	})
}

func TestIdempotency(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		s, ctx := open(t), t.Context()
		day := start.Add(24 * time.Hour)
		begin := func(name, call string) ([]byte, error) { return s.BeginIdempotent(ctx, hash(name), hash(call), day) }
		must := func(name, call, want string) {
			t.Helper()
			if got, err := begin(name, call); err != nil || string(got) != want {
				t.Errorf("%s %s: %q, %v; want %q", name, call, got, err, want)
			}
		}
		refused := func(name, call string) {
			t.Helper()
			_, err := begin(name, call)
			wantCode(t, name+" "+call, err, usher.CodeConflict)
		}
		must("n", "call", "")
		refused("n", "call") // isn't over
		noError(t, s.EndIdempotent(ctx, hash("n"), []byte(`{"signature":"x.y.z"}`), day))
		must("n", "call", `{"signature":"x.y.z"}`)
		refused("n", "another call")
		noError(t, s.EndIdempotent(ctx, hash("n"), []byte("second answer"), day))
		must("n", "call", `{"signature":"x.y.z"}`)
		var body []byte
		noError(t, s.Raw().QueryRow("SELECT body FROM answers").Scan(&body))
		if contains(body, "x.y.z") {
			t.Error("the answer is stored in the clear")
		}
		noError(t, s.Raw().QueryRow("SELECT fingerprint FROM answers").Scan(&body))
		if call := hash("call"); contains(body, string(call[:])) {
			t.Error("the call's fingerprint, from which a passcode can be guessed, is stored in the clear")
		}

		must("failed", "call", "")
		noError(t, s.EndIdempotent(ctx, hash("failed"), nil, day))
		must("failed", "call", "")

		must("crashed", "call", "")
		c.move(time.Minute)
		must("crashed", "call", "")
		refused("crashed", "call")

		c.move(24 * time.Hour)
		must("n", "another call", "")
		noError(t, s.EndIdempotent(ctx, hash("n"), []byte("x"), day.Add(24*time.Hour)))
		for i := range 2500 { // more than one transaction takes
			_, err := s.BeginIdempotent(ctx, hash(fmt.Sprint("old ", i)), hash("call"), start)
			noError(t, err)
		}
		for _, want := range []int64{2502, 0} {
			if gone, err := s.SweepIdempotent(ctx); err != nil || gone != want {
				t.Errorf("swept %d, %v; want %d", gone, err, want)
			}
		}
	})
}

func TestOneOfManyBegins(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB) *store.Store, c *clock) {
		replicas, ctx := []*store.Store{open(t), open(t)}, t.Context()
		var begun atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := replicas[i%2].BeginIdempotent(ctx, hash("n"), hash("c"), start.Add(time.Hour)); err == nil {
					begun.Add(1)
				} else if usher.ErrorCode(err) != usher.CodeConflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if begun.Load() != 1 {
			t.Errorf("%d began", begun.Load())
		}
	})
}

func TestAnswersOutliveAChangeOfStorageKeys(t *testing.T) {
	location, c, ctx := filepath.Join(t.TempDir(), "usher.db"), &clock{now: start}, t.Context()
	s := openAt(t, location, c)
	_, err := s.BeginIdempotent(ctx, hash("n"), hash("call"), start.Add(time.Hour))
	noError(t, err)
	noError(t, s.EndIdempotent(ctx, hash("n"), []byte("answer"), start.Add(time.Hour)))
	for _, tt := range []struct {
		sealer *store.Sealer
		want   string
	}{{sealer(t, 2, 1), "answer"}, {nil, ""}} {
		later, err := store.Open(ctx, store.Options{Location: location, Sealer: tt.sealer, Now: c.Now})
		noError(t, err)
		got, err := later.BeginIdempotent(ctx, hash("n"), hash("call"), start.Add(time.Hour))
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q, %v; want %q", got, err, tt.want)
		}
		noError(t, later.Close())
	}
}
