package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher/internal/config"
)

const (
	// What no message may ever show.
	secret = "canary-7d1f-sdk-secret-of-32-bytes-and-more"
	apiKey = "canary-93ab-api-key-0123456789"

	forServe = config.ForSigning | config.ForServing | config.ForPublic
)

// scene is what one start finds.
type scene struct {
	env   map[string]string
	flags map[string]string
	files map[string]string // by name; .env and what the settings name
	need  config.Need
	scope config.Scope // 0 is forServe
}

func (s scene) load(t *testing.T) (*config.Config, config.Faults) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range s.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var environ []string
	for name, v := range s.env {
		environ = append(environ, name+"="+v)
	}
	if s.scope == 0 {
		s.scope = forServe
	}
	cfg, err := config.Load(config.Sources{Scope: s.scope, Need: s.need, Flags: s.flags, Environ: environ, Dir: dir})
	var faults config.Faults
	if err != nil && !errors.As(err, &faults) {
		t.Fatalf("not Faults: %v", err)
	}
	if (cfg == nil) != (err != nil) {
		t.Fatalf("config %v with error %v", cfg, err)
	}
	for _, f := range faults {
		if strings.Contains(f.Error(), "canary") {
			t.Errorf("a fault shows a secret: %s", f.Error())
		}
	}
	return cfg, faults
}

