package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// printer writes to people: coloured and wrapped on a terminal; plain and one
// thing a line elsewhere, so that other programs can search it.
type printer struct {
	w      io.Writer
	width  int // in columns; 0 doesn't wrap
	colour bool
}

// Lines longer than this are hard to read, however wide the terminal is.
const widest = 100

func newPrinter(w io.Writer, environ []string) *printer {
	p := &printer{w: w}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.width = 80
	if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 0 {
		p.width = min(cols, widest)
	}
	// https://no-color.org: set and not empty.
	p.colour = getenv(environ, "NO_COLOR") == "" && getenv(environ, "TERM") != "dumb"
	return p
}

func getenv(environ []string, name string) string {
	for _, line := range environ {
		if n, v, ok := strings.Cut(line, "="); ok && n == name {
			return v
		}
	}
	return ""
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *printer) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) bold(s string) string   { return p.paint("1", s) }
func (p *printer) dim(s string) string    { return p.paint("2", s) }
func (p *printer) red(s string) string    { return p.paint("31", s) }
func (p *printer) green(s string) string  { return p.paint("32", s) }
func (p *printer) yellow(s string) string { return p.paint("33", s) }
func (p *printer) cyan(s string) string   { return p.paint("36", s) }

func (p *printer) line(s string) { fmt.Fprintln(p.w, s) }

// wrapped writes text with first before it, and rest before each further line.
// Spaces stay as they are: two of them may be what a finding is about.
func (p *printer) wrapped(first, rest, text string) {
	if p.width == 0 {
		p.line(first + text)
		return
	}
	line, columns := first, columnsOf(first)
	empty := true
	for word := range strings.SplitSeq(text, " ") {
		n := columnsOf(word)
		if !empty && columns+1+n > p.width {
			p.line(line)
			line, columns, empty = rest, columnsOf(rest), true
		}
		if !empty {
			line, columns = line+" ", columns+1
		}
		line, columns, empty = line+word, columns+n, false
	}
	p.line(line)
}

// columnsOf counts characters without colours. Wide characters count once: a
// line that is a little too long does no harm.
func columnsOf(s string) int {
	n := 0
	for s != "" {
		if rest, ok := strings.CutPrefix(s, "\x1b["); ok {
			_, s, _ = strings.Cut(rest, "m")
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		s, n = s[size:], n+1
	}
	return n
}

// plain makes text from outside safe for a terminal: what isn't printable,
// such as the beginning of a control sequence, or changes the direction of
// writing, is written as its code point.
func plain(s string) string {
	clean := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if strings.IndexFunc(s, clean) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if clean(r) {
			fmt.Fprintf(&b, "\\u%04X", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
