package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/usher-sessions/usher/videosdk"
)

// Need says what Load demands of the credentials.
type Need int

// What is demanded.
const (
	CredentialsRequired Need = iota // both, and fit to sign with
	CredentialsOrNone               // both and fit, or neither
	CredentialsAsGiven              // whatever is there, unchecked: to find out what is wrong with them
)

// Sources are what settings are read from.
type Sources struct {
	// Scope is the settings to read; others are known, but ignored.
	Scope Scope
	Need  Need
	// Flags that were given, by name without dashes.
	Flags map[string]string
	// Environ is the environment as in os.Environ.
	Environ []string
	// Dir is where .env is looked for, and what relative paths start from.
	Dir string
}

// A Fault is one mistake in the settings.
type Fault struct {
	// Where is the flag, variable or line at fault, as its author knows it.
	Where string
	// Reason completes the sentence "<where> …" and says what to do. It holds no secret.
	Reason string
}

func (f Fault) Error() string { return f.Where + " " + f.Reason }

// Faults are all mistakes at once.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Load reads and checks all settings of a scope. The error is [Faults].
func Load(src Sources) (*Config, error) {
	l := &loader{src: src, cfg: defaults(), from: map[string]string{}}
	env, dotEnv := l.environment(), l.dotEnv()
	l.layers = []layer{l.flags(), l.ofEnv(env, ""), l.ofEnv(dotEnv.values, ".env: ")}
	if file := l.configFile(); file != "" {
		l.layers = append(l.layers, l.yaml(file))
	}
	for _, s := range For(src.Scope) {
		l.take(s)
	}
	l.credentials(env, dotEnv.values)
	if src.Scope&ForStorage != 0 {
		l.storage()
	}
	if src.Scope&ForRooms != 0 {
		l.rooms()
	}
	if src.Scope&ForPublic != 0 {
		l.callers()
	}
	if src.Scope&ForServing != 0 {
		l.unknownVariables(env, "")
		l.unknownVariables(dotEnv.values, ".env: ")
	}
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return l.cfg, nil
}

// loader is one run of Load.
type loader struct {
	src    Sources
	cfg    *Config
	layers []layer // the first that has a setting wins
	// from says where each setting that was given came from, by its name.
	from   map[string]string
	faults Faults
}

// layer is what one source has: settings by their name, and by name-file the
// paths of files that hold them.
type layer map[string]given

type given struct{ value, where string }

func (l *loader) fault(where, format string, args ...any) {
	l.faults = append(l.faults, Fault{where, fmt.Sprintf(format, args...)})
}

// take finds a setting in the layers and puts it into the Config.
func (l *loader) take(s Setting) {
	for _, in := range l.layers {
		v, direct := in[s.Name]
		file, byFile := in[s.FileFlag()]
		switch {
		case direct && byFile:
			l.from[s.Name] = v.where
			l.fault(v.where, "and %s are both given; keep one", file.where)
			return
		case byFile:
			text, reason := l.readValue(file.value)
			l.from[s.Name] = file.where
			if reason != "" {
				l.fault(file.where, "%s", reason)
				return
			}
			v = given{text, file.where}
		case !direct:
			continue
		}
		l.from[s.Name] = v.where
		if err := s.set(l.cfg, v.value); err != nil {
			for _, e := range unjoin(err) {
				l.fault(v.where, "%s", e.Error())
			}
		}
		return
	}
}

func unjoin(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// maxValueFile bounds a file with one value, in bytes; many API keys fit.
const maxValueFile = 64 << 10

// readValue reads a file that holds one value. One line break at its end is
// dropped, which editors and echo put there. The reason for a fault doesn't
// name the path; see the package comment.
func (l *loader) readValue(path string) (text, reason string) {
	f, err := os.Open(l.path(path))
	if err == nil {
		defer f.Close()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(f, maxValueFile+1)); err == nil {
			switch text = dropLineBreak(string(b)); {
			case len(b) > maxValueFile:
				return "", fmt.Sprintf("names a file of more than %d bytes; is it the right one?", maxValueFile)
			case text == "":
				return "", "names a file that is empty"
			}
			return text, ""
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "names a file that doesn't exist; it must be the path of a file, not the value itself"
	case errors.Is(err, fs.ErrPermission):
		return "", "names a file that may not be read by this user"
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return "", "names a file that can't be read: " + err.Error()
}

func dropLineBreak(s string) string {
	s, ok := strings.CutSuffix(s, "\n")
	if ok {
		s = strings.TrimSuffix(s, "\r")
	}
	return s
}

func (l *loader) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.src.Dir, p)
}

