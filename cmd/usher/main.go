// Command usher signs users into video sessions: as a server (dev, serve), and
// one signature at a time (sign, inspect). See `usher --help`.
package main

import (
	"os"

	"github.com/usher-sessions/usher/internal/cli"
)

func main() { os.Exit(cli.Start(os.Stdout, os.Stderr, nil)) }
