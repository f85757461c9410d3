package config

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/internal/limit"
)

// NoDatabase as the setting database keeps no record and no sessions, keys or invites.
const NoDatabase = "none"

// DatabaseFile is the database of `usher serve` and of the commands beside it
// where nothing else is said.
const DatabaseFile = "usher.db"

// LeastRetention is for how long every row of the ledger stays: longer than any
// signature lives.
const LeastRetention = 72 * time.Hour

// storageSettings say where things are kept.
func storageSettings() []Setting {
	return []Setting{
		{
			Name: "database", Env: "USHER_DATABASE", Value: "path", Default: DatabaseFile, Scope: ForStorage,
			Help: "SQLite file for ledger, sessions, keys and invites, or \"none\" to keep no record",
			set: func(c *Config, v string) error {
				if strings.Contains(v, "://") {
					return fmt.Errorf("is a URL; give a database server with DATABASE_URL, so that its password stands in no list of processes")
				}
				c.Database = v
				return nil
			},
		},
		{
			Name: "database-url", Env: "DATABASE_URL", FromFile: true, Secret: true, Scope: ForStorage,
			Help: "the address of a PostgreSQL database, postgres://user:password@host/name, for several replicas",
			set: func(c *Config, v string) error {
				u, err := url.Parse(v)
				// As it is written: what the store doesn't know as a server it takes for a file, and names.
				server := strings.HasPrefix(v, "postgres://") || strings.HasPrefix(v, "postgresql://")
				if err != nil || !server || strings.Trim(u.Path, "/") == "" && !u.Query().Has("dbname") {
					return fmt.Errorf("is not of the form postgres://user:password@host/name") // the value isn't shown: it has a password
				}
				c.Database = v
				return nil
			},
		},
		{
			Name: "storage-key", Env: "USHER_STORAGE_KEY", FromFile: true, Secret: true, Scope: ForStorage,
			Help: "32 random bytes in hexadecimal that passcodes are encrypted with; several separated by commas: the first encrypts, all decrypt; made beside an SQLite file if left out",
			set: func(c *Config, v string) error {
				c.StorageKeys = nil
				for i, item := range splitList(v) {
					key, err := hex.DecodeString(item)
					if err != nil {
						key, err = base64.StdEncoding.DecodeString(item)
					}
					if err != nil || len(key) != 32 {
						return fmt.Errorf("has a mistake in key %d: it must be 32 bytes, which are 64 hexadecimal digits (openssl rand -hex 32)", i+1)
					}
					c.StorageKeys = append(c.StorageKeys, key)
				}
				return nil
			},
		},
		{
			Name: "instance", Env: "USHER_INSTANCE", Value: "name", Default: "the host's name", Scope: ForStorage,
			Help: "name of this replica's chain in the ledger; each replica needs its own",
			set: func(c *Config, v string) error {
				if len(v) > 100 || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
					return fmt.Errorf("is %s; it must be at most 100 characters without white space", quote(v))
				}
				c.Instance = v
				return nil
			},
		},
		{
			Name: "ledger-keep", Env: "USHER_LEDGER_KEEP", Value: "duration", Default: "for ever", Scope: ForStorage,
			Help: "how long rows of the ledger are kept, such as 400d; at least 3d, so that none goes before its signature has expired",
			set: func(c *Config, v string) error {
				d, err := ParseAge(v)
				if err != nil || d < LeastRetention {
					return fmt.Errorf("is %s; it must be a time such as 400d, at least 3d", quote(v))
				}
				c.Retention = d
				return nil
			},
		},
	}
}

