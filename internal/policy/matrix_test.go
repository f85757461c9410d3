package policy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
	"github.com/usher-sessions/usher/videosdk"
)

// The authorization matrix: every kind of caller, room, state, window, passcode,
// wish, clock, --open and policy through the real Issuer and Engine, against
// the rules as people would say them (func verdict below), which knows neither
// Session nor Caller nor Cedar.

// who are the callers, by what they are to the room.
type who string

const (
	nobody      who = "nobody"
	anyone      who = "anyone"
	keyUnbound  who = "key without a scope"
	keyJoin     who = "key to join here"
	keyHost     who = "key to join and host class*"
	keyManage   who = "key to manage here, nothing else"
	keyOther    who = "key for another session"
	owner       who = "owner"
	cohost      who = "host on the list"
	person      who = "person on the list"
	member      who = "member of a group on the list"
	outsider    who = "signed in but on no list"
	guest       who = "guest with an invite to it"
	guestWide   who = "guest with an invite to it that says anything goes"
	guestOther  who = "guest with an invite to another"
	guestStray  who = "guest without an invite's scope"
	bannedOwner who = "owner who is banned"
	bannedBy    who = "key that speaks for a banned user"
)

var everyone = []who{nobody, anyone, keyUnbound, keyJoin, keyHost, keyManage, keyOther, owner, cohost, person, member, outsider, guest, guestWide, guestOther, guestStray, bannedOwner, bannedBy}

type rules string

const (
	standard rules = "the default"
	dropIn   rules = "the default and drop-in for users"
	curfew   rules = "the default and a curfew for all but keys"
	staff    rules = "staff alone, in place of the default"
)

var policyTexts = map[rules]string{
	standard: ``,
	dropIn:   `@id("drop-in") permit (principal is User, action in [Action::"join", Action::"host"], resource) when { !resource.listed };`,
	curfew: `@id("curfew") forbid (principal, action in [Action::"join", Action::"host"], resource)
		when { context.hour < 7 || context.hour >= 22 } unless { principal is Key };`,
	staff: `@id("staff") permit (principal in Group::"staff", action, resource);`,
}

type situation struct {
	who             who
	room            string // "unlisted", "its list", "anyone signed in"
	state           string // "open", "locked", "ended"
	window          string // "none", "within", "before", "after"
	passcode, given string // "none", "set"; "nothing", "right", "wrong"
	wish            string // "participant", "host", "best"
	open, night     bool
	rules           rules
}

// verdict states the rules: "host", "participant" or "refused". It is written
// from what is promised to people, and shares nothing with the code.
func verdict(s situation) string {
	const refused = "refused"
	// Who isn't known, or is banned, or speaks for someone banned, gets nothing whatever the rules say.
	if s.who == nobody || s.who == bannedOwner || s.who == bannedBy {
		return refused
	}
	as := ""
	switch {
	case s.wish != "participant" && mayStart(s):
		as = "host"
	case s.wish != "host" && mayJoin(s):
		as = "participant"
	default:
		return refused
	}
	if s.room != "unlisted" {
		// Nobody enters what is over, or outside its hours; a locked room takes hosts alone.
		if s.state == "ended" || s.window == "before" || s.window == "after" || s.state == "locked" && as == "participant" {
			return refused
		}
		// A wrong passcode is refused from everybody, and a missing one from whoever nobody named.
		named := map[who]bool{keyUnbound: true, keyJoin: true, keyHost: true, guest: true, guestWide: true, owner: true, cohost: true, person: true, member: true}
		if s.passcode == "set" && (s.given == "wrong" || s.given == "nothing" && !named[s.who]) {
			return refused
		}
	}
	return as
}

func mayStart(s situation) bool {
	listed := s.room != "unlisted"
	switch s.rules {
	case staff: // the owner is the one of them on the staff
		return s.who == owner
	case curfew:
		if s.night && s.who != keyUnbound && s.who != keyHost {
			return false
		}
	case dropIn:
		if !listed && (s.who == owner || s.who == cohost || s.who == person || s.who == member || s.who == outsider) {
			return true
		}
	}
	switch s.who {
	case keyUnbound, keyHost:
		return true
	case owner, cohost:
		return listed
	case anyone:
		return s.open && !listed
	}
	return false
}

