// Package server is Usher's HTTP side: the routes, what is around each of them
// (request ids, access log, recovery from panics), health, and a server that
// neither waits for slow clients nor cuts off those being answered.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/web"
)

// Config is what the server's handler is made of. Issuer and Callers are required.
type Config struct {
	Issuer  *usher.Issuer
	Callers endpoint.Callers
	// Origins whose pages may read answers; see endpoint.Config.
	Origins []string
	// Log gets one line for each request; nil logs nothing.
	Log *slog.Logger
	// Ready reports why requests can't be served at the moment, for /readyz; nil is always ready.
	Ready func(ctx context.Context) error
	// Page shows the page of `usher dev` at GET /; nil shows none. With a page
	// the server answers only requests that name this machine (localhost,
	// 127.0.0.1, [::1]) as their host, and changes nothing for pages whose origin
	// is none of Origins.
	Page *PageConfig
	// V1 is what /v1 stands on; nil, where there is no store, leaves it out.
	V1 *V1Config
	// RoomURL is where browsers reach the media server (ws or wss); with it there is
	// the lobby page at /lobby/, to which GET / leads, and Page is at /signatures.
	RoomURL string
}

type server struct {
	log     slog.Handler
	access  *jsonLog // log where it takes access lines as they are, else nil
	origins *web.Origins
	ready   func(context.Context) error
	routes  map[string]http.Handler // by exact path
	v1      http.Handler            // what has no place in routes; nil for nothing
	lobby   http.Handler            // for /lobby and all below; nil for none
	local   bool                    // only for requests made to this machine by its own names
}

// New returns the handler for all routes. The error names what is wrong with cfg.
func New(cfg Config) (http.Handler, error) {
	sign, err := endpoint.New(cfg.Issuer, endpoint.Config{Callers: cfg.Callers, Origins: cfg.Origins})
	if err != nil {
		return nil, err
	}
	origins, err := web.ParseOrigins(cfg.Origins)
	if err != nil {
		return nil, err
	}
	s := &server{log: slog.DiscardHandler, origins: origins, ready: cfg.Ready}
	if cfg.Log != nil {
		s.log = cfg.Log.Handler()
	}
	if j, ok := s.log.(jsonLog); ok && j.Enabled(context.Background(), slog.LevelInfo) {
		s.access = &j
	}
	if s.ready == nil {
		s.ready = func(context.Context) error { return nil }
	}
	s.routes = map[string]http.Handler{
		"/":          sign,
		"/zoomtoken": sign,
		"/healthz":   s.reading(s.health),
		"/readyz":    s.reading(s.readiness),
	}
	if cfg.Page != nil {
		page := *cfg.Page
		if page.Now == nil {
			page.Now = time.Now
		}
		s.local = true
		s.routes["/"] = withPage(sign)
		s.routes["/inspect"] = http.HandlerFunc(page.inspect)
	}
	if cfg.RoomURL != "" {
		if s.lobby, err = Lobby(cfg.RoomURL); err != nil {
			return nil, err
		}
		if cfg.Page != nil {
			s.routes["/signatures"] = s.routes["/"]
		}
		s.routes["/"] = leadToLobby(sign)
	}
	if cfg.V1 != nil {
		if s.v1, err = newV1(*cfg.V1, cfg.Issuer, cfg.Callers); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ServeHTTP finds the route and answers, whatever happens in it.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchanges.Get().(*exchange)
	x.begin(w)
	id := web.RequestID(x, r)
	defer s.end(x, r, id)
	if s.local && !isLocal(r) {
		web.WriteFaults(x, http.StatusMisdirectedRequest, web.Fault{Property: "host", Reason: "is not this machine; a development server answers at localhost and 127.0.0.1 alone"})
		return
	}
	if s.local && s.origins.Foreign(r) && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		// Here it takes no credential to be the operator, so that a page elsewhere could have things done that it can't see.
		const reason = "is not of this machine; a development server takes orders from its own pages alone"
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			p := newProblem(http.StatusForbidden, codeForeign, "From a page elsewhere", "Nothing was done.")
			p.Errors = []api.Fault{{Property: "origin", Reason: reason}}
			r.Header.Set("X-Request-Id", id)
			writeProblem(x, r, p, nil)
			return
		}
		web.WriteFaults(x, http.StatusForbidden, web.Fault{Property: "origin", Reason: reason})
		return
	}
	if h, ok := s.routes[r.URL.Path]; ok {
		h.ServeHTTP(x, r)
		return
	}
	if path := r.URL.Path; s.lobby != nil && (path == "/lobby" || strings.HasPrefix(path, "/lobby/")) {
		s.lobby.ServeHTTP(x, r)
		return
	}
	s.origins.Answer(x.Header(), r)
	if path := r.URL.Path; s.v1 != nil && (strings.HasPrefix(path, "/v1/") || path == "/openapi.json" || path == "/docs") {
		if r.Method == http.MethodOptions {
			x.WriteHeader(http.StatusNoContent)
			return
		}
		r.Header.Set("X-Request-Id", id) // where /v1's problems and rows look for it
		s.v1.ServeHTTP(x, r)
		return
	}
	web.WriteFaults(x, http.StatusNotFound, web.Fault{Property: "path", Reason: "has nothing at it; ask for a signature with POST /"})
}

// reading lets GET and HEAD pass to h, and answers the others.
func (s *server) reading(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.origins.Answer(w.Header(), r)
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			h(w, r)
		case http.MethodOptions:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			web.WriteFaults(w, http.StatusMethodNotAllowed, web.Fault{Property: "method", Reason: "is not for this path; read it with GET"})
		}
	})
}

type health struct {
	Status string `json:"status"`
}

// health says that the process answers.
func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	web.WriteJSON(w, http.StatusOK, health{"ok"})
}

// readyWithin bounds how long readiness may take to find out, below the time-outs of common probes.
const readyWithin = 2 * time.Second

// readiness says whether signatures can be issued at the moment. Why not
// stands in the log: anyone may ask here.
func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		if o, ok := w.(endpoint.Observer); ok {
			o.Observe(nil, usher.Unavailable("What signatures depend on", err))
		}
		web.WriteFaults(w, http.StatusServiceUnavailable, web.Fault{Property: "server", Reason: "is not ready; its log says why"})
		return
	}
	web.WriteJSON(w, http.StatusOK, health{"ready"})
}
