package policy

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/usher-sessions/usher"
)

// Entity types of schema.cedarschema.
const (
	typeAction  cedar.EntityType = "Action"
	typeUser    cedar.EntityType = "User"
	typeGroup   cedar.EntityType = "Group"
	typeKey     cedar.EntityType = "Key"
	typeGuest   cedar.EntityType = "Guest"
	typeAnyone  cedar.EntityType = "Anyone"
	typeSession cedar.EntityType = "Session"
	typeList    cedar.EntityType = "List"
)

// The lists of the session in question. That they are entities and membership
// is an edge to them, rather than a set in an attribute, keeps a decision cheap
// for sessions with thousands of people: nothing is copied, and a list is
// searched only where a rule asks for it.
var (
	listHosts  = cedar.NewEntityUID(typeList, "hosts")
	listPeople = cedar.NewEntityUID(typeList, "people")
	listGroups = cedar.NewEntityUID(typeList, "groups")
)

// facts are one question in Cedar's words: a cedar.EntityGetter that builds
// each entity when a rule first asks for it. Used by one goroutine.
type facts struct {
	q    *usher.Question
	b    *bucket
	open bool
	zone *time.Location

	request               cedar.Request
	principal, session    cedar.Entity
	gotPrincipal, gotSess bool
}

// newFacts returns the facts of q, whose caller is of the given type.
func newFacts(q *usher.Question, b *bucket, principal cedar.EntityType, action cedar.EntityUID, open bool, zone *time.Location) *facts {
	f := &facts{q: q, b: b, open: open, zone: zone}
	id := q.Caller.ID
	switch principal {
	case typeUser:
		id = q.Caller.UserKey // what the session's lists hold
	case typeAnyone:
		id = ""
	}
	f.request = cedar.Request{
		Principal: cedar.NewEntityUID(principal, cedar.String(id)),
		Action:    action,
		Resource:  cedar.NewEntityUID(typeSession, cedar.String(usher.FoldName(q.Session.Name))),
		Context:   f.context(),
	}
	return f
}

// Get returns an entity, or false for one that nothing is known of.
func (f *facts) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case f.request.Principal:
		if !f.gotPrincipal {
			f.principal, f.gotPrincipal = f.buildPrincipal(), true
		}
		return f.principal, true
	case f.request.Resource:
		if !f.gotSess {
			f.session, f.gotSess = f.buildSession(), true
		}
		return f.session, true
	}
	switch uid.Type {
	case typeUser: // one that a rule names
		return cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(f.listsOf(string(uid.ID))...)}, true
	case typeGroup:
		if slices.Contains(f.q.Session.Groups, string(uid.ID)) {
			return cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(listGroups)}, true
		}
	}
	return cedar.Entity{}, false
}

// listsOf returns the session's lists that the user stands on.
func (f *facts) listsOf(userKey string) []cedar.EntityUID {
	if userKey == "" {
		return nil
	}
	var out []cedar.EntityUID
	if f.q.Session.IsHost(userKey) {
		out = append(out, listHosts)
	}
	if slices.Contains(f.q.Session.People, userKey) {
		out = append(out, listPeople)
	}
	return out
}

func (f *facts) buildPrincipal() cedar.Entity {
	uid := f.request.Principal
	e := cedar.Entity{UID: uid}
	if uid.Type == typeUser {
		parents := f.listsOf(string(uid.ID))
		for _, g := range f.q.Caller.Groups {
			// A group that neither a rule nor the session names can't matter, and
			// some identity providers send hundreds.
			if f.b.groups[g] || slices.Contains(f.q.Session.Groups, g) {
				parents = append(parents, cedar.NewEntityUID(typeGroup, cedar.String(g)))
			}
		}
		if len(parents) > 0 {
			e.Parents = cedar.NewEntityUIDSet(parents...)
		}
	}
	if uid.Type != typeAnyone {
		r := f.record()
		r.add("id", func() cedar.Value { return uid.ID })
		r.add("name", func() cedar.Value { return cedar.String(f.q.Caller.Name) })
		e.Attributes = r.done()
	}
	return e
}