func mayJoin(s situation) bool {
	signedIn := map[who]bool{owner: true, cohost: true, person: true, member: true, outsider: true}[s.who]
	onTheList := signedIn && s.who != outsider
	invited := s.who == guest || s.who == guestWide
	backEnd := s.who == keyUnbound || s.who == keyHost || s.who == keyJoin
	if s.rules == staff {
		return s.who == owner
	}
	if s.rules == curfew && s.night && !backEnd {
		return false
	}
	switch s.room {
	case "unlisted":
		return backEnd || invited || s.who == anyone && s.open || signedIn && s.rules == dropIn
	case "its list":
		return backEnd || invited || onTheList
	default:
		return backEnd || invited || signedIn
	}
}

// mayDo states the rules for inspect and manage; bans are the business of whoever asks.
func mayDo(s situation, action usher.Action) bool {
	listed := s.room != "unlisted"
	switch {
	case s.who == keyUnbound || s.who == bannedBy, s.who == keyManage && action == usher.ActionManage:
		return s.rules != staff
	case s.who == owner || s.who == bannedOwner:
		return s.rules == staff || listed
	case s.who == cohost:
		return s.rules != staff && listed && action == usher.ActionInspect
	}
	return false
}

func (w who) caller() *usher.Caller {
	named := func(key string, groups ...string) *usher.Caller { return user(key, groups...) }
	key := func(s *usher.Scope) *usher.Caller { return &usher.Caller{Kind: usher.KindKey, ID: "k", Scope: s} }
	guestOf := func(s *usher.Scope) *usher.Caller {
		return &usher.Caller{Kind: usher.KindGuest, ID: "i.1", UserKey: "guest-1", Scope: s}
	}
	join, joinHost := []usher.Action{usher.ActionJoin}, []usher.Action{usher.ActionJoin, usher.ActionHost}
	switch w {
	case anyone:
		return &usher.Caller{Kind: usher.KindAnyone}
	case keyUnbound, bannedBy:
		return key(nil)
	case keyJoin:
		return key(&usher.Scope{Actions: join, Sessions: []string{"CLASS 7"}})
	case keyHost:
		return key(&usher.Scope{Actions: joinHost, Sessions: []string{"x", "class*"}})
	case keyManage:
		return key(&usher.Scope{Actions: []usher.Action{usher.ActionManage}, Sessions: []string{"class 7"}})
	case keyOther:
		return key(&usher.Scope{Sessions: []string{"class 8", "lass*"}})
	case owner:
		return named("teacher", "staff")
	case cohost:
		return named("aide", "aides")
	case person:
		return named("pupil")
	case member:
		return named("pupil-2", "class-7")
	case outsider:
		return named("other", "class-8")
	case bannedOwner:
		return named("teacher", "staff", "banned")
	case guest:
		return guestOf(&usher.Scope{Actions: join, Sessions: []string{"class 7"}})
	case guestWide:
		return guestOf(&usher.Scope{Actions: usher.Actions(), Sessions: []string{"class 7"}})
	case guestOther:
		return guestOf(&usher.Scope{Actions: join, Sessions: []string{"class 8"}})
	case guestStray:
		return guestOf(nil)
	}
	return &usher.Caller{}
}

func (s situation) now() time.Time {
	if s.night {
		return noon.Add(11 * time.Hour)
	}
	return noon
}

func (s situation) session() *usher.Session {
	if s.room == "unlisted" {
		return nil
	}
	v := class()
	if s.room == "anyone signed in" {
		v.Admit = usher.AdmitSignedIn
	}
	v.State = usher.SessionState(s.state)
	if s.passcode == "set" {
		v.Passcode = "s3cret"
	}
	now := s.now()
	switch s.window {
	case "within": // the first moment is in, the last is not
		v.NotBefore, v.NotAfter = now, now.Add(time.Second)
	case "before":
		v.NotBefore = now.Add(time.Second)
	case "after":
		v.NotAfter = now
	}
	return v
}

// directory knows one session.
type directory struct{ session *usher.Session }

func (d *directory) Session(context.Context, string) (*usher.Session, error) { return d.session, nil }

