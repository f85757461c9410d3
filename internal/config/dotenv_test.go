package config

import (
	"maps"
	"strings"
	"testing"
)

// The rows without a fault are what dotenv for Node, version 16, makes of them.
func TestParseDotEnv(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       map[string]string
		faults     []lineFault
	}{
		{"plain", "A=1\nB=two words \n", map[string]string{"A": "1", "B": "two words"}, nil},
		{"spaces around =", "A = 1\n  B\t=\t2", map[string]string{"A": "1", "B": "2"}, nil},
		{"export", "export A=1\nexport\tB=2\nexporting=3", map[string]string{"A": "1", "B": "2", "exporting": "3"}, nil},
		{"colon", "A: 1", map[string]string{"A": "1"}, nil},
		{"empty", "A=\nB=''\nC=\"\"", map[string]string{"A": "", "B": "", "C": ""}, nil},
		{"comments", "# A=0\n\n  # B\nA=1 # one\nB='#2' # two\n", map[string]string{"A": "1", "B": "#2"}, nil},
		{"quotes", "A='a b'\nB=\"a 'b'\"\nC=`a \"b\" 'c'`", map[string]string{"A": "a b", "B": "a 'b'", "C": "a \"b\" 'c'"}, nil},
		{"quotes inside", "A=it's\nB=say \"x\"", map[string]string{"A": "it's", "B": "say \"x\""}, nil},
		{"escapes in double quotes only", `A="a\nb"` + "\n" + `B='a\nb'` + "\n" + `C=a\nb`, map[string]string{"A": "a\nb", "B": `a\nb`, "C": `a\nb`}, nil},
		{"several lines", "A=\"one\ntwo\"\nB=3", map[string]string{"A": "one\ntwo", "B": "3"}, nil},
		{"no expansion", "A=a$HOME\nB=\"${A}\"", map[string]string{"A": "a$HOME", "B": "${A}"}, nil},
		{"equals in the value", "A=b==\nB=c=d", map[string]string{"A": "b==", "B": "c=d"}, nil},
		{"Windows", "A=1\r\nB='2'\r\n", map[string]string{"A": "1", "B": "2"}, nil},
		{"the last wins", "A=1\nA=2", map[string]string{"A": "2"}, nil},
		{"spaces kept in quotes", "A=' x '", map[string]string{"A": " x "}, nil},
		{"comment of spaces", "A=   # nothing", map[string]string{"A": ""}, nil},

		{"no name", "A=1\nsecret\nB=2", map[string]string{"A": "1", "B": "2"}, []lineFault{{2, "", "is not of the form NAME=value"}}},
		{"nothing before =", "=1", nil, []lineFault{{1, "", "is not of the form NAME=value"}}},
		{"# inside", "A=a#b\nB=2", map[string]string{"B": "2"}, []lineFault{{1, "A", "(A) has a # in its value; put the value in quotes, or a space before a comment"}}},
		{"open quote", "A=1\nB='x\nC=3", map[string]string{"A": "1", "C": "3"}, []lineFault{{2, "B", "(B) has a quote that doesn't end"}}},
		{"behind a quote", "A='x'y\nB=2", map[string]string{"B": "2"}, []lineFault{{1, "A", "(A) has something behind the closing quote"}}},
		{"lines count on", "A='1\n2\n3'\nwrong", map[string]string{"A": "1\n2\n3"}, []lineFault{{4, "", "is not of the form NAME=value"}}},
	} {
		e := parseDotEnv(tc.text)
		if !maps.Equal(e.values, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, e.values, tc.want)
		}
		if len(e.faults) != len(tc.faults) {
			t.Errorf("%s: faults %v, want %v", tc.name, e.faults, tc.faults)
			continue
		}
		for i := range e.faults {
			if e.faults[i] != tc.faults[i] {
				t.Errorf("%s: %v, want %v", tc.name, e.faults[i], tc.faults[i])
			}
		}
	}
}

func FuzzParseDotEnv(f *testing.F) {
	for _, s := range []string{"A=1", "export A='x\ny' # c\n", "A=\"\\n\"\r\nB", "A='", "\\", "A=`\\`", "A:\tb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := parseDotEnv(text)
		lines := strings.Count(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n") + 1
		for _, fault := range e.faults {
			if fault.line < 1 || fault.line > lines {
				t.Errorf("line %d of %d", fault.line, lines)
			}
		}
		for name, v := range e.values {
			if name == "" || strings.ContainsAny(name, " =\n") || !strings.Contains(strings.ReplaceAll(text, "\r", "\n"), name) {
				t.Errorf("name %q", name)
			}
			if len(v) > len(text) {
				t.Errorf("value of %s is longer than the file", name)
			}
		}
	})
}
