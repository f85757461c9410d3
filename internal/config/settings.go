package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/limit"
	"github.com/usher-sessions/usher/internal/web"
	"github.com/usher-sessions/usher/videosdk"
)

// Config is what Usher runs with, after [Load] has checked it.
type Config struct {
	Credentials videosdk.Credentials

	// APIKeys are those of callers; nil for none.
	APIKeys *caller.Static
	// Open lets anyone ask.
	Open bool

	// Listen is the IP address or host name to listen on; "" is every address.
	Listen string
	// Port is the TCP port; 0 takes a free one.
	Port int
	// Origins whose pages may read answers.
	Origins []string

	// Backdate is how far back signatures are dated.
	Backdate time.Duration
	// AnySessionName allows characters outside Zoom's list.
	AnySessionName bool

	// LogFormat is "json", "text" or "auto".
	LogFormat string
	LogLevel  string

	// Database is a postgres:// URL, the path of an SQLite file, or "" for none.
	Database    string
	StorageKeys [][]byte      // 32 bytes each; none makes one beside an SQLite file
	Instance    string        // "" is the host's name
	Retention   time.Duration // of the ledger; 0 is for ever

	Issuers       []caller.Issuer
	PolicyFiles   []string
	PolicyReplace bool
	TimeZone      *time.Location // nil is UTC
	Proxies       limit.Proxies
	// RequestsPerSecond is for a user or guest, KeyRequestsPerSecond for a key; 0 is no bound.
	RequestsPerSecond, KeyRequestsPerSecond float64
	FailuresPerHour                         int
	PublicURL                               string // without a slash at its end
	LiveKit                                 LiveKit
}

// A Scope says which settings a command has.
type Scope int

// The scopes; a setting may belong to several.
const (
	ForSigning    Scope = 1 << iota // whatever signs
	ForInspecting                   // what explains signatures
	ForServing                      // what listens
	ForPublic                       // what listens on more than this machine
	ForStorage                      // what keeps things
	ForPolicy                       // what decides
	ForReaching                     // what looks for a server on this machine
	ForRooms                        // what runs rooms
)

// A Setting is one line of the table.
type Setting struct {
	// Name is the flag without its dashes, and the name in the YAML file.
	Name string
	// Env is the variable.
	Env string
	// Value stands in help for what the flag takes; "" for a switch.
	Value string
	// Default as people read it, "" for none.
	Default string
	// Help says in one sentence what it does.
	Help string
	// Scope says which commands have it.
	Scope Scope
	// Secret values come from the environment or a file of their own.
	Secret bool
	// FromFile says that <Env>_FILE and <Name>-file may name a file with the value.
	FromFile bool

	// set takes the value into c, or says what is wrong with it.
	set func(c *Config, value string) error
}

// Settings returns all settings, in the order of the documents.
func Settings() []Setting {
	return slices.Concat(signingSettings(), storageSettings(), decisionSettings(), roomSettings())
}

