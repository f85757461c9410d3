package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/internal/config"
)

func (m *Main) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the server on this machine whether it answers",
		Long: `Asks the server on this machine whether it answers, and exits 0 if it does: for
the health check of a container, which has no other program to ask with. It
reads the same settings as usher serve, so that it asks at the right port.`,
		Example: "  usher health\n  usher health --port 8080",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return m.health(cmd) },
	}
	addSettings(cmd, config.ForReaching)
	return cmd
}

func (m *Main) health(cmd *cobra.Command) error {
	cfg, err := m.load(cmd, config.ForReaching, config.CredentialsAsGiven)
	if err != nil {
		return err
	}
	url := "http://" + net.JoinHostPort(hostOf(cfg.Listen), strconv.Itoa(cfg.Port)) + "/healthz"
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return &fault{code: exitFailed, line: url + " doesn't answer: " + errors.Unwrap(err).Error()}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &fault{code: exitFailed, line: url + " answers " + res.Status}
	}
	_, err = fmt.Fprintln(m.Stdout, "ok")
	return err
}