// good is an environment with which serve starts.
func good(more ...string) map[string]string {
	env := map[string]string{"ZOOM_VIDEO_SDK_KEY": "realKey1", "ZOOM_VIDEO_SDK_SECRET": secret, "USHER_API_KEYS": apiKey}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// refusals are the known ways to get the settings wrong, one fault each. want
// is what the message must say.
var refusals = []struct {
	name string
	scene
	want []string
}{
	{"no key", scene{env: good("ZOOM_VIDEO_SDK_KEY", "")}, []string{"ZOOM_VIDEO_SDK_KEY is not set", "ZOOM_VIDEO_SDK_KEY_FILE"}},
	{"no secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "")}, []string{"ZOOM_VIDEO_SDK_SECRET is not set"}},
	{"secret of white space", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "  ")}, []string{"ZOOM_VIDEO_SDK_SECRET has white space"}},
	{"space behind the secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", secret+" ")}, []string{"ZOOM_VIDEO_SDK_SECRET has white space"}},
	{"line break behind the secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", secret+"\n")}, []string{"ZOOM_VIDEO_SDK_SECRET has white space or a line break"}},
	{"space before the key", scene{env: good("ZOOM_VIDEO_SDK_KEY", " realKey1")}, []string{"ZOOM_VIDEO_SDK_KEY has white space"}},
	{"quotes around the secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", `"`+secret+`"`)}, []string{"ZOOM_VIDEO_SDK_SECRET has quotes"}},
	{"placeholder key", scene{env: good("ZOOM_VIDEO_SDK_KEY", "YOUR_VIDEO_SDK_KEY_HERE")}, []string{"ZOOM_VIDEO_SDK_KEY is still a placeholder"}},
	{"placeholder secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "YOUR_VIDEO_SDK_SECRET_HERE")}, []string{"ZOOM_VIDEO_SDK_SECRET is still a placeholder"}},
	{"key for secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "realKey1")}, []string{"ZOOM_VIDEO_SDK_SECRET is the same as the SDK key"}},
	{"misspelling of 2021", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDO_SDK_SECRET", secret)}, []string{"ZOOM_VIDEO_SDK_SECRET is not set", "ZOOM_VIDO_SDK_SECRET is set", "2021"}},
	{"misspelling in .env", scene{env: good("ZOOM_VIDEO_SDK_SECRET", ""), files: map[string]string{".env": "ZOOM_VIDO_SDK_SECRET=" + secret}}, []string{"ZOOM_VIDO_SDK_SECRET is set"}},
	{"Meeting SDK's key", scene{env: good("ZOOM_VIDEO_SDK_KEY", "", "ZOOM_MEETING_SDK_KEY", "k")}, []string{"ZOOM_MEETING_SDK_KEY is set", "Meeting SDK"}},
	{"older name of the key", scene{env: good("ZOOM_VIDEO_SDK_KEY", "", "ZOOM_SDK_KEY", "k")}, []string{"ZOOM_SDK_KEY is set"}},
	{"REST API's secret", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_API_SECRET", secret)}, []string{"ZOOM_API_SECRET is set", "REST API"}},
	{"near miss", scene{env: good("ZOOM_VIDEO_SDK_KEY", "", "ZOOM_VIDEOSDK_KEY", "k")}, []string{"ZOOM_VIDEOSDK_KEY is set; did you mean ZOOM_VIDEO_SDK_KEY?"}},
	{"secret twice", scene{env: good("ZOOM_VIDEO_SDK_SECRET_FILE", "s"), files: map[string]string{"s": secret}}, []string{"ZOOM_VIDEO_SDK_SECRET and ZOOM_VIDEO_SDK_SECRET_FILE are both given"}},
	{"secret's file missing", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDEO_SDK_SECRET_FILE", "canary/no/such/file")}, []string{"ZOOM_VIDEO_SDK_SECRET_FILE names a file that doesn't exist"}},
	{"secret as the file's path", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDEO_SDK_SECRET_FILE", secret)}, []string{"ZOOM_VIDEO_SDK_SECRET_FILE names a file that doesn't exist", "not the value itself"}},
	{"secret's file empty", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDEO_SDK_SECRET_FILE", "s"), files: map[string]string{"s": "\n"}}, []string{"ZOOM_VIDEO_SDK_SECRET_FILE names a file that is empty"}},
	{"secret's file too long", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDEO_SDK_SECRET_FILE", "s"), files: map[string]string{"s": strings.Repeat("canary", 20000)}}, []string{"ZOOM_VIDEO_SDK_SECRET_FILE names a file of more than"}},
	{"secret's file is a folder", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDEO_SDK_SECRET_FILE", ".")}, []string{"ZOOM_VIDEO_SDK_SECRET_FILE names a file that can't be read", "directory"}},
	{"two line breaks in the file", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "", "ZOOM_VIDEO_SDK_SECRET_FILE", "s"), files: map[string]string{"s": secret + "\n\n"}}, []string{"ZOOM_VIDEO_SDK_SECRET_FILE has white space or a line break"}},
	{"key's file missing", scene{env: good("ZOOM_VIDEO_SDK_KEY", "", "ZOOM_VIDEO_SDK_KEY_FILE", "nothing")}, []string{"ZOOM_VIDEO_SDK_KEY_FILE names a file that doesn't exist"}},

	{"no callers", scene{env: good("USHER_API_KEYS", "")}, []string{"USHER_API_KEYS is not set", "--open"}},
	{"no callers, and a database that this start would make", scene{env: good("USHER_API_KEYS", ""), scope: forServe | config.ForStorage},
		[]string{"USHER_API_KEYS is not set", "usher keys create"}},
	{"database's scheme in capitals", scene{env: good("DATABASE_URL", "Postgres://u:canary@h/db", "USHER_STORAGE_KEY", strings.Repeat("0f", 32)), scope: forServe | config.ForStorage},
		[]string{"DATABASE_URL is not of the form postgres://"}},
	{"keys and open", scene{env: good("USHER_OPEN", "true")}, []string{"USHER_OPEN lets anyone ask", "USHER_API_KEYS"}},
	{"keys and --open", scene{env: good(), flags: map[string]string{"open": "true"}}, []string{"--open lets anyone ask"}},
	{"open to what?", scene{env: good("USHER_API_KEYS", "", "USHER_OPEN", "maybe")}, []string{`USHER_OPEN is "maybe"; it must be true or false`}},
	{"short API key", scene{env: good("USHER_API_KEYS", apiKey+",canary-short")}, []string{"USHER_API_KEYS has a mistake in key 2", "at least 16"}},
	{"API key twice", scene{env: good("USHER_API_KEYS", apiKey+","+apiKey)}, []string{"USHER_API_KEYS", "twice"}},
	{"API keys' file missing", scene{env: good("USHER_API_KEYS", "", "USHER_API_KEYS_FILE", apiKey)}, []string{"USHER_API_KEYS_FILE names a file that doesn't exist"}},
	{"API keys' file of comments", scene{env: good("USHER_API_KEYS", "", "USHER_API_KEYS_FILE", "k"), files: map[string]string{"k": "# none yet\n"}}, []string{"USHER_API_KEYS_FILE holds no key"}},

	{"port of letters", scene{env: good("PORT", "http")}, []string{`PORT is "http"; it must be a number`}},
	{"port too large", scene{env: good("PORT", "65536")}, []string{`PORT is "65536"`}},
	{"port negative", scene{env: good(), flags: map[string]string{"port": "-1"}}, []string{`--port is "-1"`}},
	{"listen with port", scene{env: good("USHER_LISTEN", "0.0.0.0:80")}, []string{"USHER_LISTEN", "leave the port out"}},
	{"listen to a URL", scene{env: good("USHER_LISTEN", "http://x")}, []string{"USHER_LISTEN", "IP address"}},
	{"origin with a path", scene{env: good("USHER_ORIGINS", "https://a.example/app")}, []string{"USHER_ORIGINS", "https://a.example/app"}},
	{"origin without scheme", scene{env: good("USHER_ORIGINS", "a.example")}, []string{"USHER_ORIGINS", `"a.example"`}},
	{"backdate too far", scene{env: good("USHER_BACKDATE", "11m")}, []string{`USHER_BACKDATE is "11m"; it must be 0s to 600s`}},
	{"backdate in parts of seconds", scene{env: good("USHER_BACKDATE", "1.5s")}, []string{"USHER_BACKDATE", "whole seconds"}},
	{"log format", scene{env: good("USHER_LOG_FORMAT", "logfmt")}, []string{`USHER_LOG_FORMAT is "logfmt"; it must be auto, json or text`}},
	{"log level", scene{env: good("USHER_LOG_LEVEL", "verbose")}, []string{`USHER_LOG_LEVEL is "verbose"`, "debug, info, warn or error"}},

	{"unknown variable", scene{env: good("USHER_ORIGIN", "*")}, []string{"USHER_ORIGIN is no setting", "did you mean USHER_ORIGINS?"}},
	{"wrong name for the port", scene{env: good("USHER_PORT", "80")}, []string{"USHER_PORT is no setting", "did you mean PORT?"}},
	{"wrong name for the secret", scene{env: good("USHER_SDK_SECRET", secret)}, []string{"USHER_SDK_SECRET is no setting", "did you mean ZOOM_VIDEO_SDK_SECRET?"}},
	{"unknown variable in .env", scene{env: good(), files: map[string]string{".env": "USHER_API_KEY=" + apiKey}}, []string{".env: USHER_API_KEY is no setting", "USHER_API_KEYS?"}},
	{"unlike any", scene{env: good("USHER_QUUX_FROBNICATE", "1")}, []string{"USHER_QUUX_FROBNICATE is no setting", "usher serve --help"}},
	{"a file for what takes none", scene{env: good("USHER_OPEN_FILE", "x")}, []string{"USHER_OPEN_FILE is no setting"}},

	{".env without a name", scene{env: good(), files: map[string]string{".env": "A=1\n" + secret + "\n"}}, []string{".env line 2 is not of the form NAME=value"}},
	{".env with an open quote", scene{env: good(), files: map[string]string{".env": "USHER_API_KEYS=\"canary\nB=2\n"}}, []string{".env line 1 (USHER_API_KEYS) has a quote that doesn't end"}},
	{".env with a # in a value", scene{env: good("ZOOM_VIDEO_SDK_SECRET", "x-is-overridden-not"), files: map[string]string{".env": "ZOOM_VIDEO_SDK_SECRET=canary#1\n"}}, []string{".env line 1 (ZOOM_VIDEO_SDK_SECRET) has a # in its value"}},

	{"file missing", scene{env: good("USHER_CONFIG", "usher.yaml")}, []string{`USHER_CONFIG names "usher.yaml", which doesn't exist`}},
	{"file not YAML", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "port: [\n"}}, []string{"u.yaml is not valid YAML", "line"}},
	{"file is a list", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "- port\n"}}, []string{"u.yaml must hold settings"}},
	{"unknown setting", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "\nprot: 80\n"}}, []string{"u.yaml line 2: prot is no setting", "did you mean port?"}},
	{"environment's spelling in the file", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "log_format: json\n"}}, []string{"did you mean log-format?"}},
	{"secret in the file", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "sdk-secret: " + secret}}, []string{"u.yaml line 1: sdk-secret holds a secret", "sdk-secret-file"}},
	{"setting twice", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "port: 1\nport: 2\n"}}, []string{"u.yaml line 2: port stands in the file twice"}},
	{"setting of settings", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "port: {a: 1}\n"}}, []string{"u.yaml line 1: port must be one value"}},
	{"value in the file", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "port: eighty\n"}}, []string{`u.yaml line 1: port is "eighty"`}},
	{"two documents", scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": "port: 1\n---\nport: 2\n"}}, []string{"u.yaml holds more than one document"}},
}

