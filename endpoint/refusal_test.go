package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
)

// TestRefusals: each kind of refusal has its status and the property that a person can do something about.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		code     usher.Code
		status   int
		property string
	}{
		{usher.CodeUnauthenticated, 401, "authorization"},
		{usher.CodeBanned, 403, "authorization"},
		{usher.CodeScope, 403, "sessionName"},
		{usher.CodeDenied, 403, "sessionName"},
		{usher.CodeHostDenied, 403, "role"},
		{usher.CodePasscode, 403, "sessionPasscode"},
		{usher.CodeUserKey, 403, "userIdentity"},
		{usher.CodeNotOpenYet, 409, "sessionName"},
		{usher.CodeClosed, 409, "sessionName"},
		{usher.CodeLocked, 409, "sessionName"},
		{usher.CodeEnded, 409, "sessionName"},
		{usher.CodeConflict, 409, "sessionName"},
		{usher.CodeNotFound, 404, "sessionName"},
		{usher.CodeLimited, 429, "authorization"},
		{usher.CodeUnavailable, 503, "server"},
	} {
		refusal := &usher.Error{Code: tt.code, Message: "Because.", RetryAfter: 1500 * time.Millisecond, Cause: errors.New("secret cause")}
		h := newHandler(t, usher.Config{Directory: failing{refusal}}, endpoint.Config{})
		if tt.code == usher.CodeUnavailable { // what a directory's failure becomes
			refusal.Message = "The directory of sessions can't be reached at the moment; nothing was done. Try again shortly."
		} else {
			h = newHandler(t, usher.Config{Ledger: refusing{refusal}}, endpoint.Config{Callers: endpoint.CallersFunc(func(*http.Request) (*usher.Caller, error) { return nil, refusal })})
		}
		w := post(h, `{"sessionName":"s","userIdentity":"u"}`, "Origin", "https://a.example")
		a := read(t, w)
		property := tt.property
		if tt.code == usher.CodeUserKey {
			property = "userKey" // the caller was refused before the body was read
		}
		if w.Code != tt.status || len(a.Errors) != 1 || a.Errors[0].Property != property || a.Errors[0].Reason != refusal.Message {
			t.Errorf("%s: %d %s", tt.code, w.Code, w.Body)
		}
		if (w.Header().Get("WWW-Authenticate") == "Bearer") != (w.Code == 401) {
			t.Errorf("%s: WWW-Authenticate %q", tt.code, w.Header().Get("WWW-Authenticate"))
		}
		if want := map[bool]string{true: "1", false: "2"}[tt.code == usher.CodeUnavailable]; w.Header().Get("Retry-After") != want {
			t.Errorf("%s: Retry-After %q, want %s", tt.code, w.Header().Get("Retry-After"), want)
		}
		if strings.Contains(w.Body.String(), "secret cause") {
			t.Errorf("%s: the answer tells the cause", tt.code)
		}
	}
}

type failing struct{ err error }

func (f failing) Session(context.Context, string) (*usher.Session, error) { return nil, f.err }

type refusing struct{ err error }

func (f refusing) Record(context.Context, *usher.Entry) error { return f.err }

func TestARefusalNamesTheClientsOwnSpelling(t *testing.T) {
	alice := endpoint.CallersFunc(func(*http.Request) (*usher.Caller, error) {
		return &usher.Caller{Kind: usher.KindUser, ID: "alice", UserKey: "alice"}, nil
	})
	h := newHandler(t, usher.Config{}, endpoint.Config{Callers: alice})
	w := post(h, `{"session_name":"s","userIdentity":"mallory"}`)
	if a := read(t, w); w.Code != http.StatusForbidden || a.Errors[0].Property != "userIdentity" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// A user who says nothing gets their own key.
	if c := verified(t, read(t, post(h, `{"session_name":"s"}`))); c.UserKey != "alice" {
		t.Errorf("user key %q", c.UserKey)
	}
}

