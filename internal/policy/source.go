package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of what is read. They are far above what people write and keep a wrong
// path or a hostile file from holding up the server.
const (
	MaxFileBytes  = 256 << 10 // one file
	MaxTotalBytes = 1 << 20   // all files together
	MaxRules      = 2000      // all files together
)

// A Source is the text of a policy and the name that its rules are reported under.
type Source struct {
	Name string
	Text string
}

// readSources reads files in the given order. A folder stands for the *.cedar
// files in it, in the order of their names.
func readSources(files []string) ([]Source, error) {
	var out []Source
	total := 0
	for _, f := range files {
		paths := []string{f}
		if st, err := os.Stat(f); err != nil {
			return nil, fmt.Errorf("reading the policy: %w", err)
		} else if st.IsDir() {
			if paths, err = cedarFilesIn(f); err != nil {
				return nil, err
			}
		}
		for _, p := range paths {
			text, err := readBounded(p, MaxFileBytes)
			if err != nil {
				return nil, fmt.Errorf("reading the policy: %w", err)
			}
			if total += len(text); total > MaxTotalBytes {
				return nil, fmt.Errorf("reading the policy: the files have over %d bytes together; use groups instead of long lists of people", MaxTotalBytes)
			}
			out = append(out, Source{Name: p, Text: text})
		}
	}
	return out, nil
}

func cedarFilesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	var out []string
	for _, e := range entries {
		// Not IsRegular: a Kubernetes ConfigMap is mounted as links.
		if strings.HasSuffix(e.Name(), ".cedar") && !e.IsDir() {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("reading the policy: %s has no *.cedar file in it", dir)
	}
	return out, nil
}

func readBounded(path string, limit int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(b)) > limit {
		return "", fmt.Errorf("%s has over %d bytes", path, limit)
	}
	return string(b), nil
}

// digest identifies the sources, names and order included.
func digest(sources []Source) string {
	h := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(h, "%d %d %s%s", len(s.Name), len(s.Text), s.Name, s.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A Problem is one fault in a policy.
type Problem struct {
	File string
	// Line and Column start at 1; 0 is unknown.
	Line, Column int
	// Rule is the name of the rule, "" where the file could not be read as rules.
	Rule    string
	Message string
	// Hint says what to do, "" where the message says it.
	Hint string
}

func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", p.Rule)
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems are all faults of a policy, in the order of the files.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the problems by line within the order of files, each once.
func (ps Problems) sorted(order []Source) Problems {
	rank := make(map[string]int, len(order))
	for i, s := range order {
		rank[s.Name] = i
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank[a.File], rank[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(ps, func(a, b Problem) bool { return a == b })
}
