package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/videosdk"
)

// The commands that read and change sessions, keys, invites, bans and the
// ledger speak /v1, all of them the same way: to a server if --server names one,
// else to the same handler in this process, over the database at hand.

// Variables that say which server, and with which key.
const (
	serverEnv  = "USHER_SERVER"
	keyEnv     = "USHER_KEY"
	keyFileEnv = "USHER_KEY_FILE"
)

const manageNote = `

It works on the database at hand: --database, USHER_DATABASE or DATABASE_URL,
else usher.db, else that of usher dev. With --server or USHER_SERVER it asks a
running server instead, with the API key in USHER_KEY or in the file that
USHER_KEY_FILE names.`

// addManaging gives cmd the flags that say where to work.
func addManaging(cmd *cobra.Command) {
	cmd.Long += manageNote
	cmd.Flags().String("server", "", "`address` of a running server, such as https://usher.example.com ("+serverEnv+")")
	addSettings(cmd, config.ForStorage)
}

// usherAt is where a command works. Close must be called.
type usherAt struct {
	*client.Client
	// app is nil where it is a server.
	app   *app.App
	Close func() error
}

// at opens the place where cmd works.
func (m *Main) at(cmd *cobra.Command) (*usherAt, error) {
	if server := m.serverNamed(cmd); server != "" {
		return m.atServer(server)
	}
	cfg, err := m.load(cmd, config.ForStorage, config.CredentialsAsGiven)
	if err != nil {
		return nil, err
	}
	if err := m.needDatabase(cmd, cfg); err != nil {
		return nil, err
	}
	return m.atDatabase(cmd.Context(), cfg)
}

// serverNamed is the address of the server to ask, "" for none.
func (m *Main) serverNamed(cmd *cobra.Command) string {
	if server, _ := cmd.Flags().GetString("server"); server != "" {
		return server
	}
	return getenv(m.Environ, serverEnv)
}

func (m *Main) atServer(address string) (*usherAt, error) {
	key := getenv(m.Environ, keyEnv)
	if file := getenv(m.Environ, keyFileEnv); key == "" && file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(m.Dir, file)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, &fault{code: exitUsage, line: keyFileEnv + " names a file that can't be read"}
		}
		key = strings.TrimSpace(string(b))
	}
	if key == "" && !onThisMachine(address) { // usher dev there asks for none
		return nil, &fault{code: exitUsage, line: keyEnv + " is not set; a server asks for an API key", hints: []string{
			"make one where its database is: usher keys create --name me --may inspect,manage"}}
	}
	c, err := client.New(address, client.WithKey(key))
	if err != nil {
		return nil, &fault{code: exitUsage, line: err.Error()}
	}
	return &usherAt{Client: c, Close: func() error { return nil }}, nil
}

// hasDatabase reports whether the database that cfg names is there. That of
// `usher dev` takes its place if it is the only one here and none was asked for.
func (m *Main) hasDatabase(cmd *cobra.Command, cfg *config.Config) bool {
	if cfg.Database == "" {
		return false
	}
	if strings.Contains(cfg.Database, "://") {
		return true
	}
	if _, err := os.Stat(cfg.Database); !errors.Is(err, fs.ErrNotExist) {
		return true // what else may be wrong with it is found when it is opened
	}
	asked := cmd.Flags().Changed("database") || getenv(m.Environ, "USHER_DATABASE") != "" || cfg.Database != filepath.Join(m.Dir, config.DatabaseFile)
	dev := filepath.Join(m.Dir, config.DevDir, config.DatabaseFile)
	if _, err := os.Stat(dev); err != nil || asked {
		return false
	}
	cfg.Database = dev
	fmt.Fprintln(m.Stderr, "using "+filepath.Join(config.DevDir, config.DatabaseFile)+", the database of usher dev")
	return true
}

// needDatabase refuses where there is none. Only what adds something may begin
// one; everything else was meant for one that is there.
func (m *Main) needDatabase(cmd *cobra.Command, cfg *config.Config) error {
	switch {
	case m.hasDatabase(cmd, cfg):
		return nil
	case cfg.Database == "":
		return &fault{code: exitUsage, line: "there is nothing to work on without a database", hints: []string{"name one with --database or DATABASE_URL"}}
	case cmd.Name() == "create" || cmd.Name() == "add":
		return nil
	}
	return &fault{code: exitFailed, line: "there is no database at " + cfg.Database, hints: []string{"name it with --database or DATABASE_URL, or work where it is"}}
}

