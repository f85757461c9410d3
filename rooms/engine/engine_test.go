package engine_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/go-jose/go-jose/v3/jwt"
	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/gate"
	"github.com/usher-sessions/usher/rooms/engine"
	"github.com/usher-sessions/usher/rooms/internal/visitor"
	"github.com/usher-sessions/usher/rooms/media"
)

var _ app.Engine = (*engine.LiveKit)(nil)

func start(t *testing.T) *engine.LiveKit {
	t.Helper()
	s, err := media.Start(t.Context(), media.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return newEngine(t, s.URL, s.Key, s.Secret)
}

func newEngine(t *testing.T, url, key, secret string) *engine.LiveKit {
	t.Helper()
	e, err := engine.New(url, key, secret)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func token(t *testing.T, e *engine.LiveKit, p gate.Pass) string {
	t.Helper()
	if p.Life == 0 {
		p.Life = gate.TokenLife
	}
	_, token, err := e.Token(p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func enter(t *testing.T, e *engine.LiveKit, room, identity string) *visitor.Visitor {
	t.Helper()
	return visitor.Enter(t, e.URL(), token(t, e, gate.Pass{Room: room, Identity: identity, Name: identity, Role: "participant"}))
}

func TestAddress(t *testing.T) {
	for address, want := range map[string]string{
		"wss://livekit.example.com":   "wss://livekit.example.com",
		"https://livekit.example.com": "wss://livekit.example.com",
		"ws://127.0.0.1:7880/":        "ws://127.0.0.1:7880",
		"http://[::1]:7880":           "ws://[::1]:7880",
		"ftp://livekit.example.com":   "begins with ftp",
		"livekit.example.com":         "is not an address",
		"wss://":                      "is not an address",
	} {
		e, err := engine.New(address, "key", "secret")
		switch {
		case err == nil && e.URL() != want:
			t.Errorf("%s is %s for clients, want %s", address, e.URL(), want)
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v, want something with %q", address, err, want)
		}
	}
	for _, pair := range [][2]string{{"", "secret"}, {"key", ""}} {
		if _, err := engine.New("ws://127.0.0.1:7880", pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), "LIVEKIT_API_SECRET") {
			t.Errorf("half a pair: %v", err)
		}
	}
}

// A token holds what a user does in a room, and not one thing more, whatever the role.
func TestTokenHoldsNoMoreThanItMust(t *testing.T) {
	e := newEngine(t, "ws://127.0.0.1:7880", "the-key", "the-secret")
	for _, role := range []string{"host", "cohost", "participant"} {
		claims := claimsOf(t, token(t, e, gate.Pass{Room: "r1", Identity: "ana", Name: "Ana", Role: role, UserKey: "u1"}))
		exp, nbf := claims["exp"].(float64), claims["nbf"].(float64)
		if exp-nbf != 60 || time.Since(time.Unix(int64(nbf), 0)).Abs() > time.Minute {
			t.Errorf("%s: a token from %v to %v doesn't live a minute from now", role, nbf, exp)
		}
		maps.DeleteFunc(claims, func(name string, _ any) bool { return name == "exp" || name == "nbf" })
		want := map[string]any{
			"iss": "the-key", "sub": "ana", "name": "Ana",
			"attributes": map[string]any{"usher.role": role, "usher.userKey": "u1"},
			"video": map[string]any{
				"roomJoin": true, "room": "r1", "canPublish": true, "canSubscribe": true, "canPublishData": true, "canUpdateOwnMetadata": false,
			},
		}
		delete(claims, "identity") // as sub
		delete(claims, "kind")     // a standard participant
		if !reflect.DeepEqual(claims, want) {
			t.Errorf("%s: the token says\n %v, want\n %v", role, claims, want)
		}
	}
	if claims := claimsOf(t, token(t, e, gate.Pass{Room: "r1", Identity: "ana", Role: "participant"})); len(claims["attributes"].(map[string]any)) != 1 {
		t.Errorf("attributes of somebody without a user key: %v", claims["attributes"])
	}
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// LiveKit itself refuses what the token doesn't hold.
func TestTokenManagesNothing(t *testing.T) {
	e := start(t)
	enter(t, e, "r1", "ana")
	host := token(t, e, gate.Pass{Room: "r1", Identity: "host", Name: "Host", Role: "host"})
	for _, call := range []struct{ method, body string }{
		{"ListRooms", `{}`},
		{"CreateRoom", `{"name":"r2"}`},
		{"DeleteRoom", `{"room":"r1"}`},
		{"ListParticipants", `{"room":"r1"}`},
		{"RemoveParticipant", `{"room":"r1","identity":"ana"}`},
		{"UpdateParticipant", `{"room":"r1","identity":"ana","metadata":"x"}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(e.URL(), "ws", "http", 1)+"/twirp/livekit.RoomService/"+call.method, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+host)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s with a host's room token: %s", call.method, res.Status)
		}
	}
}

func TestWhoIsThereAndWhatIsDoneToThem(t *testing.T) {
	e, ctx := start(t), t.Context()
	ana, bo := enter(t, e, "r1", "ana"), enter(t, e, "r1", "bo")
	elsewhere := enter(t, e, "r2", "ana")
	present := func(room string, want ...string) {
		t.Helper()
		visitor.Until(t, "present in "+room+": "+strings.Join(want, ", "), func() bool {
			got, err := e.Present(ctx, room)
			if err != nil {
				t.Fatal(err)
			}
			return sameSet(got, want)
		})
	}
	present("r1", "ana", "bo")
	present("never was")

	sound := ana.Speak()
	bo.Hears()
	if err := e.Mute(ctx, "r1", "ana"); err != nil {
		t.Fatal(err)
	}
	visitor.Until(t, "the muted user knows", sound.IsMuted)

	if err := e.SetRole(ctx, "r1", "ana", "cohost"); err != nil {
		t.Fatal(err)
	}
	visitor.Until(t, "others see the new role", func() bool {
		return bo.Room.GetParticipantByIdentity("ana").Attributes()["usher.role"] == "cohost"
	})

	if err := e.Remove(ctx, "r1", "bo"); err != nil {
		t.Fatal(err)
	}
	if why := bo.Dropped(); why != lksdk.ParticipantRemoved {
		t.Errorf("the removed user is told: %s", why)
	}
	present("r1", "ana")

	if err := e.End(ctx, "r1"); err != nil {
		t.Fatal(err)
	}
	ana.Dropped()
	present("r1")
	present("r2", "ana") // the same identity in another room isn't touched
	elsewhere.Leave()

	// Whoever is there no more needs nothing done to them.
	for name, err := range map[string]error{
		"Remove": e.Remove(ctx, "r1", "bo"), "Mute": e.Mute(ctx, "r1", "bo"),
		"SetRole": e.SetRole(ctx, "r1", "bo", "cohost"), "End": e.End(ctx, "r1"),
	} {
		if err != nil {
			t.Errorf("%s where nobody is: %v", name, err)
		}
	}
}

func sameSet(a, b []string) bool {
	set := map[string]bool{}
	for _, s := range a {
		set[s] = true
	}
	for _, s := range b {
		if !set[s] {
			return false
		}
	}
	return len(a) == len(b)
}

// hook is a webhook as LiveKit sends it, for five minutes from then on.
func hook(t *testing.T, key, secret, body string, from time.Time) *http.Request {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// By hand, since LiveKit's package makes no token that has expired.
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": key, "nbf": from.Unix(), "exp": from.Add(5 * time.Minute).Unix(), "sha256": base64.StdEncoding.EncodeToString(sum[:]),
	}).CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/livekit/webhook", strings.NewReader(body))
	r.Header.Set("Authorization", token)
	return r
}

func TestReceive(t *testing.T) {
	const key, secret = "the-key", "the-secret"
	e, now := newEngine(t, "ws://127.0.0.1:7880", key, secret), time.Now()
	joined := `{"event":"participant_joined","room":{"name":"r1"},"participant":{"identity":"ana"},"createdAt":"1700000000","id":"EV_1","unknown":{"x":1}}`
	for name, c := range map[string]struct {
		body string
		want *gate.Happening
	}{
		"joined":  {joined, &gate.Happening{Kind: gate.HappenedJoined, Room: "r1", Identity: "ana", At: time.Unix(1700000000, 0)}},
		"left":    {strings.Replace(joined, "participant_joined", "participant_left", 1), &gate.Happening{Kind: gate.HappenedLeft, Room: "r1", Identity: "ana", At: time.Unix(1700000000, 0)}},
		"aborted": {strings.Replace(joined, "participant_joined", "participant_connection_aborted", 1), &gate.Happening{Kind: gate.HappenedLeft, Room: "r1", Identity: "ana", At: time.Unix(1700000000, 0)}},
		"ended":   {`{"event":"room_finished","room":{"name":"r1"},"createdAt":"1700000000"}`, &gate.Happening{Kind: gate.HappenedEnded, Room: "r1", At: time.Unix(1700000000, 0)}},
		"other":   {`{"event":"track_published","room":{"name":"r1"}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := e.Receive(hook(t, key, secret, c.body, now))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v (%v), want %+v", got, err, c.want)
			}
		})
	}

	roomToken := token(t, e, gate.Pass{Room: "r1", Identity: "ana", Name: "Ana", Role: "host"})
	for name, spoil := range map[string]func() *http.Request{
		"signed with another secret": func() *http.Request { return hook(t, key, "another", joined, now) },
		"signed for another key":     func() *http.Request { return hook(t, "another", secret, joined, now) },
		"long ago":                   func() *http.Request { return hook(t, key, secret, joined, now.Add(-10*time.Minute)) },
		"in ten minutes":             func() *http.Request { return hook(t, key, secret, joined, now.Add(10*time.Minute)) },
		"without a signature": func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/", strings.NewReader(joined))
		},
		"with another body": func() *http.Request {
			r := hook(t, key, secret, joined, now)
			forged := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Replace(joined, "ana", "eve", 1)))
			forged.Header = r.Header
			return forged
		},
		"with a room token": func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(joined))
			r.Header.Set("Authorization", roomToken)
			return r
		},
		"that is no JSON": func() *http.Request { return hook(t, key, secret, "event", now) },
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := e.Receive(spoil()); err == nil {
				t.Errorf("it is taken: %+v", got)
			}
		})
	}
}