// A caller who is refused leaves nothing behind: no row, no signature, not even a look at the body.
func TestARefusedCallerHasNoEffect(t *testing.T) {
	ledger := &book{}
	for name, callers := range map[string]endpoint.CallersFunc{
		"nobody": func(*http.Request) (*usher.Caller, error) { return nil, nil },
		"refused": func(*http.Request) (*usher.Caller, error) {
			return nil, &usher.Error{Code: usher.CodeUnauthenticated, Message: "No."}
		},
		"both": func(*http.Request) (*usher.Caller, error) {
			return &usher.Caller{Kind: usher.KindKey}, errors.New("and yet")
		},
		"zero caller": func(*http.Request) (*usher.Caller, error) {
			return &usher.Caller{}, &usher.Error{Code: usher.CodeBanned}
		},
		"out of order": func(*http.Request) (*usher.Caller, error) { return nil, errors.New("key store is gone") },
	} {
		h := newHandler(t, usher.Config{Ledger: ledger}, endpoint.Config{Callers: callers})
		r := httptest.NewRequest("POST", "/", untouchable{t})
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if read(t, w); w.Code < 400 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if ledger.rows != 0 {
		t.Errorf("%d rows", ledger.rows)
	}
}

type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestNoSignatureWithoutRecord(t *testing.T) {
	h := newHandler(t, usher.Config{Ledger: &book{err: errors.New("disk full")}}, endpoint.Config{})
	w := post(h, `{"sessionName":"s"}`)
	if read(t, w); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "eyJ") || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestFaultsOfTheServerAreToldToTheLogAlone(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(t, usher.Config{}, endpoint.Config{
		Callers: endpoint.CallersFunc(func(*http.Request) (*usher.Caller, error) { return nil, errors.New("key store is gone") }),
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	})
	w := post(h, `{"sessionName":"s"}`, "X-Request-Id", "req-1")
	if read(t, w); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "key store") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "key store is gone") || !strings.Contains(log.String(), "id=req-1") {
		t.Errorf("log %q", log.String())
	}
}

// watcher is a ResponseWriter that is told what the answer was about.
type watcher struct {
	*httptest.ResponseRecorder
	caller *usher.Caller
	err    error
	told   int
}

func (w *watcher) Observe(c *usher.Caller, err error) { w.caller, w.err, w.told = c, err, w.told+1 }

func TestObserver(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	for body, faulty := range map[string]bool{`{"sessionName":"s"}`: false, `{"sessionName":""}`: true, `{`: true} {
		w := &watcher{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(w, r)
		if w.told != 1 || w.caller == nil || w.caller.Kind != usher.KindAnyone || (w.err != nil) != faulty {
			t.Errorf("%s: told %d times, %v, %v", body, w.told, w.caller, w.err)
		}
	}
}

func TestTheServersPasscodeIsToldToWhoNeedsIt(t *testing.T) {
	h := newHandler(t, usher.Config{Directory: one{&usher.Session{ID: "1", Name: "Class", State: usher.StateOpen, Passcode: `a"b\c`}}}, endpoint.Config{
		Callers: endpoint.CallersFunc(func(*http.Request) (*usher.Caller, error) {
			return &usher.Caller{Kind: usher.KindKey, ID: "k"}, nil
		})})
	if a := read(t, post(h, `{"sessionName":"class"}`)); a.SessionPasscode != `a"b\c` {
		t.Errorf("passcode %q", a.SessionPasscode)
	}
	if a := read(t, post(h, `{"sessionName":"class","sessionPasscode":"a\"b\\c"}`)); a.SessionPasscode != "" {
		t.Errorf("passcode %q was repeated to a caller who knows it", a.SessionPasscode)
	}
}

type one struct{ s *usher.Session }

func (o one) Session(context.Context, string) (*usher.Session, error) { return o.s, nil }

// TestSignaturesOfOneSecond: twice the same question in one second is answered
// with the same bytes, and a signature never stands for another user's.
func TestSignaturesOfOneSecond(t *testing.T) {
	h := newHandler(t, usher.Config{}, endpoint.Config{})
	a, b, c := read(t, post(h, `{"sessionName":"s","userKey":"u1"}`)), read(t, post(h, `{"sessionName":"s","userKey":"u1"}`)), read(t, post(h, `{"sessionName":"s","userKey":"u2"}`))
	if a.Signature != b.Signature || a.Signature == c.Signature {
		t.Error("signatures of one second are mixed up")
	}
}
