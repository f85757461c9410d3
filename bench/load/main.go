// Command load asks one server on this machine for signatures, over keep-alive
// connections that each send the next request when the last answer is there,
// and prints what it saw as JSON.
//
// It takes as little of the processor as it can, since the server has to share
// it: one thread, epoll, requests written beforehand, and only so much of HTTP/1.1
// read as these servers write. Any answer that isn't a signature ends it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Seen is what Command load prints.
type Seen struct {
	Requests int     // answered in the measured time
	All      int     // answered since the start
	Seconds  float64 // the measured time
	P50, P99 float64 // milliseconds from sending a request to having read its answer
	Max      float64
	CPU      float64 // seconds of processor time that this generator took itself meanwhile
}

func main() {
	addr := flag.String("addr", "", "`address` of the server, on loopback")
	conns := flag.Int("conns", 32, "connections")
	warm := flag.Duration("warm", 500*time.Millisecond, "`time` before measuring begins")
	measured := flag.Duration("time", 2*time.Second, "measured `time`, at most a minute")
	keys := flag.String("keys", "", "`file` of API keys to send, one a line; none if empty")
	rooms := flag.Int("rooms", 0, "ask for as many sessions, \"Room 0000000\" and on, none twice before all others; 0 asks for a few again and again")
	flag.Parse()
	seen, err := load(*addr, *conns, *warm, *measured, *keys, *rooms)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(seen)
}

// patience is how long may pass without any answer.
const patience = 10 * time.Second

// maxAnswer is the longest answer that is taken, header and body, in bytes.
const maxAnswer = 8 << 10

type conn struct {
	fd   int
	sent time.Time
	buf  [maxAnswer]byte
	n    int // bytes of the answer so far
}

func load(addr string, conns int, warm, measured time.Duration, keyFile string, rooms int) (*Seen, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	if !to.Addr().Is4() || !to.Addr().IsLoopback() {
		return nil, fmt.Errorf("%s is not on IPv4 loopback; this puts load on nobody else", addr)
	}
	if conns < 1 || conns > 1024 || rooms < 0 || rooms > 9_999_999 || measured <= 0 || measured > time.Minute || warm < 0 || warm > time.Minute {
		return nil, errors.New("1 to 1024 connections, at most a minute and under 10 million sessions")
	}
	runtime.LockOSThread()
	requests, err := requests(addr, keyFile, rooms)
	if err != nil {
		return nil, err
	}
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	all := make([]*conn, conns)
	for i := range all {
		if all[i], err = connect(to, poll, i); err != nil {
			return nil, err
		}
	}

	begin := time.Now().Add(warm)
	end := begin.Add(measured)
	next := 0
	send := func(c *conn, now time.Time) error {
		r := requests[next%len(requests)].bytes(next, rooms)
		next++
		c.n, c.sent = 0, now
		if n, err := syscall.Write(c.fd, r); err != nil || n != len(r) {
			return fmt.Errorf("writing a request: %d of %d bytes, %v", n, len(r), err)
		}
		return nil
	}
	for _, c := range all {
		if err := send(c, time.Now()); err != nil {
			return nil, err
		}
	}
	took := make([]uint32, 0, 1<<20) // tenths of a microsecond
	var cpuBegin time.Duration
	counting := false
	events := make([]syscall.EpollEvent, conns)
	for now := time.Now(); now.Before(end); {
		n, err := syscall.EpollWait(poll, events, int(patience/time.Millisecond))
		now = time.Now()
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("epoll: %w", err)
		}
		if n == 0 {
			return nil, fmt.Errorf("no answer for %s", patience)
		}
		if !counting && !now.Before(begin) {
			counting, begin, cpuBegin = true, now, cpu()
		}
		for _, e := range events[:n] {
			c := all[e.Fd]
			done, err := c.read()
			if err != nil {
				return nil, err
			}
			if !done {
				continue
			}
			now = time.Now()
			if counting && c.sent.After(begin) {
				took = append(took, uint32(now.Sub(c.sent)/100))
			}
			if err := send(c, now); err != nil {
				return nil, err
			}
		}
	}
	seconds := time.Since(begin).Seconds()
	cpuTook := (cpu() - cpuBegin).Seconds()
	if len(took) == 0 {
		return nil, errors.New("nothing was answered in the measured time")
	}
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))]) / 1e4 }
	return &Seen{Requests: len(took), All: next - conns, Seconds: seconds, P50: at(0.5), P99: at(0.99), Max: at(1), CPU: cpuTook}, nil
}

