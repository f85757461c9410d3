package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/internal/pgtest"
)

// TestReplicas runs two replicas on one PostgreSQL, under load the whole time,
// and does to them what happens to replicas.
func TestReplicas(t *testing.T) {
	ctx := context.Background()
	pg := pgtest.Start(t)
	url := pg.URL(t)
	first := start(t, "DATABASE_URL="+url, "USHER_INSTANCE=first", "USHER_REQUESTS_PER_SECOND=0")
	second := start(t, "DATABASE_URL="+url, "USHER_INSTANCE=second", "USHER_REQUESTS_PER_SECOND=0")
	manager := operatorKey(t, "DATABASE_URL="+url)
	onFirst, onSecond := newClient(t, first, manager), newClient(t, second, manager)
	l := startLoad(8, first, second)

	t.Run("a key that one revokes is refused by the other", func(t *testing.T) {
		k, err := onFirst.CreateKey(ctx, api.KeyRequest{Name: "short-lived"})
		if err != nil {
			t.Fatal(err)
		}
		// The other has never heard of it, so it asks the store.
		if a, err := second.ask(k.Secret, `{"sessionName":"x"}`); err != nil || a.status != http.StatusOK {
			t.Fatalf("%+v, %v", a, err)
		}
		if err := onFirst.RevokeKey(ctx, k.ID); err != nil {
			t.Fatal(err)
		}
		refusedSoon(t, first, k.Secret, http.StatusUnauthorized)
		refusedSoon(t, second, k.Secret, http.StatusUnauthorized)
	})

	t.Run("a key that one bans is refused by the other", func(t *testing.T) {
		k, err := onFirst.CreateKey(ctx, api.KeyRequest{Name: "banned"})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := second.ask(k.Secret, `{"sessionName":"x"}`); err != nil || a.status != http.StatusOK {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, err := onFirst.CreateBan(ctx, api.BanRequest{Subject: "key:" + k.ID, Reason: "spam"}); err != nil {
			t.Fatal(err)
		}
		refusedSoon(t, second, k.Secret, http.StatusForbidden)
	})

	t.Run("a session that one locks is locked on the other", func(t *testing.T) {
		s, err := onFirst.CreateSession(ctx, api.NewSession{Name: "Locked Class"})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := second.ask(apiKey, `{"sessionName":"locked class"}`); err != nil || a.status != http.StatusOK {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, err := onFirst.UpdateSession(ctx, s.ID, api.SessionChange{State: new("locked")}); err != nil {
			t.Fatal(err)
		}
		soon(t, second, apiKey, `{"sessionName":"LOCKED CLASS"}`, http.StatusConflict)
		if _, err := onSecond.UpdateSession(ctx, s.ID, api.SessionChange{State: new("ended")}); err != nil {
			t.Fatal(err)
		}
		soon(t, first, apiKey, `{"sessionName":"Locked Class","role":1}`, http.StatusConflict)
	})

	t.Run("a one-use invite lets one of 50 in", func(t *testing.T) {
		for range 5 {
			invite, err := onFirst.CreateInvite(ctx, api.InviteRequest{Session: "Locked Class Two"})
			if err != nil {
				t.Fatal(err)
			}
			var in atomic.Int64
			var winner atomic.Value
			var all sync.WaitGroup
			gate := make(chan struct{})
			for i := range 50 {
				c := newClient(t, []*node{first, second}[i%2], "")
				guest := fmt.Sprintf("guest-%02d-abcdefghijklmnopqrstuvw", i)
				all.Go(func() {
					<-gate
					sig, err := c.RedeemInvite(ctx, api.Redemption{Code: invite.Code, Guest: guest})
					var p *api.Problem
					switch {
					case err == nil && sig.Signature != "":
						in.Add(1)
						winner.Store(guest)
					case errors.As(err, &p) && p.Status == http.StatusForbidden:
					default:
						t.Errorf("neither let in nor refused: %v", err)
					}
				})
			}
			close(gate)
			all.Wait()
			if n := in.Load(); n != 1 {
				t.Fatalf("%d guests came in with a one-use invite", n)
			}
			// The one who was let in may come back, on either replica.
			for _, n := range []*node{first, second} {
				if _, err := newClient(t, n, "").RedeemInvite(ctx, api.Redemption{Code: invite.Code, Guest: winner.Load().(string)}); err != nil {
					t.Errorf("the guest can't come back: %v", err)
				}
			}
		}
	})

	t.Run("the database stops and starts", func(t *testing.T) {
		pg.Stop()
		signed := atomic.Int64{}
		waitFor(t, "503", func() bool {
			a, err := second.ask(apiKey, `{"sessionName":"no record"}`)
			return err == nil && a.status == http.StatusServiceUnavailable && a.retryAfter != ""
		})
		for range 20 {
			if a, err := first.ask(apiKey, `{"sessionName":"no record"}`); err == nil && a.signature != "" {
				signed.Add(1)
			}
		}
		if signed.Load() > 0 {
			t.Errorf("%d signatures were given while the database was down", signed.Load())
		}
		res, err := http.Get(first.url + "/readyz")
		if err != nil || res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("readyz while the database is down: %v, %v", res, err)
		}
		pg.Up(t)
		for _, n := range []*node{first, second} {
			waitFor(t, "service to come back by itself", func() bool {
				a, err := n.ask(apiKey, `{"sessionName":"again"}`)
				return err == nil && a.status == http.StatusOK
			})
		}
	})

	t.Run("one replica is killed and the other goes on", func(t *testing.T) {
		first.kill()
		for range 50 {
			if a, err := second.ask(apiKey, `{"sessionName":"alone"}`); err != nil || a.status != http.StatusOK {
				t.Fatalf("%+v, %v", a, err)
			}
		}
	})

	received := l.stop()
	if w := l.wrong.String(); w != "" {
		t.Errorf("answers that are neither a signature nor 503:\n%s", w)
	}
	second.kill()
	t.Logf("%d signatures received, %d rows", len(received), mustBeRecorded(t, url, received))
}

func newClient(t testing.TB, n *node, key string) *client.Client {
	t.Helper()
	c, err := client.New(n.url, client.WithKey(key), client.WithHTTPClient(httpClient))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// operatorKey makes a key that may do everything, as an operator does on the
// database itself.
func operatorKey(t testing.TB, database string) string {
	t.Helper()
	out, err := runUsher(t, []string{database, "USHER_STORAGE_KEY=" + storageKey},
		"keys", "create", "--name", "operator", "--may", "sign,inspect,manage")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(out)
}

func refusedSoon(t *testing.T, n *node, key string, status int) {
	t.Helper()
	soon(t, n, key, `{"sessionName":"x"}`, status)
}
