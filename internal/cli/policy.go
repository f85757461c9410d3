package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/config"
	"github.com/usher-sessions/usher/internal/policy"
	"github.com/usher-sessions/usher/videosdk"
)

func (m *Main) policyCommand() *cobra.Command {
	return group("policy", "Show, check, explain and test the rules", m.policyShow(), m.policyCheck(), m.policyExplain(), m.policyTest())
}

// rules loads what the settings name.
func (m *Main) rules(cfg *config.Config) (*policy.Engine, error) {
	e, err := policy.New(policy.Config{Files: cfg.PolicyFiles, Replace: cfg.PolicyReplace, TimeZone: cfg.TimeZone, Now: m.Now})
	return e, policyFault(err)
}

// policyFault tells each fault of the rules on a line of its own.
func policyFault(err error) error {
	var problems policy.Problems
	if !errors.As(err, &problems) {
		return err
	}
	f := &fault{code: exitFailed, line: count(len(problems), "fault") + " in the policy"}
	for _, p := range problems {
		f.items = append(f.items, plain(p.Error()))
	}
	return f
}

// offline is for commands that need the rules alone.
func (m *Main) offline(do func(cmd *cobra.Command, args []string, cfg *config.Config) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cfg, err := m.load(cmd, config.ForPolicy, config.CredentialsAsGiven)
		if err != nil {
			return err
		}
		return do(cmd, args, cfg)
	}
}

func (m *Main) policyShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Short: "Print the rules in force", Long: "Prints the rules that the settings put in force: the embedded ones, and those of --policy.",
		Example: "  usher policy show > policy.cedar", Args: noArguments,
		RunE: m.offline(func(_ *cobra.Command, _ []string, cfg *config.Config) error {
			e, err := m.rules(cfg)
			if err != nil {
				return err
			}
			_, err = io.WriteString(m.Stdout, e.Text())
			return err
		}),
	}
	addSettings(cmd, config.ForPolicy)
	return cmd
}

func (m *Main) policyCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check [FILE...]", Short: "Find every fault of policy files, before a server does",
		Long: `Reads policy files, or those of the settings, as a server does, and names every
fault at once. Exit codes: 0 sound, 1 faults found, 2 wrong use.`,
		Example: "  usher policy check school.cedar\n  usher policy check --policy-replace rules/", Args: cobra.ArbitraryArgs,
		RunE: m.offline(func(_ *cobra.Command, args []string, cfg *config.Config) error {
			if len(args) > 0 {
				cfg.PolicyFiles = args
			}
			e, err := m.rules(cfg)
			if err != nil {
				return err
			}
			fmt.Fprintf(m.Stdout, "sound: %s\n", count(e.Status().Rules, "rule"))
			return nil
		}),
	}
	addSettings(cmd, config.ForPolicy)
	return cmd
}

