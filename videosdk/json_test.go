package videosdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestScanObject(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{}`, ""},
		{" \t\r\n{ } ", ""},
		{`{"a":1,"b":[1,{"c":null}],"":"x"}`, "a=1 b=[1,{\"c\":null}] =\"x\""},
		{`{"\u0061\n\/\ud83d\ude97":true}`, "a\n/\U0001F697=true"},
		{`{"a" : -0.5e-10 , "b":0 , "c":-0 , "d":1E+2}`, "a=-0.5e-10 b=0 c=-0 d=1E+2"},
		{`{"a":` + strings.Repeat("[", 7) + strings.Repeat("]", 7) + `}`, "a=[[[[[[[]]]]]]]"},
		{`{"A":1,"a":2}`, "A=1 a=2"},
		{"{\"a\":\"\x7f\u2028\"}", "a=\"\x7f\u2028\""},

		{``, "! is not a JSON object"},
		{`[]`, "! is not a JSON object"},
		{`{`, "! ends where a member's name was expected"},
		{`{"a"`, "! ends where ':' was expected"},
		{`{"a":`, "! ends where a value was expected"},
		{`{"a":1`, "! ends where ',' or '}' was expected"},
		{`{"a":1,`, "! ends where a member's name was expected"},
		{`{"a":1,}`, "! has '}' at byte 7 where a member's name was expected"},
		{`{,"a":1}`, "! has ',' at byte 1 where a member's name was expected"},
		{`{a:1}`, "! has 'a' at byte 1 where a member's name was expected"},
		{`{'a':1}`, "! has ''' at byte 1 where a member's name was expected"},
		{`{"a":1 "b":2}`, "! has '\"' at byte 7 where ',' or '}' was expected"},
		{`{"a":1}{`, "! has more behind the JSON object, at byte 7"},
		{`{"a":1}]`, "! has more behind the JSON object, at byte 7"},
		{`{"a":[1,]}`, "! has ']' at byte 8 where a value was expected"},
		{`{"a":[1 2]}`, "! has '2' at byte 8 where ',' or ']' was expected"},
		{`{"a":[1}`, "! has '}' at byte 7 where ',' or ']' was expected"},
		{`{"a":tru}`, "! has 't' at byte 5 where a value was expected"},
		{`{"a":True}`, "! has 'T' at byte 5 where a value was expected"},
		{`{"a":NaN}`, "! has 'N' at byte 5 where a value was expected"},
		{`{"a":Infinity}`, "! has 'I' at byte 5 where a value was expected"},
		{`{"a":nullx}`, "! has 'x' at byte 9 where ',' or '}' was expected"},
		{`{"a":01}`, "! has '1' at byte 6 where ',' or '}' was expected"},
		{`{"a":+1}`, "! has '+' at byte 5 where a value was expected"},
		{`{"a":-}`, "! has '}' at byte 6 where a digit was expected"},
		{`{"a":.5}`, "! has '.' at byte 5 where a value was expected"},
		{`{"a":1.}`, "! has '}' at byte 7 where a digit was expected"},
		{`{"a":1e}`, "! has '}' at byte 7 where a digit was expected"},
		{`{"a":1e+`, "! ends where a digit was expected"},
		{`{"a":0x10}`, "! has 'x' at byte 6 where ',' or '}' was expected"},
		{`{"a":"b`, "! ends where the end of a string was expected"},
		{`{"a":"b\`, "! ends where an escape was expected"},
		{`{"a":"\x41"}`, "! has 'x' at byte 7 where an escape was expected"},
		{`{"a":"\U0041"}`, "! has 'U' at byte 7 where an escape was expected"},
		{`{"a":"\u004"}`, "! has '0' at byte 8 where four hexadecimal digits was expected"},
		{`{"a":"\u00`, "! has '0' at byte 8 where four hexadecimal digits was expected"},
		{"{\"a\":\"\n\"}", "! has a control character in a string, at byte 6"},
		{"{\"a\":\"\x00\"}", "! has a control character in a string, at byte 6"},
		{"{\"a\xff\":1}", "! is not valid UTF-8"},
		{"{\"a\":\"\xed\xa0\x80\"}", "! is not valid UTF-8"},
		{"{\"a\":\"\xc0\xae\"}", "! is not valid UTF-8"},
		{`{"a":"\ud800"}`, "! has half of a surrogate pair in a string, at byte 6"},
		{`{"a":"\ud800\u0041"}`, "! has half of a surrogate pair in a string, at byte 6"},
		{`{"a":"\ud800\ud800"}`, "! has half of a surrogate pair in a string, at byte 6"},
		{`{"a":"\udc00\ud800"}`, "! has half of a surrogate pair in a string, at byte 6"},
		{`{"a":"\ud800\udc0"}`, "! has half of a surrogate pair in a string, at byte 6"},
		{"{\"a\":1}\u00a0", "! has more behind the JSON object, at byte 7"},
		{"{\u00a0}", "! has U+00A0 at byte 1 where a member's name was expected"},
		{"{\f}", "! has U+000C at byte 1 where a member's name was expected"},
		{`{"a":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}`, "! is nested deeper than 8"},
		{strings.Repeat(`{"a":`, 8) + "1" + strings.Repeat("}", 8), "a=" + strings.Repeat(`{"a":`, 7) + "1" + strings.Repeat("}", 7)},
		{strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9), "! is nested deeper than 8"},

		{`{"a":1,"a":2}`, `a=1 ! member "a" stands twice`},
		{`{"a":1,"\u0061":2,"b":3}`, `a=1 b=3 ! member "a" stands twice`},
		{`{"a":[{"b":1,"b":2}],"c":3}`, `a=[{"b":1,"b":2}] c=3 ! member "b" stands twice`},
		{`{"a":1,"a":2`, "! ends where ',' or '}' was expected"},
		{`{"a":1,"a":2} x`, "! has more behind the JSON object, at byte 14"},
	} {
		members, err := scanObject([]byte(tc.in))
		var out []string
		for _, m := range members {
			out = append(out, m.name+"="+string(m.value))
		}
		if err != nil {
			out = append(out, "! "+err.Error())
		}
		if got := strings.Join(out, " "); got != tc.want {
			t.Errorf("%.60s\ngot  %s\nwant %s", tc.in, got, tc.want)
		}
		if err == nil && !json.Valid([]byte(tc.in)) {
			t.Errorf("%.60s is accepted, but no JSON", tc.in)
		}
	}
}

func TestScanObjectCountsMembers(t *testing.T) {
	object := func(n int) string {
		var ms []string
		for i := range n {
			ms = append(ms, fmt.Sprintf(`"m%d":0`, i))
		}
		return "{" + strings.Join(ms, ",") + "}"
	}
	for n, want := range map[int]bool{99: true, 100: true, 101: false} {
		for _, in := range []string{object(n), `{"a":[` + object(n) + `]}`} {
			if _, err := scanObject([]byte(in)); (err == nil) != want {
				t.Errorf("%d members: %v", n, err)
			}
		}
	}
	if _, err := scanObject([]byte(strings.TrimSuffix(object(100), "}") + `,"m0":0}`)); err == nil || err.Error() != `member "m0" stands twice` {
		t.Errorf("100 members and one of them again: %v", err)
	}
}

func TestScanValue(t *testing.T) {
	for in, want := range map[string]string{
		`1`: "", ` "a" `: "", `[1,2]`: "", `null`: "", `{"a":{}}`: "",
		``: "ends where a value was expected", `1 2`: "has more behind the JSON value, at byte 1", "\xff": "is not valid UTF-8", `[`: "ends where a value was expected",
	} {
		if _, err := scanValue([]byte(in)); want == "" && err != nil || want != "" && fmt.Sprint(err) != want {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestKindOfMembers(t *testing.T) {
	for value, want := range map[string]string{`""`: "a string", "{}": "an object", "[]": "an array", "true": "a boolean", "false": "a boolean", "null": "null", "-1": "a number", "0": "a number"} {
		if got := (member{value: []byte(value)}).kind(); got != want {
			t.Errorf("%s is %s", value, got)
		}
	}
}

// JavaScript's JSON.stringify is the measure: short escapes where there are
// some, lower-case hexadecimal elsewhere, everything from the space on as it is.
func TestAppendJSONString(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r < 0x2100; r++ {
		all.WriteRune(r)
	}
	all.WriteString("\U0001F697\U0010FFFF\ufeff\ufffd")
	quoted := appendJSONString(nil, all.String())
	const begin = `"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f` +
		`\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f !\"#$%&'()*+,-./0123456789:;<=>?@`
	if !bytes.HasPrefix(quoted, []byte(begin)) {
		t.Errorf("%s", quoted[:len(begin)])
	}
	want, err := jsontext.AppendQuote(nil, all.String())
	if err != nil || !bytes.Equal(quoted, want) {
		t.Errorf("differs from RFC 8785's form (%v)", err)
	}
	back, end, err := scanString(quoted, 0)
	if err != nil || end != len(quoted) || back != all.String() {
		t.Errorf("doesn't read back: %v", err)
	}
}

// FuzzScanObject holds scanObject against two other readers: what it accepts is
// JSON for encoding/json, and it accepts exactly what the strict reader of
// jsontext accepts (no duplicates, no invalid UTF-8, no half surrogate pairs)
// within this package's own bounds on depth and number.
func FuzzScanObject(f *testing.F) {
	for _, s := range []string{
		"", "{}", `{"alg":"HS256","typ":"JWT"}`, `{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":2}}`, `{"a":"\ud83d\ude97"}`, `{"a":"\ud83d"}`, "{\"a\":\"\xff\"}",
		`{"a":[1,-0,0.5,1e9,1E-9,true,false,null,"",[],{}]}`, `{"a":01}`, `{"a":1.}`, `{"a":1}x`, "\ufeff{}", " {\t\r\n} ", `{"a":"\/\b\f\n\r\t\\\""}`,
		strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9), `{"a":[[[[[[[[]]]]]]]]}`, `{"":0,"\u0000":0}`, `[{}]`, `{"app_key":"k","role_type":0,"tpc":"s","version":1,"iat":1,"exp":2}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		members, err := scanObject(data)
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		_, twice := errors.AsType[*duplicateError](err)
		if (err == nil || twice) && !json.Valid(data) {
			t.Fatalf("%q: %v, but encoding/json refuses it", data, err)
		}
		if want := strictObject(data); (err == nil) != want {
			t.Fatalf("%q: %v, but the strict reader says %t", data, err, want)
		}
		if err != nil {
			return
		}
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(data, &whole); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if len(whole) != len(members) {
			t.Fatalf("%q: %d members, encoding/json has %d", data, len(members), len(whole))
		}
		for i, m := range members {
			if slices.ContainsFunc(members[:i], func(o member) bool { return o.name == m.name }) {
				t.Fatalf("%q: member %q stands twice", data, m.name)
			}
			if !bytes.Equal(whole[m.name], m.value) {
				t.Fatalf("%q: member %q is %q, encoding/json has %q", data, m.name, m.value, whole[m.name])
			}
			text, isText := m.text()
			var s *string
			if err := json.Unmarshal(m.value, &s); isText != (err == nil && s != nil) || isText && text != *s {
				t.Fatalf("%q: member %q is text %q, %t", data, m.name, text, isText)
			}
			n, isInt := m.integer()
			var i *int64
			if err := json.Unmarshal(m.value, &i); isInt != (err == nil && i != nil) || isInt && n != *i {
				t.Fatalf("%q: member %q is integer %d, %t", data, m.name, n, isInt)
			}
			if _, err := scanValue(m.value); err != nil {
				t.Fatalf("%q: member %q alone: %v", data, m.name, err)
			}
		}
	})
}

// strictObject says what scanObject should, by another reader.
func strictObject(data []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if dec.PeekKind() != '{' {
		return false
	}
	for first := true; ; first = false {
		if _, err := dec.ReadToken(); err != nil {
			return false
		}
		if dec.StackDepth() > maxDepth {
			return false
		}
		for d := range dec.StackDepth() + 1 {
			// A member counts as two tokens: its name and its value.
			if kind, n := dec.StackIndex(d); kind == '{' && n > 2*maxMembers {
				return false
			}
		}
		if dec.StackDepth() == 0 && !first {
			break
		}
	}
	_, err := dec.ReadToken()
	return err == io.EOF
}
