package caller_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/caller"
)

func TestSecretsThatUsherMakes(t *testing.T) {
	for _, tt := range []struct {
		form  string
		make  func() (string, caller.Hash, error)
		parse func(string) (caller.Hash, error)
	}{
		{`^usher_[0-9A-Za-z]{36}$`, func() (string, caller.Hash, error) { return caller.NewKey(rand.Reader) }, caller.ParseKey},
		{`^usher_i_[0-9A-Za-z]{36}$`, func() (string, caller.Hash, error) { return caller.NewInvite(rand.Reader) }, caller.ParseInvite},
	} {
		form := regexp.MustCompile(tt.form)
		seen := map[string]bool{}
		for range 1000 {
			s, hash, err := tt.make()
			if err != nil {
				t.Fatal(err)
			}
			if !form.MatchString(s) || seen[s] {
				t.Fatalf("%s is not of the form %s, or came twice", s, tt.form)
			}
			seen[s] = true
			if got, err := tt.parse(s); err != nil || got != hash || got != sha256.Sum256([]byte(s)) {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
}

// The form must stay as it is: keys that were given out are recognised for ever.
func TestSecretsKeepTheirForm(t *testing.T) {
	random := bytes.Repeat([]byte{0, 61, 62, 247, 248, 255, 100}, 20)
	key, _, err := caller.NewKey(bytes.NewReader(random))
	if err != nil || key != "usher_0z0zc0z0zc0z0zc0z0zc0z0zc0z0zc3vssbi" {
		t.Errorf("key %s, %v", key, err)
	}
	invite, _, err := caller.NewInvite(bytes.NewReader(random))
	if err != nil || invite != "usher_i_0z0zc0z0zc0z0zc0z0zc0z0zc0z0zc1KTQp0" {
		t.Errorf("invite %s, %v", invite, err)
	}
	if _, _, err := caller.NewKey(bytes.NewReader(nil)); err == nil {
		t.Error("a key without randomness")
	}
	if _, _, err := caller.NewKey(bytes.NewReader(bytes.Repeat([]byte{255}, 1<<16))); err == nil {
		t.Error("a key of randomness that gives none")
	}
}

func TestMistypedSecrets(t *testing.T) {
	key, _, _ := caller.NewKey(rand.Reader)
	invite, _, _ := caller.NewInvite(rand.Reader)
	for _, tt := range []struct {
		name, secret, says string
		parse              func(string) (caller.Hash, error)
	}{
		{"something else", "hunter2", "begins with usher_", caller.ParseKey},
		{"empty", "", "begins with usher_", caller.ParseKey},
		{"cut short", key[:len(key)-1], "copy it whole", caller.ParseKey},
		{"too long", key + "x", "copy it whole", caller.ParseKey},
		{"strange character", key[:20] + "-" + key[21:], "letters and digits", caller.ParseKey},
		{"umlaut", key[:20] + "ü" + key[22:], "letters and digits", caller.ParseKey},
		{"two swapped", swapped(key), "checksum", caller.ParseKey},
		{"an invite for a key", invite, "invite", caller.ParseKey},
		{"a key for an invite", key, "begins with usher_i_", caller.ParseInvite},
		{"another prefix over the same characters", "usher_i_" + strings.TrimPrefix(key, "usher_"), "checksum", caller.ParseInvite},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.parse(tt.secret)
			if usher.ErrorCode(err) != usher.CodeUnauthenticated || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v; want %q in it", err, tt.says)
			}
		})
	}
	if _, err := caller.ParseInvite(" " + invite + "\r\n"); err != nil {
		t.Errorf("an invite with spaces around it: %v", err)
	}
	for i := range key { // each slip of one character is found
		for _, c := range "0aZ" {
			if slip := key[:i] + string(c) + key[i+1:]; slip != key {
				if _, err := caller.ParseKey(slip); err == nil {
					t.Fatalf("character %d changed to %c: taken", i, c)
				}
			}
		}
	}
}

// swapped exchanges the first two neighbours that differ.
func swapped(s string) string {
	b := []byte(s)
	for i := len("usher_"); ; i++ {
		if b[i] != b[i+1] {
			b[i], b[i+1] = b[i+1], b[i]
			return string(b)
		}
	}
}

func FuzzKey(f *testing.F) { fuzzSecret(f, caller.KeyPrefix, caller.ParseKey) }

func FuzzInvite(f *testing.F) { fuzzSecret(f, caller.InvitePrefix, caller.ParseInvite) }

func fuzzSecret(f *testing.F, prefix string, parse func(string) (caller.Hash, error)) {
	key, _, _ := caller.NewKey(rand.Reader)
	invite, _, _ := caller.NewInvite(rand.Reader)
	for _, s := range []string{key, invite, "", prefix, prefix + strings.Repeat("0", 36), " " + invite, key + "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		hash, err := parse(s)
		if err == nil {
			trimmed := strings.TrimSpace(s)
			if !strings.HasPrefix(trimmed, prefix) || len(trimmed) != len(prefix)+36 || hash != sha256.Sum256([]byte(trimmed)) {
				t.Errorf("%q was taken", s)
			}
			return
		}
		var e *usher.Error
		if !errors.As(err, &e) || e.Code != usher.CodeUnauthenticated || e.Message == "" {
			t.Errorf("%q: %v", s, err)
		}
		if body := strings.TrimPrefix(s, prefix); len(body) > 12 && strings.Contains(err.Error(), body) {
			t.Errorf("the secret stands in its error: %v", err)
		}
	})
}
