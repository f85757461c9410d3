package cli

import "github.com/spf13/cobra"

func (m *Main) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print what makes a shell complete commands and flags",
		Long: `Prints a script that makes a shell complete commands, flags and their values.
The one for bash needs the package bash-completion.`,
		Example: `  source <(usher completion bash)                                # bash, this shell
  usher completion bash > /etc/bash_completion.d/usher           # bash, every shell
  usher completion zsh > "${fpath[1]}/_usher"                    # zsh
  usher completion fish > ~/.config/fish/completions/usher.fish  # fish`,
		ValidArgs:             []string{"bash", "zsh", "fish"},
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &fault{code: exitUsage, line: "for which shell?", hints: []string{"usher completion bash, zsh or fish"}}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(m.Stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(m.Stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(m.Stdout, true)
			}
			return &fault{code: exitUsage, line: "there is no completion for that shell", hints: []string{"usher completion bash, zsh or fish"}}
		},
	}
}
