package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// A child is a process that signs as often as a line of its input says, and
// takes the time itself.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	took time.Duration // by the last sign
}

func startChild(ctx context.Context, folder, program string, args ...string) (*child, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return &child{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// sign has n tokens made for the user and session that everybody signs for.
func (c *child) sign(n int) (string, error) {
	ask, err := json.Marshal(map[string]any{"n": n, "key": sdkKey, "secret": sdkSecret, "sessionName": session, "userKey": userKey, "life": int64(life / time.Second)})
	if err != nil {
		return "", err
	}
	if _, err := c.in.Write(append(ask, '\n')); err != nil {
		return "", err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return "", err
	}
	var answer struct {
		Token       string
		Nanoseconds int64
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return "", err
	}
	c.took = time.Duration(answer.Nanoseconds)
	return answer.Token, nil
}

// own returns how long the last sign took by the child's clock.
func (c *child) own() time.Duration { return c.took }

func (c *child) stop() {
	c.in.Close() // it ends with its input
	c.cmd.Wait()
}
