package endpoint

import (
	"net/http"
	"net/netip"

	"github.com/usher-sessions/usher"
)

// Callers finds out who is asking.
type Callers interface {
	// Caller returns whoever sent r. An *usher.Error refuses the request, as does
	// a nil Caller (401); any other error is a fault of the server (500). It must
	// not read the body, and must be safe for use by many goroutines at once.
	Caller(r *http.Request) (*usher.Caller, error)
}

// CallersFunc is a function that is a [Callers].
type CallersFunc func(r *http.Request) (*usher.Caller, error)

// Caller calls f.
func (f CallersFunc) Caller(r *http.Request) (*usher.Caller, error) { return f(r) }

// Anyone takes every request as [usher.KindAnyone], unknown and unasked. With
// [usher.PermitAll] it makes the open endpoint that Zoom's sample is: whoever
// reaches it gets a host's signature for any session. Use it on one machine,
// or behind something that asks.
var Anyone Callers = CallersFunc(func(r *http.Request) (*usher.Caller, error) {
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero Addr where there is none, as on a Unix socket
	return &usher.Caller{Kind: usher.KindAnyone, Addr: from.Addr().Unmap()}, nil
})
