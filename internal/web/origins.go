package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Origins are the web origins whose pages may read answers (CORS). They are no
// access control: a browser asks for them, nothing else does.
type Origins struct {
	any      bool
	exact    map[string]bool
	anyPorts []string // "http://localhost": with every port and with none
}

// ParseOrigins reads a list of origins: "*" for every origin, exact origins
// such as "https://app.example.com", and origins with any port such as
// "http://localhost:*". The error names the first entry that is none of these.
func ParseOrigins(list []string) (*Origins, error) {
	o := &Origins{exact: map[string]bool{}}
	for _, s := range list {
		if s == "*" {
			o.any = true
			continue
		}
		plain, anyPort := strings.CutSuffix(s, ":*")
		u, err := url.Parse(plain)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != plain ||
			plain != strings.ToLower(plain) || strings.Contains(plain, "*") || anyPort && u.Port() != "" {
			return nil, fmt.Errorf("origin %q is not an origin; write scheme and host in lower case and nothing behind them, "+
				"such as https://app.example.com, with :* for any port, or * for all origins", s)
		}
		if anyPort {
			o.anyPorts = append(o.anyPorts, plain)
		} else {
			o.exact[plain] = true
		}
	}
	return o, nil
}

var (
	everyOrigin    = []string{"*"}
	varyOrigin     = []string{"Origin"}
	exposedHeaders = []string{"X-Request-Id, Retry-After"}
	askedMethods   = []string{"GET, POST, PATCH, DELETE, OPTIONS"}
	askedHeaders   = []string{"Content-Type, Authorization, Idempotency-Key, X-Request-Id"}
	preflightAge   = []string{"600"} // seconds; browsers cut it to between ten minutes and a day
)

// Answer sets the headers that let a page of an allowed origin read the
// answer, and on a preflight those that let it ask. It must come before
// anything is written, so that faults can be read too.
func (o *Origins) Answer(h http.Header, r *http.Request) {
	if !o.any {
		if vary, ok := h["Vary"]; ok {
			h["Vary"] = append(vary[:len(vary):len(vary)], "Origin")
		} else {
			h["Vary"] = varyOrigin
		}
	}
	from := r.Header["Origin"]
	if len(from) != 1 {
		return
	}
	switch {
	case o.any:
		h["Access-Control-Allow-Origin"] = everyOrigin
	case o.allows(from[0]):
		h["Access-Control-Allow-Origin"] = from
	default:
		return
	}
	h["Access-Control-Expose-Headers"] = exposedHeaders
	if r.Method == http.MethodOptions {
		h["Access-Control-Allow-Methods"] = askedMethods
		h["Access-Control-Allow-Headers"] = askedHeaders
		h["Access-Control-Max-Age"] = preflightAge
	}
}

// Foreign reports whether a browser says that the request comes from a page of
// an origin that is not allowed. Browsers say it of every request that could
// change something, also of those that they send without asking first.
func (o *Origins) Foreign(r *http.Request) bool {
	from := r.Header["Origin"]
	switch {
	case len(from) == 0 || o.any:
		return false
	case len(from) > 1:
		return true
	}
	_, host, _ := strings.Cut(from[0], "://")
	return !strings.EqualFold(host, r.Host) && !o.allows(from[0])
}

func (o *Origins) allows(origin string) bool {
	if o.exact[origin] {
		return true
	}
	for _, p := range o.anyPorts {
		if rest, ok := strings.CutPrefix(origin, p); ok && (rest == "" || isPort(rest)) {
			return true
		}
	}
	return false
}

func isPort(s string) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != ':' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
