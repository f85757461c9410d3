package caller

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-sessions/usher"
)

const (
	staticKey1 = "3f786850e387550fdab836ed7e6dc881"
	staticKey2 = "89e6c98d92887913cadf06b2adb97f26"
)

func TestStaticKeysAreKnownByTheirHash(t *testing.T) {
	s, err := ParseStatic("# our back ends\nbackend:" + staticKey1 + ", \r\n\n " + staticKey2 + " \n")
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 2 {
		t.Fatalf("%d keys", s.Len())
	}
	for key, id := range map[string]string{staticKey1: "backend", staticKey2: "config-"} {
		c, err := s.Bearer(t.Context(), key)
		if err != nil || c == nil || c.Kind != usher.KindKey {
			t.Fatalf("%s: %v, %v", id, c, err)
		}
		if !strings.HasPrefix(c.ID, id) || c.Name != c.ID {
			t.Errorf("id is %q", c.ID)
		}
		if !c.Scope.Covers(usher.ActionHost, "any") || !c.Scope.Covers(usher.ActionJoin, "any") || c.Scope.Covers(usher.ActionManage, "any") {
			t.Errorf("a key of the configuration signs, and does nothing else: %+v", c.Scope)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", s, s, *s); strings.Contains(shown, staticKey1) || strings.Contains(shown, staticKey2) {
		t.Error("keys are kept as they came")
	}
}

// The id of a key without a name stands in ledger and bans: it must not depend on the order of the list.
func TestStaticIDDoesNotDependOnTheOrder(t *testing.T) {
	a, err1 := ParseStatic(staticKey1 + "," + staticKey2)
	b, err2 := ParseStatic(staticKey2 + "," + staticKey1)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	x, _ := a.Bearer(t.Context(), staticKey1)
	y, _ := b.Bearer(t.Context(), staticKey1)
	if x.ID != y.ID {
		t.Errorf("%q, %q", x.ID, y.ID)
	}
}

func TestStaticBearerOfOthers(t *testing.T) {
	s, err := ParseStatic(staticKey1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		credential string
		refused    bool // here and now, rather than left to the others
	}{
		{staticKey1[1:], true},
		{staticKey1 + "0", true},
		{strings.ToUpper(staticKey1), true},
		{"", true},
		{"eyJhbGciOiJSUzI1NiJ9.e30.x", false},
		{KeyPrefix + "abc", false},
	} {
		c, err := s.Bearer(t.Context(), tc.credential)
		if c != nil {
			t.Errorf("%q is let in", tc.credential)
		}
		if refused := usher.ErrorCode(err) == usher.CodeUnauthenticated; refused != tc.refused || err != nil && !refused {
			t.Errorf("%q: %v", tc.credential, err)
		}
	}
}

func TestStaticKeysInAChain(t *testing.T) {
	s, err := ParseStatic("backend:" + staticKey1)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := NewChain(ChainConfig{Bearers: []Bearer{s}})
	if err != nil {
		t.Fatal(err)
	}
	for header, ok := range map[string]bool{
		"Bearer " + staticKey1:         true,
		"bearer " + staticKey1:         true,
		"Bearer " + staticKey2:         false,
		"Basic " + staticKey1:          false,
		staticKey1:                     false,
		"Bearer backend:" + staticKey1: false, // the name is ours, not part of the key
		"":                             false,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = "192.0.2.7:1234"
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		c, err := chain.Caller(r)
		switch {
		case ok && (err != nil || c.ID != "backend" || c.Addr.String() != "192.0.2.7"):
			t.Errorf("%q: %+v, %v", header, c, err)
		case !ok && usher.ErrorCode(err) != usher.CodeUnauthenticated:
			t.Errorf("%q: %+v, %v", header, c, err)
		}
	}
}

func TestParseStaticNamesEveryMistake(t *testing.T) {
	for _, tc := range []struct {
		list string
		want []string
	}{
		{"", []string{"holds no key"}},
		{" ,\n,\n# only a comment\n", []string{"holds no key"}},
		{"short", []string{"key 1", "has 5 characters", "at least 16"}},
		{staticKey1 + ",short," + staticKey2 + ",tiny", []string{"key 2", "key 4"}},
		{staticKey1 + "," + staticKey1, []string{"key 2", "twice"}},
		{"a:" + staticKey1 + ",a:" + staticKey2, []string{"key 2", "same name as key 1"}},
		{":" + staticKey1, []string{"key 1", "name"}},
		{"my name:" + staticKey1, []string{"key 1", "name"}},
		{strings.Repeat("n", 65) + ":" + staticKey1, []string{"too long"}},
		{`"` + staticKey1 + `"`, []string{"quotes"}},
		{"n:'" + staticKey1 + "'", []string{"quotes"}},
		{"n:", []string{"has 0 characters"}},
		{"n:0123456789 123456", []string{"white space"}},
		{"n:0123456789é123456", []string{"outside ASCII"}},
		{strings.Repeat("x", 40), []string{"over and over"}},
		{strings.Repeat("xy", 300), []string{"has 600 characters"}},
	} {
		s, err := ParseStatic(tc.list)
		if err == nil || s != nil {
			t.Errorf("%q is taken", tc.list)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v lacks %q", tc.list, err, w)
			}
		}
		if strings.Contains(err.Error(), staticKey1) || strings.Contains(err.Error(), "0123456789") || strings.Contains(err.Error(), "my name") {
			t.Errorf("%q: the error shows it: %v", tc.list, err)
		}
	}
}
