package config_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/internal/config"
)

var update = flag.Bool("update", false, "write the table of settings into README.md")

const (
	tableBegin = "<!-- settings: made by `go test ./internal/config -run TestREADME -update` -->\n"
	tableEnd   = "<!-- /settings -->"
)

// TestREADME holds the README's table of settings to the one table that there is.
func TestREADME(t *testing.T) {
	const path = "../../README.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegin)
	have, after, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		t.Fatalf("README.md lacks the lines between which the table stands:\n%s%s", tableBegin, tableEnd)
	}
	want := table()
	if have == want {
		return
	}
	if !*update {
		t.Fatal("the README's table of settings is out of date; run: go test ./internal/config -run TestREADME -update")
	}
	if err := os.WriteFile(path, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| variable | flag | default | what it is |\n| --- | --- | --- | --- |\n")
	row := func(variable, flag, def, help string) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", variable, flag, strings.ReplaceAll(def, "|", `\|`), strings.ReplaceAll(help, "|", `\|`))
	}
	for _, s := range config.Settings() {
		variable, flag := "`"+s.Env+"`", "`--"+s.Name+"`"
		if s.FromFile {
			variable += " or `" + s.FileEnv() + "`"
			flag = "`--" + s.FileFlag() + "`"
		}
		row(variable, flag, s.Default, s.Help)
	}
	row("`"+config.ConfigFileEnv+"`", "`--"+config.ConfigFileFlag+"`", "", "YAML file with settings, named there as the flags are: `log-format: json`")
	return b.String()
}
