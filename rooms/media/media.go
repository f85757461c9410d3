// Package media runs a LiveKit server inside this process, so that one binary
// has everything that a session needs.
//
// It is for one machine: it listens on loopback alone unless an address is
// given, keeps its rooms in memory, and asks nobody outside for anything, no
// STUN server included. Several machines need LiveKit servers of their own with
// Redis between them; package engine talks to those just the same.
package media

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"github.com/livekit/protocol/webhook"
)

// LiveKit's own port numbers, which are taken if they are free.
const (
	usualPort      = 7880
	usualMediaPort = 7882
	usualTCPPort   = 7881
)

// startWithin is how long the server may take to begin.
const startWithin = 20 * time.Second

// Config says where the server listens and who may use it.
type Config struct {
	// Address is the IP address to listen on and to tell clients; the zero one is
	// 127.0.0.1, for this machine alone.
	Address netip.Addr
	// Port (TCP) is for signalling and for LiveKit's API, MediaPort (UDP) for sound
	// and video. 0 takes LiveKit's usual one, or a free one where that is taken.
	Port, MediaPort int
	// Key and Secret let an [engine.LiveKit] in; both empty makes some up, which
	// hold until the process ends. A secret has at least 32 characters.
	Key, Secret string
	// Webhook is told who joins and leaves; "" tells nobody.
	Webhook string
	// Log gets LiveKit's warnings and errors, those of all servers of the process; nil discards them.
	Log *slog.Logger
	// Random makes up key and secret; nil is crypto/rand.
	Random io.Reader
}

// A Server is a running LiveKit.
type Server struct {
	// URL is where clients and the engine reach it, such as ws://127.0.0.1:7880.
	URL string
	// Key and Secret are those of the Config, or those made up.
	Key, Secret string
	MediaPort   int

	livekit *service.LivekitServer
	ended   chan struct{}
	err     error // set once ended is closed
	stop    sync.Once
}

// Start starts LiveKit and returns once it answers. It runs until Stop,
// whatever becomes of ctx afterwards. A process may run several.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	logTo(cfg.Log)
	conf, err := cfg.livekit()
	if err != nil {
		return nil, err
	}
	node, err := routing.NewLocalNode(conf)
	if err != nil {
		return nil, fmt.Errorf("starting LiveKit: %w", err)
	}
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		return nil, fmt.Errorf("starting LiveKit: %w", err)
	}
	lk, err := service.InitializeServer(conf, node) // takes the media port
	if err != nil {
		return nil, fmt.Errorf("starting LiveKit: %w", err)
	}
	s := &Server{
		URL: "ws://" + net.JoinHostPort(cfg.Address.String(), strconv.Itoa(cfg.Port)),
		Key: cfg.Key, Secret: cfg.Secret, MediaPort: cfg.MediaPort, livekit: lk, ended: make(chan struct{}),
	}
	go func() {
		s.err = lk.Start() // where its port is taken it gives back nothing of what it has; the process is to end then
		close(s.ended)
	}()
	if err := s.begun(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// begun waits until the server answers.
func (s *Server) begun(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !s.livekit.IsRunning() {
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("starting LiveKit: %w", s.err)
		case <-ctx.Done():
			return fmt.Errorf("starting LiveKit: %w", ctx.Err())
		}
	}
	return nil
}

// Stop throws everybody out and ends the server. It takes some seconds at most.
// Word of who left is on its way to the webhook when it returns.
func (s *Server) Stop() {
	s.stop.Do(func() { s.livekit.Stop(true) })
	<-s.ended
}

// complete puts defaults in and reports what can't work.
func (c *Config) complete() error {
	if !c.Address.IsValid() {
		c.Address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if c.Address.IsUnspecified() {
		return fmt.Errorf("LiveKit can't listen on %s: name the one address at which clients reach it", c.Address)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if (c.Key == "") != (c.Secret == "") {
		return errors.New("key and secret of LiveKit belong together; give both or none")
	}
	if c.Key == "" {
		random := c.Random
		if random == nil {
			random = rand.Reader
		}
		var b [40]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return fmt.Errorf("reading random bytes: %w", err)
		}
		c.Key, c.Secret = "usher-"+hex.EncodeToString(b[:8]), hex.EncodeToString(b[8:])
	}
	if len(c.Secret) < 32 {
		return errors.New("the secret of LiveKit is shorter than 32 characters")
	}
	return c.ports()
}

// ports finds a free port for each that isn't given.
func (c *Config) ports() error {
	if c.Port == 0 {
		try := func(port int) (int, error) {
			ln, err := net.Listen("tcp", net.JoinHostPort(c.Address.String(), strconv.Itoa(port)))
			if err != nil {
				return 0, err
			}
			defer ln.Close()
			return ln.Addr().(*net.TCPAddr).Port, nil
		}
		var err error
		if c.Port, err = try(usualPort); err != nil {
			if c.Port, err = try(0); err != nil {
				return fmt.Errorf("finding a port for LiveKit: %w", err)
			}
		}
	}
	if c.MediaPort == 0 {
		try := func(port int) (int, error) {
			conn, err := net.ListenPacket("udp", net.JoinHostPort(c.Address.String(), strconv.Itoa(port)))
			if err != nil {
				return 0, err
			}
			defer conn.Close()
			return conn.LocalAddr().(*net.UDPAddr).Port, nil
		}
		var err error
		if c.MediaPort, err = try(usualMediaPort); err != nil {
			if c.MediaPort, err = try(0); err != nil {
				return fmt.Errorf("finding a port for LiveKit's media: %w", err)
			}
		}
	}
	return nil
}

// livekit returns LiveKit's own configuration.
func (c *Config) livekit() (*config.Config, error) {
	// Given before the defaults are checked: without a node's address LiveKit looks for one.
	conf, err := config.NewConfig("rtc:\n  node_ip: "+c.Address.String()+"\n  udp_port: "+strconv.Itoa(c.MediaPort)+"\n", true, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("configuring LiveKit: %w", err)
	}
	conf.Port = uint32(c.Port)
	conf.BindAddresses = []string{c.Address.String()}
	conf.Keys = map[string]string{c.Key: c.Secret}
	rtc := &conf.RTC
	// LiveKit takes its TCP port for media on every address, so it has none on loopback, where UDP always passes.
	rtc.TCPPort = 0
	if !c.Address.IsLoopback() {
		rtc.TCPPort = usualTCPPort
	}
	rtc.EnableLoopbackCandidate = c.Address.IsLoopback()
	rtc.IPs.Includes = []string{netip.PrefixFrom(c.Address, c.Address.BitLen()).String()}
	rtc.UseExternalIP = false
	// LiveKit would tell clients to ask STUN servers of Google and Twilio where they
	// are. It has no word for "none", so they ask a port of its own at which nobody
	// answers; they find each other without. It mustn't be the media port: browsers
	// take all that comes from a STUN server's address for its answer.
	rtc.STUNServers = []string{net.JoinHostPort(c.Address.String(), strconv.Itoa(c.Port))}
	if c.Webhook != "" {
		conf.WebHook.URLs, conf.WebHook.APIKey = []string{c.Webhook}, c.Key
		conf.WebHook.FilterParams.IncludeEvents = []string{
			webhook.EventParticipantJoined, webhook.EventParticipantLeft, webhook.EventParticipantConnectionAborted, webhook.EventRoomFinished,
		}
	}
	return conf, nil
}
