package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/app"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/internal/ledger"
)

func (m *Main) ledgerCommand() *cobra.Command {
	return group("ledger", "Read, export and verify the record of all that was decided",
		m.ledgerTail(), m.ledgerQuery(), m.ledgerExport(), m.ledgerVerify(), m.ledgerCheckpoint(), m.ledgerPrune())
}

// ledgerFlags select rows.
type ledgerFlags struct {
	userKey, session, decision, event, since, until string
}

func (f *ledgerFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.userKey, "user", "", "only rows about the user of that `user key`")
	fs.StringVar(&f.session, "session", "", "only rows about the session of that `name`")
	fs.StringVar(&f.decision, "decision", "", "only what was decided so: allow or deny")
	fs.StringVar(&f.event, "event", "", "only rows of that `kind`, such as signature.issued")
	fs.StringVar(&f.since, "since", "", "from this `time` on: 2026-07-01T10:00:00Z, 2026-07-01, or 24h for the last 24 hours")
	fs.StringVar(&f.until, "until", "", "before this `time`")
}

// in returns the query that the flags ask for.
func (f *ledgerFlags) in(now time.Time) (in api.QueryLedgerIn, err error) {
	in = api.QueryLedgerIn{UserKey: f.userKey, Session: f.session, Decision: f.decision, Event: f.event}
	for _, t := range []struct {
		name, value string
		to          *time.Time
	}{{"since", f.since, &in.From}, {"until", f.until, &in.To}} {
		if age, err := config.ParseAge(t.value); err == nil && age > 0 {
			*t.to = now.Add(-age)
			continue
		}
		at, err := timeFlag(t.name, t.value)
		if err != nil {
			return in, err
		}
		if at != nil {
			*t.to = *at
		}
	}
	return in, nil
}

func (m *Main) ledgerQuery() *cobra.Command {
	var (
		f      ledgerFlags
		limit  int
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "query [flags]", Short: "Find rows by user, session, time and decision", Long: "Finds rows, the newest first.",
		Example: `  usher ledger query --session "Cool Cars" --since 24h
  usher ledger query --user u1 --decision deny --limit 20`, Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) error {
			in, err := f.in(m.Now())
			if err != nil {
				return err
			}
			rows, err := at.newest(cmd.Context(), in, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(m.Stdout, rows)
			}
			cells := make([][]string, len(rows))
			for i := range rows {
				cells[i] = rowCells(&rows[i])
			}
			return m.table("no rows", []string{"TIME", "EVENT", "DECISION", "CALLER", "ABOUT", "SESSION", "ROLE", "WHY"}, cells)
		}),
	}
	f.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many rows at most; 0 is all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addManaging(cmd)
	return cmd
}

// newest returns up to limit rows, the newest first; 0 is all.
func (at *usherAt) newest(ctx context.Context, in api.QueryLedgerIn, limit int) ([]api.LedgerRow, error) {
	var rows []api.LedgerRow
	for {
		in.Limit = maxPage
		if limit > 0 {
			in.Limit = min(maxPage, limit-len(rows))
		}
		l, err := at.QueryLedger(ctx, in)
		if err != nil {
			return nil, err
		}
		rows = append(rows, l.Rows...)
		if in.Cursor = l.NextCursor; in.Cursor == "" || limit > 0 && len(rows) >= limit {
			return rows, nil
		}
	}
}

// rowCells tells a row in words.
func rowCells(r *api.LedgerRow) []string {
	why := r.Reason
	if len(r.Rules) > 0 {
		why = strings.TrimSuffix("by "+strings.Join(r.Rules, ", ")+": "+why, ": ")
	}
	about := r.UserKey
	if about == "" {
		about = r.Subject
	}
	return []string{r.Time.UTC().Format("2006-01-02 15:04:05"), r.Event, r.Decision, r.Caller, about, r.Session, r.Role, why}
}

// Tail asks again this often, and reads rows again that were recorded this
// shortly before: on another replica a row may come later than one of its time.
const (
	tailEvery   = time.Second
	tailOverlap = time.Minute
)