// Where LiveKit isn't, or isn't ours, every method says so, and soon.
func TestLiveKitGone(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer proxy.Close()
	live := start(t)

	key, secret := "the-key", strings.Repeat("s", 32)
	for _, c := range []struct {
		name, url, want string
		ready           bool
	}{
		{"nothing listens", "ws://" + closed.Addr().String(), "LIVEKIT_URL", false},
		{"nothing answers", "ws://" + silent.Addr().String(), "LIVEKIT_URL", false},
		{"a proxy before nothing", proxy.URL, "LIVEKIT_URL", false},
		{"another pair", live.URL(), "LIVEKIT_API_SECRET", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.url, key, secret)
			var all sync.WaitGroup // at once, since they wait
			defer all.Wait()
			for method, call := range map[string]func() error{
				"Present": func() error { _, err := e.Present(t.Context(), "r1"); return err },
				"Remove":  func() error { return e.Remove(t.Context(), "r1", "ana") },
				"Mute":    func() error { return e.Mute(t.Context(), "r1", "ana") },
				"SetRole": func() error { return e.SetRole(t.Context(), "r1", "ana", "cohost") },
				"End":     func() error { return e.End(t.Context(), "r1") },
				"Ready":   func() error { return e.Ready(t.Context()) },
			} {
				all.Go(func() {
					began := time.Now()
					err := call()
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("%s: it took %s to find out", method, took)
					}
					switch {
					case method == "Ready" && c.ready:
						if err != nil {
							t.Error(err)
						}
					case err == nil || !strings.Contains(err.Error(), c.want):
						t.Errorf("%s: %v, want something with %s", method, err, c.want)
					case strings.Contains(err.Error(), "eyJ"):
						t.Errorf("%s: a token stands in the error: %v", method, err)
					}
				})
			}
		})
	}
}

