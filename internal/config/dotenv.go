package config

import (
	"regexp"
	"strings"
)

// Reading .env as Node's dotenv does, because that is what a file made for
// Zoom's sample was made for: export, spaces around =, three kinds of quotes,
// values of several lines in quotes, comments behind values. Unlike libraries
// that follow the shell it replaces no $NAME: a secret with a dollar sign would
// silently become another. Unlike Node's it says which lines it can't read.

type dotEnv struct {
	values map[string]string
	faults []lineFault
}

type lineFault struct {
	line   int
	name   string // "" where the line has none
	reason string
}

var assignment = regexp.MustCompile(`^[ \t]*(?:export[ \t]+)?([A-Za-z0-9_.-]+)[ \t]*(?:=|:[ \t])[ \t]*`)

func parseDotEnv(text string) dotEnv {
	e := dotEnv{values: map[string]string{}}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for line := 1; text != ""; {
		start := line
		head, rest, _ := strings.Cut(text, "\n")
		m := assignment.FindStringSubmatch(head)
		if m == nil {
			if h := strings.TrimSpace(head); h != "" && h[0] != '#' {
				e.faults = append(e.faults, lineFault{line: start, reason: "is not of the form NAME=value"})
			}
			text, line = rest, line+1
			continue
		}
		value, after, reason := dotEnvValue(text[len(m[0]):])
		line += strings.Count(text[:len(text)-len(after)], "\n")
		text = after
		if reason != "" {
			e.faults = append(e.faults, lineFault{start, m[1], "(" + m[1] + ") " + reason})
			continue
		}
		e.values[m[1]] = value // the last of several wins, as in Node's
	}
	return e
}

// dotEnvValue reads a value and what is behind it on its line.
func dotEnvValue(text string) (value, rest, reason string) {
	line, rest, _ := strings.Cut(text, "\n")
	if line == "" || !strings.ContainsRune("\"'`", rune(line[0])) {
		if at := strings.IndexByte(line, '#'); at >= 0 {
			if at > 0 && line[at-1] != ' ' && line[at-1] != '\t' {
				// Node's dotenv would cut the value here, others would not.
				return "", rest, "has a # in its value; put the value in quotes, or a space before a comment"
			}
			line = line[:at]
		}
		return strings.TrimSpace(line), rest, ""
	}
	quote := line[0]
	end := 1
	for end < len(text) && text[end] != quote {
		if text[end] == '\\' && end+1 < len(text) {
			end++
		}
		end++
	}
	if end >= len(text) {
		return "", rest, "has a quote that doesn't end"
	}
	behind, rest, _ := strings.Cut(text[end+1:], "\n")
	if b := strings.TrimSpace(behind); b != "" && b[0] != '#' {
		return "", rest, "has something behind the closing quote"
	}
	value = text[1:end]
	if quote == '"' { // the only ones in which Node's dotenv knows an escape
		value = strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(value)
	}
	return value, rest, ""
}