// TestKeysOfADatabase starts without other callers where a database is there
// that may hold keys.
func TestKeysOfADatabase(t *testing.T) {
	s := scene{env: good("USHER_API_KEYS", ""), files: map[string]string{config.DatabaseFile: "x"}, scope: forServe | config.ForStorage}
	if _, faults := s.load(t); len(faults) > 0 {
		t.Errorf("with a database: %v", faults)
	}
	s.env["USHER_DATABASE"] = config.NoDatabase
	if _, faults := s.load(t); len(faults) != 1 {
		t.Errorf("with a database that isn't used: %v", faults)
	}
}

// TestEveryMistakeIsNamed holds each row of refusals to one fault that says what is wrong.
func TestEveryMistakeIsNamed(t *testing.T) {
	const known = 60
	if len(refusals) < known {
		t.Errorf("there were %d known mistakes; now %d", known, len(refusals))
	}
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			_, faults := tc.load(t)
			if len(faults) != 1 {
				t.Fatalf("%d faults, want one: %v", len(faults), faults)
			}
			for _, w := range tc.want {
				if !strings.Contains(faults[0].Error(), w) {
					t.Errorf("%q lacks %q", faults[0].Error(), w)
				}
			}
		})
	}
}

// TestAllMistakesAtOnce makes a mistake in every setting and every source.
func TestAllMistakesAtOnce(t *testing.T) {
	_, faults := scene{
		env: map[string]string{
			"ZOOM_VIDEO_SDK_KEY": `"canary"`, "ZOOM_VIDEO_SDK_SECRET_FILE": secret, "PORT": "x", "USHER_OPEN": "perhaps",
			"USHER_API_KEYS": "canary,canary2", "USHER_CONFIG": "u.yaml", "USHER_ORIGNS": "*",
		},
		flags: map[string]string{"backdate": "1h", "log-level": "loud"},
		files: map[string]string{
			".env":   "canary\nUSHER_ORIGINS=nowhere\nUSHER_LOG=1\n",
			"u.yaml": "log-format: xml\nlisten: a:b:c:d/e\nsdk-secret: canary\nany-session-name: sometimes\ncolour: red\n",
		},
	}.load(t)
	text := faults.Error()
	for _, w := range []string{
		"ZOOM_VIDEO_SDK_KEY has quotes", "ZOOM_VIDEO_SDK_SECRET_FILE names a file", `PORT is "x"`, "USHER_OPEN is", "USHER_API_KEYS has a mistake in key 1",
		"USHER_API_KEYS has a mistake in key 2", "USHER_ORIGNS is no setting", "--backdate is", "--log-level is", ".env line 1", ".env: USHER_ORIGINS has a mistake",
		".env: USHER_LOG is no setting", "u.yaml line 1: log-format is", "u.yaml line 2: listen is", "u.yaml line 3: sdk-secret holds a secret",
		"u.yaml line 4: any-session-name is", "u.yaml line 5: colour is no setting",
	} {
		if !strings.Contains(text, w) {
			t.Errorf("not named: %s", w)
		}
	}
	if len(faults) != 17 {
		t.Errorf("%d faults, want 17:\n%s", len(faults), text)
	}
}