// credentials checks SDK key and SDK secret together.
func (l *loader) credentials(env, dotEnv map[string]string) {
	if l.src.Scope&ForSigning == 0 || l.src.Need == CredentialsAsGiven {
		return
	}
	names := map[string]string{"key": "sdk-key", "secret": "sdk-secret"}
	variables := map[string]string{"key": "ZOOM_VIDEO_SDK_KEY", "secret": "ZOOM_VIDEO_SDK_SECRET"}
	if l.src.Need == CredentialsOrNone && l.from["sdk-key"] == "" && l.from["sdk-secret"] == "" {
		return
	}
	err := l.cfg.Credentials.Check()
	var es videosdk.FieldErrors
	if !errors.As(err, &es) {
		return
	}
	for _, e := range es {
		where := l.from[names[e.Field]]
		switch {
		case where == "":
			variable := variables[e.Field]
			l.fault(variable, "is not set; copy the SDK %s from the Zoom app marketplace, or name a file that holds it with %s_FILE%s",
				e.Field, variable, lookalikes(variable, env, dotEnv))
		case l.faulty(where): // it was given, but couldn't be read
		default:
			l.fault(where, "%s", e.Reason)
		}
	}
}

func (l *loader) faulty(where string) bool {
	return slices.ContainsFunc(l.faults, func(f Fault) bool { return f.Where == where })
}

// callers checks that it is known who may ask.
func (l *loader) callers() {
	keys := l.from["api-keys"]
	// A database that was asked for by name, or that is there already, can hold
	// keys; one that this start would make can't.
	named := l.from["oidc"] != "" || l.from["database-url"] != "" || l.from["database"] != "" && l.cfg.Database != ""
	if _, err := os.Stat(l.cfg.Database); err == nil && l.cfg.Database != "" {
		named = true
	}
	switch {
	case keys == "" && !l.cfg.Open && !named && !l.faulty(l.from["open"]):
		l.fault("USHER_API_KEYS", "is not set, so nobody could ask for signatures; set it (for one key: openssl rand -hex 24) or name a file of keys "+
			"with USHER_API_KEYS_FILE, make a key in the database (usher keys create --name backend), or say --open to sign for anyone who asks")
	case keys != "" && l.cfg.Open:
		l.fault(l.from["open"], "lets anyone ask, so %s would keep nobody out; give one of the two", keys)
	}
	if l.cfg.Open && l.from["origins"] == "" {
		l.cfg.Origins = []string{"*"} // as Zoom's sample
	}
}

// flags is the layer of flags.
func (l *loader) flags() layer {
	out := layer{}
	for _, name := range slices.Sorted(maps.Keys(l.src.Flags)) {
		if v := l.src.Flags[name]; v != "" {
			out[name] = given{v, "--" + name}
		}
	}
	return out
}

func (l *loader) environment() map[string]string {
	env := map[string]string{}
	for _, line := range l.src.Environ {
		if name, v, ok := strings.Cut(line, "="); ok {
			env[name] = v
		}
	}
	return env
}

// ofEnv is the layer of an environment.
func (l *loader) ofEnv(env map[string]string, prefix string) layer {
	out := layer{}
	for _, s := range Settings() {
		if v := env[s.Env]; v != "" {
			out[s.Name] = given{v, prefix + s.Env}
		}
		if v := env[s.FileEnv()]; s.FromFile && v != "" {
			out[s.FileFlag()] = given{v, prefix + s.FileEnv()}
		}
	}
	if v := env[ConfigFileEnv]; v != "" {
		out[ConfigFileFlag] = given{v, prefix + ConfigFileEnv}
	}
	return out
}

// configFile is the path of the YAML file, "" for none.
func (l *loader) configFile() string {
	for _, in := range l.layers {
		if g, ok := in[ConfigFileFlag]; ok {
			l.from[ConfigFileFlag] = g.where
			return g.value
		}
	}
	return ""
}

// DotEnvFile is the file that is read if it is there.
const DotEnvFile = ".env"

const maxConfigFile = 1 << 20 // bytes; of .env and the YAML file

func (l *loader) dotEnv() dotEnv {
	b, err := readBounded(l.path(DotEnvFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dotEnv{}
	case err != nil:
		l.fault(DotEnvFile, "%s", err.Error())
		return dotEnv{}
	}
	e := parseDotEnv(string(b))
	for _, f := range e.faults {
		if l.concerns(f) {
			l.fault(fmt.Sprintf("%s line %d", DotEnvFile, f.line), "%s", f.reason)
		}
	}
	return e
}

// concerns reports whether a line of .env that can't be read is Usher's: a
// variable of other programs, which may share the file, is not. A line without
// a name may be the rest of a secret, which matters to a server that starts.
func (l *loader) concerns(f lineFault) bool {
	if f.name == "" {
		return l.src.Scope&ForServing != 0
	}
	return isKnownVariable(f.name) || strings.HasPrefix(f.name, "USHER_")
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("can't be read: %w", pathErr.Err)
		}
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	if len(b) > maxConfigFile {
		return nil, fmt.Errorf("has more than %d bytes", maxConfigFile)
	}
	return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), nil // the mark that some Windows editors put first
}
