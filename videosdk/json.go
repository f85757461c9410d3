package videosdk

// A strict reader for the JSON of a token, and the writer of its strings.
//
// encoding/json takes what a security border should not: duplicate members,
// names in another case, invalid UTF-8, and it has no limit on depth or number.
// A token is at most 16 KiB of one flat object, so a small scanner with fixed
// bounds is easier to trust than a decoder with its options.

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxMembers = 100 // of one object; Zoom's table has seventeen
	maxDepth   = 8
)

// member is one name and value of a JSON object. Value is a slice of the input.
type member struct {
	name  string
	value []byte
}

// kind returns what the value is, in words for messages.
func (m member) kind() string {
	switch m.value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// text returns the value if it is a string.
func (m member) text() (string, bool) {
	if m.value[0] != '"' {
		return "", false
	}
	s, _, err := scanString(m.value, 0)
	return s, err == nil
}

// integer returns the value if it is a number without fraction or exponent that fits.
func (m member) integer() (int64, bool) {
	if c := m.value[0]; c != '-' && (c < '0' || c > '9') {
		return 0, false
	}
	n, err := strconv.ParseInt(string(m.value), 10, 64)
	return n, err == nil
}

// A duplicateError says that an object has a member twice.
type duplicateError struct{ name string }

func (e *duplicateError) Error() string { return "member " + quoteShort(e.name) + " stands twice" }

// scanObject reads data as one JSON object and nothing behind it. On a
// *[duplicateError] it returns the members too, the first of each name.
func scanObject(data []byte) ([]member, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("is not valid UTF-8")
	}
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '{' {
		return nil, errors.New("is not a JSON object")
	}
	members, i, err := scanMembers(data, i, 1)
	if err != nil {
		var dup *duplicateError
		if !errors.As(err, &dup) {
			return nil, err
		}
	}
	if rest := skipSpace(data, i); rest != len(data) {
		return nil, fmt.Errorf("has more behind the JSON object, at byte %d", rest)
	}
	return members, err
}

// scanValue checks that data is exactly one JSON value, and returns where it ends.
func scanValue(data []byte) (end int, err error) {
	if !utf8.Valid(data) {
		return 0, errors.New("is not valid UTF-8")
	}
	end, err = skipValue(data, skipSpace(data, 0), 1)
	if err == nil && skipSpace(data, end) != len(data) {
		err = fmt.Errorf("has more behind the JSON value, at byte %d", end)
	}
	return end, err
}

// scanMembers reads the object that begins at data[i] and returns the index behind it.
func scanMembers(data []byte, i, depth int) (ms []member, end int, err error) {
	var duplicate error
	if depth > maxDepth {
		return nil, i, fmt.Errorf("is nested deeper than %d", maxDepth)
	}
	if i = skipSpace(data, i+1); i < len(data) && data[i] == '}' {
		return nil, i + 1, nil
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return nil, i, syntaxError(data, i, "a member's name")
		}
		name, next, err := scanString(data, i)
		if err != nil {
			return nil, i, err
		}
		if i = skipSpace(data, next); i >= len(data) || data[i] != ':' {
			return nil, i, syntaxError(data, i, "':'")
		}
		start := skipSpace(data, i+1)
		if i, err = skipValue(data, start, depth); err != nil {
			var dup *duplicateError
			if !errors.As(err, &dup) {
				return nil, i, err
			}
			duplicate = err
		}
		seen := false
		for _, m := range ms {
			seen = seen || m.name == name
		}
		if seen {
			duplicate = &duplicateError{name}
		} else {
			if len(ms) == maxMembers {
				return nil, i, fmt.Errorf("has more than %d members", maxMembers)
			}
			ms = append(ms, member{name, data[start:i:i]}) // appending to one value can't reach the next
		}
		i = skipSpace(data, i)
		switch {
		case i < len(data) && data[i] == '}':
			return ms, i + 1, duplicate
		case i < len(data) && data[i] == ',':
			i = skipSpace(data, i+1)
		default:
			return nil, i, syntaxError(data, i, "',' or '}'")
		}
	}
}

// skipValue returns the index behind the value that begins at data[i].
func skipValue(data []byte, i, depth int) (int, error) {
	if i >= len(data) {
		return i, syntaxError(data, i, "a value")
	}
	switch c := data[i]; {
	case c == '"':
		_, end, err := scanString(data, i)
		return end, err
	case c == '{':
		_, end, err := scanMembers(data, i, depth+1)
		return end, err
	case c == '[':
		return skipArray(data, i, depth+1)
	case c == '-' || c >= '0' && c <= '9':
		return skipNumber(data, i)
	}
	for _, word := range []string{"true", "false", "null"} {
		if end := i + len(word); end <= len(data) && string(data[i:end]) == word {
			return end, nil
		}
	}
	return i, syntaxError(data, i, "a value")
}