// A request is written beforehand, but for the number of the session.
type request struct {
	text   []byte
	number int // where the seven digits of the session begin; 0 if it has none
}

// stride leads through all sessions in no order that a database would have
// them in; it is prime, so that none comes twice before all others.
const stride = 611953

// bytes returns the nth request.
func (r *request) bytes(n, rooms int) []byte {
	if r.number > 0 {
		v := int(int64(n) * stride % int64(rooms))
		for i := r.number + 6; i >= r.number; i-- {
			r.text[i] = byte('0' + v%10)
			v /= 10
		}
	}
	return r.text
}

// requests returns requests in the form of Zoom's clients, each for another user.
func requests(host, keyFile string, rooms int) ([]*request, error) {
	var keys []string
	if keyFile != "" {
		text, err := os.ReadFile(keyFile)
		if err != nil {
			return nil, err
		}
		keys = strings.Fields(string(text))
	}
	out := make([]*request, 64)
	for i := range out {
		name := fmt.Sprintf("Cool Cars %02d", i%8)
		if rooms > 0 {
			name = "Room 0000000"
		}
		body := fmt.Sprintf(`{"sessionName":"%s","role":%d,"userIdentity":"user-%04d","sessionKey":"cars-%04d","videoWebRtcMode":1}`, name, i%2, i, i%8)
		var b bytes.Buffer
		fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\nUser-Agent: usher-bench\r\n", host)
		if len(keys) > 0 {
			fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", keys[i%len(keys)])
		}
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
		out[i] = &request{text: b.Bytes()}
		if rooms > 0 {
			out[i].number = bytes.Index(b.Bytes(), []byte("Room 0000000")) + len("Room ")
		}
	}
	return out, nil
}

// connect opens one connection; its number is what epoll gives back for it.
func connect(to netip.AddrPort, poll, number int) (*conn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", to, err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return &conn{fd: fd}, syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(number)})
}

// read takes what has arrived and reports whether the answer is there whole.
func (c *conn) read() (bool, error) {
	n, err := syscall.Read(c.fd, c.buf[c.n:])
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading an answer: %w", err)
	case n == 0:
		return false, errors.New("the server closed a connection, or its answer is too long")
	}
	c.n += n
	return complete(c.buf[:c.n])
}

var (
	okLine    = []byte("HTTP/1.1 200 ")
	signature = []byte(`"signature":"eyJ`)
	length    = []byte("content-length:")
)

// complete reports whether answer is whole, and an error if it isn't a signature.
func complete(answer []byte) (bool, error) {
	end := bytes.Index(answer, []byte("\r\n\r\n"))
	if end < 0 {
		return false, nil
	}
	size, err := bodyLength(answer[:end])
	if err != nil {
		return false, err
	}
	body := answer[end+4:]
	switch {
	case len(body) < size:
		return false, nil
	case len(body) > size || !bytes.HasPrefix(answer, okLine) || !bytes.Contains(body, signature):
		return false, fmt.Errorf("the answer is no signature:\n%s", answer)
	}
	return true, nil
}

func bodyLength(header []byte) (int, error) {
	for len(header) > 0 {
		var line []byte
		line, header, _ = bytes.Cut(header, []byte("\r\n"))
		if len(line) > len(length) && bytes.EqualFold(line[:len(length)], length) {
			return strconv.Atoi(string(bytes.TrimSpace(line[len(length):])))
		}
	}
	return 0, errors.New("the answer has no Content-Length")
}

// cpu returns the processor time that this process has taken.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it fails for bad arguments alone
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