func TestTheFirstSourceWins(t *testing.T) {
	layers := []func(*scene){
		func(s *scene) { s.flags = map[string]string{"port": "4001"} },
		func(s *scene) { s.env["PORT"] = "4002" },
		func(s *scene) { s.files[".env"] = "PORT=4003\n" },
		func(s *scene) { s.files["u.yaml"] = "port: 4004\n" },
	}
	for first := range layers {
		s := scene{env: good("USHER_CONFIG", "u.yaml"), files: map[string]string{"u.yaml": ""}}
		for _, set := range layers[first:] {
			set(&s)
		}
		if cfg, faults := s.load(t); faults != nil || cfg.Port != 4001+first {
			t.Errorf("from source %d on: %+v, %v", first, cfg, faults)
		}
	}
	if cfg, _ := (scene{env: good()}).load(t); cfg.Port != 4000 {
		t.Errorf("port is %d", cfg.Port)
	}
}

func TestWhatIsTaken(t *testing.T) {
	t.Run("defaults", func(t *testing.T) {
		cfg, faults := scene{env: good()}.load(t)
		if faults != nil || cfg.Open || cfg.Listen != "" || cfg.Origins != nil || cfg.Backdate != 30*time.Second || cfg.LogFormat != "auto" || cfg.LogLevel != "info" || cfg.APIKeys.Len() != 1 {
			t.Errorf("%+v, %v", cfg, faults)
		}
	})
	t.Run("everything", func(t *testing.T) {
		cfg, faults := scene{
			env: map[string]string{"ZOOM_VIDEO_SDK_KEY_FILE": "k", "ZOOM_VIDEO_SDK_SECRET_FILE": "s", "USHER_API_KEYS_FILE": "keys", "USHER_CONFIG": "u.yaml"},
			files: map[string]string{"k": "realKey1\n", "s": secret + "\r\n", "keys": "# ours\nbackend:" + apiKey + "\n" + apiKey + "2\n",
				"u.yaml": "# settings\nport: 8080\nlisten: '[::1]'\norigins:\n  - https://a.example\n  - http://localhost:*\nbackdate: 60\nany-session-name: yes\nlog-format: text\nlog-level: warn\nopen: null\n"},
		}.load(t)
		if faults != nil {
			t.Fatal(faults)
		}
		if cfg.Credentials.Key != "realKey1" || cfg.Credentials.Secret != secret || cfg.APIKeys.Len() != 2 || cfg.Port != 8080 || cfg.Listen != "::1" ||
			!slices.Equal(cfg.Origins, []string{"https://a.example", "http://localhost:*"}) || cfg.Backdate != time.Minute || !cfg.AnySessionName || cfg.LogFormat != "text" || cfg.LogLevel != "warn" {
			t.Errorf("%+v", cfg)
		}
	})
	t.Run("open", func(t *testing.T) {
		cfg, faults := scene{env: good("USHER_API_KEYS", "", "USHER_OPEN", "1")}.load(t)
		if faults != nil || !cfg.Open || !slices.Equal(cfg.Origins, []string{"*"}) {
			t.Errorf("as Zoom's sample, every origin: %+v, %v", cfg, faults)
		}
		cfg, _ = scene{env: good("USHER_API_KEYS", "", "USHER_OPEN", "1", "USHER_ORIGINS", "https://a.example")}.load(t)
		if !slices.Equal(cfg.Origins, []string{"https://a.example"}) {
			t.Errorf("%+v", cfg.Origins)
		}
	})
	t.Run("empty is not given", func(t *testing.T) {
		env := good("ZOOM_VIDEO_SDK_SECRET_FILE", "", "PORT", "", "USHER_ORIGINS", "", "USHER_OPEN", "", "USHER_CONFIG", "", "USHER_LOG_LEVEL", "")
		if _, faults := (scene{env: env}).load(t); faults != nil {
			t.Error(faults)
		}
	})
	t.Run("an earlier source hides a later one's file", func(t *testing.T) {
		cfg, faults := scene{env: good(), files: map[string]string{".env": "ZOOM_VIDEO_SDK_SECRET_FILE=elsewhere\n"}}.load(t)
		if faults != nil || cfg.Credentials.Secret != secret {
			t.Error(faults)
		}
	})
	t.Run("what Kubernetes sets for a service called usher", func(t *testing.T) {
		env := good("USHER_PORT", "tcp://10.0.0.1:4000", "USHER_SERVICE_HOST", "10.0.0.1", "USHER_SERVICE_PORT", "4000", "USHER_SERVICE_PORT_HTTP", "4000",
			"USHER_PORT_4000_TCP", "tcp://10.0.0.1:4000", "USHER_PORT_4000_TCP_ADDR", "10.0.0.1", "USHER_PORT_4000_TCP_PORT", "4000", "USHER_PORT_4000_TCP_PROTO", "tcp",
			"USHER_DB_SERVICE_HOST", "10.0.0.2", "USHER_DB_PORT", "tcp://10.0.0.2:5432", "USHER_DB_PORT_5432_TCP", "tcp://10.0.0.2:5432")
		if _, faults := (scene{env: env}).load(t); faults != nil {
			t.Error(faults)
		}
	})
	t.Run("none of ours in .env", func(t *testing.T) {
		if _, faults := (scene{env: good(), files: map[string]string{".env": "\ufeffexport COLOUR='#fff' # ok\nLINK=http://x/#y\nQUOTE='it''s'\nOTHER=1\n\n# done\n"}}).load(t); faults != nil {
			t.Error(faults)
		}
	})
}

