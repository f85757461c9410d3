package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"unicode/utf8"
)

// A row compares one figure of Usher with that of one peer.
type row struct {
	what   string // what is measured, with its unit
	ours   string
	peer   string // "" where there is no peer
	theirs string
	ratio  series // of the two figures, round by round; which to which is the row's own matter
	goal   goal
	// measured is what the goal holds against, where that isn't the ratio's median.
	measured *float64
}

// goal is a bound to reach; the zero goal asks for nothing.
type goal struct {
	text  string
	limit float64
	least bool // the figure must be at least the limit, not at most
}

func atMost(limit float64, text string) goal  { return goal{text, limit, false} }
func atLeast(limit float64, text string) goal { return goal{text, limit, true} }

func (r row) verdict() string {
	if r.goal.text == "" {
		return ""
	}
	v := r.ratio.median()
	if r.measured != nil {
		v = *r.measured
	}
	if r.goal.least && v >= r.goal.limit || !r.goal.least && v <= r.goal.limit {
		return "reached"
	}
	return "**fell short**"
}

// table lays rows out as a Markdown table that reads well as plain text too.
func table(rows []row) string {
	cells := [][]string{{"measured", "Usher", "compared with", "its figure", "ratio", "middle half", "to reach", ""}}
	for _, r := range rows {
		ratio, spread := "", ""
		if len(r.ratio) > 0 {
			low, high := r.ratio.middle()
			ratio = number(r.ratio.median()) + "×"
			spread = number(low) + " to " + number(high)
		}
		cells = append(cells, []string{r.what, r.ours, r.peer, r.theirs, ratio, spread, r.goal.text, r.verdict()})
	}
	width := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, c := range line {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for n, line := range cells {
		for i, c := range line {
			b.WriteString("| " + c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+1))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("| " + strings.Repeat("-", max(w, 3)) + " ")
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// number writes v with three significant digits, and whole from a hundred on.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// The marks between which writeBetweenMarks writes.
const (
	markBegin = "<!-- measured: made by `go run -C bench . -o ../docs/performance.md` -->\n"
	markEnd   = "<!-- /measured -->"
)

// writeBetweenMarks puts text in the place of what stands between the marks of the page.
func writeBetweenMarks(page, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), markBegin)
	_, tail, ok2 := strings.Cut(rest, markEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the marks %q and %q", page, strings.TrimSpace(markBegin), markEnd)
	}
	return os.WriteFile(page, []byte(head+markBegin+"\n"+text+"\n"+markEnd+tail), 0o644)
}
