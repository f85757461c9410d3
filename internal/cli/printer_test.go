package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/config"
)

func TestTheLogNamesTheDatabaseWithoutItsPassword(t *testing.T) {
	for database, want := range map[string]string{
		"": "none", "/var/lib/usher.db": "/var/lib/usher.db",
		"postgres://u:canary@db.internal:5432/usher":                           "postgres at db.internal:5432",
		"postgres:///usher?host=/run/postgresql&user=u&password=canary":        "postgres",
		"postgresql://u:canary@/usher?host=db.internal&application_name=usher": "postgres",
	} {
		if got := whereKept(&config.Config{Database: database}); got != want {
			t.Errorf("%s: %q, want %q", database, got, want)
		}
	}
}

func TestWrappedKeepsSpaces(t *testing.T) {
	for _, tc := range []struct {
		width int
		text  string
		want  string
	}{
		{0, "a  long line stays", "> a  long line stays\n"},
		{12, "one two three four", "> one two\n  three four\n"},
		{14, "name \"a  b\" is two", "> name \"a  b\"\n  is two\n"},
		{8, "unbreakable-word at", "> unbreakable-word\n  at\n"},
		{12, "\x1b[31mone\x1b[0m two three", "> \x1b[31mone\x1b[0m two\n  three\n"},
		{12, "zwölf größe über", "> zwölf\n  größe über\n"},
	} {
		var b strings.Builder
		p := &printer{w: &b, width: tc.width}
		p.wrapped("> ", "  ", tc.text)
		if b.String() != tc.want {
			t.Errorf("%d, %q: %q, want %q", tc.width, tc.text, b.String(), tc.want)
		}
	}
}

func TestPlainIsSafeForTerminals(t *testing.T) {
	for in, want := range map[string]string{
		"Cool Cars":        "Cool Cars",
		"größe 会議 🎬":       "größe 会議 🎬",
		"\x1b[31mred":      `\u001B[31mred`,
		"a\u009b31m":       `a\u009B31m`,
		"right\u202eleft":  `right\u202Eleft`,
		"two\nlines\ttab":  `two\u000Alines\u0009tab`,
		"broken \xff UTF8": `broken \uFFFD UTF8`,
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDistanceInTime(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0:                               "now",
		400 * time.Millisecond:          "now",
		time.Second:                     "in 1 s",
		-90 * time.Second:               "1 min 30 s ago",
		2 * time.Hour:                   "in 2 h",
		2*time.Hour - time.Second:       "in 1 h 59 min",
		-25 * time.Hour:                 "1 day 1 h ago",
		72 * time.Hour:                  "in 3 days",
		-(48*time.Hour + 5*time.Minute): "2 days ago",
	} {
		if got := distanceInTime(now.Add(d), now); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
