package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/api"
)

func (m *Main) inviteCommand() *cobra.Command {
	return group("invite", "Invite guests without an account to a session", m.inviteCreate(), m.inviteList(), m.inviteRevoke())
}

func (m *Main) inviteCreate() *cobra.Command {
	var (
		r                  api.InviteRequest
		uses               int
		expires, publicURL string
		asJSON             bool
	)
	cmd := &cobra.Command{
		Use:   "create --session NAME [flags]",
		Short: "Make an invite and print its link or code, once",
		Long: `Makes an invite and prints its link, or its code where no address is known: this
once, since only its SHA-256 is kept. The code stands behind the # of the link,
where no server's log sees it. A guest who came with it can come back; a further
guest spends a further use.`,
		Example: `  usher invite create --session "Cool Cars" --role participant --uses 1 --expires 24h
  usher invite create --session "Cool Cars" --uses 0 --public-url https://usher.example.com`,
		Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) (err error) {
			if r.Seconds, err = ageFlag("expires", expires); err != nil {
				return err
			}
			r.Uses = &uses
			i, err := at.CreateInvite(cmd.Context(), r)
			if err != nil {
				return err
			}
			if publicURL != "" {
				i.Link = inviteLink(publicURL, i.Code)
			}
			switch {
			case asJSON:
				return m.printJSON(i)
			case i.Link != "":
				fmt.Fprintln(m.Stdout, i.Link)
			default:
				fmt.Fprintln(m.Stdout, i.Code)
			}
			return nil
		}),
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&r.Session, "session", "", "`name` of the session (required)")
	fs.StringVar(&r.Role, "role", "participant", "`role` of the guests: participant or host")
	fs.IntVar(&uses, "uses", 1, "how many guests it lets in; 0 is any number")
	fs.StringVar(&expires, "expires", "24h", "`time` until it ends, such as 7d")
	fs.StringVar(&publicURL, "public-url", "", "`address` of the server for the link (USHER_PUBLIC_URL)")
	fs.BoolVar(&asJSON, "json", false, "print JSON: the invite with its code")
	addManaging(cmd)
	return cmd
}

func (m *Main) inviteList() *cobra.Command {
	var (
		session string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List invites", Long: "Lists invites: to which session, how often used, until when.",
		Example: "  usher invite list --session \"Cool Cars\"", Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) error {
			invites, err := everyPage(func(cursor string) ([]api.Invite, string, error) {
				l, err := at.ListInvites(cmd.Context(), api.ListInvitesIn{Session: session, Page: api.Page{Cursor: cursor, Limit: maxPage}})
				return l.Invites, l.NextCursor, err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(m.Stdout, invites)
			}
			rows := make([][]string, len(invites))
			for n, i := range invites {
				uses := strconv.Itoa(i.Used) + " of " + strconv.Itoa(i.Uses)
				if i.Uses == 0 {
					uses = strconv.Itoa(i.Used)
				}
				until := day(&i.ExpiresAt, "")
				if i.RevokedAt != nil {
					until = "revoked " + day(i.RevokedAt, "")
				}
				rows[n] = []string{i.ID, i.Session, i.Role, uses, until}
			}
			return m.table("there are no invites", []string{"ID", "SESSION", "ROLE", "USED", "UNTIL"}, rows)
		}),
	}
	cmd.Flags().StringVar(&session, "session", "", "only those to the session of that `name`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addManaging(cmd)
	return cmd
}

func (m *Main) inviteRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Revoke an invite", Long: "Revokes an invite; guests who came with it can't come back either.",
		Example: "  usher invite revoke 23ijj6dpq342a3g7bam4", Args: oneArgument("the id of an invite"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			if err := at.RevokeInvite(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(m.Stdout, "revoked "+plain(args[0]))
			return nil
		}),
	}
	addManaging(cmd)
	return cmd
}
