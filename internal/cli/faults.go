package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usher-sessions/usher/internal/config"
)

// How faults are told:
//
//	usher serve: <what is wrong, one line>
//	  <each of several mistakes, one line>
//	hint: <what to do>
//
// No line repeats what might be a secret in the wrong place.

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it couldn't be done; for inspect: faults found
	exitUsage  = 2 // wrong flags, arguments or settings; nothing was tried
)

// fault is why a command ends without success.
type fault struct {
	code  int
	line  string
	items []string
	hints []string
}

func (f *fault) Error() string { return strings.Join(append([]string{f.line}, f.items...), "\n") }

// silent ends a command that has already said everything.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// report tells a fault and returns the exit code.
func (m *Main) report(cmd *cobra.Command, err error) int {
	var code silent
	if errors.As(err, &code) {
		return int(code)
	}
	f := &fault{code: exitFailed, line: err.Error()}
	errors.As(err, &f)
	out := newPrinter(m.Stderr, m.Environ)
	lines := strings.Split(f.line, "\n") // part of it may be what a server said
	out.wrapped("", "  ", out.bold(out.red(cmd.CommandPath()+":"))+" "+plain(lines[0]))
	for _, item := range append(lines[1:], f.items...) {
		out.wrapped("  ", "    ", plain(item))
	}
	for _, h := range f.hints {
		out.wrapped("", "      ", out.cyan("hint:")+" "+h)
	}
	return f.code
}

func settingsFault(cmd *cobra.Command, faults config.Faults) error {
	hint := "Settings come from flags, the environment, .env and the file named by --config; " + seeHelp(cmd)
	if len(faults) == 1 {
		return &fault{code: exitUsage, line: faults[0].Error(), hints: []string{hint}}
	}
	f := &fault{code: exitUsage, line: fmt.Sprintf("%d mistakes in the settings", len(faults)), hints: []string{hint}}
	for _, one := range faults {
		f.items = append(f.items, one.Error())
	}
	return f
}

func seeHelp(cmd *cobra.Command) string { return "see `" + cmd.CommandPath() + " --help`" }

func unknownCommand(cmd *cobra.Command, name string) error {
	f := &fault{code: exitUsage, line: "there is no such command", hints: []string{seeHelp(cmd) + " for the commands"}}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if near := config.Nearest(name, names); near != "" {
		f.hints = []string{"did you mean `" + cmd.CommandPath() + " " + near + "`?"}
	}
	return f
}

// flagError puts the parser's faults into our words. What was given stays out
// of them where it may be a secret.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return &fault{code: exitUsage, line: fmt.Sprintf("there is no flag -%.1s", unknown.GetSpecifiedName()), hints: []string{seeHelp(cmd)}}
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown.GetSpecifiedName())
	case errors.As(err, &bare):
		return &fault{code: exitUsage, line: "--" + bare.GetFlag().Name + " needs a value", hints: []string{seeHelp(cmd)}}
	}
	return &fault{code: exitUsage, line: strings.TrimSuffix(err.Error(), "\n"), hints: []string{seeHelp(cmd)}}
}

func unknownFlag(cmd *cobra.Command, name string) error {
	if s, ok := meantSecret(name); ok {
		return &fault{code: exitUsage, line: "--" + name + " is not taken: every user of this machine can read arguments in the list of processes",
			hints: []string{"put the value into the environment as " + s.Env + ", into .env, or into a file that --" + s.FileFlag() + " or " + s.FileEnv() + " names",
				"it stands in your shell's history now; if it is real, replace it"}}
	}
	f := &fault{code: exitUsage, line: fmt.Sprintf("there is no flag --%.40s", name), hints: []string{seeHelp(cmd)}}
	if near := config.Nearest(name, flagNames(cmd)); near != "" {
		f.hints = []string{"did you mean --" + near + "?"}
	}
	return f
}

// meantSecret finds the secret setting that somebody meant by a flag: its name,
// its variable, the end of its name, in singular or plural.
func meantSecret(flag string) (config.Setting, bool) {
	same := func(s string) string {
		return strings.TrimSuffix(strings.ReplaceAll(strings.ToLower(s), "_", "-"), "s")
	}
	for _, s := range config.Settings() {
		if s.Secret && (same(flag) == same(s.Env) || strings.HasSuffix("-"+same(s.Name), "-"+same(flag))) {
			return s, true
		}
	}
	return config.Setting{}, false
}
