package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/api"
)

func (m *Main) sessionsCommand() *cobra.Command {
	return group("sessions", "Keep the directory of sessions: settings no client can override",
		m.sessionsCreate(), m.sessionsList(), m.sessionsShow(), m.sessionsUpdate(),
		m.sessionsState("lock", "locked", "Let nobody but hosts in"),
		m.sessionsState("unlock", "open", "Open a locked or ended session again"),
		m.sessionsState("end", "ended", "Let nobody in any more"),
		m.sessionsDelete())
}

// sessionFlags are the settings of a session as flags.
type sessionFlags struct {
	passcode, notBefore, notAfter, owner, admit, life string
	hosts, people, groups, geo                        []string
	waitingRoom                                       bool
	capacity                                          int
	recordingOption, recordingElection, transcript    int
}

func (f *sessionFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.passcode, "passcode", "", "`passcode`, at most 10 characters")
	fs.StringVar(&f.notBefore, "not-before", "", "`time` from which it is open, such as 2026-07-01T10:00:00Z")
	fs.StringVar(&f.notAfter, "not-after", "", "`time` at which it closes")
	fs.StringVar(&f.owner, "owner", "", "`user key` of whoever may host and manage it")
	fs.StringSliceVar(&f.hosts, "hosts", nil, "`user keys` of those who may host")
	fs.StringSliceVar(&f.people, "people", nil, "`user keys` of those who may join")
	fs.StringSliceVar(&f.groups, "groups", nil, "`groups` of the identity provider whose members may join")
	fs.StringVar(&f.admit, "admit", "listed", "who may join besides: listed (nobody) or signed-in (everybody who is)")
	fs.StringVar(&f.life, "life", "", "`time` that signatures can be used to join, 30m to 48h")
	fs.StringSliceVar(&f.geo, "geo", nil, "`regions` of data centres, such as DE,US")
	fs.BoolVar(&f.waitingRoom, "waiting-room", false, "whoever is no host waits until a host admits them")
	fs.IntVar(&f.capacity, "capacity", 0, "how many may be in the room at once; 0 is no bound")
	fs.IntVar(&f.recordingOption, "cloud-recording-option", 0, "0 one mixed file, 1 a file for each user")
	fs.IntVar(&f.recordingElection, "cloud-recording-election", 0, "1 records each user's own video")
	fs.IntVar(&f.transcript, "cloud-recording-transcript-option", 0, "0 none, 1 transcript, 2 transcript and summary")
}

// change reads those flags that were given.
func (f *sessionFlags) change(cmd *cobra.Command) (c api.SessionChange, err error) {
	given := cmd.Flags().Changed
	if given("passcode") {
		c.Passcode = &f.passcode
	}
	for _, t := range []struct {
		name, value string
		to          **time.Time
	}{{"not-before", f.notBefore, &c.NotBefore}, {"not-after", f.notAfter, &c.NotAfter}} {
		if !given(t.name) {
			continue
		}
		if *t.to, err = timeFlag(t.name, t.value); err != nil {
			return c, err
		}
		if *t.to == nil {
			*t.to = new(time.Time) // given as "": taken away
		}
	}
	if given("owner") {
		c.Owner = &f.owner
	}
	for _, l := range []struct {
		name  string
		value *[]string
		to    **[]string
	}{{"hosts", &f.hosts, &c.Hosts}, {"people", &f.people, &c.People}, {"groups", &f.groups, &c.Groups}, {"geo", &f.geo, &c.GeoRegions}} {
		if given(l.name) {
			*l.to = l.value
		}
	}
	if given("admit") {
		c.Admit = &f.admit
	}
	if given("life") {
		seconds, err := ageFlag("life", f.life)
		if err != nil {
			return c, err
		}
		c.Seconds = &seconds
	}
	if given("waiting-room") {
		c.WaitingRoom = &f.waitingRoom
	}
	for _, n := range []struct {
		name  string
		value *int
		to    **int
	}{
		{"capacity", &f.capacity, &c.Capacity}, {"cloud-recording-option", &f.recordingOption, &c.CloudRecordingOption},
		{"cloud-recording-election", &f.recordingElection, &c.CloudRecordingElection},
		{"cloud-recording-transcript-option", &f.transcript, &c.CloudRecordingTranscriptOption},
	} {
		if given(n.name) {
			*n.to = n.value
		}
	}
	return c, nil
}

