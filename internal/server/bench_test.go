package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

// nowhere is a ResponseWriter that costs nothing.
type nowhere struct{ h http.Header }

func (n *nowhere) Header() http.Header         { return n.h }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHandler measures one signature through all of the handler, without the network.
func BenchmarkHandler(b *testing.B) {
	issuer, err := usher.NewIssuer(usher.Config{
		Credentials: videosdk.Credentials{Key: "test-key-1", Secret: "a-secret-of-enough-bytes-for-hs256-0123"},
		Policy:      usher.PermitAll,
	})
	if err != nil {
		b.Fatal(err)
	}
	log, flush := server.NewLogger(io.Discard, true, slog.LevelInfo)
	defer flush()
	for _, bb := range []struct {
		name string
		log  *slog.Logger
	}{{"logged", log}, {"silent", nil}} {
		b.Run(bb.name, func(b *testing.B) {
			h, err := server.New(server.Config{Issuer: issuer, Callers: endpoint.Anyone, Log: bb.log, Origins: []string{"*"}})
			if err != nil {
				b.Fatal(err)
			}
			const body = `{"sessionName":"Cool Cars","role":1,"userIdentity":"user-0001","sessionKey":"session-1","videoWebRtcMode":1}`
			r, _ := http.NewRequest("POST", "/", nil)
			r.RemoteAddr = "127.0.0.1:5555"
			w := &nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				r.Header = http.Header{"Content-Type": {"application/json"}}
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
				h.ServeHTTP(w, r)
			}
		})
	}
}
