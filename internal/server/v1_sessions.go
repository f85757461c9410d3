package server

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/videosdk"
)

func (v *v1) listSessions(ctx context.Context, in *api.ListSessionsIn) (*api.SessionsOut, error) {
	found, next, err := v.Store.ListSessions(ctx, usher.SessionFilter{NamePrefix: in.Name, State: usher.SessionState(in.State)}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.SessionsOut{Body: api.SessionList{Sessions: []api.Session{}, NextCursor: next}}
	for _, s := range found {
		// A page holds what the caller may see of it, so it may be shorter than asked for.
		if v.may(ctx, usher.ActionInspect, s) == nil {
			out.Body.Sessions = append(out.Body.Sessions, v.toSession(ctx, s))
		}
	}
	return out, nil
}

func (v *v1) createSession(ctx context.Context, in *api.CreateSessionIn) (*api.SessionOut, error) {
	return idempotent(ctx, v, api.CreateSession.ID, in.IdempotencyKey, &in.Body, func() (*api.SessionOut, error) {
		b := &in.Body
		s := &usher.Session{
			Name: b.Name, Passcode: b.Passcode, SessionKey: b.SessionKey,
			NotBefore: toTime(b.NotBefore), NotAfter: toTime(b.NotAfter), State: usher.StateOpen,
			Owner: b.Owner, Hosts: b.Hosts, People: b.People, Groups: b.Groups, Admit: usher.Admission(b.Admit),
			Life: time.Duration(b.Seconds) * time.Second, GeoRegions: b.GeoRegions, WaitingRoom: b.WaitingRoom, Capacity: b.Capacity,
			CloudRecordingOption: b.CloudRecordingOption, CloudRecordingElection: b.CloudRecordingElection,
			CloudRecordingTranscriptOption: b.CloudRecordingTranscriptOption,
		}
		if caller := requestOf(ctx).caller; caller.UserKey != "" && s.Owner == "" {
			s.Owner = caller.UserKey
		}
		if err := v.may(ctx, usher.ActionManage, s); err != nil {
			return nil, err
		}
		var err error
		if s.ID, err = v.Store.NewID(); err != nil {
			return nil, err
		}
		if b.GeneratePasscode {
			if b.Passcode != "" {
				return nil, &videosdk.FieldError{Field: "generatePasscode", Reason: "can't stand beside a passcode; leave one of them out"}
			}
			if s.Passcode, err = v.newPasscode(); err != nil {
				return nil, err
			}
		}
		if s.SessionKey == "" {
			s.SessionKey = s.ID
		}
		if err := v.checkSession(s); err != nil {
			return nil, err
		}
		s.CreatedAt = v.Now()
		s.UpdatedAt = s.CreatedAt
		if err := v.change(ctx, usher.EventSessionChange, "create", s.ID, s.Name, func() error { return v.Store.CreateSession(ctx, s) }); err != nil {
			return nil, err
		}
		return &api.SessionOut{Body: v.toSession(ctx, s)}, nil
	})
}

func (v *v1) getSession(ctx context.Context, in *api.SessionRef) (*api.SessionOut, error) {
	s, err := v.session(ctx, in.ID, usher.ActionInspect)
	if err != nil {
		return nil, err
	}
	return &api.SessionOut{Body: v.toSession(ctx, s)}, nil
}

func (v *v1) updateSession(ctx context.Context, in *api.UpdateSessionIn) (*api.SessionOut, error) {
	old, err := v.session(ctx, in.ID, usher.ActionManage)
	if err != nil {
		return nil, err
	}
	b, s := &in.Body, *old
	if b.Version != nil && *b.Version != s.Version {
		return nil, &usher.Error{Code: usher.CodeConflict, Message: "The session was changed meanwhile; read it again."}
	}
	setIf(&s.Passcode, b.Passcode)
	setIf(&s.NotBefore, b.NotBefore)
	setIf(&s.NotAfter, b.NotAfter)
	if b.State != nil {
		s.State = usher.SessionState(*b.State)
	}
	setIf(&s.Owner, b.Owner)
	setIf(&s.Hosts, b.Hosts)
	setIf(&s.People, b.People)
	setIf(&s.Groups, b.Groups)
	if b.Admit != nil {
		s.Admit = usher.Admission(*b.Admit)
	}
	if b.Seconds != nil {
		s.Life = time.Duration(*b.Seconds) * time.Second
	}
	setIf(&s.GeoRegions, b.GeoRegions)
	setIf(&s.WaitingRoom, b.WaitingRoom)
	setIf(&s.Capacity, b.Capacity)
	if b.CloudRecordingOption != nil {
		s.CloudRecordingOption = b.CloudRecordingOption
	}
	if b.CloudRecordingElection != nil {
		s.CloudRecordingElection = b.CloudRecordingElection
	}
	if b.CloudRecordingTranscriptOption != nil {
		s.CloudRecordingTranscriptOption = b.CloudRecordingTranscriptOption
	}
	if err := v.checkSession(&s); err != nil {
		return nil, err
	}
	// Who hands a session over, or adds hosts, must be allowed to manage what it was; what it becomes is theirs to say.
	s.UpdatedAt = v.Now()
	what := "update"
	if s.State != old.State {
		what = map[usher.SessionState]string{usher.StateOpen: "open", usher.StateLocked: "lock", usher.StateEnded: "end"}[s.State]
	}
	if err := v.change(ctx, usher.EventSessionChange, what, s.ID, s.Name, func() error { return v.Store.UpdateSession(ctx, &s) }); err != nil {
		return nil, err
	}
	return &api.SessionOut{Body: v.toSession(ctx, &s)}, nil
}

func (v *v1) deleteSession(ctx context.Context, in *api.SessionRef) (*api.NoContent, error) {
	s, err := v.session(ctx, in.ID, usher.ActionManage)
	if err != nil {
		return nil, err
	}
	return nil, v.change(ctx, usher.EventSessionChange, "delete", s.ID, s.Name, func() error { return v.Store.DeleteSession(ctx, s.ID) })
}

// session finds a session by id or name, for a caller who may do action with
// it. Who may not learns no more than that there is nothing for them.
func (v *v1) session(ctx context.Context, ref string, action usher.Action) (*usher.Session, error) {
	s, err := v.Store.SessionByID(ctx, ref)
	if usher.ErrorCode(err) == usher.CodeNotFound {
		s, err = v.Store.Session(ctx, ref)
	}
	if err != nil {
		return nil, err
	}
	missing := &usher.Error{Code: usher.CodeNotFound, Message: "There is no such session."}
	if s == nil {
		return nil, missing
	}
	if err := v.may(ctx, action, s); err != nil {
		if action != usher.ActionInspect && v.may(ctx, usher.ActionInspect, s) == nil {
			return nil, err
		}
		return nil, missing
	}
	return s, nil
}

// checkSession reports all faults of s, and puts its times into UTC. A signature for it must be possible,
// so the signer judges the values that go into one.
func (v *v1) checkSession(s *usher.Session) error {
	var faults videosdk.FieldErrors
	err := v.issuer.Check(&usher.Request{Wish: usher.WishHost, Grant: videosdk.Grant{
		SessionName: s.Name, Passcode: s.Passcode, SessionKey: s.SessionKey, Life: s.Life, GeoRegions: s.GeoRegions, UserKey: s.Owner,
		CloudRecordingOption: s.CloudRecordingOption, CloudRecordingElection: s.CloudRecordingElection,
		CloudRecordingTranscriptOption: s.CloudRecordingTranscriptOption,
	}})
	if fs, ok := err.(videosdk.FieldErrors); ok {
		names := map[string]string{"sessionName": "name", "sessionPasscode": "passcode", "userKey": "owner"}
		for _, f := range fs {
			if name, ok := names[f.Field]; ok {
				f.Field = name
			}
			faults = append(faults, f)
		}
	} else if err != nil {
		return err
	}
	for _, bound := range []struct {
		field string
		at    *time.Time
	}{{"notBefore", &s.NotBefore}, {"notAfter", &s.NotAfter}} {
		// In UTC, in which it is kept and shown: a zone can carry a time past the last year that JSON has.
		if *bound.at = bound.at.UTC(); !bound.at.IsZero() && (bound.at.Year() < 2000 || bound.at.Year() > 9999) {
			faults = append(faults, &videosdk.FieldError{Field: bound.field, Reason: "is outside the years 2000 to 9999"})
		}
	}
	if !s.NotBefore.IsZero() && !s.NotAfter.IsZero() && !s.NotBefore.Before(s.NotAfter) {
		faults = append(faults, &videosdk.FieldError{Field: "notAfter", Reason: "must be later than notBefore"})
	}
	for _, list := range []struct {
		field string
		names []string
		limit int
	}{{"hosts", s.Hosts, videosdk.MaxUserKey}, {"people", s.People, videosdk.MaxUserKey}, {"groups", s.Groups, 200}} {
		for _, name := range list.names {
			if name == "" || len(name) > 4*list.limit || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				faults = append(faults, &videosdk.FieldError{Field: list.field, Reason: "has an entry that is empty, too long or not plain text"})
				break
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults
}

// newPasscode makes 10 random characters that can be read aloud and typed
// anywhere: letters and digits without those that look alike (49 bits).
func (v *v1) newPasscode() (string, error) {
	const alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, videosdk.MaxPasscode)
	for i := range b {
		n, err := rand.Int(v.Random, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", err
		}
		b[i] = alphabet[n.Int64()]
	}
	return string(b), nil
}

// toSession shows s; its passcode only to those who may manage it.
func (v *v1) toSession(ctx context.Context, s *usher.Session) api.Session {
	out := api.Session{
		ID: s.ID, Name: s.Name, SessionKey: s.SessionKey, NotBefore: fromTime(s.NotBefore), NotAfter: fromTime(s.NotAfter),
		State: string(s.State), Owner: s.Owner, Hosts: s.Hosts, People: s.People, Groups: s.Groups, Admit: string(s.Admit),
		Seconds: int64(s.Life / time.Second), GeoRegions: s.GeoRegions, WaitingRoom: s.WaitingRoom, Capacity: s.Capacity,
		CloudRecordingOption: s.CloudRecordingOption, CloudRecordingElection: s.CloudRecordingElection,
		CloudRecordingTranscriptOption: s.CloudRecordingTranscriptOption,
		CreatedAt:                      s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(), Version: s.Version,
	}
	if v.may(ctx, usher.ActionManage, s) == nil {
		out.Passcode = s.Passcode
	}
	return out
}