func signingSettings() []Setting {
	return []Setting{
		{
			Name: "sdk-key", Env: "ZOOM_VIDEO_SDK_KEY", FromFile: true, Secret: true, Scope: ForSigning | ForInspecting,
			Help: "the SDK key of the Video SDK account (not the API key)",
			set:  func(c *Config, v string) error { c.Credentials.Key = v; return nil },
		},
		{
			Name: "sdk-secret", Env: "ZOOM_VIDEO_SDK_SECRET", FromFile: true, Secret: true, Scope: ForSigning | ForInspecting,
			Help: "the SDK secret that belongs to the key",
			set:  func(c *Config, v string) error { c.Credentials.Secret = v; return nil },
		},
		{
			Name: "api-keys", Env: "USHER_API_KEYS", FromFile: true, Secret: true, Scope: ForPublic,
			Help: "the API keys of callers, separated by commas or lines, each as key or name:key, at least 16 characters",
			set: func(c *Config, v string) (err error) {
				c.APIKeys, err = caller.ParseStatic(v)
				return err
			},
		},
		{
			Name: "open", Env: "USHER_OPEN", Default: "false", Scope: ForPublic,
			Help: "sign for anyone who asks, as Zoom's sample does",
			set:  boolean(func(c *Config) *bool { return &c.Open }),
		},
		{
			Name: "port", Env: "PORT", Value: "number", Default: "4000", Scope: ForServing | ForReaching,
			Help: "TCP port; 0 takes a free one",
			set: func(c *Config, v string) error {
				n, err := strconv.ParseUint(v, 10, 16)
				if err != nil {
					return fmt.Errorf("is %s; it must be a number from 0 to 65535", quote(v))
				}
				c.Port = int(n)
				return nil
			},
		},
		{
			Name: "listen", Env: "USHER_LISTEN", Value: "address", Default: "every address", Scope: ForPublic | ForReaching,
			Help: "IP address or host name to listen on",
			set:  setListen,
		},
		{
			Name: "origins", Env: "USHER_ORIGINS", Value: "list", Default: "none; with --open all", Scope: ForPublic,
			Help: "web origins whose pages may read answers, separated by commas, such as https://app.example.com; * is all",
			set: func(c *Config, v string) error {
				c.Origins = nil
				for item := range strings.SplitSeq(v, ",") {
					if item = strings.TrimSpace(item); item != "" {
						c.Origins = append(c.Origins, item)
					}
				}
				_, err := web.ParseOrigins(c.Origins)
				if err != nil {
					return fmt.Errorf("has a mistake: %w", err)
				}
				return nil
			},
		},
		{
			Name: "backdate", Env: "USHER_BACKDATE", Value: "duration", Default: "30s", Scope: ForSigning,
			Help: "by how much the time of issue (iat) lies back, 0s to 600s, so that a slow clock elsewhere doesn't refuse it",
			set: func(c *Config, v string) error {
				d, err := ParseDuration(v)
				if err != nil || d < 0 || d > videosdk.MaxBackdate || d%time.Second != 0 {
					return fmt.Errorf("is %s; it must be 0s to %s in whole seconds", quote(v), seconds(videosdk.MaxBackdate))
				}
				c.Backdate = d
				return nil
			},
		},
		{
			Name: "any-session-name", Env: "USHER_ANY_SESSION_NAME", Default: "false", Scope: ForSigning,
			Help: "let session names have characters outside Zoom's documented list",
			set:  boolean(func(c *Config) *bool { return &c.AnySessionName }),
		},
		{
			Name: "log-format", Env: "USHER_LOG_FORMAT", Value: "format", Default: "auto", Scope: ForServing,
			Help: "json, text, or auto: text on a terminal, else json",
			set:  oneOf(func(c *Config) *string { return &c.LogFormat }, "auto", "json", "text"),
		},
		{
			Name: "log-level", Env: "USHER_LOG_LEVEL", Value: "level", Default: "info", Scope: ForServing,
			Help: "debug, info, warn or error; at warn there is no line for each request",
			set:  oneOf(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error"),
		},
	}
}

// ConfigFile is the setting that names the YAML file. It is not in the table
// because the file can't name itself.
const (
	ConfigFileFlag = "config"
	ConfigFileEnv  = "USHER_CONFIG"
)

// defaults is the Config when nothing is given.
func defaults() *Config {
	return &Config{Port: 4000, Backdate: videosdk.DefaultBackdate, LogFormat: "auto", LogLevel: "info", RequestsPerSecond: 10, FailuresPerHour: limit.AddrPerHour}
}

// For returns those settings that belong to any of the scopes.
func For(scope Scope) []Setting {
	var out []Setting
	for _, s := range Settings() {
		if s.Scope&scope != 0 {
			out = append(out, s)
		}
	}
	return out
}

// Switch reports whether the setting is on or off.
func (s Setting) Switch() bool { return s.Value == "" && !s.Secret }

// FileFlag is the flag that names a file with the value.
func (s Setting) FileFlag() string { return s.Name + "-file" }

// FileEnv is the variable that names a file with the value.
func (s Setting) FileEnv() string { return s.Env + "_FILE" }

func boolean(at func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		switch strings.ToLower(v) {
		case "true", "1", "yes", "on":
			*at(c) = true
		case "false", "0", "no", "off":
			*at(c) = false
		default:
			return fmt.Errorf("is %s; it must be true or false", quote(v))
		}
		return nil
	}
}

func oneOf(at func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		for _, w := range words {
			if v == w {
				*at(c) = v
				return nil
			}
		}
		last := len(words) - 1
		return fmt.Errorf("is %s; it must be %s or %s", quote(v), strings.Join(words[:last], ", "), words[last])
	}
}

func setListen(c *Config, v string) error {
	if _, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil {
		c.Listen = strings.Trim(v, "[]")
		return nil
	}
	if _, port, err := net.SplitHostPort(v); err == nil && isNumber(port) {
		return fmt.Errorf("is %s; leave the port out and give it with --port or PORT", quote(v))
	}
	if strings.ContainsAny(v, ":/ \t@") {
		return fmt.Errorf("is %s; it must be an IP address such as 127.0.0.1, or a host name", quote(v))
	}
	c.Listen = v
	return nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// ParseDuration reads "90m", "2h" and, as seconds, "7200".
func ParseDuration(v string) (time.Duration, error) {
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	return time.ParseDuration(v)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d/time.Second)) + "s" }

// quote quotes a value for a message, cut to 60 characters.
func quote(v string) string {
	if rs := []rune(v); len(rs) > 60 {
		return strconv.Quote(string(rs[:60])) + "…"
	}
	return strconv.Quote(v)
}
