package deploy

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/usher-sessions/usher/internal/config"
)

// variables are those that Usher reads.
func variables() map[string]bool {
	known := map[string]bool{config.ConfigFileEnv: true}
	for _, s := range config.Settings() {
		known[s.Env] = true
		if s.FromFile {
			known[s.FileEnv()] = true
		}
	}
	return known
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// mustKnow fails for variables that Usher doesn't read.
func mustKnow(t *testing.T, file string, names ...string) {
	t.Helper()
	known := variables()
	if len(names) < 2 {
		t.Errorf("%s: only %d variables were found; is it still read right?", file, len(names))
	}
	for _, n := range names {
		if !known[n] {
			t.Errorf("%s sets %s, which Usher doesn't read", file, n)
		}
	}
}

// binary builds the program as the files here do.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "../cmd/usher")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// mustRun fails where the program has no such command.
func mustRun(t *testing.T, usher, command string) {
	t.Helper()
	if out, err := exec.Command(usher, append(strings.Fields(command), "--help")...).CombinedOutput(); err != nil {
		t.Errorf("usher %s: %v\n%s", command, err, out)
	}
}

func TestBinaryIsStatic(t *testing.T) {
	f, err := elf.Open(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a segment %v: it needs libraries that a container without any doesn't have", p.Type)
		}
	}
}

