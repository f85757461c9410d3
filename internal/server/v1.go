package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/web"
)

// Bounds on bodies of /v1, in bytes. What is read whole and checked costs up to
// 100 ns a byte, and redeeming and joining take it from strangers.
const (
	maxSessionBody = 1 << 20 // the longest lists of people and groups fit
	maxStrangeBody = 4 << 10
	maxJoinBody    = 24 << 10 // with the longest signature
	maxOtherBody   = 64 << 10
)

// maxBody is the bound for one operation.
func maxBody(operation string) int64 {
	switch operation {
	case api.CreateSession.ID, api.UpdateSession.ID:
		return maxSessionBody
	case api.RedeemInvite.ID:
		return maxStrangeBody
	case api.Join.ID, api.RenewJoin.ID, api.ActInRoom.ID, api.LiveKitToken.ID:
		return maxJoinBody
	}
	return maxOtherBody
}

// setUpFramework makes the framework answer with our problems, and take a member
// by its exact name alone: under another it would pass for the one that is
// required, and not be read. It keeps all that in variables of its package, so
// they are set once and never again.
var setUpFramework = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = frameworkProblem
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return frameworkProblem(nil, status, message, errs...)
	}
})

// v1 answers the operations of package api.
type v1 struct {
	V1Config
	callers endpoint.Callers
	issuer  *usher.Issuer
	mux     *http.ServeMux
}

// strictJSON refuses duplicate members and invalid UTF-8, which encoding/json takes.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error { return jsonv2.MarshalWrite(w, v) },
	Unmarshal: func(data []byte, v any) error {
		return jsonv2.Unmarshal(data, v)
	},
}

func newV1(cfg V1Config, issuer *usher.Issuer, callers endpoint.Callers) (http.Handler, error) {
	setUpFramework()
	clock := cfg.Now
	cfg.Now = func() time.Time { return clock().Truncate(time.Microsecond) } // as stores keep it, so that what is answered now is read later
	v := &v1{V1Config: cfg, issuer: issuer, callers: callers, mux: http.NewServeMux()}
	conf := huma.DefaultConfig("Usher", cfg.Version)
	conf.Info.Description = "Signs users into video sessions made with Zoom's Video SDK, and lets nobody else in."
	conf.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	conf.Servers = []*huma.Server{{URL: "/", Description: "This server"}}
	conf.CreateHooks = nil // they add a $schema member to bodies, which is none of ours
	conf.OpenAPIPath, conf.DocsPath, conf.SchemasPath = "", "", ""
	conf.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	conf.RejectUnknownQueryParameters = true
	conf.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {
		Type: "http", Scheme: "bearer", Description: "An API key, or a signed-in user's ID or access token",
	}}
	conf.Security = []map[string][]string{{"bearer": {}}}
	for _, tag := range []string{"Signatures", "Sessions", "Invites", "API keys", "Bans", "Ledger", "Policy", roomsTag} {
		conf.Tags = append(conf.Tags, &huma.Tag{Name: tag})
	}
	a := humago.New(v.mux, conf)
	a.UseMiddleware(v.authenticate(a))

	register(a, v, api.Sign, v.sign)
	register(a, v, api.Inspect, v.inspect)
	register(a, v, api.ListSessions, v.listSessions)
	register(a, v, api.CreateSession, v.createSession)
	register(a, v, api.GetSession, v.getSession)
	register(a, v, api.UpdateSession, v.updateSession)
	register(a, v, api.DeleteSession, v.deleteSession)
	register(a, v, api.ListInvites, v.listInvites)
	register(a, v, api.CreateInvite, v.createInvite)
	register(a, v, api.RevokeInvite, v.revokeInvite)
	register(a, v, api.RedeemInvite, v.redeemInvite)
	register(a, v, api.ListKeys, v.listKeys)
	register(a, v, api.CreateKey, v.createKey)
	register(a, v, api.RevokeKey, v.revokeKey)
	register(a, v, api.ListBans, v.listBans)
	register(a, v, api.CreateBan, v.createBan)
	register(a, v, api.RemoveBan, v.removeBan)
	register(a, v, api.QueryLedger, v.queryLedger)
	register(a, v, api.ExplainPolicy, v.explainPolicy)
	v.registerRooms(a)

	document, err := a.OpenAPI().MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("server: the OpenAPI document: %w", err)
	}
	page, csp, err := renderReference(a.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("server: the reference: %w", err)
	}
	v.mux.Handle("GET /openapi.json", constant("application/json; charset=utf-8", "", document))
	v.mux.Handle("GET /docs", constant("text/html; charset=utf-8", csp, page))
	v.mux.HandleFunc("/", v.noRoute)
	return v.mux, nil
}

// constant answers with the same bytes each time.
func constant(contentType, csp string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		h.Set("Referrer-Policy", "no-referrer")
		if csp != "" {
			h.Set("Content-Security-Policy", csp)
		}
		w.Write(body)
	})
}

// noRoute answers what no operation takes: 405 where only the method is wrong, else 404.
func (v *v1) noRoute(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := *r
		probe.Method = method
		if _, pattern := v.mux.Handler(&probe); pattern != "/" {
			allow = append(allow, method)
		}
	}
	p := newProblem(http.StatusNotFound, codeNoRoute, "No such path", "There is nothing here; the paths stand at /docs.")
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		p = newProblem(http.StatusMethodNotAllowed, codeMethod, "Method not allowed", "Use "+strings.Join(allow, " or ")+" here.")
	}
	writeProblem(w, r, p, nil)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *api.Problem, err error) {
	p.RequestID = r.Header.Get("X-Request-Id")
	setRefusalHeaders(w.Header(), p.Status, err)
	web.SetJSON(w.Header())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	jsonv2.MarshalWrite(w, p)
}

