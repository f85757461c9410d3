package videosdk

// The error that the client showed, weighed with what the token shows.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxShown is how much of the text of an error is looked at.
const maxShown = 500

// shown explains the error that the client showed: by another finding if one
// fits, else by what remains.
func (in *inspection) shown() {
	text := strings.TrimSpace(in.known.ErrorShown)
	if text == "" {
		return
	}
	text = strings.ToValidUTF8(text[:min(len(text), maxShown)], "")
	candidates := findShown(text)
	text, _ = in.hide(text)
	quoted := quoteShort(text)
	if len(candidates) == 0 {
		in.say(CodeErrorUnknown, "", "The error shown, "+quoted+", is not one that is known here.",
			"Give its number, its name or its reason text as the client logs it.")
		return
	}
	for _, e := range candidates {
		if at := in.findingFor(e); at >= 0 {
			in.explained(e, at, quoted)
			in.ambiguous(candidates, quoted)
			return
		}
	}
	if in.ambiguous(candidates, quoted) {
		return
	}
	in.notExplained(candidates[0], quoted)
}

// ambiguous reports a number that means several things.
func (in *inspection) ambiguous(candidates []shownError, quoted string) bool {
	if len(candidates) < 2 {
		return false
	}
	var meanings []string
	for _, e := range candidates {
		meanings = append(meanings, fmt.Sprintf("in %s it is %s (%s)", e.platform, e.name, e.means))
	}
	in.say(CodeErrorAmbiguous, "", quoted+" means different things: "+strings.Join(meanings, "; ")+".",
		"Go by the error's name instead of its number, and say which SDK showed it.")
	return true
}

// findingFor returns the index of the finding that explains e, or -1. Errors come before warnings.
func (in *inspection) findingFor(e shownError) int {
	for _, severity := range []Severity{SeverityError, SeverityWarning} {
		for _, c := range e.explains {
			for i, f := range in.report.Findings {
				if f.Severity == severity && f.Code == c.code && (c.claim == "" || c.claim == f.Claim) {
					return i
				}
			}
		}
	}
	return -1
}

func (in *inspection) explained(e shownError, at int, quoted string) {
	f := &in.report.Findings[at]
	f.Severity = SeverityError // what was a risk has happened
	in.telling = at
	in.say(CodeErrorExplained, f.Claim, fmt.Sprintf("The error shown, %s (%s), means: %s.", quoted, e.where(), e.means),
		"See "+string(f.Code)+": that explains it.")
}

// notExplained says what remains when no finding explains e.
func (in *inspection) notExplained(e shownError, quoted string) {
	what := fmt.Sprintf("The error shown, %s (%s), means: %s", quoted, e.where(), e.means)
	if e.needsHost && in.report.Claims.Role != nil && *in.report.Claims.Role == Participant {
		in.say(CodeErrorExplained, claimRole, what+"; and the token's role_type is 0, participant.", "Do this as host only, or sign for that user with role_type 1.")
		return
	}
	if e.elsewhere {
		in.say(CodeErrorElsewhere, "", what+". It doesn't come from the signature.", e.remains)
		return
	}
	if missing := in.missing(e.needs); missing != "" {
		in.say(CodeErrorNotExplained, "", what+"; nothing looked at explains it.", "Give "+missing+" as well, then more can be told.")
		return
	}
	if e.refuses && in.report.Signature == SignatureVerified {
		in.say(CodeCredentialsRefused, claimAppKey, what+"; but the signature verifies with the given secret, so what remains is that Zoom doesn't accept this key and secret.",
			"Compare both with the Zoom app marketplace: SDK (not API) credentials, of the account whose sessions are joined, not changed or switched off since. If they are right, the client sent another token than this one.")
		in.telling = len(in.report.Findings) - 1
		return
	}
	remedy := e.remains
	if in.report.Cause() != nil {
		remedy = "Correct what else is wrong with the token, then try again."
	}
	in.say(CodeErrorNotExplained, "", what+"; but nothing in the token explains it.", remedy)
}

// missing names what would have to be known to explain an error.
func (in *inspection) missing(n need) string {
	var what []string
	if n&needSecret != 0 && in.known.Secret == "" {
		what = append(what, "the SDK key and secret")
	}
	if n&needName != 0 && in.known.SessionName == "" {
		what = append(what, "the session name passed to join")
	}
	if n&needPasscode != 0 && in.known.Passcode == nil {
		what = append(what, "the passcode passed to join")
	}
	if n&needTime != 0 && in.known.Now.IsZero() {
		what = append(what, "the time")
	}
	if len(what) == 0 {
		return ""
	}
	last := len(what) - 1
	if last == 0 {
		return what[0]
	}
	return strings.Join(what[:last], ", ") + " and " + what[last]
}

// where says whose error it is: "Web SDK, 200".
func (e shownError) where() string {
	if e.number == 0 {
		return string(e.platform)
	}
	return fmt.Sprintf("%s, %d %s", e.platform, e.number, e.name)
}

// findShown returns the errors that text may be: by name or reason if one is in
// it, the longest that fits, else by number.
func findShown(text string) []shownError {
	folded := fold(text)
	var found []shownError
	longest := 0
	for _, e := range shownErrors {
		for _, part := range e.parts {
			switch {
			case len(part) < longest || !strings.Contains(folded, part):
				continue
			case len(part) > longest:
				longest, found = len(part), nil
			}
			found = append(found, e)
		}
	}
	if found == nil {
		for _, number := range numbers(text) {
			for _, e := range shownErrors {
				if e.number == number && !e.byReason {
					found = append(found, e)
				}
			}
			if found != nil {
				break
			}
		}
	}
	// The text itself may say which SDK showed the number.
	for _, hint := range platformHints {
		there := func(e shownError) bool { return e.platform == hint.platform }
		if strings.Contains(folded, hint.word) && slices.ContainsFunc(found, there) {
			return slices.DeleteFunc(found, func(e shownError) bool { return !there(e) })
		}
	}
	if len(found) == 1 && found[0].platform == onUIToolkit && found[0].number >= 2000 {
		found = append(found, shiftingError)
	}
	return found
}

// numbers returns the numbers of three or four digits in text, in order.
func numbers(text string) []int {
	var out []int
	for _, run := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(run) == 3 || len(run) == 4 {
			n, err := strconv.Atoi(run)
			if err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}