func skipArray(data []byte, i, depth int) (int, error) {
	if depth > maxDepth {
		return i, fmt.Errorf("is nested deeper than %d", maxDepth)
	}
	var duplicate error
	if i = skipSpace(data, i+1); i < len(data) && data[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := skipValue(data, i, depth)
		if err != nil {
			var dup *duplicateError
			if !errors.As(err, &dup) {
				return end, err
			}
			duplicate = err
		}
		i = skipSpace(data, end)
		switch {
		case i < len(data) && data[i] == ']':
			return i + 1, duplicate
		case i < len(data) && data[i] == ',':
			i = skipSpace(data, i+1)
		default:
			return i, syntaxError(data, i, "',' or ']'")
		}
	}
}

func skipNumber(data []byte, i int) (int, error) {
	digits := func() bool {
		from := i
		for i < len(data) && data[i] >= '0' && data[i] <= '9' {
			i++
		}
		return i > from
	}
	if data[i] == '-' {
		i++
	}
	if i < len(data) && data[i] == '0' {
		i++
	} else if !digits() {
		return i, syntaxError(data, i, "a digit")
	}
	if i < len(data) && data[i] == '.' {
		if i++; !digits() {
			return i, syntaxError(data, i, "a digit")
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if !digits() {
			return i, syntaxError(data, i, "a digit")
		}
	}
	return i, nil
}

// scanString returns the string that begins at data[i] and the index behind it.
// A lone surrogate escape is refused: no UTF-8 text can say it, so two parties would read it differently.
func scanString(data []byte, i int) (string, int, error) {
	start := i + 1
	i = start
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= 0x20 {
		i++
	}
	if i < len(data) && data[i] == '"' { // the common case has no escapes
		return string(data[start:i]), i + 1, nil
	}
	buf := append([]byte(nil), data[start:i]...)
	for i < len(data) {
		c := data[i]
		switch {
		case c == '"':
			return string(buf), i + 1, nil
		case c < 0x20:
			return "", i, fmt.Errorf("has a control character in a string, at byte %d", i)
		case c != '\\':
			buf = append(buf, c)
			i++
		default:
			r, end, err := scanEscape(data, i)
			if err != nil {
				return "", i, err
			}
			buf, i = utf8.AppendRune(buf, r), end
		}
	}
	return "", i, syntaxError(data, i, "the end of a string")
}

func scanEscape(data []byte, i int) (rune, int, error) {
	if i+1 >= len(data) {
		return 0, i, syntaxError(data, i+1, "an escape")
	}
	switch c := data[i+1]; c {
	case '"', '\\', '/':
		return rune(c), i + 2, nil
	case 'b':
		return '\b', i + 2, nil
	case 'f':
		return '\f', i + 2, nil
	case 'n':
		return '\n', i + 2, nil
	case 'r':
		return '\r', i + 2, nil
	case 't':
		return '\t', i + 2, nil
	case 'u':
		r, ok := hex4(data, i+2)
		if !ok {
			return 0, i, syntaxError(data, i+2, "four hexadecimal digits")
		}
		if !utf16.IsSurrogate(r) {
			return r, i + 6, nil
		}
		if i+7 < len(data) && data[i+6] == '\\' && data[i+7] == 'u' {
			if low, ok := hex4(data, i+8); ok {
				if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
					return r, i + 12, nil
				}
			}
		}
		return 0, i, fmt.Errorf("has half of a surrogate pair in a string, at byte %d", i)
	}
	return 0, i, syntaxError(data, i+1, "an escape")
}

func hex4(data []byte, i int) (r rune, ok bool) {
	if i+4 > len(data) {
		return 0, false
	}
	for _, c := range data[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

func syntaxError(data []byte, i int, want string) error {
	if i >= len(data) {
		return fmt.Errorf("ends where %s was expected", want)
	}
	r, _ := utf8.DecodeRune(data[i:])
	return fmt.Errorf("has %s at byte %d where %s was expected", describeRune(r), i, want)
}

// appendJSONString writes s as a JSON string exactly as JavaScript's
// JSON.stringify does, so that a token made from equal claims is equal in
// every byte. s must be valid UTF-8.
func appendJSONString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
