package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The names that people write instead of the right ones.

// mistaken are variables that hold, or look as if they held, what Usher reads
// from another one.
var mistaken = []struct{ wrong, right, why string }{
	{"ZOOM_VIDO_SDK_KEY", "ZOOM_VIDEO_SDK_KEY", "is misspelt"},
	{"ZOOM_VIDO_SDK_SECRET", "ZOOM_VIDEO_SDK_SECRET", "is misspelt, as it was in the instructions of Zoom's sample of 2021"},
	{"ZOOM_SDK_KEY", "ZOOM_VIDEO_SDK_KEY", "is the Meeting SDK's or an older name"},
	{"ZOOM_SDK_SECRET", "ZOOM_VIDEO_SDK_SECRET", "is the Meeting SDK's or an older name"},
	{"ZOOM_MEETING_SDK_KEY", "ZOOM_VIDEO_SDK_KEY", "is the Meeting SDK's, which has other credentials"},
	{"ZOOM_MEETING_SDK_SECRET", "ZOOM_VIDEO_SDK_SECRET", "is the Meeting SDK's, which has other credentials"},
	{"ZOOM_API_KEY", "ZOOM_VIDEO_SDK_KEY", "is the REST API's, which has other credentials"},
	{"ZOOM_API_SECRET", "ZOOM_VIDEO_SDK_SECRET", "is the REST API's, which has other credentials"},
	{"ZOOM_VIDEO_SDK_API_KEY", "ZOOM_VIDEO_SDK_KEY", "is the REST API's, which has other credentials"},
	{"ZOOM_VIDEO_SDK_API_SECRET", "ZOOM_VIDEO_SDK_SECRET", "is the REST API's, which has other credentials"},
	{"USHER_PORT", "PORT", ""},
	{"USHER_HOST", "USHER_LISTEN", ""},
	{"USHER_SDK_KEY", "ZOOM_VIDEO_SDK_KEY", ""},
	{"USHER_SDK_SECRET", "ZOOM_VIDEO_SDK_SECRET", ""},
}

// lookalikes returns "; …" for variables that are set in the place of name, "" if there are none.
func lookalikes(name string, envs ...map[string]string) string {
	var out []string
	for _, env := range envs {
		for _, other := range slices.Sorted(maps.Keys(env)) {
			if env[other] == "" || other == name || isKnownVariable(other) {
				continue
			}
			i := slices.IndexFunc(mistaken, func(m struct{ wrong, right, why string }) bool { return m.wrong == other && m.right == name })
			switch {
			case i >= 0 && mistaken[i].why != "":
				out = append(out, fmt.Sprintf("%s is set, but that %s", other, mistaken[i].why))
			case i >= 0 || strings.HasPrefix(other, "ZOOM_") && distance(other, name) <= 3:
				out = append(out, fmt.Sprintf("%s is set; did you mean %s?", other, name))
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Compact(out), "; ") + ")"
}

// serviceLink matches the variables that Kubernetes puts into every container
// for a service called usher or usher-…; they are nobody's mistake.
var serviceLink = regexp.MustCompile(`^USHER_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)$`)

func isServiceLink(name, value string) bool {
	return serviceLink.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// unknownVariables names variables that begin with USHER_ and are none of ours.
func (l *loader) unknownVariables(env map[string]string, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "USHER_") && env[name] != "" && !isKnownVariable(name) && !isServiceLink(name, env[name]) {
			l.fault(prefix+name, "is no setting of Usher's; %s", suggest(name, knownVariables()))
		}
	}
}

func knownVariables() []string {
	out := []string{ConfigFileEnv}
	for _, s := range Settings() {
		out = append(out, s.Env)
		if s.FromFile {
			out = append(out, s.FileEnv())
		}
	}
	return out
}

func isKnownVariable(name string) bool { return slices.Contains(knownVariables(), name) }

// suggest returns what was probably meant, or what to do if nothing comes near.
func suggest(name string, known []string) string {
	for _, m := range mistaken {
		if m.wrong == name && slices.Contains(known, m.right) {
			return "did you mean " + m.right + "?"
		}
	}
	if near := Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "remove it, or see `usher serve --help` for what there is"
}

// Nearest returns that of known which was probably meant by name, "" if none comes near.
func Nearest(name string, known []string) string {
	best, at := "", min(len(name), 40)/3+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop, replace or swap with
// their neighbour to make b of a.
func distance(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
