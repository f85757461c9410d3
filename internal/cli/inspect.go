package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/videosdk"
)

type inspectFlags struct {
	session, passcode, shown, now, others string
	json                                  bool
}

func (m *Main) inspectCommand() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect [SIGNATURE|-]",
		Short: "Say what is wrong with a signature, and why",
		Long: `Explains a signature: what it says, everything that is wrong with it, and which
mistake made it so. It reads it from the argument, or from the standard input.
The more it is told, the more it can tell: the name and passcode passed to join,
and the error that the client showed.

With the SDK key and secret (from the environment, .env or files, else those of
usher dev) it checks the signature too, and finds out which mistake with the
secret explains one that doesn't verify. It asks nobody and sends nothing.

Exit codes: 0 nothing is wrong, 1 faults found, 2 wrong use.`,
		Example: `  usher inspect < signature.txt
  usher inspect --session "Cool Cars" --error "200 Verify JWT failed" - < signature.txt
  pbpaste | usher inspect --json
  usher sign --session "Cool Cars" | usher inspect`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &fault{code: exitUsage, line: "takes one signature; put it in quotes if it has spaces in it", hints: []string{seeHelp(cmd)}}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return m.inspect(cmd, &f, args) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.session, "session", "", "`name` of the session as it was passed to join")
	fs.StringVar(&f.passcode, "passcode", "", "`passcode` as it was passed to join; \"\" if it was called without one")
	fs.StringVar(&f.shown, "error", "", "the `error` as the client showed it: a number, a name or a reason")
	fs.StringVar(&f.now, "now", "", "the `time` to judge by, as 2026-07-01T12:00:00Z or in epoch seconds (default: the present)")
	fs.StringVar(&f.others, "others-file", "", "`file` of other credentials that might have signed, a line each: key:secret")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	addSettings(cmd, config.ForInspecting)
	return cmd
}

func (m *Main) inspect(cmd *cobra.Command, f *inspectFlags, args []string) error {
	known, from, err := m.known(cmd, f)
	if err != nil {
		return err
	}
	token, err := m.tokenOf(cmd, args)
	if err != nil {
		return err
	}
	report := videosdk.Inspect(token, known)
	if f.json {
		err = m.printJSON(report)
	} else {
		err = printReport(newPrinter(m.Stdout, m.Environ), report, known.Now, from)
	}
	if err != nil {
		return err
	}
	if !report.Sound() {
		return silent(exitFailed)
	}
	return nil
}

// maxInspected is more than any signature has, in bytes; the rest is not read.
const maxInspected = 1 << 20

// tokenOf returns what is to be inspected. One line break at its end belongs to
// the file or the terminal, not to it.
func (m *Main) tokenOf(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if len(args) == 0 && isTerminal(m.Stdin) {
		return "", &fault{code: exitUsage, line: "which signature?", hints: []string{
			"give it as the argument, or in a file: usher inspect < signature.txt",
			"or type `usher inspect -`, paste it, and press Return and Ctrl-D",
		}}
	}
	b, err := io.ReadAll(io.LimitReader(m.Stdin, maxInspected))
	if err != nil {
		return "", fmt.Errorf("reading the standard input: %w", err)
	}
	text, _ := strings.CutSuffix(string(b), "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

// known gathers what the flags and the settings say, and where the secret is from.
func (m *Main) known(cmd *cobra.Command, f *inspectFlags) (k videosdk.Known, from string, err error) {
	cfg, err := m.load(cmd, config.ForInspecting, config.CredentialsAsGiven)
	if err != nil {
		return k, "", err
	}
	k = videosdk.Known{Key: cfg.Credentials.Key, Secret: cfg.Credentials.Secret, SessionName: f.session, Now: m.Now(), ErrorShown: f.shown}
	if k.Secret != "" {
		from = "your SDK secret"
	}
	if cmd.Flags().Changed("passcode") {
		k.Passcode = &f.passcode
	}
	if f.now != "" {
		if k.Now, err = parseMoment(f.now); err != nil {
			return k, "", &fault{code: exitUsage, line: "--now " + err.Error(), hints: []string{seeHelp(cmd)}}
		}
	}
	if f.others != "" {
		if k.Others, err = m.readOthers(f.others); err != nil {
			return k, "", &fault{code: exitUsage, line: "--others-file " + err.Error(), hints: []string{seeHelp(cmd)}}
		}
	}
	dev, err := config.ReadDevCredentials(m.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return k, "", err
	case k.Secret == "" && k.Key == "":
		k.Key, k.Secret, from = dev.Key, dev.Secret, "the made-up secret of usher dev"
	default:
		k.Others = append(k.Others, dev)
	}
	return k, from, nil
}

func parseMoment(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n < 0 || n > 253402300799 {
			return time.Time{}, fmt.Errorf("is %s; epoch seconds have ten digits (milliseconds have thirteen)", s)
		}
		return time.Unix(n, 0), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("is %q; it must be like 2026-07-01T12:00:00Z, or epoch seconds", s)
	}
	return t, nil
}

// readOthers reads credentials, one pair a line. What is wrong with a line is said without it.
func (m *Main) readOthers(path string) ([]videosdk.Credentials, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(m.Dir, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		var cause *fs.PathError // without the path, in whose place a secret may have been given
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, fmt.Errorf("names a file that can't be read: %w", err)
	}
	var out []videosdk.Credentials
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, secret, ok := strings.Cut(line, ":")
		if !ok || key == "" || secret == "" {
			return nil, fmt.Errorf("line %d is not of the form key:secret", n)
		}
		out = append(out, videosdk.Credentials{Key: key, Secret: secret})
	}
	return out, nil
}
