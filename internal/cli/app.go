// Package cli is the command line: it reads what a user asked for, and tells
// what came of it. cmd/usher is a program of it.
package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usher-sessions/usher/internal/config"
)

// Main is the program and all that it touches. Every command is a method of it.
//
// What a command was asked for goes to Stdout, alone, so that it can be piped;
// everything else (faults, hints, the log) goes to Stderr.
type Main struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ is the environment as in os.Environ, Dir the working directory.
	Environ []string
	Dir     string
	// Now is the clock, Random the source of what is made up.
	Now    func() time.Time
	Random io.Reader
	// Rooms starts what runs rooms; nil in a program that only signs.
	Rooms Rooms
}

// Start runs the program in the process that it is, and returns its exit code.
// rooms is nil in a program that only signs.
func Start(stdout, stderr io.Writer, rooms Rooms) int {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(stderr, "usher: the working directory can't be found:", err)
		return exitFailed
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	m := &Main{
		Stdin: os.Stdin, Stdout: stdout, Stderr: stderr,
		Environ: os.Environ(), Dir: dir,
		Now: time.Now, Random: rand.Reader, Rooms: rooms,
	}
	return m.Run(ctx, os.Args[1:])
}

// Run runs one command and returns its exit code.
func (m *Main) Run(ctx context.Context, args []string) int {
	root := m.root()
	root.SetArgs(args)
	root.SetIn(m.Stdin)
	root.SetOut(m.Stdout)
	root.SetErr(m.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	return m.report(cmd, err)
}

func (m *Main) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "usher COMMAND",
		Short: "Signs users into video sessions, and lets nobody else in",
		Long: "Usher signs users into sessions made with Zoom's Video SDK, and lets nobody else in.\n\n" +
			"Exit codes: 0 done, 1 failed (for inspect: faults found), 2 wrong use or wrong settings.",
		Example: `  usher dev                                       # a server for this machine, no questions asked
  usher serve                                     # a server for everybody, by your rules
  usher sign --session "Cool Cars" --role host    # one signature
  usher inspect < signature.txt                   # what is wrong with a signature`,
		Args:                  cobra.ArbitraryArgs,
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { m.printHelp(cmd) })
	root.SetHelpCommand(&cobra.Command{Use: "help [COMMAND]", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return unknownCommand(root, rest[0])
		}
		return cmd.Help()
	}})
	root.AddCommand(m.devCommand(), m.serveCommand(), m.signCommand(), m.inspectCommand(),
		m.keysCommand(), m.inviteCommand(), m.bansCommand(), m.sessionsCommand(), m.ledgerCommand(), m.policyCommand(), m.roomsCommand(),
		m.healthCommand(), m.versionCommand(), m.completionCommand())
	return root
}

// noArguments is for commands that take flags alone. It doesn't repeat what was
// given: it may be a secret in the wrong place.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &fault{code: exitUsage, line: "takes no arguments, only flags", hints: []string{seeHelp(cmd)}}
	}
	return nil
}

// textFlag is a flag as it was given; package config reads it.
type textFlag struct{ value, kind string }

func (f *textFlag) String() string     { return f.value }
func (f *textFlag) Set(v string) error { f.value = v; return nil }
func (f *textFlag) Type() string       { return f.kind }

// addSettings gives cmd the flags of a scope.
func addSettings(cmd *cobra.Command, scope config.Scope) {
	fs := cmd.Flags()
	fs.SortFlags = false
	for _, s := range config.For(scope) {
		switch {
		case s.Switch():
			fs.Var(&textFlag{kind: "bool"}, s.Name, settingHelp(s.Help, s.Env, ""))
			fs.Lookup(s.Name).NoOptDefVal = "true"
		case !s.Secret:
			fs.Var(&textFlag{kind: s.Value}, s.Name, settingHelp(s.Help, s.Env, s.Default))
		}
		if s.FromFile {
			fs.Var(&textFlag{kind: "path"}, s.FileFlag(), "file that holds "+s.Help+" ("+s.FileEnv()+"; the value itself: "+s.Env+")")
		}
	}
	fs.Var(&textFlag{kind: "path"}, config.ConfigFileFlag, settingHelp("YAML file with settings", config.ConfigFileEnv, ""))
}

func settingHelp(help, env, def string) string {
	help += " (" + env
	if def != "" {
		help += "; default " + def
	}
	return help + ")"
}

// load reads the settings of a scope.
func (m *Main) load(cmd *cobra.Command, scope config.Scope, need config.Need) (*config.Config, error) {
	given := map[string]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if t, ok := f.Value.(*textFlag); ok {
			given[f.Name] = t.value
		}
	})
	cfg, err := config.Load(config.Sources{Scope: scope, Need: need, Flags: given, Environ: m.Environ, Dir: m.Dir})
	var faults config.Faults
	if errors.As(err, &faults) {
		return nil, settingsFault(cmd, faults)
	}
	return cfg, err
}

// flagNames lists the flags of a command, for suggestions.
func flagNames(cmd *cobra.Command) []string {
	names := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names[f.Name] = true })
	return slices.Sorted(maps.Keys(names))
}
