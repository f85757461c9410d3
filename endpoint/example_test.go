package endpoint_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/videosdk"
)

// A program that knows its users puts Zoom's auth endpoint beside its own
// routes in three lines. Who may ask is the program's own business.
func Example() {
	creds := videosdk.Credentials{Key: "test-key-1", Secret: "a-secret-of-enough-bytes-for-hs256-0123"}
	yourLogin := endpoint.CallersFunc(func(r *http.Request) (*usher.Caller, error) {
		cookie, err := r.Cookie("session")
		if err != nil || cookie.Value != "alice's" {
			return nil, nil // nobody
		}
		return &usher.Caller{Kind: usher.KindUser, ID: "alice", UserKey: "alice"}, nil
	})
	mux := http.NewServeMux()

	issuer, err := usher.NewIssuer(usher.Config{Credentials: creds, Policy: usher.PermitAll})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := endpoint.New(issuer, endpoint.Config{Callers: yourLogin})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/video/signature", handler)

	for _, cookie := range []string{"alice's", "forged"} {
		r := httptest.NewRequest("POST", "/video/signature", strings.NewReader(`{"sessionName":"Cool Cars","role":1}`))
		r.Header.Set("Content-Type", "application/json")
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body.String()[:22])
	}
	// Output:
	// 200 {"signature":"eyJhbGci
	// 401 {"errors":[{"property"
}
