package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/usher-sessions/usher/internal/web"
	lobby "github.com/usher-sessions/usher/web"
)

// A page is one file of the lobby, ready to be sent.
type page struct {
	body, packed []byte // packed is nil where packing gains nothing
	tag, kind    string
}

// Lobby returns the handler of the lobby page, for the path /lobby and all
// below /lobby/. The page may connect to Usher itself and to the media server at
// roomURL (ws, wss, http or https), and load nothing from anywhere else. It
// writes nothing but these answers, so anyone may be given it.
func Lobby(roomURL string) (http.Handler, error) {
	rooms, err := roomSources(roomURL)
	if err != nil {
		return nil, err
	}
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self' " + rooms +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// Packing takes some tens of milliseconds, which those who never open the page are spared.
	files := sync.OnceValues(lobbyFiles)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			web.WriteFaults(w, http.StatusMethodNotAllowed, web.Fault{Property: "method", Reason: "is not for this path; read it with GET"})
			return
		}
		if r.URL.Path == "/lobby" {
			// Browsers keep the fragment, and with it the invite.
			http.Redirect(w, r, "lobby/", http.StatusPermanentRedirect)
			return
		}
		pages, err := files()
		if err != nil {
			web.WriteFaults(w, http.StatusInternalServerError, web.Fault{Property: "server", Reason: "can't read the page that it was built with"})
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/lobby/")
		if name == "" {
			name = "index.html"
		}
		p, ok := pages[name]
		if !ok {
			web.WriteFaults(w, http.StatusNotFound, web.Fault{Property: "path", Reason: "has nothing at it; the lobby is at /lobby/"})
			return
		}
		h := w.Header()
		h.Set("Content-Type", p.kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		switch {
		case name == "index.html":
			h.Set("Content-Security-Policy", policy)
			h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cache-Control", "no-cache")
		case strings.HasPrefix(name, "assets/"):
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		case name == "usher-client.js":
			// The library may be imported by pages of other origins; what they may ask is decided where they ask it.
			h.Set("Access-Control-Allow-Origin", "*")
			fallthrough
		default:
			h.Set("Cache-Control", "no-cache")
		}
		p.send(w, r)
	}), nil
}

// leadToLobby sends who reads the address itself to the lobby, and leaves other
// methods to sign. Browsers take the fragment along, and with it an invite.
func leadToLobby(sign http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			sign.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, "lobby/", http.StatusTemporaryRedirect)
	})
}

func (p *page) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, tag := p.body, p.tag
	if p.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header) {
			body, tag = p.packed, p.tag[:len(p.tag)-1]+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

func acceptsGzip(h http.Header) bool {
	for _, part := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") {
			q := strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return q == "" || strings.Trim(q, "0.") != ""
		}
	}
	return false
}

// lobbyFiles reads and packs what the lobby was built to.
func lobbyFiles() (map[string]*page, error) {
	pages, files := map[string]*page{}, lobby.Lobby()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		p := &page{body: body, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, kind: kindOf(name)}
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(body); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if b.Len() < len(body) {
			p.packed = b.Bytes()
		}
		pages[name] = p
		return nil
	})
	return pages, err
}

// kindOf returns the media type by the file's ending. The common ones don't
// depend on what the machine's own tables say of them.
func kindOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}

// plainHost is what may stand in a Content-Security-Policy without changing it.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]+$`)

// roomSources returns the media server as a Content-Security-Policy names it:
// its WebSocket, and the same over HTTP, where clients ask why one failed.
func roomSources(roomURL string) (string, error) {
	u, err := url.Parse(roomURL)
	if err != nil || !plainHost.MatchString(u.Host) {
		return "", fmt.Errorf("the media server's address %q is not an address such as wss://livekit.example.com", roomURL)
	}
	switch u.Scheme {
	case "ws", "http":
		return "ws://" + u.Host + " http://" + u.Host, nil
	case "wss", "https":
		return "wss://" + u.Host + " https://" + u.Host, nil
	}
	return "", fmt.Errorf("the media server's address %q begins with neither wss:// nor ws://", roomURL)
}
