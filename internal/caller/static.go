package caller

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-sessions/usher"
)

// Bounds on API keys that an operator makes up. Keys that Usher makes itself are longer.
const (
	MinStaticKey = 16 // characters; of random hexadecimal that is 64 bits
	maxStaticKey = 512
)

// Static are API keys that stand in the configuration. They may sign, for any
// session and role that the policy permits, until they are taken out of it.
type Static struct {
	keys []staticKey
}

type staticKey struct {
	hash   Hash
	caller usher.Caller
}

var staticName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ParseStatic reads a list of keys, separated by commas or line breaks. Each is
// "key" or "name:key"; lines that begin with # are comments. The error joins
// every mistake; it names keys by their place in the list and never shows one.
// Of the keys only the SHA-256 is kept.
func ParseStatic(list string) (*Static, error) {
	s := &Static{}
	var faults []error
	names, n := map[string]int{}, 0
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			n++
			name, key, named := strings.Cut(item, ":")
			if !named {
				name, key = "", item
			}
			if reason := s.refuses(name, key, named, names); reason != "" {
				faults = append(faults, fmt.Errorf("has a mistake in key %d: it %s", n, reason))
				continue
			}
			names[name] = n
			s.add(name, key)
		}
	}
	if n == 0 {
		faults = append(faults, errors.New("holds no key"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return s, nil
}

// refuses returns why a key can't be taken, "" if it can.
func (s *Static) refuses(name, key string, named bool, names map[string]int) string {
	switch {
	case named && !staticName.MatchString(name):
		return "has a name before its colon that is empty, too long, or has other characters than letters, digits and . _ -"
	case named && names[name] > 0:
		return fmt.Sprintf("has the same name as key %d", names[name])
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "has white space or characters outside ASCII in it, which an Authorization header can't carry"
	case strings.ContainsAny(key[:min(1, len(key))], "\"'`"):
		return "has quotes around it; remove them"
	case len(key) < MinStaticKey:
		return fmt.Sprintf("has %d characters; at least %d are needed (openssl rand -hex 24 makes a good one)", len(key), MinStaticKey)
	case len(key) > maxStaticKey:
		return fmt.Sprintf("has %d characters; at most %d are taken", len(key), maxStaticKey)
	case strings.Count(key, key[:1]) == len(key):
		return "is one character over and over; it must be random (openssl rand -hex 24 makes a good one)"
	}
	if s.find(sha256.Sum256([]byte(key))) != nil {
		return "stands in the list twice"
	}
	return ""
}

// add keeps the hash of a key. A key without a name gets an id from its hash,
// so that it is the same on every replica and in whatever order the keys stand.
func (s *Static) add(name, key string) {
	hash := Hash(sha256.Sum256([]byte(key)))
	id := name
	if id == "" {
		id = "config-" + hex.EncodeToString(hash[:4])
	}
	s.keys = append(s.keys, staticKey{hash, usher.Caller{Kind: usher.KindKey, ID: id, Name: id, Scope: &usher.Scope{}}})
}

// Has reports whether there is a key with that id.
func (s *Static) Has(id string) bool {
	return slices.ContainsFunc(s.keys, func(k staticKey) bool { return k.caller.ID == id })
}

// Len is how many keys there are.
func (s *Static) Len() int { return len(s.keys) }

// Bearer returns the caller whose key it is; nil, nil if it may be a
// credential of another kind.
func (s *Static) Bearer(_ context.Context, credential string) (*usher.Caller, error) {
	if k := s.find(sha256.Sum256([]byte(credential))); k != nil {
		c := k.caller
		return &c, nil
	}
	if strings.HasPrefix(credential, KeyPrefix) || strings.HasPrefix(credential, "ey") {
		return nil, nil
	}
	return nil, unauthenticated("There is no such API key here.")
}

// find looks through all keys, whichever matches, so that the time it takes says nothing.
func (s *Static) find(hash Hash) *staticKey {
	found := -1
	for i := range s.keys {
		if subtle.ConstantTimeCompare(s.keys[i].hash[:], hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return nil
	}
	return &s.keys[found]
}
