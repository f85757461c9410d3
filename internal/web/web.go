// Package web holds what every route shares: the shape of faults, origins, and
// request ids. It knows nothing of signatures.
package web

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// A Fault is one thing that is wrong with a request.
type Fault struct {
	// Property is the body's member, or what else of the request is at fault:
	// "body", "content-type", "method", "path", "authorization".
	Property string `json:"property"`
	// Reason says what is wrong and what to do.
	Reason string `json:"reason"`
}

// Header values that never change are kept as slices, so that setting them costs no allocation.
var (
	jsonType = []string{"application/json; charset=utf-8"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

// SetJSON sets the headers of every JSON answer: it is JSON, it isn't to be
// guessed at, and no cache may keep it, since it may carry a signature.
func SetJSON(h http.Header) {
	h["Content-Type"] = jsonType
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
}

// WriteFaults answers with {"errors":[{"property","reason"}]}, the shape that
// Zoom's sample endpoint gives to faults.
func WriteFaults(w http.ResponseWriter, status int, faults ...Fault) {
	WriteJSON(w, status, struct {
		Errors []Fault `json:"errors"`
	}{faults})
}

// WriteJSON answers with v, which must be a value that can be written as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the answer is never HTML, and people read it
	if err := enc.Encode(v); err != nil {
		panic(err) // a value that this program itself made
	}
	SetJSON(w.Header())
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

const requestIDHeader = "X-Request-Id"

// RequestID returns the id that ties request, answer, log and ledger together,
// and sets it on the answer: the one that stands there already, else the one
// that the client or a proxy sent if it is sane, else a new one.
func RequestID(w http.ResponseWriter, r *http.Request) string {
	h := w.Header()
	if ids := h[requestIDHeader]; len(ids) == 1 {
		return ids[0]
	}
	ids := r.Header[requestIDHeader]
	if len(ids) != 1 || !saneID(ids[0]) {
		var b [16]byte
		// The highest bit makes it 16 digits.
		ids = []string{string(strconv.AppendUint(b[:0], rand.Uint64()|1<<63, 16))}
	}
	h[requestIDHeader] = ids
	return ids[0]
}

// saneID reports whether id may stand in a log as it is: 1 to 64 characters,
// the letters, digits and signs of common id formats.
func saneID(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			continue
		}
		if c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

// NotJSON returns why a body with these headers is not taken as JSON, "" if it is.
func NotJSON(h http.Header) (reason string) {
	const want = "send JSON with Content-Type: application/json"
	if enc, ok := h["Content-Encoding"]; ok && !strings.EqualFold(enc[0], "identity") {
		return "comes with Content-Encoding " + strconv.Quote(Short(enc[0])) + "; send the body as it is"
	}
	ct := ""
	if v := h["Content-Type"]; len(v) > 0 {
		ct = v[0]
	}
	switch ct {
	case "application/json", "application/json; charset=utf-8", "application/json; charset=UTF-8":
		return ""
	case "":
		return "is missing; " + want
	}
	media, params, err := mime.ParseMediaType(ct)
	if err != nil || media != "application/json" {
		return "is " + strconv.Quote(Short(ct)) + "; " + want
	}
	if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
		return "names charset " + strconv.Quote(Short(cs)) + "; JSON is UTF-8"
	}
	return ""
}

// Short cuts a value for a message, to 40 characters.
func Short(s string) string {
	n := 0
	for i := range s {
		if n++; n > 40 {
			return s[:i] + "…"
		}
	}
	return s
}
