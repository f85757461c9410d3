package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-sessions/usher"
)

// The hash of a row is SHA-256 over these fields, in this order:
//
//	"usher ledger row 1", writer                        text
//	number                                              integer
//	hash of the row before                              32 bytes
//	time, expires                                       integer: microseconds since 1970 in UTC, 0 for none
//	event, caller, user key, session, role, decision,
//	rules (one a line), reason, address,
//	SHA-256 of the signature (hex), subject, request id text
//
// An integer is 8 bytes, most significant first. A text is its length in bytes
// as such an integer of 4 bytes, then the bytes. So no two rows have one encoding.
const rowLabel = "usher ledger row 1"

// appendRow appends the encoding of r to b.
func appendRow(b []byte, r *usher.LedgerRow) []byte {
	b = appendText(b, rowLabel)
	b = appendText(b, r.Writer)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Number))
	b = append(b, r.Prev[:]...)
	b = appendTime(b, r.Time)
	b = appendTime(b, r.Expires)
	for _, t := range [...]string{string(r.Event), r.Caller, r.UserKey, r.Session, r.Role, r.Decision} {
		b = appendText(b, t)
	}
	n := max(len(r.Rules)-1, 0)
	for _, rule := range r.Rules {
		n += len(rule)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for i, rule := range r.Rules {
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(b, rule...)
	}
	for _, t := range [...]string{r.Reason, r.Address, r.SignatureSHA256, r.Subject, r.RequestID} {
		b = appendText(b, t)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	var us int64
	if !t.IsZero() {
		us = t.UnixMicro()
	}
	return binary.BigEndian.AppendUint64(b, uint64(us))
}

// link puts the row behind head in its chain and returns the new head. buf is
// scratch space, returned to be used again.
func link(head usher.LedgerHead, r *usher.LedgerRow, buf []byte) (usher.LedgerHead, []byte) {
	r.Writer, r.WriterID = head.Writer, head.WriterID
	r.Number, r.Prev = head.Number+1, head.Hash
	buf = appendRow(buf[:0], r)
	r.Hash = sha256.Sum256(buf)
	head.Number, head.Hash = r.Number, r.Hash
	return head, buf
}

// Longest texts of a row in bytes. What is longer is cut: an entry must always
// be recordable, and a row that the database refuses would take others with it.
const (
	maxText   = 1 << 10
	maxReason = 4 << 10
	maxRules  = 64
)

// clean makes an entry into one that every database takes: valid UTF-8 without
// NUL, of bounded length, times in whole microseconds.
func clean(e usher.Entry) usher.Entry {
	e.Time, e.Expires = e.Time.Truncate(time.Microsecond), e.Expires.Truncate(time.Microsecond)
	for _, t := range [...]*string{(*string)(&e.Event), &e.Caller, &e.UserKey, &e.Session, &e.Role, &e.Decision, &e.Address,
		&e.SignatureSHA256, &e.Subject, &e.RequestID} {
		*t = cleanText(*t, maxText)
	}
	e.Reason = cleanText(e.Reason, maxReason)
	for i, rule := range e.Rules {
		if c := cleanRule(rule); c != rule || i >= maxRules {
			e.Rules = cleanRules(e.Rules)
			break
		}
	}
	return e
}

func cleanText(s string, most int) string {
	if len(s) <= most && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > most {
		end := most
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return s
}

// cleanRule makes the name of a rule one line that isn't empty, as rows keep one a line.
func cleanRule(rule string) string {
	rule = cleanText(rule, maxText)
	if strings.IndexByte(rule, '\n') >= 0 {
		rule = strings.ReplaceAll(rule, "\n", " ")
	}
	if rule == "" {
		return "?"
	}
	return rule
}

func cleanRules(rules []string) []string {
	out := make([]string, 0, min(len(rules), maxRules))
	for _, r := range rules[:min(len(rules), maxRules)] {
		out = append(out, cleanRule(r))
	}
	return out
}
