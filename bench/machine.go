package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// machine is what a reader needs to know to judge the figures.
type machine struct {
	cpu, kernel, load, node, revision string
	memory                            int64 // bytes
	packages                          []string
	took                              time.Duration
}

// describe reads what this machine and the peers on it are.
func describe(ctx context.Context) (*machine, error) {
	m := &machine{cpu: "unknown processor"}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				m.cpu = strings.Join(strings.Fields(v), " ")
				break
			}
		}
	}
	if info, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib int64
		if _, err := fmt.Sscanf(string(info), "MemTotal: %d kB", &kib); err == nil {
			m.memory = kib << 10
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.kernel = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(text), " ")
	}
	out, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("Node is needed for the peers in JavaScript: %w", err)
	}
	m.node = strings.TrimSpace(string(out))
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		m.revision = strings.TrimSpace(string(out))
	}
	for _, module := range []string{"github.com/golang-jwt/jwt/v5", "github.com/livekit/protocol"} {
		out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Version}}", module).Output()
		if err != nil {
			return nil, fmt.Errorf("a peer is missing: %s: %w", module, err)
		}
		m.packages = append(m.packages, strings.TrimPrefix(strings.TrimSpace(string(out)), "github.com/"))
	}
	for _, name := range []string{"jsrsasign", "express", "cors"} {
		text, err := os.ReadFile(filepath.Join(nodeDir, "node_modules", name, "package.json"))
		if err != nil {
			return nil, fmt.Errorf("a peer is missing: %w", err)
		}
		var p struct{ Version string }
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("reading which %s is installed: %w", name, err)
		}
		m.packages = append(m.packages, name+" v"+p.Version)
	}
	return m, nil
}

func (m *machine) String() string {
	revision := ""
	if m.revision != "" {
		revision = " at " + m.revision
	}
	return fmt.Sprintf("Measured on %s in %s%s: %d × %s, %.0f GiB, Linux %s, load %s before the run. %s, Node %s, %s.\n",
		time.Now().UTC().Format("2006-01-02"), m.took.Round(time.Second), revision, runtime.NumCPU(), m.cpu,
		float64(m.memory)/(1<<30), m.kernel, m.load, strings.Replace(runtime.Version(), "go", "Go ", 1), m.node, strings.Join(m.packages, ", "))
}
