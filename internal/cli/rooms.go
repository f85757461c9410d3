package cli

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/client"
)

// Rooms run in a server, so these commands always ask one.

func (m *Main) roomsCommand() *cobra.Command {
	return group("rooms", "See who is in the rooms of a server, and act as a host there",
		m.roomsList(), m.roomsShow(),
		m.roomsOnUser("remove", "Remove a user, who can't come back with a signature from before"),
		m.roomsOnUser("admit", "Let somebody in from the waiting room"),
		m.roomsOnUser("deny", "Turn somebody away from the waiting room"),
		m.roomsOnUser("mute", "Mute a user, who may unmute"),
		m.roomsOnUser("make-cohost", "Give a participant a host's rights"),
		m.roomsOnAll("mute-all", "Mute everybody"),
		m.roomsOnAll("lock", "Let in nobody but hosts"),
		m.roomsOnAll("unlock", "Let in participants again"),
		m.roomsOnAll("end", "End the session for everybody"))
}

const roomsNote = `

It asks the server that --server or USHER_SERVER names, with the API key in
USHER_KEY or in the file that USHER_KEY_FILE names; else the one of this machine.`

func addAsking(cmd *cobra.Command) {
	cmd.Long += roomsNote
	cmd.Flags().String("server", "", "`address` of a running server (default http://localhost:4000; "+serverEnv+")")
}

// asking makes the RunE of a command that asks a server.
func (m *Main) asking(do func(cmd *cobra.Command, args []string, c *client.Client) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		server := m.serverNamed(cmd)
		if server == "" {
			server = "http://localhost:4000"
		}
		at, err := m.atServer(server)
		if err != nil {
			return err
		}
		return refusalFault(do(cmd, args, at.Client))
	}
}

// onThisMachine reports whether address is of this machine, where usher dev asks nobody for a key.
func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
}

func (m *Main) roomsList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List open rooms", Long: "Lists the sessions that somebody is in.", Example: "  usher rooms list", Args: noArguments,
		RunE: m.asking(func(cmd *cobra.Command, _ []string, c *client.Client) error {
			rooms, err := everyPage(func(cursor string) ([]api.RoomSummary, string, error) {
				l, err := c.ListRooms(cmd.Context(), api.Page{Cursor: cursor, Limit: maxPage})
				return l.Rooms, l.NextCursor, err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(m.Stdout, rooms)
			}
			rows := make([][]string, len(rooms))
			for i, r := range rooms {
				rows[i] = []string{r.Session, day(&r.CreatedAt, ""), yes(r.Locked, "locked")}
			}
			return m.table("no room is open", []string{"SESSION", "SINCE", "STATE"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addAsking(cmd)
	return cmd
}

func yes(is bool, word string) string {
	if is {
		return word
	}
	return "open"
}

func (m *Main) roomsShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show SESSION", Short: "Show who is in a session, and who waits", Long: "Shows who is in a session's room, and who waits.",
		Example: "  usher rooms show \"Cool Cars\"", Args: oneArgument("the name of the session"),
		RunE: m.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
			r, err := c.ShowRoom(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return m.printJSON(r)
			}
			rows := [][]string{}
			for _, p := range r.Participants {
				role := p.Role
				if p.Cohost {
					role = "co-host"
				}
				rows = append(rows, []string{p.ID, p.Name, p.UserKey, role, "in since " + day(&p.JoinedAt, "")})
			}
			for _, w := range r.Waiting {
				rows = append(rows, []string{w.ID, w.Name, w.UserKey, "participant", "waits since " + day(&w.Since, "")})
			}
			return m.table("nobody is there", []string{"ID", "NAME", "USER", "ROLE", "STATE"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addAsking(cmd)
	return cmd
}

func (m *Main) roomsOnUser(action, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: action + " SESSION USER-ID", Short: short, Long: short + ".", Example: "  usher rooms " + action + " \"Cool Cars\" vvq3m5k2e7hfd6n4b2za",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &fault{code: exitUsage, line: "needs the name of the session and a user's id, but got " + count(len(args), "argument"), hints: []string{"usher rooms show SESSION lists the ids", seeHelp(cmd)}}
			}
			return nil
		},
		RunE: m.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
			return m.roomAct(cmd, c, args[0], api.RoomAction{Action: action, User: args[1]})
		}),
	}
	addAsking(cmd)
	return cmd
}

func (m *Main) roomsOnAll(action, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: action + " SESSION", Short: short, Long: short + ".", Example: "  usher rooms " + action + " \"Cool Cars\"", Args: oneArgument("the name of the session"),
		RunE: m.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
			return m.roomAct(cmd, c, args[0], api.RoomAction{Action: action})
		}),
	}
	addAsking(cmd)
	return cmd
}

func (m *Main) roomAct(cmd *cobra.Command, c *client.Client, session string, a api.RoomAction) error {
	if err := c.ActOnRoom(cmd.Context(), session, a); err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "done: %s %s\n", a.Action, plain(strconv.Quote(session)))
	return nil
}
