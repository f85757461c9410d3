package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/endpoint"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

const serveScope = config.ForSigning | config.ForServing | config.ForPublic

func (m *Main) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer requests for signatures, in production",
		Long: `Answers requests for signatures: POST / with JSON, as Zoom's sample endpoint does.

It doesn't start without good credentials, or without knowing who may ask:
callers send one of USHER_API_KEYS as "Authorization: Bearer ...", unless --open
lets anyone ask. Every mistake in the settings is named at once. SIGTERM and
Ctrl-C finish the requests in flight and exit 0.

Settings come from flags, else from the environment, else from the file .env,
else from the YAML file that --config names. Secrets are no flags.`,
		Example: `  export ZOOM_VIDEO_SDK_KEY=... ZOOM_VIDEO_SDK_SECRET=...
  export USHER_API_KEYS="$(openssl rand -hex 24)"
  usher serve

  usher serve --port 8080 --origins https://app.example.com --sdk-secret-file /run/secrets/sdk
  usher serve --config usher.yaml
  usher serve --open        # as Zoom's sample: whoever reaches it may host any session`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.serve(cmd) },
	}
	addSettings(cmd, serveScope)
	return cmd
}

func (m *Main) serve(cmd *cobra.Command) error {
	cfg, err := m.load(cmd, serveScope, config.CredentialsRequired)
	if err != nil {
		return err
	}
	var callers endpoint.Callers = endpoint.Anyone
	if !cfg.Open {
		if callers, err = caller.NewChain(caller.ChainConfig{Bearers: []caller.Bearer{cfg.APIKeys}}); err != nil {
			return err
		}
	}
	log, flush := m.logger(cfg)
	defer flush()
	srv, err := m.newServer(cmd, cfg, server.Config{Callers: callers, Origins: cfg.Origins, Log: log})
	if err != nil {
		return err
	}
	who := "anyone"
	if cfg.APIKeys != nil {
		who = strconv.Itoa(cfg.APIKeys.Len()) + " API keys"
	}
	log.Info("listening", "address", srv.listener.Addr().String(), "callers", who, "version", version(), "go", runtime.Version())
	for _, w := range cfg.Credentials.Warnings() {
		log.Warn(w)
	}
	if cfg.Open {
		log.Warn("Usher is open: whoever can reach it gets a host's signature for any session, on your account. " +
			"Set USHER_API_KEYS and leave --open out before strangers find it.")
	}
	return srv.run(cmd.Context(), log)
}

// runningServer is a handler with the port that it answers on.
type runningServer struct {
	listener net.Listener
	handler  http.Handler
}

// newServer takes the port and makes the handler. What base says of callers,
// origins and page holds; issuer and the rest come from cfg.
func (m *Main) newServer(cmd *cobra.Command, cfg *config.Config, base server.Config) (*runningServer, error) {
	issuer, err := m.issuer(cfg)
	if err != nil {
		return nil, err
	}
	base.Issuer = issuer
	handler, err := server.New(base)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(cfg.Listen, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, listenFault(cmd, cfg, err)
	}
	return &runningServer{ln, handler}, nil
}

func (s *runningServer) run(ctx context.Context, log *slog.Logger) error {
	if err := server.Serve(ctx, s.listener, s.handler, log); err != nil {
		return err
	}
	log.Info("stopped; all requests are answered")
	return nil
}

func (m *Main) issuer(cfg *config.Config) (*usher.Issuer, error) {
	options := []videosdk.SignerOption{videosdk.WithBackdate(cfg.Backdate)}
	if cfg.AnySessionName {
		options = append(options, videosdk.WithAnySessionName())
	}
	return usher.NewIssuer(usher.Config{Credentials: cfg.Credentials, Options: options, Policy: usher.PermitAll, Now: m.Now})
}

// logger writes to Stderr; flush must be called at the end.
func (m *Main) logger(cfg *config.Config) (log *slog.Logger, flush func()) {
	var level slog.Level
	level.UnmarshalText([]byte(cfg.LogLevel)) // one of the words that config takes
	json := cfg.LogFormat == "json" || cfg.LogFormat == "auto" && !isTerminal(m.Stderr)
	return server.NewLogger(m.Stderr, json, level)
}

// listenFault says what to do about a port that can't be had.
func listenFault(cmd *cobra.Command, cfg *config.Config, err error) error {
	address := net.JoinHostPort(cfg.Listen, strconv.Itoa(cfg.Port))
	f := &fault{code: exitFailed, line: fmt.Sprintf("can't listen on %s: %v", address, err)}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.line = fmt.Sprintf("port %d is in use by another program", cfg.Port)
		f.hints = []string{
			fmt.Sprintf("take another: %s --port %d", cmd.CommandPath(), max(1024, (cfg.Port+1)%65536)),
			fmt.Sprintf("or see who has it: lsof -i :%d", cfg.Port),
		}
	case errors.Is(err, syscall.EACCES):
		f.line = fmt.Sprintf("port %d may not be taken by this user", cfg.Port)
		f.hints = []string{"take one from 1024 on with --port or PORT"}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.line = fmt.Sprintf("%s is no address of this machine", cfg.Listen)
		f.hints = []string{"correct --listen or USHER_LISTEN, or leave it out for every address"}
	}
	return f
}