func (m *Main) ledgerTail() *cobra.Command {
	var (
		lines          int
		follow, asJSON bool
	)
	cmd := &cobra.Command{
		Use: "tail [flags]", Short: "Show the last rows, and new ones as they come", Long: "Shows the last rows, the newest at the end.",
		Example: "  usher ledger tail -f", Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) error {
			ctx := cmd.Context()
			show := func(rows []api.LedgerRow) error {
				slices.Reverse(rows)
				if asJSON {
					return printLines(m.Stdout, rows)
				}
				for i := range rows {
					c := rowCells(&rows[i])
					for n := range c {
						if c[n] = plain(c[n]); c[n] == "" {
							c[n] = "-"
						}
					}
					if _, err := fmt.Fprintf(m.Stdout, "%s  %-17s  %-5s  %-24s  %-16s  %-20s  %-11s  %s\n", c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]); err != nil {
						return err
					}
				}
				return nil
			}
			from := m.Now().Add(-tailOverlap)
			rows, err := []api.LedgerRow(nil), error(nil)
			if lines > 0 {
				rows, err = at.newest(ctx, api.QueryLedgerIn{}, lines)
			}
			if err != nil {
				return err
			}
			shown := map[string]time.Time{}
			fresh := func(rows []api.LedgerRow) []api.LedgerRow {
				return slices.DeleteFunc(rows, func(r api.LedgerRow) bool {
					id := r.Writer + "/" + strconv.FormatInt(r.Number, 10)
					_, was := shown[id]
					shown[id] = r.Time
					return was
				})
			}
			if follow { // what is there already isn't new
				old, err := at.newest(ctx, api.QueryLedgerIn{From: from}, 0)
				if err != nil {
					return err
				}
				fresh(old)
			}
			if err := show(rows); err != nil || !follow {
				return err
			}
			tick := time.NewTicker(tailEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-tick.C:
				}
				from = m.Now().Add(-tailOverlap)
				rows, err := at.newest(ctx, api.QueryLedgerIn{From: from}, 0)
				if ctx.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				if err := show(fresh(rows)); err != nil {
					return err
				}
				for id, t := range shown {
					if t.Before(from) {
						delete(shown, id)
					}
				}
			}
		}),
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.IntVarP(&lines, "lines", "n", 20, "how many of the last rows")
	fs.BoolVarP(&follow, "follow", "f", false, "go on with new rows until Ctrl-C")
	fs.BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addManaging(cmd)
	return cmd
}

// addLocal gives cmd the flags of commands that need the database itself.
func addLocal(cmd *cobra.Command) {
	cmd.Long += "\n\nIt works on the database at hand: --database, USHER_DATABASE or DATABASE_URL,\nelse usher.db, else that of usher dev."
	addSettings(cmd, config.ForStorage)
}

// onLedger makes the RunE of a command that works on the rows themselves.
func (m *Main) onLedger(do func(cmd *cobra.Command, a *app.App) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := m.load(cmd, config.ForStorage, config.CredentialsAsGiven)
		if err != nil {
			return err
		}
		if err := m.needDatabase(cmd, cfg); err != nil {
			return err
		}
		at, err := m.atDatabase(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		err = do(cmd, at.app)
		return errors.Join(err, at.Close())
	}
}

func (m *Main) ledgerExport() *cobra.Command {
	var (
		f      ledgerFlags
		format string
	)
	cmd := &cobra.Command{
		Use: "export [flags]", Short: "Print rows as JSON lines or CSV, the oldest first",
		Long: `Prints rows with all that they hold, the oldest first. In CSV, a cell that a
spreadsheet would take for a formula has a ' in front.`,
		Example: `  usher ledger export --since 2026-07-01 --until 2026-08-01 > july.jsonl
  usher ledger export --format csv --session "Cool Cars" > cars.csv`, Args: noArguments,
		RunE: m.onLedger(func(cmd *cobra.Command, a *app.App) error {
			if format != string(ledger.JSONLines) && format != string(ledger.CSV) {
				return &fault{code: exitUsage, line: fmt.Sprintf("--format is %q; it must be jsonl or csv", format)}
			}
			in, err := f.in(m.Now())
			if err != nil {
				return err
			}
			_, err = ledger.Export(cmd.Context(), m.Stdout, ledger.Format(format), a.Store, usher.LedgerFilter{
				UserKey: in.UserKey, Session: in.Session, Decision: in.Decision, Event: usher.Event(in.Event), From: in.From, To: in.To, OldestFirst: true,
			})
			return err
		}),
	}
	cmd.Flags().StringVar(&format, "format", string(ledger.JSONLines), "jsonl, one JSON object a line, or csv")
	f.add(cmd)
	addLocal(cmd)
	return cmd
}

