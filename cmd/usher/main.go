// Command usher signs users into video sessions: as a server (dev, serve), and
// one signature at a time (sign, inspect). See `usher --help`.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(start(os.Stdout, os.Stderr)) }

// start runs the program in the process that it is.
func start(stdout, stderr io.Writer) int {
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
		Now: time.Now, Random: rand.Reader,
	}
	return m.Run(ctx, os.Args[1:])
}
