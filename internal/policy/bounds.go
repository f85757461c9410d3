package policy

import "fmt"

// Cedar's parser and checker call themselves for each level of an expression, and a
// stack that overflows ends the whole program. So the text is measured before it is parsed.
const (
	maxNesting   = 48   // brackets and ifs within one rule
	maxChain     = 16   // dots in a row: a.b.c
	maxOperators = 2000 // operators of one rule; elements of a set are not counted
)

// tooDeep returns where the text goes beyond what a rule may hold, and how; line
// 0 if it doesn't. It reads the text as Cedar's scanner does as far as strings
// and comments go; what isn't Cedar at all is left for the parser to refuse.
func tooDeep(text string) (line int, what string) {
	line = 1
	depth, ifs, chain, operators := 0, 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			line++
		case c == '"':
			start := line
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
				if i < len(text) && text[i] == '\n' {
					line++
				}
			}
			if i >= len(text) {
				return start, "a string that isn't closed"
			}
			chain = 0
		case c == '/' && i+1 < len(text) && text[i+1] == '/':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == ';':
			depth, ifs, chain, operators = 0, 0, 0, 0
		case c == '.':
			chain++
		case isWordByte(c):
			start := i
			for i+1 < len(text) && isWordByte(text[i+1]) {
				i++
			}
			if text[start:i+1] == "if" {
				ifs++
			}
		case c == ' ' || c == '\t' || c == '\r':
		default:
			chain = 0
			if c != ',' && c != ':' && c != '@' {
				operators++
			}
		}
		switch {
		case depth+ifs > maxNesting:
			return line, fmt.Sprintf("brackets and ifs go over %d deep", maxNesting)
		case chain > maxChain:
			return line, fmt.Sprintf("over %d dots in a row", maxChain)
		case operators > maxOperators:
			return line, fmt.Sprintf("over %d operators in one rule; split it", maxOperators)
		}
	}
	return 0, ""
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
