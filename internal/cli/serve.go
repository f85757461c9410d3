package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/internal/policy"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

const serveScope = config.ForSigning | config.ForServing | config.ForPublic | config.ForStorage | config.ForPolicy

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
	addSettings(cmd, m.scopeOf(serveScope))
	return cmd
}

func (m *Main) serve(cmd *cobra.Command) error {
	cfg, err := m.load(cmd, m.scopeOf(serveScope), config.CredentialsRequired)
	if err != nil {
		return err
	}
	if cfg.Database != "" && !strings.Contains(cfg.Database, "://") {
		suitDisk()
	}
	log, flush := m.logger(cfg)
	defer flush()
	conf, err := m.appConfig(cfg, log)
	if err != nil {
		return err
	}
	conf.Open, conf.StaticKeys, conf.Issuers = cfg.Open, cfg.APIKeys, cfg.Issuers
	conf.Origins, conf.Proxies, conf.PublicURL = cfg.Origins, cfg.Proxies, cfg.PublicURL
	conf.RequestsPerSecond, conf.KeyRequestsPerSecond, conf.GuessesPerAddress = cfg.RequestsPerSecond, cfg.KeyRequestsPerSecond, cfg.FailuresPerHour
	srv, err := m.newServer(cmd, cfg, conf)
	if err != nil {
		return err
	}
	defer srv.close()
	log.Info("listening", "address", srv.listener.Addr().String(), "callers", whoMayAsk(cfg), "record", whereKept(cfg), "version", version(), "go", runtime.Version())
	for _, w := range cfg.Credentials.Warnings() {
		log.Warn(w)
	}
	if cfg.Open {
		log.Warn("Usher is open: whoever can reach it gets a host's signature for any session, on your account. " +
			"Set USHER_API_KEYS and leave --open out before strangers find it.")
	}
	if cfg.Database == "" {
		log.Warn("Nothing is recorded: without a database there is no ledger, and no sessions, keys or invites.")
	}
	return srv.run(cmd.Context(), log)
}

// suitDisk makes Go's runtime suit a process that waits for its own disk again
// and again. A thread that waits keeps one of the runtime's processors until
// that is found and taken away, and finding it means looking some thousand times
// a second: an eighth of all time where there is one processor. So there is one
// more of them than the machine has. And the heap is small beside the memory
// that SQLite takes, so that it may grow to more than twice what is in use before
// it is collected. What the environment says holds.
func suitDisk() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// reloadOnHangup reads the policy again at each SIGHUP until stop is called.
// Without a policy the signal does nothing; it would else end the program.
func (s *runningServer) reloadOnHangup(log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		for range hangup {
			if s.app.Policy == nil {
				log.Info("nothing to reload: no policy is asked")
			} else if s.app.Policy.Reload() == nil { // it logs its own faults
				log.Info("policy is up to date", "rules", s.app.Policy.Status().Rules)
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
	}
}

// whoMayAsk says in the log from whom requests are taken.
func whoMayAsk(cfg *config.Config) string {
	var who []string
	if cfg.Open {
		who = append(who, "anyone")
	}
	if cfg.APIKeys != nil {
		who = append(who, count(cfg.APIKeys.Len(), "configured API key"))
	}
	if cfg.Database != "" {
		who = append(who, "API keys and guests of the database")
	}
	if n := len(cfg.Issuers); n > 0 {
		who = append(who, "users of "+count(n, "OpenID issuer"))
	}
	return strings.Join(who, ", ")
}

// whereKept says in the log where the ledger is, without a password.
func whereKept(cfg *config.Config) string {
	switch {
	case cfg.Database == "":
		return "none"
	case !strings.Contains(cfg.Database, "://"):
		return cfg.Database
	}
	if u, err := url.Parse(cfg.Database); err == nil && u.Host != "" {
		return "postgres at " + u.Host
	}
	return "postgres" // the host stands among the parameters, as a password may
}

// runningServer is a handler with the port that it answers on.
type runningServer struct {
	listener   net.Listener
	app        *app.App
	closeRooms func() error
}

// appConfig is what the settings say of signing, keeping and deciding.
func (m *Main) appConfig(cfg *config.Config, log *slog.Logger) (app.Config, error) {
	conf := app.Config{
		Version: version(), Credentials: cfg.Credentials, Signing: signingOptions(cfg),
		Database: cfg.Database, StorageKeys: cfg.StorageKeys, Instance: cfg.Instance, Retention: cfg.Retention,
		Policy: policy.Config{Files: cfg.PolicyFiles, Replace: cfg.PolicyReplace, TimeZone: cfg.TimeZone},
		Log:    log, Now: m.Now, Random: m.Random,
	}
	if cfg.Database == "" || len(cfg.StorageKeys) > 0 {
		return conf, nil
	}
	key, err := app.StorageKey(cfg.Database, m.Random) // config demands one where it isn't a file
	conf.StorageKeys = [][]byte{key}
	if err != nil {
		return conf, &fault{code: exitFailed, line: err.Error(), hints: []string{
			"name a database in a folder that can be written: --database /var/lib/usher/usher.db",
			"or keep no record: --database " + config.NoDatabase,
		}}
	}
	return conf, nil
}

// newServer takes the port and makes what answers on it. The port comes first,
// so that a second start beside a running server leaves its database alone.
func (m *Main) newServer(cmd *cobra.Command, cfg *config.Config, conf app.Config) (*runningServer, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(cfg.Listen, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, listenFault(cmd, cfg, err)
	}
	closeRooms, err := m.startRooms(cmd, cfg, &conf, ln)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	a, err := app.Open(cmd.Context(), conf)
	if err != nil {
		return nil, errors.Join(err, closeRooms(), ln.Close())
	}
	return &runningServer{ln, a, closeRooms}, nil
}

func (s *runningServer) run(ctx context.Context, log *slog.Logger) error {
	defer s.reloadOnHangup(log)()
	// Rooms of this process end before the server does, which then still hears who has left them.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { s.closeRooms(); stop() })()
	if err := server.Serve(serving, s.listener, s.app.Handler, log); err != nil {
		return err
	}
	log.Info("stopped; all requests are answered")
	return nil
}

// signingOptions are how signatures are made, for the server and for usher sign.
func signingOptions(cfg *config.Config) []videosdk.SignerOption {
	options := []videosdk.SignerOption{videosdk.WithBackdate(cfg.Backdate)}
	if cfg.AnySessionName {
		options = append(options, videosdk.WithAnySessionName())
	}
	return options
}

func (m *Main) issuer(cfg *config.Config) (*usher.Issuer, error) {
	return usher.NewIssuer(usher.Config{Credentials: cfg.Credentials, Options: signingOptions(cfg), Policy: usher.PermitAll, Now: m.Now})
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
