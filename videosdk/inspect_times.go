package videosdk

// The times of a signature, and what it is joined with.

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// An epochFault is why a claim is not a moment in epoch seconds.
type epochFault int

const (
	epochFine epochFault = iota
	epochAbsent
	epochText       // text, or another type than a number
	epochTooFine    // milliseconds or finer
	epochFractional // a fraction or an exponent
	epochTooSmall   // a life, an offset, a negative number
)

// firstEpoch is September 2001: whoever writes less doesn't mean a moment.
const firstEpoch = 1_000_000_000

// readEpoch reads a claim as epoch seconds.
func readEpoch(payload []member, claim string) (int64, epochFault) {
	m, ok := find(payload, claim)
	if !ok {
		return 0, epochAbsent
	}
	if m.kind() != "a number" {
		return 0, epochText
	}
	f, err := strconv.ParseFloat(string(m.value), 64)
	if err != nil || math.Abs(f) >= 1e11 { // in seconds, the year 5138
		return 0, epochTooFine
	}
	n, whole := m.integer()
	switch {
	case f < firstEpoch && (claim != "nbf" || f < 0):
		return 0, epochTooSmall
	case !whole:
		return 0, epochFractional
	}
	return n, epochFine
}

// times judges iat, exp and nbf. One fault of both is one finding.
func (in *inspection) times() {
	moments := map[string]int64{}
	faults := map[epochFault][]string{}
	for _, claim := range []string{claimIssued, claimExpires, "nbf"} {
		n, fault := readEpoch(in.payload, claim)
		if fault == epochFine {
			moments[claim] = n
		} else if fault != epochAbsent {
			faults[fault] = append(faults[fault], claim)
		}
	}
	in.notMoments(faults)
	iat, hasIat := moments[claimIssued]
	exp, hasExp := moments[claimExpires]
	if hasIat && hasExp && exp <= iat {
		how := "before"
		if exp == iat {
			how = "at the very moment"
		}
		in.say(CodeExpiresBeforeIssue, claimExpires, "The token expires "+how+" it is issued: exp must be later than iat.", "Set exp to iat plus the life in seconds, 1800 to 172800.")
		hasExp = false // that it has expired follows
	}
	if hasIat && hasExp {
		in.life(exp - iat)
	}
	now := in.known.Now
	if now.IsZero() {
		return
	}
	if hasIat && time.Unix(iat, 0).After(now) {
		in.early(claimIssued, "issued", iat)
	} else if nbf, ok := moments["nbf"]; ok && time.Unix(nbf, 0).After(now) {
		in.early("nbf", "not valid until", nbf)
	}
	if hasExp && !now.Before(time.Unix(exp, 0)) {
		in.say(CodeExpired, claimExpires, fmt.Sprintf("The signature expired %s (%s).", ago(now.Unix()-exp), utc(exp)),
			"Ask your server for a new one; if new ones have expired too, check the server's clock and that it doesn't hand out old ones.")
	}
}

// notMoments reports claims that are not epoch seconds, each fault once.
func (in *inspection) notMoments(faults map[epochFault][]string) {
	const seconds = "Write whole epoch seconds as a number, as in Math.floor(Date.now() / 1000)."
	say := func(fault epochFault, code Code, one, many string) {
		if claims := faults[fault]; len(claims) == 1 {
			in.say(code, claims[0], claims[0]+" is "+one+".", seconds)
		} else if len(claims) > 1 {
			in.say(code, claims[0], strings.Join(claims, " and ")+" are "+many+".", seconds)
		}
	}
	for _, claim := range faults[epochText] {
		if m, _ := find(in.payload, claim); m.kind() != "a string" {
			say(epochText, CodeWrongType, m.kind()+"; it must be a number", "not numbers")
			delete(faults, epochText)
			break
		}
	}
	say(epochText, CodeWrongType, "text; it must be a number", "text; they must be numbers")
	say(epochTooFine, CodeMilliseconds, "far too large for seconds; it is probably in milliseconds", "far too large for seconds; they are probably in milliseconds")
	say(epochFractional, CodeFractionalTime, "a number with a fraction or an exponent", "numbers with a fraction or an exponent")
	say(epochTooSmall, CodeTimeNotEpoch, "not a moment: the number is too small for epoch seconds, as a life or an offset would be", "not moments: the numbers are too small for epoch seconds")
}