func TestHeroku(t *testing.T) {
	var app struct {
		Name, Description, Repository, Website, Stack string
		Keywords                                      []string
		Buildpacks                                    []struct{ URL string }
		Env                                           map[string]struct {
			Description, Value, Generator string
			Required                      *bool
		}
		Addons    []struct{ Plan string }
		Formation map[string]struct {
			Quantity int
			Size     string
		}
	}
	d := json.NewDecoder(strings.NewReader(read(t, "../app.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&app); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, v := range app.Env {
		names = append(names, name)
		if v.Description == "" || v.Generator != "" && v.Generator != "secret" {
			t.Errorf("app.json: %s lacks a description, or has a generator that Heroku doesn't have", name)
		}
	}
	mustKnow(t, "app.json", names...)
	for _, name := range []string{"ZOOM_VIDEO_SDK_KEY", "ZOOM_VIDEO_SDK_SECRET"} {
		if v := app.Env[name]; v.Required == nil || !*v.Required || v.Value != "" || v.Generator != "" {
			t.Errorf("app.json: the button must ask for %s", name)
		}
	}
	// A dyno's disk doesn't last, so the ledger needs a database, and that a key.
	if len(app.Addons) != 1 || !strings.HasPrefix(app.Addons[0].Plan, "heroku-postgresql:") || app.Env["USHER_STORAGE_KEY"].Generator != "secret" {
		t.Error("app.json: the ledger has no place that lasts")
	}
	kind, command, ok := strings.Cut(strings.TrimSpace(read(t, "../Procfile")), ": ")
	if !ok || kind != "web" || app.Formation[kind].Quantity != 1 {
		t.Errorf("Procfile: %q isn't the web process that app.json starts", kind)
	}
	program, args, _ := strings.Cut(command, " ")
	if program != "bin/usher" {
		t.Errorf("Procfile runs %s; Heroku puts what it builds into bin/", program)
	}
	mustRun(t, binary(t), args)
	mod := read(t, "../go.mod")
	for _, line := range []string{"// +heroku install ./cmd/usher\n", "// +heroku goVersion go1.26\n"} {
		if !strings.Contains(mod, line) {
			t.Errorf("go.mod lacks the line %q, which says what Heroku builds", line)
		}
	}
}

// document decodes YAML strictly into v.
func document(t *testing.T, name string, v any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(read(t, name)))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestRender(t *testing.T) {
	var blueprint struct {
		Services []struct {
			Type, Name, Runtime, Plan string
			BuildCommand              string `yaml:"buildCommand"`
			StartCommand              string `yaml:"startCommand"`
			HealthCheckPath           string `yaml:"healthCheckPath"`
			Disk                      struct {
				Name      string
				MountPath string `yaml:"mountPath"`
				SizeGB    int    `yaml:"sizeGB"`
			}
			EnvVars []struct {
				Key, Value    string
				Sync          *bool
				GenerateValue bool `yaml:"generateValue"`
			} `yaml:"envVars"`
		}
	}
	document(t, "../render.yaml", &blueprint)
	if len(blueprint.Services) != 1 {
		t.Fatalf("render.yaml has %d services", len(blueprint.Services))
	}
	s := blueprint.Services[0]
	values := map[string]string{}
	var names []string
	for _, v := range s.EnvVars {
		names = append(names, v.Key)
		values[v.Key] = v.Value
		ways := 0
		for _, way := range []bool{v.Value != "", v.Sync != nil, v.GenerateValue} {
			if way {
				ways++
			}
		}
		if ways != 1 {
			t.Errorf("render.yaml: %s must have one of value, sync and generateValue", v.Key)
		}
	}
	mustKnow(t, "render.yaml", names...)
	if s.Type != "web" || s.Runtime != "go" || s.HealthCheckPath != "/healthz" {
		t.Errorf("render.yaml: %+v", s)
	}
	if s.Disk.MountPath == "" || !strings.HasPrefix(values["USHER_DATABASE"], s.Disk.MountPath+"/") {
		t.Errorf("render.yaml: the ledger at %q doesn't lie on the disk at %q", values["USHER_DATABASE"], s.Disk.MountPath)
	}
	if !strings.HasSuffix(s.BuildCommand, "-o bin/usher ./cmd/usher") || !strings.HasPrefix(s.StartCommand, "bin/usher ") {
		t.Errorf("render.yaml builds with %q and starts %q", s.BuildCommand, s.StartCommand)
	}
	mustRun(t, binary(t), strings.TrimPrefix(s.StartCommand, "bin/usher "))
}

func TestContainer(t *testing.T) {
	text := read(t, "Containerfile")
	for what, pattern := range map[string]string{
		"a build without cgo":          `CGO_ENABLED=0 go build .*-o /usher ./cmd/usher`,
		"a last stage of nothing else": `(?s)FROM scratch\n[^F]*\z`,
		"no root":                      `\nUSER 65532:65532\n`,
		"a place for the ledger":       `COPY .*--chown=65532:65532 .* /var/lib/usher\n(?s:.*)\nWORKDIR /var/lib/usher\n`,
		"roots to trust":               `ca-certificates\.crt /etc/ssl/certs/\n`,
		"the default port":             `\nENV PORT=4000\nEXPOSE 4000\n`,
	} {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("Containerfile lacks %s: %s", what, pattern)
		}
	}
	var mod struct{ Go string }
	cmd := exec.Command("go", "mod", "edit", "-json", "../go.mod")
	out, err := cmd.Output()
	if err != nil || json.Unmarshal(out, &mod) != nil {
		t.Fatalf("%v %s", err, out)
	}
	if image := regexp.MustCompile(`golang:([0-9.]+)`).FindStringSubmatch(text); image == nil || !strings.HasPrefix(mod.Go+".", image[1]+".") {
		t.Errorf("Containerfile builds with %v, go.mod wants %s", image, mod.Go)
	}
	usher := binary(t)
	for _, line := range regexp.MustCompile(`(?m)(?:CMD|ENTRYPOINT) (\[.*\])$`).FindAllStringSubmatch(text, -1) {
		var argv []string
		if err := json.Unmarshal([]byte(line[1]), &argv); err != nil {
			t.Fatalf("%s: %v", line[0], err)
		}
		if argv[0] == "/usher" {
			argv = argv[1:]
		}
		mustRun(t, usher, strings.Join(argv, " "))
	}
	for _, needed := range []string{".git", ".env", ".usher"} { // secrets and history stay out of the image
		if !slices.Contains(strings.Fields(read(t, "../.dockerignore")), needed) {
			t.Errorf(".dockerignore lacks %s", needed)
		}
	}
}

func TestCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Build       struct{ Context, Dockerfile string }
			Image       string
			Command     []string
			Ports       []string
			Environment map[string]string
			Secrets     []string
			Volumes     []string
			ReadOnly    bool     `yaml:"read_only"`
			CapDrop     []string `yaml:"cap_drop"`
			SecurityOpt []string `yaml:"security_opt"`
			Restart     string
			StopGrace   string `yaml:"stop_grace_period"`
		}
		Volumes map[string]any
		Secrets map[string]struct{ File string }
	}
	document(t, "compose.yaml", &file)
	s, ok := file.Services["usher"]
	if !ok {
		t.Fatal("compose.yaml has no service usher")
	}
	var names []string
	for name, v := range s.Environment {
		names = append(names, name)
		if secret, ok := strings.CutPrefix(v, "/run/secrets/"); ok && (!slices.Contains(s.Secrets, secret) || file.Secrets[secret].File == "") {
			t.Errorf("compose.yaml: %s names the secret %s, which isn't there", name, secret)
		}
	}
	mustKnow(t, "compose.yaml", names...)
	if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
		t.Errorf("compose.yaml: %v", err)
	}
	if want := s.Environment["PORT"] + ":" + s.Environment["PORT"]; !slices.Contains(s.Ports, want) || !strings.Contains(read(t, "Containerfile"), "EXPOSE "+s.Environment["PORT"]) {
		t.Errorf("compose.yaml: ports %v, PORT %s", s.Ports, s.Environment["PORT"])
	}
	if len(s.Volumes) != 1 || !strings.HasSuffix(s.Volumes[0], ":/var/lib/usher") {
		t.Errorf("compose.yaml: the ledger lies on %v", s.Volumes)
	}
	if volume, _, _ := strings.Cut(s.Volumes[0], ":"); file.Volumes[volume] != nil || len(file.Volumes) != 1 {
		t.Errorf("compose.yaml: volumes %v", file.Volumes)
	}
	mustRun(t, binary(t), strings.Join(s.Command, " "))
}

func TestSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is missing; install the package systemd (scripts/setup does)")
	}
	text := read(t, "usher.service")
	usher := binary(t)
	// The unit is checked on this machine, where the program lies elsewhere.
	unit := filepath.Join(t.TempDir(), "usher.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/local/bin/usher", usher)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(analyze, "verify", "--man=no", unit)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || strings.Contains(out.String(), "usher.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out.String())
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^Environment=(\w+)=`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	mustKnow(t, "usher.service", names...)
	for _, m := range regexp.MustCompile(`%d/(\w+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, "\nLoadCredential="+m[1]+":") {
			t.Errorf("usher.service: the credential %s isn't loaded", m[1])
		}
	}
	command := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/usher (.*)$`).FindStringSubmatch(text)
	if command == nil {
		t.Fatal("usher.service starts something else")
	}
	mustRun(t, usher, command[1])
}