// decisionSettings say who may ask and how it is decided.
func decisionSettings() []Setting {
	return []Setting{
		{
			Name: "oidc", Env: "USHER_OIDC", Value: "issuers", Default: "none", Scope: ForPublic,
			Help: "OpenID issuers whose users may ask, one a line or separated by semicolons, each: URL audience=ID[,ID] [user-key=claim] [name=claim] [groups=claim] [algorithms=RS256,...] [plain-user-keys]",
			set:  setIssuers,
		},
		{
			Name: "policy", Env: "USHER_POLICY", Value: "files", Default: "the embedded policy", Scope: ForPolicy,
			Help: "Cedar files or folders that extend the embedded policy, separated by commas",
			set: func(c *Config, v string) error {
				c.PolicyFiles = splitList(v)
				return nil
			},
		},
		{
			Name: "policy-replace", Env: "USHER_POLICY_REPLACE", Default: "false", Scope: ForPolicy,
			Help: "let the files of --policy stand alone, without the embedded policy",
			set:  boolean(func(c *Config) *bool { return &c.PolicyReplace }),
		},
		{
			Name: "time-zone", Env: "USHER_TIME_ZONE", Value: "name", Default: "UTC", Scope: ForPolicy,
			Help: "time zone of context.hour and context.weekday in the policy, such as Europe/Berlin",
			set: func(c *Config, v string) (err error) {
				if c.TimeZone, err = time.LoadLocation(v); err != nil || v == "Local" {
					return fmt.Errorf("is %s; it must be a name such as Europe/Berlin", quote(v))
				}
				return nil
			},
		},
		{
			Name: "trusted-proxies", Env: "USHER_TRUSTED_PROXIES", Value: "networks", Default: "none", Scope: ForPublic,
			Help: "addresses or networks of your proxies, separated by commas, whose X-Forwarded-For is believed",
			set: func(c *Config, v string) (err error) {
				if c.Proxies, err = limit.ParseProxies(splitList(v)); err != nil {
					return fmt.Errorf("has a mistake: %w", err)
				}
				return nil
			},
		},
		{
			Name: "requests-per-second", Env: "USHER_REQUESTS_PER_SECOND", Value: "number", Default: "10", Scope: ForPublic,
			Help: "how often one user or guest may ask, five times as often at once; 0 is no bound",
			set:  rate(func(c *Config) *float64 { return &c.RequestsPerSecond }),
		},
		{
			Name: "key-requests-per-second", Env: "USHER_KEY_REQUESTS_PER_SECOND", Value: "number", Default: "0", Scope: ForPublic,
			Help: "how often one API key may ask (with --open: one address), five times as often at once; 0 is no bound",
			set:  rate(func(c *Config) *float64 { return &c.KeyRequestsPerSecond }),
		},
		{
			Name: "failures-per-hour", Env: "USHER_FAILURES_PER_HOUR", Value: "number", Default: strconv.Itoa(limit.AddrPerHour), Scope: ForPublic,
			Help: "how many keys, tokens, invites or passcodes that don't hold one address may send (IPv6: one /64)",
			set: func(c *Config, v string) error {
				n, err := strconv.Atoi(v)
				if err != nil || n < 2 || n > 1_000_000 {
					return fmt.Errorf("is %s; it must be a number from 2 to 1000000", quote(v))
				}
				c.FailuresPerHour = n
				return nil
			},
		},
		{
			Name: "public-url", Env: "USHER_PUBLIC_URL", Value: "url", Default: "none", Scope: ForPublic,
			Help: "where browsers reach this server, for the links of invites, such as https://usher.example.com",
			set: func(c *Config, v string) error {
				u, err := url.Parse(strings.TrimSuffix(v, "/"))
				if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
					return fmt.Errorf("is %s; it must be an address such as https://usher.example.com", quote(v))
				}
				c.PublicURL = u.String()
				return nil
			},
		},
	}
}

// ParseAge is [ParseDuration] that also reads days: "90d".
func ParseAge(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return ParseDuration(v)
}

// splitList splits at commas and line breaks and leaves out what is empty.
func splitList(v string) (items []string) {
	for _, item := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func rate(at func(*Config) *float64) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n >= 0 && n <= 1_000_000) {
			return fmt.Errorf("is %s; it must be a number from 0 to 1000000", quote(v))
		}
		*at(c) = n
		return nil
	}
}

// setIssuers reads the issuers; what they say is checked where they are used.
func setIssuers(c *Config, v string) error {
	c.Issuers = nil
	for i, line := range strings.FieldsFunc(v, func(r rune) bool { return r == ';' || r == '\n' || r == '\r' }) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		is := caller.Issuer{URL: words[0]}
		for _, w := range words[1:] {
			name, value, _ := strings.Cut(w, "=")
			switch name {
			case "audience":
				is.Audiences = strings.Split(value, ",")
			case "user-key":
				is.UserKey = value
			case "name":
				is.Name = value
			case "groups":
				is.Groups = value
			case "algorithms":
				is.Algorithms = strings.Split(value, ",")
			case "plain-user-keys":
				is.PlainUserKeys = true
			default:
				return fmt.Errorf("has a mistake in issuer %d: %s is none of audience=, user-key=, name=, groups=, algorithms=, plain-user-keys", i+1, quote(w))
			}
		}
		c.Issuers = append(c.Issuers, is)
	}
	if _, err := caller.NewUsers(caller.UsersConfig{Issuers: c.Issuers, Now: time.Now}); err != nil {
		return fmt.Errorf("has a mistake: %w", err)
	}
	return nil
}

// storage settles where things are kept, once all settings were read.
func (l *loader) storage() {
	switch {
	case l.from["database"] != "" && l.from["database-url"] != "":
		l.fault(l.from["database"], "and %s are both given; keep one", l.from["database-url"])
	case l.cfg.Database == NoDatabase:
		l.cfg.Database = ""
	case l.from["database-url"] == "":
		if l.cfg.Database == "" {
			l.cfg.Database = DatabaseFile
		}
		l.cfg.Database = l.path(filepath.FromSlash(l.cfg.Database))
	case l.from["storage-key"] == "":
		l.fault("USHER_STORAGE_KEY", "is not set; with PostgreSQL all replicas need the same key for what is encrypted (openssl rand -hex 32)")
	}
}
