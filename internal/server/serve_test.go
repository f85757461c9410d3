package server_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-sessions/usher/internal/server"
)

// pipes is a listener in memory, so that time-outs can be tested by a clock that isn't real.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// faultless is a log that fails the test on anything from warnings up: among
// others, on each line of net/http's own error log.
func faultless(t *testing.T) *slog.Logger {
	return slog.New(noFaults{slog.DiscardHandler, t})
}

type noFaults struct {
	slog.Handler
	t *testing.T
}

func (n noFaults) Enabled(_ context.Context, l slog.Level) bool { return true }
func (n noFaults) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		n.t.Errorf("the log got %s: %s", r.Level, r.Message)
	}
	return nil
}
func (n noFaults) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n noFaults) WithGroup(string) slog.Handler      { return n }

// serve runs the server in a bubble of its own time.
func serve(t *testing.T, h http.Handler, test func(p *pipes, stop func())) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- server.Serve(ctx, p, h, faultless(t)) }()
		test(p, stop)
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestSlowClients(t *testing.T) {
	h, _ := newServer(t, nil)
	const whole = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n" + `{"sessionName":"s"}`
	for _, tt := range []struct {
		name   string
		sends  string
		after  time.Duration // from the last byte sent to the connection's end
		status int           // of the answer before that, 0 for none
	}{
		{"nothing", "", 5 * time.Second, 0},
		{"half a header", whole[:40], 5 * time.Second, 0},
		{"half a body", whole[:len(whole)-5], 10 * time.Second, http.StatusRequestTimeout},
		{"idle after an answer", whole, 60 * time.Second, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, h, func(p *pipes, stop func()) {
				c := p.dial()
				defer c.Close()
				begun := time.Now()
				if _, err := io.WriteString(c, tt.sends); err != nil {
					t.Fatal(err)
				}
				in := bufio.NewReader(c)
				if tt.status != 0 {
					res, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, res.Body)
					if res.StatusCode != tt.status {
						t.Errorf("answered %d, want %d", res.StatusCode, tt.status)
					}
				}
				io.Copy(io.Discard, in) // until the server closes; net/http answers 408 or nothing to a missing header
				if took := time.Since(begun); took != tt.after {
					t.Errorf("closed after %s, want %s", took, tt.after)
				}
			})
		})
	}
}

func TestAClientThatReadsNothing(t *testing.T) {
	h, _ := newServer(t, nil)
	serve(t, h, func(p *pipes, stop func()) {
		c := p.dial()
		defer c.Close()
		begun := time.Now()
		io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		time.Sleep(21 * time.Second)
		synctest.Wait()
		if _, err := c.Write([]byte("x")); err == nil {
			t.Errorf("still open after %s", time.Since(begun))
		}
	})
}

func TestLargeHeaders(t *testing.T) {
	h, _ := newServer(t, nil)
	serve(t, h, func(p *pipes, stop func()) {
		c := p.dial()
		defer c.Close()
		go io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 40<<10)+"\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v %v", res, err)
		}
	})
}

// TestShutdown: once the server stops, requests in flight are finished, with a
// context that still lives, and no new ones are taken.
func TestShutdown(t *testing.T) {
	begun, alive := make(chan struct{}, 1), make(chan error, 1)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		time.Sleep(10 * time.Second)
		alive <- r.Context().Err()
		io.WriteString(w, "done")
	})
	serve(t, slow, func(p *pipes, stop func()) {
		c := p.dial()
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		<-begun
		stop()
		<-p.done // nothing new is accepted
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if string(body) != "done" || err != nil {
			t.Errorf("%q %v", body, err)
		}
		if err := <-alive; err != nil {
			t.Errorf("the request's context: %v", err)
		}
	})
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, stop := context.WithCancel(context.Background())
		begun := make(chan struct{}, 1)
		endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begun <- struct{}{}
			<-r.Context().Done()
		})
		served := make(chan error, 1)
		go func() { served <- server.Serve(ctx, p, endless, nil) }()
		c := p.dial()
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		<-begun
		stop()
		from := time.Now()
		if err := <-served; err == nil || !strings.Contains(err.Error(), "cut off") || time.Since(from) != 20*time.Second {
			t.Errorf("Serve returned %v after %s", err, time.Since(from))
		}
	})
}

func TestServeSaysWhyItCannotServe(t *testing.T) {
	p := newPipes()
	p.Close()
	if err := server.Serve(context.Background(), p, http.NotFoundHandler(), nil); err == nil || !strings.Contains(err.Error(), "serving on 127.0.0.1") {
		t.Errorf("got %v", err)
	}
}

// TestTheErrorLogStaysEmpty sends one request of each kind over TCP: net/http
// must find nothing to complain of in how they are answered.
func TestTheErrorLogStaysEmpty(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := newServer(t, func(c *server.Config) {
		c.Page = &server.PageConfig{}
		c.Log = faultless(t)
	})
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, ln, h, faultless(t)) }()
	client := &http.Client{Transport: &http.Transport{}}
	for _, tt := range []struct {
		method, path, contentType, body string
		status                          int
	}{
		{"POST", "/", "application/json", `{"sessionName":"s"}`, 200},
		{"POST", "/zoomtoken", "application/json", `{"sessionName":"s"}`, 200},
		{"POST", "/", "application/json", `{"sessionName":""}`, 400},
		{"POST", "/", "application/json", `{`, 400},
		{"POST", "/", "text/plain", `x`, 415},
		{"POST", "/", "application/json", strings.Repeat("x", 300<<10), 413},
		{"POST", "/inspect", "application/json", `{"token":"eyJ"}`, 200},
		{"POST", "/inspect", "application/json", `{"token":"` + strings.Repeat("x", 300<<10) + `"}`, 413},
		{"GET", "/", "", "", 200}, {"HEAD", "/", "", "", 200}, {"PUT", "/", "", "", 405}, {"OPTIONS", "/", "", "", 204},
		{"GET", "/healthz", "", "", 200}, {"HEAD", "/readyz", "", "", 200}, {"GET", "/nope", "", "", 404},
	} {
		r, err := http.NewRequest(tt.method, "http://"+ln.Addr().String()+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tt.contentType)
		res, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, res.StatusCode, tt.status)
		}
	}
	client.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
