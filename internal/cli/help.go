package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth fits the narrowest terminals in use, so that help looks the same everywhere.
const helpWidth = 80

// printHelp writes the help of a command: what it does, how it is used,
// examples, and flags, those that are settings apart from its own.
func (m *Main) printHelp(cmd *cobra.Command) {
	p := newPrinter(m.Stdout, m.Environ)
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	p.line(about)
	p.line("")
	p.line(p.bold("Usage"))
	p.line("  " + cmd.UseLine())
	if cmd.Example != "" {
		p.line("")
		p.line(p.bold("Examples"))
		p.line(cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		p.line("")
		p.line(p.bold("Commands"))
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				p.line("  " + c.Name() + strings.Repeat(" ", max(1, 12-len(c.Name()))) + c.Short)
			}
		}
	}
	var own, settings []*pflag.Flag
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, ok := f.Value.(*textFlag); ok {
			settings = append(settings, f)
		} else {
			own = append(own, f)
		}
	})
	p.flags("Flags", own)
	p.flags("Settings, each as a flag, as a variable, or in the file", settings)
	if cmd.HasAvailableSubCommands() {
		p.line("")
		p.line("More about a command: " + cmd.CommandPath() + " COMMAND --help")
	}
}

// flags lists flags, what each does beside it or, where its name is long, below.
func (p *printer) flags(title string, flags []*pflag.Flag) {
	if len(flags) == 0 {
		return
	}
	p.line("")
	p.line(p.bold(title))
	const column = 26
	in := *p
	in.width = helpWidth
	for _, f := range flags {
		value, help := pflag.UnquoteUsage(f)
		head := "  --" + f.Name
		if f.Shorthand != "" {
			head = "  -" + f.Shorthand + ", --" + f.Name
		}
		if value != "" {
			head += " " + value
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			help += " (default " + strings.Trim(f.DefValue, "[]") + ")"
		}
		if len(head) > column-2 {
			p.line(head)
			head = ""
		}
		in.wrapped(head+strings.Repeat(" ", column-len(head)), strings.Repeat(" ", column), help)
	}
}
