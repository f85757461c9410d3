package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/api"
)

func (m *Main) bansCommand() *cobra.Command {
	return group("bans", "Ban users, keys and guests, whatever the rules say", m.bansAdd(), m.bansList(), m.bansRemove())
}

func (m *Main) bansAdd() *cobra.Command {
	var r api.BanRequest
	cmd := &cobra.Command{
		Use:   "add SUBJECT",
		Short: "Ban a user, a key or a guest",
		Long: `Bans a user (user:<user key>), an API key (key:<id>) or a guest (guest:<id>):
within two seconds nothing is signed for them any more, on every replica.
Signatures that they hold already stay good until they expire.`,
		Example: "  usher bans add user:u1 --reason spam", Args: oneArgument("a subject such as user:u1"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			r.Subject = args[0]
			b, err := at.CreateBan(cmd.Context(), r)
			if err != nil {
				return err
			}
			fmt.Fprintln(m.Stdout, b.ID)
			return nil
		}),
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "`words` that the banned get to see")
	addManaging(cmd)
	return cmd
}

func (m *Main) bansList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List bans", Long: "Lists bans.", Example: "  usher bans list", Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) error {
			bans, err := everyPage(func(cursor string) ([]api.Ban, string, error) {
				l, err := at.ListBans(cmd.Context(), api.Page{Cursor: cursor, Limit: maxPage})
				return l.Bans, l.NextCursor, err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(m.Stdout, bans)
			}
			rows := make([][]string, len(bans))
			for i, b := range bans {
				rows[i] = []string{b.ID, b.Subject, day(&b.CreatedAt, ""), b.Reason}
			}
			return m.table("nobody is banned", []string{"ID", "SUBJECT", "SINCE", "REASON"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addManaging(cmd)
	return cmd
}

func (m *Main) bansRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove ID", Short: "Lift a ban", Long: "Lifts a ban.", Example: "  usher bans remove q2k7gq3vpx5n4w6b3c7a", Args: oneArgument("the id of a ban"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			if err := at.RemoveBan(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(m.Stdout, "lifted "+plain(args[0]))
			return nil
		}),
	}
	addManaging(cmd)
	return cmd
}
