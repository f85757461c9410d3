// Package pgtest starts a real PostgreSQL for tests: a cluster of its own in a
// temporary folder, on a free port of the loopback address, thrown away at the
// end. Where PostgreSQL isn't installed the test fails and says what to install;
// nothing is skipped.
//
// Tests of a package share one cluster, each with a database of its own:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestSomething(t *testing.T) { open(pgtest.URL(t)) … }
//
// A test that stops the server starts one of its own with [Start].
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a PostgreSQL server that a test has to itself.
type Server struct {
	bin, dir string
	port     int
	process  *os.Process
	exited   chan struct{}
	log      *os.File
}

var shared struct {
	sync.Mutex
	server *Server
}

var databases atomic.Int64

// Run runs the tests and takes the shared server down after them.
func Run(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
	}
	return code
}

// URL returns the address of a new, empty database on the shared server. The
// package's TestMain must call [Run].
func URL(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := start()
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	return shared.server.URL(t)
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.remove)
	return s
}

// URL returns the address of a new, empty database on the server.
func (s *Server) URL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer c.Close(ctx)
	name := fmt.Sprintf("usher_test_%d", databases.Add(1))
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("pgtest: creating a database: %v", err)
	}
	return s.address(name)
}

func (s *Server) address(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// start makes a cluster and starts its server.
func start() (*Server, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "usher-pg")
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	s := &Server{bin: bin, dir: dir}
	if err := own(dir); err != nil {
		s.remove()
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attributes()
	if out, err := initdb.CombinedOutput(); err != nil {
		s.remove()
		return nil, fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	if s.port, err = freePort(); err == nil {
		err = s.up()
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// findBin returns the folder of the newest PostgreSQL's programs.
func findBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		return filepath.Dir(found[0]), nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", fmt.Errorf("pgtest: PostgreSQL isn't installed: there is neither /usr/lib/postgresql/*/bin/initdb nor initdb on the PATH; 'apt-get install postgresql' brings it, and 'make setup' does that")
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // 0 for what isn't a number
	return n
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("pgtest: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Up starts the server again after Stop.
func (s *Server) Up(t testing.TB) {
	t.Helper()
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) up() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(s.port), "-c", "max_connections=200", "-c", "fsync=on")
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = s.dir, log, log, attributes()
	started := make(chan error)
	exited := make(chan struct{})
	go func() {
		// The kernel ends the server when the thread that started it ends; so this
		// one stays, and a test binary that is killed leaves no server behind.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(exited)
		}
	}()
	if err := <-started; err != nil {
		log.Close()
		return fmt.Errorf("pgtest: starting postgres: %w", err)
	}
	s.process, s.exited, s.log = cmd.Process, exited, log
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		c, err := pgx.Connect(ctx, s.address("postgres"))
		if err == nil {
			c.Close(ctx)
			cancel()
			return nil
		}
		cancel()
		select {
		case <-exited:
			return fmt.Errorf("pgtest: postgres ended at once; its log:\n%s", s.tail())
		default:
		}
	}
	return fmt.Errorf("pgtest: postgres didn't answer within a minute; its log:\n%s", s.tail())
}

func (s *Server) tail() []byte {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	if lines := bytes.Split(b, []byte("\n")); len(lines) > 20 {
		b = bytes.Join(lines[len(lines)-20:], []byte("\n"))
	}
	return b
}

// Stop ends the server the way a crash of its machine's network would look to
// clients: connections are cut at once. What was committed is on the disk.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	s.process.Signal(syscall.SIGQUIT)
	<-s.exited
	s.log.Close()
	s.process = nil
}

func (s *Server) remove() {
	s.Stop()
	os.RemoveAll(s.dir)
}