// life judges exp - iat, in seconds.
func (in *inspection) life(life int64) {
	const shortest, longest = int64(MinLife / time.Second), int64(MaxLife / time.Second)
	within := func(n int64) bool { return n >= shortest && n <= longest }
	switch {
	case life > longest:
		hint := ""
		if life%1000 == 0 && within(life/1000) {
			hint = fmt.Sprintf(" The life was probably added in milliseconds: %d s were meant.", life/1000)
		}
		in.say(CodeLifeTooLong, claimExpires, fmt.Sprintf("The token lives %s (%d s); at most 48 h (%d s) are allowed.", spell(life), life, longest),
			"Set exp to at most iat plus 172800."+hint)
	case life < shortest:
		hint := ""
		if life < 300 && within(life*60) {
			hint = fmt.Sprintf(" Were minutes meant? %d minutes are %d s.", life, life*60)
		}
		in.say(CodeLifeTooShort, claimExpires, fmt.Sprintf("The token lives %s (%d s); at least 30 min (%d s) are required.", spell(life), life, shortest),
			"Set exp to iat plus 1800 or more, better 7200: a client that reconnects sends the same token again."+hint)
	case life == shortest:
		in.say(CodeLifeMinimal, claimExpires, "The token lives exactly 1800 s, the documented minimum; it has been seen refused where 1801 was accepted.",
			"Let it live longer, such as 7200 s.")
	}
}

// early reports that iat or nbf lies ahead.
func (in *inspection) early(claim, what string, at int64) {
	ahead := at - in.known.Now.Unix()
	if what == "issued" {
		what = "issued " + spell(ahead) + " in the future (" + utc(at) + ")"
	} else {
		what += " " + utc(at) + ", " + spell(ahead) + " ahead"
	}
	remedy := "The signing server's clock is fast, or the one judging is slow: synchronise both (NTP), and let iat lie 30 s in the past."
	// Local time taken for UTC shows as whole hours, give or take the travel.
	if off := (ahead + 120) % 3600; ahead >= 3480 && ahead < 15*3600 && off <= 240 {
		remedy = "It is about whole hours: was local time taken for UTC? " + remedy
	}
	in.say(CodeIssuedInFuture, claim, "The signature is "+what+".", remedy)
}

// join compares the claims with what was passed to join.
func (in *inspection) join() {
	text := func(claim string) (string, bool) {
		m, _ := find(in.payload, claim)
		s, ok := m.text()
		return s, ok && s != ""
	}
	if name, ok := text(claimTopic); ok && in.known.SessionName != "" {
		in.compareNames(name, in.known.SessionName)
	}
	if pwd, ok := text(claimPasscode); ok && in.known.Passcode != nil && pwd != *in.known.Passcode {
		how := "The passcode in pwd is not the one that was passed to join."
		if *in.known.Passcode == "" {
			how = "The token has a passcode (pwd), but join was called without one."
		}
		in.say(CodePasscodeDiffers, claimPasscode, how, "Pass to join the passcode that the token was signed with.")
	}
}

// compareNames reports where the signed name and the joined one differ; case doesn't count.
func (in *inspection) compareNames(signed, joined string) {
	if signed == joined {
		return
	}
	a, b := []rune(signed), []rune(joined)
	at := 0
	for at < len(a) && at < len(b) && unicode.ToLower(a[at]) == unicode.ToLower(b[at]) {
		at++
	}
	if at == len(a) && at == len(b) {
		in.say(CodeNameCase, claimTopic, "The session name differs from the one joined in case only, which Zoom ignores.", "")
		return
	}
	char := func(rs []rune) string {
		switch {
		case at >= len(rs):
			return "nothing more"
		case rs[at] == ' ':
			return "a space"
		}
		return describeRune(rs[at])
	}
	remedy := "Pass to join exactly the name that was signed."
	if s, err := url.QueryUnescape(joined); err == nil && strings.EqualFold(s, signed) {
		remedy = "The joined name is percent-encoded, as in a URL: decode it before joining."
	} else if s, err := url.QueryUnescape(signed); err == nil && strings.EqualFold(s, joined) {
		remedy = "The signed name is percent-encoded, as in a URL: decode it before signing."
	} else if strings.EqualFold(strings.TrimSpace(signed), strings.TrimSpace(joined)) {
		remedy = "They differ in white space around the name only: trim it in both places."
	}
	signed, _ = in.hide(signed)
	joined, _ = in.hide(joined)
	in.say(CodeNameDiffers, claimTopic, fmt.Sprintf("The token is for %s, but %s was joined; at character %d, tpc has %s and the joined name has %s.",
		describeName(signed), describeName(joined), at+1, char(a), char(b)), remedy)
}

// describeName quotes a name whole if it is short.
func describeName(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		return "another name"
	}
	return quoteShort(s)
}

func ago(s int64) string {
	if s == 0 {
		return "just now"
	}
	return spell(s) + " ago"
}

// spell writes a number of seconds for people: "3 h 12 min".
func spell(s int64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return units(s/60, "min", s%60, "s")
	case s < 2*86400:
		return units(s/3600, "h", s%3600/60, "min")
	}
	return units(s/86400, "days", s%86400/3600, "h")
}

func units(a int64, unit string, b int64, smaller string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unit)
	}
	return fmt.Sprintf("%d %s %d %s", a, unit, b, smaller)
}

func utc(epoch int64) string {
	return time.Unix(epoch, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}