func (f *facts) buildSession() cedar.Entity {
	s, r := f.q.Session, f.record()
	r.add("name", func() cedar.Value { return f.request.Resource.ID })
	r.add("listed", func() cedar.Value { return cedar.Boolean(s.Listed()) })
	if s.Owner != "" {
		r.add("owner", func() cedar.Value { return cedar.NewEntityUID(typeUser, cedar.String(s.Owner)) })
	}
	r.add("hosts", func() cedar.Value { return listHosts })
	r.add("people", func() cedar.Value { return listPeople })
	r.add("groups", func() cedar.Value { return listGroups })
	r.add("admitsSignedIn", func() cedar.Value { return cedar.Boolean(s.Admit == usher.AdmitSignedIn) })
	r.add("locked", func() cedar.Value { return cedar.Boolean(s.State == usher.StateLocked) })
	r.add("ended", func() cedar.Value { return cedar.Boolean(s.State == usher.StateEnded) })
	r.add("hasPasscode", func() cedar.Value { return cedar.Boolean(s.Passcode != "") })
	r.add("waitingRoom", func() cedar.Value { return cedar.Boolean(s.WaitingRoom) })
	r.add("capacity", func() cedar.Value { return cedar.Long(s.Capacity) })
	r.add("life", func() cedar.Value { return seconds(s.Life) })
	if s.SessionKey != "" {
		r.add("sessionKey", func() cedar.Value { return cedar.String(s.SessionKey) })
	}
	if !s.NotBefore.IsZero() {
		r.add("notBefore", func() cedar.Value { return cedar.NewDatetime(s.NotBefore) })
	}
	if !s.NotAfter.IsZero() {
		r.add("notAfter", func() cedar.Value { return cedar.NewDatetime(s.NotAfter) })
	}
	return cedar.Entity{UID: f.request.Resource, Attributes: r.done()}
}

func (f *facts) context() cedar.Record {
	q, r := f.q, f.record()
	r.add("time", func() cedar.Value { return cedar.NewDatetime(q.Now) })
	r.add("hour", func() cedar.Value { return cedar.Long(q.Now.In(f.zone).Hour()) })
	r.add("weekday", func() cedar.Value { return cedar.Long((int(q.Now.In(f.zone).Weekday())+6)%7 + 1) })
	if addr := q.Caller.Addr; addr.IsValid() {
		r.add("address", func() cedar.Value { return address(addr) })
	}
	if q.UserKey != "" {
		r.add("userKey", func() cedar.Value { return cedar.String(q.UserKey) })
	}
	r.add("life", func() cedar.Value { return seconds(q.Life) })
	r.add("features", func() cedar.Value {
		vs := make([]cedar.Value, len(q.Features))
		for i, x := range q.Features {
			vs[i] = cedar.String(x)
		}
		return cedar.NewSet(vs...)
	})
	r.add("open", func() cedar.Value { return cedar.Boolean(f.open) })
	return r.done()
}

func seconds(d time.Duration) cedar.Long { return cedar.Long(d / time.Second) }

// address gives the caller's address as rules compare it: an IPv4 address that
// came in as IPv6 counts as IPv4, and a zone is left out.
func address(a netip.Addr) cedar.IPAddr {
	a = a.Unmap().WithZone("")
	return cedar.IPAddr(netip.PrefixFrom(a, a.BitLen()))
}

// A recordBuilder makes a record of those attributes that some rule reads.
type recordBuilder struct {
	uses map[string]bool
	m    cedar.RecordMap
}

func (f *facts) record() recordBuilder { return recordBuilder{uses: f.b.uses} }

func (b *recordBuilder) add(name string, value func() cedar.Value) {
	if !b.uses[name] {
		return
	}
	if b.m == nil {
		b.m = make(cedar.RecordMap, min(len(b.uses), 16))
	}
	b.m[cedar.String(name)] = value()
}

func (b *recordBuilder) done() cedar.Record {
	if b.m == nil {
		return cedar.Record{}
	}
	return cedar.NewRecord(b.m)
}
