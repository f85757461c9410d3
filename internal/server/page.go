package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-sessions/usher/internal/web"
	"github.com/usher-sessions/usher/videosdk"
)

// PageConfig is what the page of `usher dev` knows.
type PageConfig struct {
	// Credentials, the first of them those that sign, explain signatures that
	// are pasted into the page.
	Credentials []videosdk.Credentials
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// renderPage returns the page, whole in one file, and the policy that lets a
// browser run its own style and script and load nothing from anywhere.
func renderPage() (html []byte, csp string) {
	var b bytes.Buffer
	template.Must(template.New("page").Parse(pageHTML)).Execute(&b, struct {
		Style  template.CSS
		Script template.JS
	}{template.CSS(pageCSS), template.JS(pageJS)})
	return b.Bytes(), "default-src 'none'; style-src " + cspHash(pageCSS) + "; script-src " + cspHash(pageJS) +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// cspHash names one inline style or script in a Content-Security-Policy.
func cspHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// withPage answers GET with the page and leaves other methods to sign.
func withPage(sign http.Handler) http.Handler {
	html, csp := renderPage()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			sign.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", csp)
		h.Set("Cache-Control", "no-cache")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(html)
	})
}

// maxInspect bounds what is pasted into the page, in bytes; videosdk has bounds of its own for the signature.
const maxInspect = 64 << 10

// inspection is what the page's second form sends.
type inspection struct {
	Token       string  `json:"token"`
	SessionName string  `json:"sessionName"`
	Passcode    *string `json:"passcode"`
	ErrorShown  string  `json:"errorShown"`
}

// inspect explains a signature. It has no CORS headers, since only the page
// itself may ask: it knows the server's secret. What is pasted is never logged.
func (c *PageConfig) inspect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		web.WriteFaults(w, http.StatusMethodNotAllowed, web.Fault{Property: "method", Reason: "is not for this path; inspect with POST"})
		return
	}
	if reason := web.NotJSON(r.Header); reason != "" {
		web.WriteFaults(w, http.StatusUnsupportedMediaType, web.Fault{Property: "content-type", Reason: reason})
		return
	}
	var in inspection
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxInspect), &in); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			web.WriteFaults(w, http.StatusRequestEntityTooLarge, web.Fault{Property: "token", Reason: "is too long for a signature; paste the signature alone"})
			return
		}
		web.WriteFaults(w, http.StatusBadRequest, web.Fault{Property: "body", Reason: "is not the JSON object that the page sends"})
		return
	}
	if in.Token == "" {
		web.WriteFaults(w, http.StatusBadRequest, web.Fault{Property: "token", Reason: "is required; paste a signature"})
		return
	}
	known := videosdk.Known{SessionName: in.SessionName, Passcode: in.Passcode, ErrorShown: in.ErrorShown, Now: c.Now()}
	if len(c.Credentials) > 0 {
		known.Key, known.Secret, known.Others = c.Credentials[0].Key, c.Credentials[0].Secret, c.Credentials[1:]
	}
	web.WriteJSON(w, http.StatusOK, videosdk.Inspect(in.Token, known))
}

// isLocal reports whether the request was made to this machine by one of its
// own names. A foreign page can make a browser send requests here under a name
// of its own that resolves to 127.0.0.1; those carry that name as their host.
func isLocal(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	switch host {
	case "localhost", "127.0.0.1", "[::1]", "::1":
		return true
	}
	return false
}
