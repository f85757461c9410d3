package endpoint

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/web"
	"github.com/usher-sessions/usher/videosdk"
)

// MaxBody is the longest body that is read, in bytes; more is answered with 413.
const MaxBody = 16 << 10

// Config is what the handler is made of. Callers is required.
type Config struct {
	// Callers finds out who is asking; [Anyone] doesn't ask.
	Callers Callers
	// Origins whose pages may read answers: "https://app.example.com", with :*
	// for any port ("http://localhost:*"), or "*" for all. Empty is none. It is
	// no access control; see the package comment.
	Origins []string
	// Log gets the causes of answers 5xx, which the answers themselves keep to
	// themselves; nil logs nothing. An [Observer] gets them instead.
	Log *slog.Logger
}

// An Observer is an http.ResponseWriter that wants to know, for an access log
// or for metrics, what its answer was about. The handler calls Observe once,
// before it writes the answer, unless the caller was never looked for.
type Observer interface {
	// Observe gets the caller, nil if there is none, and why nothing was signed:
	// nil, videosdk.FieldErrors, an *usher.Error, or a fault of the server.
	Observe(caller *usher.Caller, err error)
}

type handler struct {
	issuer  *usher.Issuer
	callers Callers
	origins *web.Origins
	log     *slog.Logger
}

// New returns the handler. It answers POST and OPTIONS on whatever path it is
// mounted; the path says nothing to it. The error names what is wrong with cfg.
func New(issuer *usher.Issuer, cfg Config) (http.Handler, error) {
	if issuer == nil {
		return nil, errors.New("endpoint: an issuer is required; see usher.NewIssuer")
	}
	if cfg.Callers == nil {
		return nil, errors.New("endpoint: Config.Callers is required; endpoint.Anyone takes every request as it comes")
	}
	origins, err := web.ParseOrigins(cfg.Origins)
	if err != nil {
		return nil, errors.New("endpoint: " + err.Error())
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &handler{issuer, cfg.Callers, origins, log}, nil
}

// ServeHTTP answers one request: who asks, what for, may they have it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := web.RequestID(w, r)
	h.origins.Answer(w.Header(), r)
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions:
		w.Header()["Allow"] = allowed
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header()["Allow"] = allowed
		web.WriteFaults(w, http.StatusMethodNotAllowed, web.Fault{Property: "method", Reason: "is " + web.Short(r.Method) + "; ask for a signature with POST"})
		return
	}
	caller, err := h.callers.Caller(r)
	if err == nil && caller == nil {
		err = &usher.Error{Code: usher.CodeUnauthenticated, Message: "Nobody is signed in; send an Authorization header."}
	}
	if err != nil {
		h.refuse(w, r, nil, nil, err)
		return
	}
	s := states.Get().(*state)
	defer s.done()
	data, status, fault := s.receive(r)
	if fault != nil {
		h.faulty(w, caller, status, *fault)
		return
	}
	if fault := s.body.read(s.dec, data); fault != nil {
		h.faulty(w, caller, http.StatusBadRequest, *fault)
		return
	}
	req := s.body.request()
	req.ID = id
	issued, err := h.issue(r.Context(), caller, &s.body, &req)
	if err != nil {
		h.refuse(w, r, caller, &s.body, err)
		return
	}
	observe(w, caller, nil)
	web.SetJSON(w.Header())
	s.out = appendAnswer(s.out[:0], issued)
	w.Write(s.out)
}

var allowed = []string{"OPTIONS, POST"}

// issue asks for the signature, unless the body already has faults: then it
// only looks for the others.
func (h *handler) issue(ctx context.Context, caller *usher.Caller, b *body, req *usher.Request) (*usher.Issued, error) {
	if len(b.faults) == 0 {
		return h.issuer.Issue(ctx, caller, req)
	}
	if b.faulty[role] {
		req.Wish = usher.WishHost // so that no fault is reported that only a wrong role would make
	}
	err := h.issuer.Check(req)
	var fs videosdk.FieldErrors
	errors.As(err, &fs)
	return nil, fs
}

// state is what one request needs while it is answered.
type state struct {
	in   [MaxBody + 1]byte
	out  []byte
	dec  *jsontext.Decoder
	body body
}

var states = sync.Pool{New: func() any {
	return &state{dec: jsontext.NewDecoder(strings.NewReader("")), out: make([]byte, 0, 1024)}
}}

// done gives s back without what the client sent.
func (s *state) done() {
	s.body.reset()
	states.Put(s)
}

var tooLarge = web.Fault{Property: "body", Reason: "is over " + strconv.Itoa(MaxBody) + " bytes; send only what the signature needs"}

