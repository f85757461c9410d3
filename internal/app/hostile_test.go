package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/app"
)

func urlQuery(s string) string { return url.QueryEscape(s) }

// sound are bodies that each operation takes.
var sound = map[string]string{
	"sign":          `{"sessionName":"Class"}`,
	"inspect":       `{"signature":"a.b.c"}`,
	"createSession": `{"name":"new"}`,
	"updateSession": `{"owner":"u1"}`,
	"createInvite":  `{"session":"Class"}`,
	"redeemInvite":  `{"code":"usher_i_x","guest":"guest-00000000000000000000"}`,
	"createKey":     `{"name":"k"}`,
	"createBan":     `{"subject":"user:x"}`,
	"explainPolicy": `{"session":"Class"}`,
	"join":          `{"topic":"Class","signature":"a.b.c","userName":"u"}`,
	"pollJoin":      `{}`,
	"renewJoin":     `{"signature":"a.b.c"}`,
	"actInRoom":     `{"action":"lock"}`,
	"actOnRoom":     `{"action":"lock"}`,
	"liveKitToken":  `{"room_name":"Class","participant_name":"u"}`,
}

// hostile is JSON that no field shall choke on.
var hostile = []string{
	`null`, `true`, `[]`, `{}`, `[[]]`, `""`, `" "`, `-1`, `0`, `1.5`, `1e400`, `99999999999999999999999`, `-0`, `"0"`,
	`"\u0000"`, `"a\u0000b"`, `"\n\r\t"`, `"\u202e\u200b"`, `"\ud800"`, `"` + "\xff\xfe" + `"`, `"é"`, `"K"`,
	`"' OR '1'='1"`, `"\"; DROP TABLE sessions; --"`, `"%00%27"`, `"../../etc/passwd"`, `"<script>alert(1)</script>"`, `"${jndi:ldap://x}"`,
	`"*"`, `"%"`, `"_"`, `"\\"`, `"User::\"x\" || true"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:60Z"`, `"not a time"`,
	`"` + strings.Repeat("a", 199) + `"`, `"` + strings.Repeat("😀", 5000) + `"`, `"` + strings.Repeat("a", 100_000) + `"`,
	strings.Repeat("[", 5000) + strings.Repeat("]", 5000), `[` + strings.TrimSuffix(strings.Repeat(`"x",`, 12_000), ",") + `]`,
	`{"a":` + strings.Repeat(`{"a":`, 500) + `1` + strings.Repeat(`}`, 501),
}

// counts are what a refused request must not change.
func (h *house) counts() string {
	h.t.Helper()
	c := h.as("")
	sessions, err := c.ListSessions(ctx, api.ListSessionsIn{Page: api.Page{Limit: 200}})
	ok(h.t, err)
	invites, err := c.ListInvites(ctx, api.ListInvitesIn{Page: api.Page{Limit: 200}})
	ok(h.t, err)
	keys, err := c.ListKeys(ctx, api.Page{Limit: 200})
	ok(h.t, err)
	bans, err := c.ListBans(ctx, api.Page{Limit: 200})
	ok(h.t, err)
	class, err := c.Session(ctx, "Class")
	ok(h.t, err)
	return fmt.Sprint(len(sessions.Sessions), len(invites.Invites), len(keys.Keys), len(bans.Bans), class.Version)
}

// TestHostileInput puts what is hostile into every field of every operation, as
// the document lists them. The transport holds each answer against the document
// and fails at a 500; here it is checked that a refusal changes nothing.
func TestHostileInput(t *testing.T) {
	h, _ := openRooms(t, func(c *app.Config) { c.GuessesPerAddress = 1_000_000 })
	_, err := h.as("").CreateSession(ctx, api.NewSession{Name: "Class"})
	ok(t, err)
	doc := documentOf(t, h.url)
	fields, refused := 0, 0
	before := h.counts()
	try := func(method, path, body string) {
		status, _, answer := h.send(method, path, body)
		if status < 400 {
			if method != http.MethodGet {
				before = h.counts()
			}
			return
		}
		refused++
		if method != http.MethodGet && refused%4 == 0 { // a change stays, so the next look finds it
			if after := h.counts(); after != before {
				t.Errorf("up to %s %s with %.200q (%d), refused requests changed something: %s, then %s", method, path, body, status, before, after)
				before = after
			}
		}
		if strings.Contains(answer, "goroutine") || strings.Contains(answer, ".go:") || strings.Contains(answer, "SQL") {
			t.Errorf("%s %s tells of its inside: %s", method, path, answer)
		}
		if len(answer) > 20_000 {
			t.Errorf("%s %s: a refusal of %d bytes", method, path, len(answer))
		}
	}
	for path, item := range object(doc.raw, "paths") {
		for method, op := range item.(map[string]any) {
			method, at := strings.ToUpper(method), strings.NewReplacer("{id}", "Class", "{session}", "Class").Replace(path)
			id, _ := object(op)["operationId"].(string)
			if body := object(op, "requestBody"); body != nil {
				ref := object(body, "content", "application/json", "schema")["$ref"].(string)
				properties := object(doc.raw, "components", "schemas", strings.TrimPrefix(ref, "#/components/schemas/"), "properties")
				if sound[id] == "" || len(properties) == 0 {
					t.Fatalf("no sound body for %s", id)
				}
				for _, name := range slices.Sorted(maps.Keys(properties)) {
					fields++
					for _, value := range hostile {
						var base map[string]json.RawMessage
						ok(t, json.Unmarshal([]byte(sound[id]), &base))
						delete(base, name)
						rest, _ := json.Marshal(base)
						comma := ","
						if len(base) == 0 {
							comma = ""
						}
						try(method, at, `{"`+name+`":`+value+comma+strings.TrimPrefix(string(rest), "{"))
					}
				}
				good := sound[id]
				for _, body := range []string{
					"", " ", "null", "[]", `"x"`, "{", good + "x", good + good, "\ufeff" + good, strings.Replace(good, "{", `{"unknown":1,`, 1),
					strings.Replace(good, "{", `{"unknown":1,"unknown":1,`, 1), good[:len(good)-1] + "," + good[1:], strings.Repeat(" ", 2<<20) + good,
				} {
					if status, _, answer := h.send(method, at, body); status < 400 {
						t.Errorf("%s takes the body %.100q: %d %s", id, body, status, answer)
					}
				}
				for _, media := range []string{"text/plain", "application/xml", "application/json2", "multipart/form-data"} {
					if status, _, answer := h.send(method, at, good, "Content-Type", media); status != http.StatusUnsupportedMediaType {
						t.Errorf("%s takes %s: %d %s", id, media, status, answer)
					}
				}
			}
			parameters, _ := object(op)["parameters"].([]any)
			for _, p := range parameters {
				fields++
				name, in := object(p)["name"].(string), object(p)["in"].(string)
				for _, value := range []string{"", " ", "x", "-1", "' OR 1=1 --", "%", "*", "\x00", "\u202e", strings.Repeat("a", 5000), "../..", "a/b", "é", "1e9", "null", "\xff"} {
					switch in {
					case "path":
						if value == "" {
							continue
						}
						try(method, strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value)), sound[id])
					case "query":
						try(method, at+"?"+name+"="+url.QueryEscape(value), sound[id])
					case "header":
						if !strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7e }) { // which no client can send
							h.send(method, at, sound[id], name, value)
							before = h.counts()
						}
					}
				}
			}
		}
	}
	t.Logf("%d fields, %d refusals", fields, refused)
	if fields < 100 || refused < 2000 {
		t.Errorf("only %d fields and %d refusals; is the document still read right?", fields, refused)
	}
}