func (m *Main) sessionsCreate() *cobra.Command {
	var (
		f              sessionFlags
		key            string
		generate, json bool
	)
	cmd := &cobra.Command{
		Use:   "create NAME [flags]",
		Short: "Add a session to the directory",
		Long: `Adds a session. What it says (session key, life, regions, recording) stands in
every signature for it, whatever a client asks for. It prints the session's id.`,
		Example: `  usher sessions create "Cool Cars" --owner u1 --admit signed-in --generate-passcode
  usher sessions create class-7b --hosts t1 --groups 7b --not-before 2026-09-01T08:00:00Z --not-after 2026-09-01T09:00:00Z`,
		Args: oneArgument("the name of the session"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			c, err := f.change(cmd)
			if err != nil {
				return err
			}
			s, err := at.CreateSession(cmd.Context(), api.NewSession{
				Name: args[0], GeneratePasscode: generate, SessionKey: key,
				Passcode: f.passcode, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Owner: f.owner,
				Hosts: f.hosts, People: f.people, Groups: f.groups, Admit: f.admit, Seconds: value(c.Seconds), GeoRegions: f.geo,
				WaitingRoom: f.waitingRoom, Capacity: f.capacity, CloudRecordingOption: c.CloudRecordingOption,
				CloudRecordingElection: c.CloudRecordingElection, CloudRecordingTranscriptOption: c.CloudRecordingTranscriptOption,
			})
			if err != nil {
				return err
			}
			if json {
				return m.printJSON(s)
			}
			fmt.Fprintln(m.Stdout, s.ID)
			return nil
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&generate, "generate-passcode", false, "make a passcode of 10 random characters")
	cmd.Flags().StringVar(&key, "session-key", "", "your own `id` of the session, at most 36 characters (made if left out)")
	cmd.Flags().BoolVar(&json, "json", false, "print JSON: the session")
	addManaging(cmd)
	return cmd
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func (m *Main) sessionsList() *cobra.Command {
	var (
		in     api.ListSessionsIn
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List sessions", Long: "Lists the sessions of the directory.", Example: "  usher sessions list --prefix class- --state open", Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) error {
			in.Limit = maxPage
			sessions, err := everyPage(func(cursor string) ([]api.Session, string, error) {
				in.Cursor = cursor
				l, err := at.ListSessions(cmd.Context(), in)
				return l.Sessions, l.NextCursor, err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(m.Stdout, sessions)
			}
			rows := make([][]string, len(sessions))
			for i, s := range sessions {
				rows[i] = []string{s.Name, s.State, s.Owner, s.Admit, day(s.NotBefore, ""), day(s.NotAfter, "")}
			}
			return m.table("there are no sessions", []string{"NAME", "STATE", "OWNER", "ADMITS", "OPENS", "CLOSES"}, rows)
		}),
	}
	cmd.Flags().StringVar(&in.Name, "prefix", "", "only names that begin with this `text`")
	cmd.Flags().StringVar(&in.State, "state", "", "only those that are open, locked or ended")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addManaging(cmd)
	return cmd
}

func (m *Main) sessionsShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show NAME|ID", Short: "Show a session", Long: "Shows all that the directory has of a session, its passcode too.",
		Example: "  usher sessions show \"Cool Cars\"", Args: oneArgument("the name or id of a session"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			s, err := at.Session(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return m.printJSON(s)
			}
			m.showSession(s)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addManaging(cmd)
	return cmd
}

// showSession prints what is set, a line each.
func (m *Main) showSession(s *api.Session) {
	line := func(name, v string) {
		if v != "" {
			fmt.Fprintf(m.Stdout, "%-12s %s\n", name, plain(v))
		}
	}
	number := func(name string, n *int) {
		if n != nil {
			line(name, strconv.Itoa(*n))
		}
	}
	line("name", s.Name)
	line("id", s.ID)
	line("state", s.State)
	line("session key", s.SessionKey)
	line("passcode", s.Passcode)
	line("owner", s.Owner)
	line("hosts", strings.Join(s.Hosts, ", "))
	line("people", strings.Join(s.People, ", "))
	line("groups", strings.Join(s.Groups, ", "))
	line("admits", s.Admit)
	line("opens", day(s.NotBefore, ""))
	line("closes", day(s.NotAfter, ""))
	if s.Seconds > 0 {
		line("life", (time.Duration(s.Seconds) * time.Second).String())
	}
	line("regions", strings.Join(s.GeoRegions, ", "))
	number("recording", s.CloudRecordingOption)
	number("election", s.CloudRecordingElection)
	number("transcript", s.CloudRecordingTranscriptOption)
	if s.WaitingRoom {
		line("waiting room", "yes")
	}
	if s.Capacity > 0 {
		line("capacity", strconv.Itoa(s.Capacity))
	}
	line("changed", day(&s.UpdatedAt, ""))
}

func (m *Main) sessionsUpdate() *cobra.Command {
	var f sessionFlags
	cmd := &cobra.Command{
		Use: "update NAME|ID [flags]", Short: "Change settings of a session",
		Long:    "Changes those settings that are given; the others stay. An empty value takes a setting away.",
		Example: "  usher sessions update \"Cool Cars\" --hosts u1,u2 --not-after \"\"", Args: oneArgument("the name or id of a session"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			c, err := f.change(cmd)
			if err != nil {
				return err
			}
			s, err := at.UpdateSession(cmd.Context(), args[0], c)
			if err != nil {
				return err
			}
			m.showSession(s)
			return nil
		}),
	}
	f.add(cmd)
	addManaging(cmd)
	return cmd
}

func (m *Main) sessionsState(use, state, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " NAME|ID", Short: short, Long: short + "; in force on every replica within two seconds.",
		Example: "  usher sessions " + use + " \"Cool Cars\"", Args: oneArgument("the name or id of a session"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			s, err := at.UpdateSession(cmd.Context(), args[0], api.SessionChange{State: &state})
			if err != nil {
				return err
			}
			fmt.Fprintf(m.Stdout, "%s is %s\n", plain(s.Name), s.State)
			return nil
		}),
	}
	addManaging(cmd)
	return cmd
}

func (m *Main) sessionsDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME|ID", Short: "Remove a session from the directory",
		Long:    "Removes a session and its settings. Its rows stay in the ledger.",
		Example: "  usher sessions delete \"Cool Cars\"", Args: oneArgument("the name or id of a session"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			if err := at.DeleteSession(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(m.Stdout, "deleted "+plain(args[0]))
			return nil
		}),
	}
	addManaging(cmd)
	return cmd
}
