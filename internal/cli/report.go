package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

// How a report is told to people: first the answer in one line, then what the
// token is, then the findings with what to do, then the token's parts. Times
// stand beside their numbers, in words.

var kindNames = map[videosdk.Kind]string{
	videosdk.KindVideoSDK:    "a Video SDK signature",
	videosdk.KindMeetingSDK:  "a Meeting SDK signature",
	videosdk.KindCobrowseSDK: "a Cobrowse SDK token",
	videosdk.KindRESTAPI:     "a token for the Video SDK's REST API",
	videosdk.KindJWTApp:      "a token of the former REST JWT app",
	videosdk.KindOAuth:       "an OAuth access token of Zoom's",
	videosdk.KindZAK:         "a Zoom access key (ZAK)",
	videosdk.KindLiveKit:     "an access token for a LiveKit room",
	videosdk.KindOther:       "a JWT of another party",
	videosdk.KindUnknown:     "not a token that can be read",
}

func printReport(p *printer, r *videosdk.Report, now time.Time, from string) error {
	errs, warnings := 0, 0
	for _, f := range r.Findings {
		switch f.Severity {
		case videosdk.SeverityError:
			errs++
		case videosdk.SeverityWarning:
			warnings++
		}
	}
	switch {
	case errs > 0:
		p.line(p.bold(p.red("✗ " + count(errs, "fault") + alsoWarnings(warnings))))
	case warnings > 0:
		p.line(p.bold(p.yellow("✓ sound" + alsoWarnings(warnings))))
	default:
		p.line(p.bold(p.green("✓ sound: nothing is wrong with it")))
	}
	p.wrapped("  ", "  ", summary(r, now))
	if r.Kind != videosdk.KindUnknown {
		p.wrapped("  ", "  ", signatureLine(p, r.Signature, from))
	}
	for _, f := range r.Findings {
		p.line("")
		printFinding(p, f)
	}
	printPart(p, "Header", r.Header, now)
	printPart(p, "Payload", r.Payload, now)
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func alsoWarnings(n int) string {
	if n == 0 {
		return ""
	}
	return ", " + count(n, "warning")
}

// summary says in one sentence what the token is, as far as it could be read.
func summary(r *videosdk.Report, now time.Time) string {
	s := "It is " + kindNames[r.Kind]
	c := r.Claims
	if c.SessionName != "" {
		s += " for " + strconv.Quote(plain(c.SessionName))
	}
	if c.Role != nil {
		s += ", role " + c.Role.String()
	}
	if c.ExpiresAt != nil {
		verb := "expires"
		if !now.Before(*c.ExpiresAt) {
			verb = "expired"
		}
		s += ", " + verb + " " + distanceInTime(*c.ExpiresAt, now)
	}
	return s + "."
}

func signatureLine(p *printer, s videosdk.SignatureStatus, from string) string {
	switch s {
	case videosdk.SignatureVerified:
		return p.green("It verifies with " + from + ".")
	case videosdk.SignatureNotVerified:
		if from == "" {
			return p.red("It was signed with other credentials.")
		}
		return p.red("It does not verify with " + from + ".")
	}
	return "Whether it verifies was not checked."
}

func printFinding(p *printer, f videosdk.Finding) {
	label := map[videosdk.Severity]string{
		videosdk.SeverityError:   p.bold(p.red("error")),
		videosdk.SeverityWarning: p.bold(p.yellow("warning")),
		videosdk.SeverityInfo:    p.bold(p.cyan("note")),
	}[f.Severity]
	head := label + " " + string(f.Code)
	if f.Claim != "" {
		head += p.dim(" (" + plain(f.Claim) + ")")
	}
	p.line(head)
	p.wrapped("  ", "  ", plain(f.Problem))
	if f.Remedy != "" {
		p.wrapped("  ", "        ", p.cyan("hint:")+" "+plain(f.Remedy))
	}
}

// printPart lists the members of the header or the payload, as they stand there.
func printPart(p *printer, title string, raw json.RawMessage, now time.Time) {
	members, ok := membersOf(raw)
	if !ok || len(members) == 0 {
		return
	}
	p.line("")
	p.line(p.bold(title))
	widest := 0
	for _, m := range members {
		widest = max(widest, columnsOf(m.name))
	}
	widest = min(widest, 32)
	for _, m := range members {
		note := ""
		if title == "Payload" {
			if note = meaning(m.name, m.value, now); note != "" {
				note = "  " + p.dim(note)
			}
		}
		pad := strings.Repeat(" ", max(0, widest-columnsOf(m.name)))
		p.line("  " + m.name + pad + "  " + m.value + note)
	}
}

type claim struct{ name, value string }

// membersOf reads a JSON object as its members in their order, each on one line.
func membersOf(raw json.RawMessage) ([]claim, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var out []claim
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, false
		}
		var flat bytes.Buffer
		if json.Compact(&flat, value) != nil {
			return nil, false
		}
		s, _ := name.(string)
		out = append(out, claim{plain(s), plain(flat.String())})
	}
	return out, true
}

// meaning puts numbers into words.
func meaning(name, value string, now time.Time) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return ""
	}
	switch name {
	case "iat", "exp", "nbf", "tokenExp":
		if n < 0 || n > 253402300799 {
			return ""
		}
		t := time.Unix(n, 0).UTC()
		return t.Format("2006-01-02 15:04:05 UTC") + ", " + distanceInTime(t, now)
	case "role_type":
		if n == 0 || n == 1 {
			return videosdk.Role(n).String()
		}
	}
	return ""
}

// distanceInTime says how far t lies from now: "in 1 h 59 min", "3 days ago".
func distanceInTime(t, now time.Time) string {
	d := t.Sub(now).Round(time.Second)
	switch {
	case d == 0:
		return "now"
	case d < 0:
		return duration(-d) + " ago"
	}
	return "in " + duration(d)
}

// duration is d in its two largest units.
func duration(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	var parts []string
	for i, u := range units {
		if n := d / u.of; n > 0 {
			name := u.name
			if n == 1 && name == "days" {
				name = "day"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
			d -= n * u.of
			if i+1 < len(units) {
				if m := d / units[i+1].of; m > 0 && u.name != "s" {
					parts = append(parts, fmt.Sprintf("%d %s", m, units[i+1].name))
				}
			}
			break
		}
	}
	return strings.Join(parts, " ")
}
