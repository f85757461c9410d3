package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-sessions/usher/api"
)

func (m *Main) keysCommand() *cobra.Command {
	return group("keys", "Make, list and revoke API keys for back ends", m.keysCreate(), m.keysList(), m.keysRevoke())
}

func (m *Main) keysCreate() *cobra.Command {
	var (
		r       api.KeyRequest
		expires string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "create --name NAME [flags]",
		Short: "Make an API key and print it, once",
		Long: `Makes an API key and prints it: this once, since only its SHA-256 is kept. A back
end sends it as "Authorization: Bearer usher_...".`,
		Example: `  usher keys create --name backend --may sign --sessions 'class-*' --roles host,participant --expires 90d
  usher keys create --name operator --may inspect,manage`,
		Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) (err error) {
			if r.Seconds, err = ageFlag("expires", expires); err != nil {
				return err
			}
			k, err := at.CreateKey(cmd.Context(), r)
			if err != nil {
				return err
			}
			if asJSON {
				return m.printJSON(k)
			}
			fmt.Fprintln(m.Stdout, k.Secret)
			return nil
		}),
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&r.Name, "name", "", "`name` by which you will know it (required)")
	fs.StringSliceVar(&r.May, "may", []string{"sign"}, "what it may do: sign, inspect, manage")
	fs.StringSliceVar(&r.Roles, "roles", nil, "`roles` it may sign: host, participant (default both)")
	fs.StringSliceVar(&r.Sessions, "sessions", nil, "`names` of sessions it is for, * stands for any characters (default every session)")
	fs.StringVar(&expires, "expires", "", "`time` until it ends, such as 90d (default never)")
	fs.BoolVar(&asJSON, "json", false, "print JSON: the key and what it may")
	addManaging(cmd)
	return cmd
}

func (m *Main) keysList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List API keys", Long: "Lists API keys: what each may do, when it was last used, until when it holds.",
		Example: "  usher keys list", Args: noArguments,
		RunE: m.managing(func(cmd *cobra.Command, _ []string, at *usherAt) error {
			keys, err := everyPage(func(cursor string) ([]api.Key, string, error) {
				l, err := at.ListKeys(cmd.Context(), api.Page{Cursor: cursor, Limit: maxPage})
				return l.Keys, l.NextCursor, err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(m.Stdout, keys)
			}
			rows := make([][]string, len(keys))
			for i, k := range keys {
				until := day(k.ExpiresAt, "no end")
				if k.RevokedAt != nil {
					until = "revoked " + day(k.RevokedAt, "")
				}
				may := strings.Join(k.May, ",")
				if len(k.Roles) == 1 {
					may = strings.Replace(may, "sign", "sign "+k.Roles[0], 1)
				}
				rows[i] = []string{k.ID, k.Name, may, orAll(k.Sessions), day(k.LastUsedAt, "never"), until}
			}
			return m.table("there are no API keys", []string{"ID", "NAME", "MAY", "SESSIONS", "LAST USED", "UNTIL"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	addManaging(cmd)
	return cmd
}

func orAll(names []string) string {
	if len(names) == 0 {
		return "all"
	}
	return strings.Join(names, ",")
}

func (m *Main) keysRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Revoke an API key", Long: "Revokes an API key; within two seconds every replica refuses it.",
		Example: "  usher keys revoke nkum6e5vmtrmrixxqevd", Args: oneArgument("the id of a key"),
		RunE: m.managing(func(cmd *cobra.Command, args []string, at *usherAt) error {
			if err := at.RevokeKey(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(m.Stdout, "revoked "+plain(args[0]))
			return nil
		}),
	}
	addManaging(cmd)
	return cmd
}
