package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A server is one of the programs compared.
type server struct {
	name    string
	command []string
	folder  string   // it runs in; "" is here
	env     []string // beside credentials and PORT
	keys    string   // file of the API keys to send, one a line; "" for none
	rooms   int      // how many sessions are asked for; 0 for a few

	port int
	cmd  *exec.Cmd
	log  *os.File

	start    series  // milliseconds from starting it to its first answer
	idle     series  // MB resident after its first answer
	rate     series  // requests a second
	p50, p99 series  // milliseconds
	longest  series  // milliseconds
	cpu      series  // microseconds of processor time a request
	peak     float64 // MB resident at most
}

// run starts the server on these processors and waits for its first signature.
// It returns how long that took.
func (s *server) run(ctx context.Context, dir string, cpus *unix.CPUSet) (time.Duration, error) {
	var err error
	if s.port, err = freePort(); err != nil {
		return 0, err
	}
	// Logs go to a file, as they do in production.
	if s.log, err = os.Create(filepath.Join(dir, "log-"+strconv.Itoa(s.port))); err != nil {
		return 0, err
	}
	s.cmd = exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	s.cmd.Dir = s.folder
	s.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PORT=" + strconv.Itoa(s.port), "NODE_ENV=production",
		"ZOOM_VIDEO_SDK_KEY=" + sdkKey, "ZOOM_VIDEO_SDK_SECRET=" + sdkSecret,
	}, s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	begun := time.Now()
	if err := startOn(cpus, s.cmd); err != nil {
		return 0, fmt.Errorf("starting %s: %w", s.name, err)
	}
	for {
		err := s.ask(ctx)
		if err == nil {
			return time.Since(begun), nil
		}
		if time.Since(begun) > 20*time.Second || ctx.Err() != nil || syscall.Kill(s.cmd.Process.Pid, 0) != nil || s.zombie() {
			s.stop()
			return 0, fmt.Errorf("%s does not answer: %w\n%s", s.name, err, s.lastWords())
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// fresh opens a connection for each request, as a first caller does.
var fresh = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

// ask asks for one signature.
func (s *server) ask(ctx context.Context) error {
	const body = `{"sessionName":"Cool Cars","role":1,"userIdentity":"user-0001","sessionKey":"cars-0001","videoWebRtcMode":1}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.addr()+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.keys != "" {
		text, err := os.ReadFile(s.keys)
		if err != nil {
			return err
		}
		key, _, _ := strings.Cut(string(text), "\n")
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := fresh.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"signature":"eyJ`)) {
		err = fmt.Errorf("status %d: %s", res.StatusCode, answer)
	}
	return err
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// stop ends the server and waits until it is gone.
func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	gone := make(chan struct{})
	go func() { s.cmd.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		s.cmd.Process.Kill()
		<-gone
	}
	s.log.Close()
}

// lastWords returns the end of what the server wrote.
func (s *server) lastWords() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// zombie reports whether the process has ended already.
func (s *server) zombie() bool {
	text, err := s.proc("stat")
	_, after, _ := strings.Cut(text, ") ")
	return err != nil || strings.HasPrefix(after, "Z")
}

func (s *server) proc(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), file))
	return string(text), err
}

// memory returns a figure of /proc/PID/status in MB: VmRSS is what is resident, VmHWM the most that ever was.
func (s *server) memory(field string) (float64, error) {
	status, err := s.proc("status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			var kib float64
			_, err := fmt.Sscanf(v, "%g kB", &kib)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("%s: /proc has no %s", s.name, field)
}

// processorTime returns what the server has taken of the processor so far.
func (s *server) processorTime() (time.Duration, error) {
	stat, err := s.proc("stat")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(stat, ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s: /proc/PID/stat is short", s.name)
	}
	var ticks int64 // utime and stime, fields 14 and 15 by proc(5)
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100 on every Linux that Go runs on
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
