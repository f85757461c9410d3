package cli

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/internal/server"
	"github.com/usher-sessions/usher/videosdk"
)

const devScope = config.ForSigning | config.ForServing | config.ForPolicy

// localOrigins are all pages that this machine itself serves.
var localOrigins = [...]string{
	"http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*",
	"https://localhost:*", "https://127.0.0.1:*", "https://[::1]:*",
}

func (m *Main) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Answer requests on this machine, no questions asked",
		Long: `Answers on 127.0.0.1 alone, to anyone on this machine and to pages of any
localhost origin. It shows a page that makes signatures and explains pasted ones.

Without credentials in the environment or in .env it makes some up and keeps
them in ` + config.DevFile + `: good for trying things out and for tests, refused by Zoom.`,
		Example: `  usher dev
  usher dev --port 4001`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.dev(cmd) },
	}
	addSettings(cmd, m.scopeOf(devScope))
	return cmd
}

func (m *Main) dev(cmd *cobra.Command) error {
	cfg, err := m.load(cmd, m.scopeOf(devScope), config.CredentialsOrNone)
	if err != nil {
		return err
	}
	cfg.Listen = "127.0.0.1"
	if cfg.LogFormat == "auto" {
		cfg.LogFormat = "text"
	}
	madeUp := cfg.Credentials.Key == ""
	var notKept error
	if madeUp {
		if cfg.Credentials, notKept, err = config.DevCredentials(m.Dir, m.Random); err != nil {
			return err
		}
	}
	log, flush := m.logger(cfg)
	defer flush()
	if notKept == nil {
		cfg.Database, notKept = config.DevDatabase(m.Dir)
	}
	conf, err := m.appConfig(cfg, log)
	if err != nil {
		return err
	}
	conf.Local, conf.Origins = localOperator(), localOrigins[:]
	conf.Page = &server.PageConfig{Credentials: []videosdk.Credentials{cfg.Credentials}, Now: m.Now}
	srv, err := m.newServer(cmd, cfg, conf)
	if err != nil {
		return err
	}
	defer srv.close()
	m.greet(srv.listener.Addr().(*net.TCPAddr).Port, cfg, madeUp, notKept)
	return srv.run(cmd.Context(), log)
}

// localOperator is whoever sits at this machine: they could read the database
// and the secret anyway, so they may do everything, and the ledger says who it was.
func localOperator() *usher.Caller {
	return &usher.Caller{Kind: usher.KindKey, ID: "local", Name: "the operator of this machine"}
}

// greet says where the server is, what it signs with, and how to try it.
func (m *Main) greet(port int, cfg *config.Config, madeUp bool, notKept error) {
	out := newPrinter(m.Stdout, m.Environ)
	url := fmt.Sprintf("http://localhost:%d", port)
	out.line(out.bold("Usher is at "+url) + "  (this machine only; Ctrl-C stops it)")
	out.line("")
	switch {
	case !madeUp:
		out.wrapped("", "", "It signs with your credentials: SDK key "+plain(cfg.Credentials.Key)+".")
		for _, w := range cfg.Credentials.Warnings() {
			out.wrapped("", "", out.yellow("warning:")+" "+w)
		}
	case notKept != nil:
		out.wrapped("", "", fmt.Sprintf("It signs with credentials made up for this run, since %s can't be written (%v). Zoom refuses what they sign.", config.DevFile, notKept))
	default:
		out.wrapped("", "", "It signs with made-up credentials, kept in "+config.DevFile+". Zoom refuses what they sign.")
	}
	if madeUp {
		out.wrapped("", "", "To sign for real, put ZOOM_VIDEO_SDK_KEY and ZOOM_VIDEO_SDK_SECRET into .env and start again.")
	}
	out.line("")
	if m.Rooms != nil {
		out.wrapped("", "", "Open "+url+" in two tabs to see and hear yourself, "+url+"/signatures to make signatures and to have pasted ones explained, or ask for one:")
	} else {
		out.wrapped("", "", "Open "+url+" to make signatures and to have pasted ones explained, or ask for one:")
	}
	out.line("")
	out.line("  curl " + url + "/ -H 'Content-Type: application/json' \\")
	out.line(`    -d '{"sessionName":"Cool Cars","role":1,"userKey":"u1"}'`)
	out.line("")
}