func (m *Main) ledgerVerify() *cobra.Command {
	var (
		files  []string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "verify [flags]", Short: "Find every row that isn't as it was written",
		Long: `Reads the whole ledger and names every row that was changed, removed, reordered or
added. It can run while servers write. Exit codes: 0 whole, 1 not whole, 2 wrong use.

Checkpoints that were kept elsewhere (usher ledger checkpoint) prove besides that
the ledger wasn't written anew, or cut off at its end, by somebody who has the
database and the storage key.`,
		Example: "  usher ledger verify\n  usher ledger verify --checkpoint july.json", Args: noArguments,
		RunE: m.onLedger(func(cmd *cobra.Command, a *app.App) error {
			opts := ledger.VerifyOptions{Keys: ledger.Public(a.CheckpointKeys)}
			for _, name := range files {
				if !filepath.IsAbs(name) {
					name = filepath.Join(m.Dir, name)
				}
				b, err := os.ReadFile(name)
				if err != nil {
					return &fault{code: exitUsage, line: "the checkpoint can't be read: " + err.Error()}
				}
				c, err := ledger.ParseCheckpoint(b)
				if err != nil {
					return &fault{code: exitUsage, line: name + ": " + err.Error()}
				}
				opts.Checkpoints = append(opts.Checkpoints, c)
			}
			r, err := ledger.Verify(cmd.Context(), a.Store, opts)
			if err != nil {
				return err
			}
			if asJSON {
				err = m.printJSON(r)
			} else {
				m.printVerified(r)
			}
			if err == nil && len(r.Faults) > 0 {
				err = silent(exitFailed)
			}
			return err
		}),
	}
	cmd.Flags().StringSliceVar(&files, "checkpoint", nil, "`file` with a checkpoint that was kept elsewhere")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addLocal(cmd)
	return cmd
}

func (m *Main) printVerified(r *ledger.Report) {
	p := newPrinter(m.Stdout, m.Environ)
	about := fmt.Sprintf("%s in %s", count(int(r.Rows), "row"), count(r.Chains, "chain"))
	if r.Removed > 0 {
		about += fmt.Sprintf("; %d more were removed for their age, as a checkpoint says", r.Removed)
	}
	if len(r.Faults) == 0 {
		p.line(p.bold(p.green("✓ the ledger is whole")))
		p.wrapped("  ", "  ", about+".")
		return
	}
	p.line(p.bold(p.red("✗ " + count(len(r.Faults), "fault") + " in the ledger")))
	p.wrapped("  ", "  ", about+".")
	p.line("")
	for _, f := range r.Faults {
		p.wrapped("  ", "    ", plain(f.String()))
	}
	if r.More {
		p.line("  and more that are not named")
	}
}

func (m *Main) ledgerCheckpoint() *cobra.Command {
	cmd := &cobra.Command{
		Use: "checkpoint", Short: "Sign how far the ledger has come, to be kept elsewhere",
		Long: `Verifies what is new, signs how far each chain has come, and prints that. A server
does so each hour by itself; a checkpoint kept where the operator of the database
can't reach it proves later that nothing was cut off or written anew.`,
		Example: "  usher ledger checkpoint > checkpoint.json", Args: noArguments,
		RunE: m.onLedger(func(cmd *cobra.Command, a *app.App) error {
			c, err := ledger.NewCheckpoint(cmd.Context(), a.Store, a.CheckpointKeys, m.Now())
			if err != nil {
				return err
			}
			return json.NewEncoder(m.Stdout).Encode(c)
		}),
	}
	addLocal(cmd)
	return cmd
}

func (m *Main) ledgerPrune() *cobra.Command {
	var age string
	cmd := &cobra.Command{
		Use: "prune --older-than AGE", Short: "Remove rows past an age; the rest still verifies",
		Long: `Verifies the whole ledger, signs a checkpoint that takes the place of what goes,
and removes it. A server with USHER_LEDGER_KEEP does so each day by itself.`,
		Example: "  usher ledger prune --older-than 400d", Args: noArguments,
		RunE: m.onLedger(func(cmd *cobra.Command, a *app.App) error {
			seconds, err := ageFlag("older-than", age)
			if err != nil {
				return err
			}
			if least := int64(config.LeastRetention / time.Second); seconds < least {
				return &fault{code: exitUsage, line: "--older-than is missing or too short; it must be at least 3d, so that no row goes before its signature has expired"}
			}
			now := m.Now()
			gone, err := ledger.Prune(cmd.Context(), a.Store, ledger.PruneOptions{
				Before: now.Add(-time.Duration(seconds) * time.Second), Now: now, Keys: a.CheckpointKeys, Ledger: a.Ledger, Caller: localOperator().String(),
			})
			if err != nil {
				return err
			}
			fmt.Fprintln(m.Stdout, "removed "+count(int(gone), "row"))
			return nil
		}),
	}
	cmd.Flags().StringVar(&age, "older-than", "", "`age` of the rows that go, at least 3d (required)")
	addLocal(cmd)
	return cmd
}