func (m *Main) policyTest() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "test FILE...", Short: "Hold the rules against tables of who may do what",
		Long: `Asks the rules every case of the tables and shows each that comes out differently,
with the reason. A table is about the policy that it names, else about the one of
the settings. Exit codes: 0 all as expected, 1 differences, 2 wrong use.`,
		Example: "  usher policy test cases.yaml", Args: cobra.ArbitraryArgs,
		RunE: m.offline(func(cmd *cobra.Command, args []string, cfg *config.Config) error {
			if len(args) == 0 {
				return &fault{code: exitUsage, line: "needs the file of a table", hints: []string{seeHelp(cmd)}}
			}
			e, err := m.rules(cfg)
			if err != nil {
				return err
			}
			failed := 0
			for _, name := range args {
				r, err := policy.TestFile(name, e)
				if err != nil {
					return policyFault(err)
				}
				failed += r.Failed()
				if !asJSON {
					r.Print(m.Stdout)
				} else if err := printLines(m.Stdout, []*policy.Report{r}); err != nil {
					return err
				}
			}
			if failed > 0 {
				return silent(exitFailed)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each table")
	addSettings(cmd, config.ForPolicy)
	return cmd
}

// who are the flags that name a caller and what they want.
type whoFlags struct {
	user, key, guest, session, role, action, address string
	groups                                           []string
	anyone                                           bool
}

// request returns what the flags ask.
func (f *whoFlags) request(cmd *cobra.Command) (*api.Explanation, error) {
	r := &api.Explanation{Session: f.session, Groups: f.groups, Address: f.address}
	kinds := 0
	for _, k := range []struct {
		kind usher.CallerKind
		id   string
		set  bool
	}{
		{usher.KindUser, f.user, cmd.Flags().Changed("user")}, {usher.KindKey, f.key, cmd.Flags().Changed("key")},
		{usher.KindGuest, f.guest, cmd.Flags().Changed("guest")}, {usher.KindAnyone, "", f.anyone},
	} {
		if k.set {
			r.Kind, r.ID = string(k.kind), k.id
			kinds++
		}
	}
	if kinds != 1 {
		return nil, &fault{code: exitUsage, line: "needs one of --user, --key, --guest and --anyone", hints: []string{seeHelp(cmd)}}
	}
	if f.session == "" {
		return nil, &fault{code: exitUsage, line: "needs the session: --session NAME", hints: []string{seeHelp(cmd)}}
	}
	r.Action = f.action
	if r.Action == "" {
		switch f.role {
		case "host":
			r.Action = string(usher.ActionHost)
		case "participant":
			r.Action = string(usher.ActionJoin)
		default:
			return nil, &fault{code: exitUsage, line: fmt.Sprintf("--role is %q; it must be host or participant", f.role)}
		}
	}
	if !slices.Contains(usher.Actions(), usher.Action(r.Action)) {
		return nil, &fault{code: exitUsage, line: fmt.Sprintf("--action is %q; it must be join, host, inspect or manage", f.action)}
	}
	return r, nil
}

// question is r for rules at hand.
func question(r *api.Explanation, s *usher.Session) (*usher.Question, error) {
	c := &usher.Caller{Kind: usher.CallerKind(r.Kind), ID: r.ID, Groups: r.Groups}
	if c.Kind == usher.KindUser {
		c.UserKey = r.ID
	}
	if r.Address != "" {
		addr, err := netip.ParseAddr(r.Address)
		if err != nil {
			return nil, &fault{code: exitUsage, line: fmt.Sprintf("--address is %q; it must be an IP address", r.Address)}
		}
		c.Addr = addr
	}
	return &usher.Question{Caller: c, Action: usher.Action(r.Action), Session: s, UserKey: c.UserKey, Life: videosdk.DefaultLife}, nil
}

func (m *Main) policyExplain() *cobra.Command {
	var (
		f      whoFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "explain --user U --session NAME [flags]", Short: "Say which rule decides, and why",
		Long: `Says whether somebody may enter a session, which rule decides, and what is missing
where none permits it. Settings of the session come from the database at hand, if
there is one; with --server a running server is asked, with its rules.`,
		Example: `  usher policy explain --user u1 --group staff --session "Cool Cars" --role host
  usher policy explain --key backend --session "Cool Cars" --action manage`, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.request(cmd)
			if err != nil {
				return err
			}
			x, err := m.explain(cmd, r)
			if err != nil {
				return refusalFault(policyFault(err))
			}
			if asJSON {
				return m.printJSON(x)
			}
			var b strings.Builder
			x.Print(&b)
			for line := range strings.Lines(b.String()) {
				fmt.Fprintln(m.Stdout, plain(strings.TrimRight(line, "\n")))
			}
			return nil
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.user, "user", "", "`user key` of a signed-in user")
	fs.StringSliceVar(&f.groups, "group", nil, "`groups` that the user is in")
	fs.StringVar(&f.key, "key", "", "`id` of an API key")
	fs.StringVar(&f.guest, "guest", "", "`id` of a guest")
	fs.BoolVar(&f.anyone, "anyone", false, "a stranger")
	fs.StringVar(&f.session, "session", "", "`name` of the session (required)")
	fs.StringVar(&f.role, "role", "participant", "`role` that is asked for: participant or host")
	fs.StringVar(&f.action, "action", "", "instead of a role, the `action`: join, host, inspect, manage")
	fs.StringVar(&f.address, "address", "", "IP `address` that the request comes from")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	fs.String("server", "", "`address` of a running server, such as https://usher.example.com ("+serverEnv+")")
	addSettings(cmd, config.ForStorage|config.ForPolicy)
	return cmd
}

// explanation is what a server said, to be told like what is found here.
func explanation(e *api.Explained) *policy.Explanation {
	rules := func(from []api.ExplainedRule) (to []policy.Finding) {
		for _, r := range from {
			to = append(to, policy.Finding(r))
		}
		return to
	}
	return &policy.Explanation{
		Allowed: e.Allowed, Caller: e.Caller, Action: e.Action, Session: e.Session, Why: e.Why, Rules: e.Rules,
		Matched: rules(e.Matched), Failed: rules(e.Failed), Missed: rules(e.Missed),
	}
}

// explain asks the server that is named, or the rules at hand.
func (m *Main) explain(cmd *cobra.Command, r *api.Explanation) (*policy.Explanation, error) {
	if server := m.serverNamed(cmd); server != "" {
		at, err := m.atServer(server)
		if err != nil {
			return nil, err
		}
		answer, err := at.ExplainPolicy(cmd.Context(), *r)
		if err != nil {
			return nil, err
		}
		return explanation(answer), nil
	}
	cfg, err := m.load(cmd, config.ForStorage|config.ForPolicy, config.CredentialsAsGiven)
	if err != nil {
		return nil, err
	}
	session := &usher.Session{Name: r.Session, State: usher.StateOpen}
	if m.hasDatabase(cmd, cfg) {
		at, err := m.atDatabase(cmd.Context(), cfg)
		if err != nil {
			return nil, err
		}
		listed, err := at.app.Store.Session(cmd.Context(), r.Session)
		if err = errors.Join(err, at.Close()); err != nil {
			return nil, err
		}
		if listed != nil {
			session = listed
		}
	}
	e, err := m.rules(cfg)
	if err != nil {
		return nil, err
	}
	q, err := question(r, session)
	if err != nil {
		return nil, err
	}
	q.Now = m.Now()
	return e.Explain(q), nil
}