// receive reads the body, or says with which status and fault it is refused.
func (s *state) receive(r *http.Request) ([]byte, int, *web.Fault) {
	if reason := web.NotJSON(r.Header); reason != "" {
		return nil, http.StatusUnsupportedMediaType, &web.Fault{Property: "content-type", Reason: reason}
	}
	if r.ContentLength > MaxBody {
		return nil, http.StatusRequestEntityTooLarge, &tooLarge
	}
	n := 0
	var err error
	for err == nil && n < len(s.in) {
		var m int
		m, err = r.Body.Read(s.in[n:])
		n += m
	}
	switch {
	case err == io.EOF && n <= MaxBody:
		return s.in[:n], 0, nil
	case n > MaxBody:
		return nil, http.StatusRequestEntityTooLarge, &tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, http.StatusRequestTimeout, &web.Fault{Property: "body", Reason: "did not arrive in time; send the request again"}
	}
	return nil, http.StatusBadRequest, &web.Fault{Property: "body", Reason: "did not arrive whole; send the request again"}
}

func appendAnswer(b []byte, is *usher.Issued) []byte {
	b = append(b, `{"signature":"`...)
	b = append(b, is.Signature...) // base64url and dots
	b = append(b, `","expiresAt":`...)
	b = strconv.AppendInt(b, is.ExpiresAt.Unix(), 10)
	b = append(b, `,"role":`...)
	b = strconv.AppendInt(b, int64(is.Role), 10)
	if is.Passcode != "" {
		b = append(b, `,"sessionPasscode":`...)
		b, _ = jsontext.AppendQuote(b, is.Passcode)
	}
	return append(b, "}\n"...)
}

func observe(w http.ResponseWriter, caller *usher.Caller, err error) {
	if o, ok := w.(Observer); ok {
		o.Observe(caller, err)
	}
}

// faulty answers a request whose body could not be read at all.
func (h *handler) faulty(w http.ResponseWriter, caller *usher.Caller, status int, f web.Fault) {
	observe(w, caller, videosdk.FieldErrors{{Field: f.Property, Reason: f.Reason}})
	web.WriteFaults(w, status, f)
}

// refuse answers with the faults of the body, the refusal, or the server's own fault.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, caller *usher.Caller, b *body, err error) {
	var fs videosdk.FieldErrors
	var refusal *usher.Error
	switch {
	case errors.As(err, &fs) && b != nil:
		h.observeFault(w, r, caller, http.StatusBadRequest, err)
		web.WriteFaults(w, http.StatusBadRequest, b.allFaults(fs)...)
	case errors.As(err, &refusal):
		status, f := answerTo(refusal, b)
		h.observeFault(w, r, caller, status, err)
		if refusal.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64((refusal.RetryAfter+time.Second-1)/time.Second), 10))
		}
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		web.WriteFaults(w, status, f)
	default:
		h.observeFault(w, r, caller, http.StatusInternalServerError, err)
		web.WriteFaults(w, http.StatusInternalServerError, web.Fault{Property: "server", Reason: "has a fault of its own; its log says more under this request's id"})
	}
}

func (h *handler) observeFault(w http.ResponseWriter, r *http.Request, caller *usher.Caller, status int, err error) {
	if _, ok := w.(Observer); ok {
		observe(w, caller, err)
	} else if status >= 500 {
		h.log.ErrorContext(r.Context(), "no signature: "+err.Error(), "status", status, "id", web.RequestID(w, r))
	}
}

// allFaults puts the signer's faults beside those of the body, in the order of
// the fields. Of a field that couldn't be read the signer knows nothing.
func (b *body) allFaults(fs videosdk.FieldErrors) []web.Fault {
	all := slices.Clone(b.faults)
	for _, e := range fs {
		s, known := spellings[e.Field]
		f := s.field
		if !known {
			all = append(all, located{numFields, web.Fault{Property: e.Field, Reason: e.Reason}})
			continue
		}
		if f == audioWebRTC && !b.given[f] {
			f = audioCompatible
		}
		if !b.faulty[f] {
			all = append(all, located{f, web.Fault{Property: b.property(f), Reason: e.Reason}})
		}
	}
	slices.SortStableFunc(all, func(x, y located) int { return cmp.Compare(x.at, y.at) })
	out := make([]web.Fault, len(all))
	for i, l := range all {
		out[i] = l.Fault
	}
	return out
}

// answerTo returns the status of a refusal and the property that it concerns.
func answerTo(e *usher.Error, b *body) (int, web.Fault) {
	property := func(f field) string {
		if b == nil {
			return fieldNames[f][0]
		}
		return b.property(f)
	}
	status, name := http.StatusForbidden, property(sessionName)
	switch e.Code {
	case usher.CodeUnauthenticated:
		status, name = http.StatusUnauthorized, "authorization"
	case usher.CodeBanned:
		name = "authorization"
	case usher.CodeHostDenied:
		name = property(role)
	case usher.CodePasscode:
		name = property(passcode)
	case usher.CodeUserKey:
		name = property(userKey)
	case usher.CodeNotOpenYet, usher.CodeClosed, usher.CodeLocked, usher.CodeEnded, usher.CodeConflict:
		status = http.StatusConflict
	case usher.CodeNotFound:
		status = http.StatusNotFound
	case usher.CodeLimited:
		status, name = http.StatusTooManyRequests, "authorization"
	case usher.CodeUnavailable:
		status, name = http.StatusServiceUnavailable, "server"
	}
	return status, web.Fault{Property: name, Reason: e.Message}
}