func TestNeedOfCredentials(t *testing.T) {
	dev := config.ForSigning | config.ForServing
	if cfg, faults := (scene{scope: dev, need: config.CredentialsOrNone}).load(t); faults != nil || cfg.Credentials.Key != "" {
		t.Errorf("neither: %+v, %v", cfg, faults)
	}
	if _, faults := (scene{scope: dev, need: config.CredentialsOrNone, env: map[string]string{"ZOOM_VIDEO_SDK_KEY": "k"}}).load(t); len(faults) != 1 || faults[0].Where != "ZOOM_VIDEO_SDK_SECRET" {
		t.Errorf("half of them: %v", faults)
	}
	// Whoever inspects in the folder of another program isn't told about its .env.
	if _, faults := (scene{scope: config.ForInspecting, need: config.CredentialsAsGiven, files: map[string]string{".env": "canary\n"}}).load(t); faults != nil {
		t.Errorf("a stray line: %v", faults)
	}
	cfg, faults := scene{scope: config.ForInspecting, need: config.CredentialsAsGiven, env: map[string]string{"ZOOM_VIDEO_SDK_SECRET": " x\n", "USHER_NONSENSE": "1"}}.load(t)
	if faults != nil || cfg.Credentials.Secret != " x\n" {
		t.Errorf("as given: %+v, %v", cfg, faults)
	}
}

// A secret that stands nowhere but in the environment and its files can't leak from the list of settings.
func TestSettingsHaveEachNameOnce(t *testing.T) {
	seen := map[string]int{}
	for _, s := range config.Settings() {
		seen[s.Name]++
		seen[s.Env]++
		if s.FromFile {
			seen[s.FileFlag()]++
			seen[s.FileEnv()]++
		}
		if s.Help == "" || s.Scope == 0 || s.Secret && (!s.FromFile || s.Value != "") {
			t.Errorf("%s is not whole", s.Name)
		}
		if s.Switch() && s.Default == "" {
			t.Errorf("switch %s says no default", s.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if seen[name] > 1 {
			t.Errorf("%s is the name of %d things", name, seen[name])
		}
	}
}