func (m *Main) atDatabase(ctx context.Context, cfg *config.Config) (*usherAt, error) {
	// Nothing is signed here, so there need be no credentials; the handler wants some to check values with.
	secret := make([]byte, videosdk.MinSecretBytes)
	if _, err := io.ReadFull(m.Random, secret); err != nil {
		return nil, err
	}
	cfg.Credentials = videosdk.Credentials{Key: "nothing-is-signed", Secret: hex.EncodeToString(secret)}
	if cfg.Instance == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		cfg.Instance = host + "-cli" // a chain of its own, so that it doesn't contend with the server's
	}
	conf, err := m.appConfig(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	conf.Local = localOperator()
	conf.PublicURL = getenv(m.Environ, "USHER_PUBLIC_URL")
	a, err := app.Open(ctx, conf)
	if err != nil {
		return nil, err
	}
	c, err := client.New("http://localhost", client.WithHTTPClient(&http.Client{Transport: inProcess{a.Handler}}))
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &usherAt{Client: c, app: a, Close: a.Close}, nil
}

// inProcess carries requests to a handler without a network.
type inProcess struct{ h http.Handler }

// RoundTrip answers r.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	answer := &heldAnswer{header: http.Header{}}
	t.h.ServeHTTP(answer, r)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", answer.status, http.StatusText(answer.status)), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: io.NopCloser(&answer.body), ContentLength: int64(answer.body.Len()), Request: r,
	}, nil
}

// heldAnswer is an http.ResponseWriter that keeps what is written.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header { return a.header }
func (a *heldAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}
func (a *heldAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// managing makes the RunE of a command that works on a database or a server.
func (m *Main) managing(do func(cmd *cobra.Command, args []string, at *usherAt) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		at, err := m.at(cmd)
		if err != nil {
			return err
		}
		err = do(cmd, args, at)
		if closeErr := at.Close(); err == nil {
			err = closeErr
		}
		return refusalFault(err)
	}
}

// refusalFault tells a problem as the command line tells faults.
func refusalFault(err error) error {
	var unreachable *url.Error
	if errors.As(err, &unreachable) {
		return &fault{code: exitFailed, line: "the server can't be reached: " + unreachable.Err.Error(), hints: []string{"is it running, and is " + serverEnv + " or --server its address?"}}
	}
	var p *api.Problem
	if !errors.As(err, &p) {
		return err
	}
	f := &fault{code: exitFailed, line: p.Detail}
	if f.line == "" {
		f.line = p.Title
	}
	for _, one := range p.Errors {
		f.items = append(f.items, one.Property+" "+one.Reason)
	}
	if p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden {
		f.hints = []string{"the server knows you by the API key in " + keyEnv}
	}
	if len(p.Rules) > 0 {
		f.hints = append(f.hints, "decided by "+strings.Join(p.Rules, ", "))
	}
	return f
}

// oneArgument is for commands that name one thing.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return &fault{code: exitUsage, line: "needs " + what + " and nothing else", hints: []string{seeHelp(cmd)}}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}}
	cmd.AddCommand(commands...)
	return cmd
}

// table prints rows under headings, aligned; what comes from outside is made
// safe for a terminal. Without rows it says so on Stderr.
func (m *Main) table(none string, headings []string, rows [][]string) error {
	if len(rows) == 0 {
		fmt.Fprintln(m.Stderr, none)
		return nil
	}
	w := tabwriter.NewWriter(m.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(headings, "\t"))
	for _, row := range rows {
		for i, cell := range row {
			if cell == "" {
				cell = "-"
			}
			row[i] = plain(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// printLines prints each value as one line of JSON.
func printLines[T any](w io.Writer, values []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// everyPage reads a list to its end. next is "" at the first call.
func everyPage[T any](read func(cursor string) (items []T, next string, err error)) ([]T, error) {
	var all []T
	for cursor := ""; ; {
		items, next, err := read(cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if cursor = next; next == "" {
			return all, nil
		}
	}
}

const maxPage = 200

// day shows a time as people date things; nil is otherwise.
func day(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// timeFlag reads a moment: RFC 3339, or a date alone for its beginning in UTC.
func timeFlag(name, v string) (*time.Time, error) {
	if v == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, v); err == nil {
			return &t, nil
		}
	}
	return nil, &fault{code: exitUsage, line: fmt.Sprintf("--%s is %q; it must be a time such as 2026-07-01T10:00:00Z", name, v)}
}

// ageFlag reads a duration such as 90d or 2h into seconds; "" is 0.
func ageFlag(name, v string) (int64, error) {
	if v == "" {
		return 0, nil
	}
	d, err := config.ParseAge(v)
	if err != nil || d <= 0 || d%time.Second != 0 {
		return 0, &fault{code: exitUsage, line: fmt.Sprintf("--%s is %q; it must be a time such as 90d, 24h or 45m", name, v)}
	}
	return int64(d / time.Second), nil
}

// inviteLink is the link of an invite's code at a server's address.
func inviteLink(address, code string) string {
	return strings.TrimSuffix(address, "/") + "/#invite=" + url.QueryEscape(code)
}