// Many who join at once cost LiveKit one question, and its return is noticed.
func TestReady(t *testing.T) {
	var asked int
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(answer)
	}))
	defer server.Close()
	e := newEngine(t, server.URL, "key", "secret")
	answers := make(chan error)
	const joins = 50
	for range joins {
		go func() { answers <- e.Ready(t.Context()) }()
	}
	for range joins {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("%d joins asked LiveKit %d times", joins, asked)
	}
	for _, answer = range []int{http.StatusServiceUnavailable, http.StatusNotAcceptable} {
		ok := answer == http.StatusNotAcceptable
		visitor.Until(t, "the answer "+http.StatusText(answer)+" is noticed", func() bool { return (e.Ready(t.Context()) == nil) == ok })
	}
}

// A call to LiveKit carries the right to manage the one room that it is about.
func TestCallsManageOneRoom(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims := claimsOf(t, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if want := map[string]any{"room": "r1", "roomAdmin": true, "roomCreate": true}; !reflect.DeepEqual(claims["video"], want) {
			t.Errorf("the token of a call says %v, want %v", claims["video"], want)
		}
		if life := claims["exp"].(float64) - claims["nbf"].(float64); life != 60 {
			t.Errorf("the token of a call lives %v s", life)
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	if err := newEngine(t, server.URL, "key", "secret").Remove(t.Context(), "r1", "ana"); err == nil {
		t.Error("that there is no LiveKit at the address passes for a user who isn't there")
	}
}