// register makes the route and the document's entry for op.
func register[In, Out any](a huma.API, v *v1, op api.Operation[In, Out], do func(context.Context, *In) (*Out, error)) {
	o := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, DefaultStatus: op.Status, MaxBodyBytes: maxBody(op.ID), BodyReadTimeout: readTimeout,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
			http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}
	if provenByItself[op.ID] {
		o.Security = []map[string][]string{}
	}
	huma.Register(a, o, func(ctx context.Context, in *In) (*Out, error) {
		out, err := do(ctx, in)
		if err != nil {
			rc := requestOf(ctx)
			if o, ok := rc.w.(endpoint.Observer); ok {
				o.Observe(rc.caller, err)
			}
			p := problemOf(err)
			p.RequestID = rc.id
			if op.Tag == roomsTag {
				p.ZoomCode = zoomCodes[usher.Code(p.Code)]
			}
			setRefusalHeaders(rc.w.Header(), p.Status, err)
			web.SetJSON(rc.w.Header())
			return nil, p
		}
		return out, nil
	})
}

// requestContext is what operations need to know of the request besides its input.
type requestContext struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string
	caller *usher.Caller // nil for operations that need none
}

type requestContextKey struct{}

func requestOf(ctx context.Context) *requestContext {
	return ctx.Value(requestContextKey{}).(*requestContext)
}

// authenticate finds the caller before anything of the request is looked at.
func (v *v1) authenticate(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		rc := &requestContext{w: w, r: r, id: r.Header.Get("X-Request-Id")}
		if s := ctx.Operation().Security; s == nil || len(s) > 0 {
			caller, err := v.callers.Caller(r)
			if err == nil && (caller == nil || caller.Kind == "") {
				err = &usher.Error{Code: usher.CodeUnauthenticated, Message: "Nobody is signed in; send an Authorization header."}
			}
			if err == nil && ctx.Operation().OperationID != api.Sign.ID { // there the issuer looks, and records the refusal
				err = v.banned(r.Context(), caller)
			}
			if o, ok := w.(endpoint.Observer); ok {
				o.Observe(caller, err)
			}
			if err != nil {
				writeProblem(w, r, problemOf(err), err)
				return
			}
			rc.caller = caller
		}
		if reason := web.NotJSON(r.Header); reason != "" && ctx.Operation().RequestBody != nil {
			// The framework would take a body without a type as JSON, and a browser sends that anywhere for any page.
			p := newProblem(http.StatusUnsupportedMediaType, codeMedia, "Unsupported media type", "The request's body is taken as JSON alone.")
			p.Errors = []api.Fault{{Property: "content-type", Reason: reason}}
			writeProblem(w, r, p, nil)
			return
		}
		web.SetJSON(w.Header())
		next(huma.WithValue(ctx, requestContextKey{}, rc))
	}
}

// banned refuses a banned caller whatever they ask for, and all that is asked
// for a banned user.
func (v *v1) banned(ctx context.Context, c *usher.Caller) error {
	reason, err := v.Banned(ctx, c, c.UserKey)
	switch {
	case err != nil:
		return usher.Unavailable("The list of bans", err)
	case reason != "":
		return &usher.Error{Code: usher.CodeBanned, Message: "Nothing is done for this caller any more: " + reason}
	}
	return nil
}

// may asks scope and policy whether the request's caller may do action with s.
// A nil s stands for what belongs to no session: keys, bans, the whole ledger.
func (v *v1) may(ctx context.Context, action usher.Action, s *usher.Session) error {
	caller := requestOf(ctx).caller
	if s == nil {
		s = &usher.Session{State: usher.StateOpen}
	}
	if !caller.Scope.Covers(action, s.Name) {
		return &usher.Error{Code: usher.CodeScope, Message: "This key is not made to " + string(action) + " here."}
	}
	if s.Name == "" && caller.Kind != usher.KindKey {
		return &usher.Error{Code: usher.CodeDenied, Message: "Only an API key that may " + string(action) + " can do this."}
	}
	d := v.Policy.Decide(&usher.Question{Caller: caller, Action: action, Session: s, Now: v.Now()})
	if !d.Allowed {
		return &usher.Error{Code: usher.CodeDenied, Message: "No rule lets you " + string(action) + " this session.", Rules: d.Rules}
	}
	return nil
}

// change records that something is about to change, then changes it. What
// fails after it was recorded gets a second row that says so: the ledger may
// tell of a change that didn't happen, but never miss one that did.
func (v *v1) change(ctx context.Context, event usher.Event, what, subject, session string, do func() error) error {
	rc := requestOf(ctx)
	e := &usher.Entry{
		Time: v.Now(), Event: event, Caller: rc.caller.String(), UserKey: rc.caller.UserKey, Session: session,
		Decision: usher.Allowed, Reason: what, Subject: subject, RequestID: rc.id,
	}
	if rc.caller.Addr.IsValid() {
		e.Address = rc.caller.Addr.String()
	}
	if err := v.Ledger.Record(ctx, e); err != nil {
		return usher.Unavailable("The ledger", err)
	}
	err := do()
	if err != nil {
		failed := *e
		failed.Time, failed.Decision, failed.Reason = v.Now(), usher.Denied, what+" failed"
		// The first row stands; if this one can't be written the answer is an error all the same.
		err = errors.Join(err, v.Ledger.Record(context.WithoutCancel(ctx), &failed))
	}
	return err
}

func toTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func fromTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

func setIf[T any](dst *T, src *T) {
	if src != nil {
		*dst = *src
	}
}

// roleOf is "host" or "participant".
func roleOf(host bool) string {
	if host {
		return string(usher.WishHost)
	}
	return string(usher.WishParticipant)
}