func TestAuthorizationMatrix(t *testing.T) {
	passcodes := map[string]string{"nothing": "", "right": "s3cret", "wrong": "guess"}
	cases, admitted := 0, map[string]int{}
	for _, e := range engines(t) {
		dir, now := &directory{}, noon
		issuer, err := usher.NewIssuer(usher.Config{
			Credentials: videosdk.Credentials{Key: "test-key-1", Secret: "a-secret-of-enough-bytes-for-hs256-0123"},
			Policy:      e.engine, Directory: dir, Now: func() time.Time { return now },
			Banned: func(_ context.Context, c *usher.Caller, userKey string) (string, error) {
				if userKey == "banned-user" || len(c.Groups) > 1 && c.Groups[1] == "banned" {
					return "spam", nil
				}
				return "", nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for s := range situations(e) {
			dir.session, now = s.session(), s.now()
			req := &usher.Request{Wish: usher.Wish(s.wish), Grant: videosdk.Grant{SessionName: "cLass 7", Passcode: passcodes[s.given]}}
			if s.who == bannedBy {
				req.Grant.UserKey = "banned-user"
			}
			got := "refused"
			issued, err := issuer.Issue(context.Background(), s.who.caller(), req)
			switch {
			case err == nil:
				got = issued.Role.String()
				if len(issued.Rules) == 0 {
					t.Errorf("%+v: admitted by no rule", s)
				}
			case usher.ErrorCode(err) == "" || usher.ErrorCode(err) == usher.CodeUnavailable:
				t.Fatalf("%+v: %v", s, err)
			}
			if want := verdict(s); got != want {
				t.Errorf("%+v: got %s, want %s (%v)", s, got, want, err)
			}
			cases++
			admitted[got]++
		}
	}
	t.Logf("%d cases: %v", cases, admitted)
	if cases < 100_000 || admitted["host"] == 0 || admitted["participant"] == 0 {
		t.Errorf("only %d cases: %v", cases, admitted)
	}
}

// TestInspectAndManageMatrix asks the engine, since no signature is involved.
func TestInspectAndManageMatrix(t *testing.T) {
	cases := 0
	for _, e := range engines(t) {
		for s := range situations(e) {
			if s.given != "nothing" || s.wish != "host" {
				continue // they don't enter into these actions
			}
			session := s.session()
			if session == nil {
				session = &usher.Session{Name: "Class 7", State: usher.StateOpen}
			}
			for _, a := range []usher.Action{usher.ActionInspect, usher.ActionManage} {
				got := e.engine.Decide(&usher.Question{Caller: s.who.caller(), Action: a, Session: session, Now: s.now()})
				if want := mayDo(s, a); got.Allowed != want {
					t.Errorf("%s, %+v: got %v, want %v", a, s, got, want)
				}
				cases++
			}
		}
	}
	t.Logf("%d cases", cases)
}

type matrixEngine struct {
	rules  rules
	open   bool
	engine *policy.Engine
}

func engines(t *testing.T) []matrixEngine {
	t.Helper()
	var out []matrixEngine
	for _, r := range []rules{standard, dropIn, curfew, staff} {
		for _, open := range []bool{false, true} {
			out = append(out, matrixEngine{r, open, with(t, policy.Config{Open: open}, r != staff, policyTexts[r])})
		}
	}
	return out
}

// situations yields every combination that differs for the rules of e.
func situations(e matrixEngine) func(func(situation) bool) {
	return func(yield func(situation) bool) {
		product([]int{len(everyone), 3, 3, 4, 2, 3, 3, 2}, func(i []int) bool {
			s := situation{who: everyone[i[0]], rules: e.rules, open: e.open,
				room:     []string{"unlisted", "its list", "anyone signed in"}[i[1]],
				state:    []string{"open", "locked", "ended"}[i[2]],
				window:   []string{"none", "within", "before", "after"}[i[3]],
				passcode: []string{"none", "set"}[i[4]], given: []string{"nothing", "right", "wrong"}[i[5]],
				wish: []string{"participant", "host", "best"}[i[6]], night: i[7] == 1}
			if s.room == "unlisted" && i[2]+i[3]+i[4] > 0 || s.passcode == "none" && s.given != "nothing" && s.room != "unlisted" && s.given != "right" {
				return true // a session that isn't in the directory has no state; without a passcode any is as good
			}
			return yield(s)
		})
	}
}

// product calls fn with every combination of numbers below the sizes.
func product(sizes []int, fn func([]int) bool) {
	at := make([]int, len(sizes))
	for {
		if !fn(at) {
			return
		}
		i := len(at) - 1
		for at[i]++; at[i] == sizes[i]; at[i]++ {
			if at[i] = 0; i == 0 {
				return
			}
			i--
		}
	}
}

func TestProductIsComplete(t *testing.T) {
	var got []string
	product([]int{2, 1, 3}, func(i []int) bool { got = append(got, fmt.Sprint(i)); return true })
	if s := strings.Join(got, ""); s != "[0 0 0][0 0 1][0 0 2][1 0 0][1 0 1][1 0 2]" {
		t.Error(s)
	}
}
