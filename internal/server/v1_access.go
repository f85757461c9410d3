package server

import (
	"context"
	"encoding/hex"
	"net/url"
	"slices"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/caller"
	"github.com/usher-sessions/usher/videosdk"
)

// Invites.

func (v *v1) listInvites(ctx context.Context, in *api.ListInvitesIn) (*api.InvitesOut, error) {
	if err := v.mayInvite(ctx, in.Session, usher.ActionInspect); err != nil {
		return nil, err
	}
	found, next, err := v.Store.ListInvites(ctx, in.Session, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.InvitesOut{Body: api.InviteList{Invites: []api.Invite{}, NextCursor: next}}
	for _, i := range found {
		out.Body.Invites = append(out.Body.Invites, toInvite(i))
	}
	return out, nil
}

// mayInvite asks about invites to the session of that name, or to all where it is "".
func (v *v1) mayInvite(ctx context.Context, name string, action usher.Action) error {
	if name == "" {
		return v.may(ctx, action, nil)
	}
	s, err := v.Store.Session(ctx, name)
	if err != nil {
		return err
	}
	if s == nil {
		s = &usher.Session{Name: name, State: usher.StateOpen}
	}
	return v.may(ctx, action, s)
}

func (v *v1) createInvite(ctx context.Context, in *api.CreateInviteIn) (*api.NewInviteOut, error) {
	return idempotent(ctx, v, api.CreateInvite.ID, in.IdempotencyKey, &in.Body, func() (*api.NewInviteOut, error) {
		b := &in.Body
		if err := v.issuer.Check(&usher.Request{Grant: videosdk.Grant{SessionName: b.Session}}); err != nil {
			return nil, err
		}
		if err := v.mayInvite(ctx, b.Session, usher.ActionManage); err != nil {
			return nil, err
		}
		id, err := v.Store.NewID()
		if err != nil {
			return nil, err
		}
		code, hash, err := caller.NewInvite(v.Random)
		if err != nil {
			return nil, err
		}
		now, uses := v.Now(), 1
		if b.Uses != nil {
			uses = *b.Uses
		}
		i := &usher.Invite{
			ID: id, Hash: hash, Session: b.Session, Host: b.Role == string(usher.WishHost), Uses: uses,
			CreatedAt: now, ExpiresAt: now.Add(time.Duration(b.Seconds) * time.Second),
		}
		if err := v.change(ctx, usher.EventInviteChange, "create", i.ID, i.Session, func() error { return v.Store.CreateInvite(ctx, i) }); err != nil {
			return nil, err
		}
		out := &api.NewInviteOut{Body: api.NewInvite{Invite: toInvite(i), Code: code}}
		if v.PublicURL != "" {
			out.Body.Link = v.PublicURL + "/#invite=" + url.QueryEscape(code)
		}
		return out, nil
	})
}

func (v *v1) revokeInvite(ctx context.Context, in *api.InviteRef) (*api.NoContent, error) {
	i, err := v.Store.Invite(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := v.mayInvite(ctx, i.Session, usher.ActionManage); err != nil {
		return nil, err
	}
	return nil, v.change(ctx, usher.EventInviteChange, "revoke", i.ID, i.Session, func() error { return v.Store.RevokeInvite(ctx, i.ID) })
}

func toInvite(i *usher.Invite) api.Invite {
	return api.Invite{
		ID: i.ID, Session: i.Session, Role: roleOf(i.Host), Uses: i.Uses, Used: i.Used,
		CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(), RevokedAt: fromTime(i.RevokedAt),
	}
}

// API keys.

func (v *v1) listKeys(ctx context.Context, in *api.ListKeysIn) (*api.KeysOut, error) {
	if err := v.may(ctx, usher.ActionManage, nil); err != nil {
		return nil, err
	}
	found, next, err := v.Store.ListKeys(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.KeysOut{Body: api.KeyList{Keys: []api.Key{}, NextCursor: next}}
	for _, k := range found {
		out.Body.Keys = append(out.Body.Keys, toKey(k))
	}
	return out, nil
}

func (v *v1) createKey(ctx context.Context, in *api.CreateKeyIn) (*api.NewKeyOut, error) {
	return idempotent(ctx, v, api.CreateKey.ID, in.IdempotencyKey, &in.Body, func() (*api.NewKeyOut, error) {
		if err := v.may(ctx, usher.ActionManage, nil); err != nil {
			return nil, err
		}
		b := &in.Body
		may, err := caller.ActionsOf(b.May, b.Roles)
		if err != nil {
			return nil, &videosdk.FieldError{Field: "may", Reason: err.Error()}
		}
		id, err := v.Store.NewID()
		if err != nil {
			return nil, err
		}
		secret, hash, err := caller.NewKey(v.Random)
		if err != nil {
			return nil, err
		}
		k := &usher.Key{ID: id, Name: b.Name, Hash: hash, May: may, Sessions: b.Sessions, CreatedAt: v.Now()}
		if b.Seconds > 0 {
			k.ExpiresAt = k.CreatedAt.Add(time.Duration(b.Seconds) * time.Second)
		}
		if err := v.change(ctx, usher.EventKeyChange, "create", k.ID, "", func() error { return v.Store.CreateKey(ctx, k) }); err != nil {
			return nil, err
		}
		return &api.NewKeyOut{Body: api.NewKey{Key: toKey(k), Secret: secret}}, nil
	})
}

func (v *v1) revokeKey(ctx context.Context, in *api.KeyRef) (*api.NoContent, error) {
	if err := v.may(ctx, usher.ActionManage, nil); err != nil {
		return nil, err
	}
	return nil, v.change(ctx, usher.EventKeyChange, "revoke", in.ID, "", func() error { return v.Store.RevokeKey(ctx, in.ID) })
}

func toKey(k *usher.Key) api.Key {
	out := api.Key{
		ID: k.ID, Name: k.Name, Sessions: k.Sessions, CreatedAt: k.CreatedAt.UTC(),
		ExpiresAt: fromTime(k.ExpiresAt), RevokedAt: fromTime(k.RevokedAt), LastUsedAt: fromTime(k.LastUsedAt),
	}
	joins, hosts := slices.Contains(k.May, usher.ActionJoin), slices.Contains(k.May, usher.ActionHost)
	if joins || hosts {
		out.May = append(out.May, "sign")
	}
	if joins {
		out.Roles = append(out.Roles, "participant")
	}
	if hosts {
		out.Roles = append(out.Roles, "host")
	}
	for _, a := range []usher.Action{usher.ActionInspect, usher.ActionManage} {
		if slices.Contains(k.May, a) {
			out.May = append(out.May, string(a))
		}
	}
	return out
}

// Bans.

func (v *v1) listBans(ctx context.Context, in *api.ListBansIn) (*api.BansOut, error) {
	if err := v.may(ctx, usher.ActionManage, nil); err != nil {
		return nil, err
	}
	found, next, err := v.Store.ListBans(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.BansOut{Body: api.BanList{Bans: []api.Ban{}, NextCursor: next}}
	for _, b := range found {
		out.Body.Bans = append(out.Body.Bans, api.Ban{ID: b.ID, Subject: b.Subject, Reason: b.Reason, CreatedAt: b.CreatedAt.UTC()})
	}
	return out, nil
}

func (v *v1) createBan(ctx context.Context, in *api.CreateBanIn) (*api.BanOut, error) {
	return idempotent(ctx, v, api.CreateBan.ID, in.IdempotencyKey, &in.Body, func() (*api.BanOut, error) {
		if err := v.may(ctx, usher.ActionManage, nil); err != nil {
			return nil, err
		}
		id, err := v.Store.NewID()
		if err != nil {
			return nil, err
		}
		b := &usher.Ban{ID: id, Subject: in.Body.Subject, Reason: in.Body.Reason, CreatedAt: v.Now()}
		if err := v.change(ctx, usher.EventBanChange, "ban "+b.Subject, b.ID, "", func() error { return v.Store.AddBan(ctx, b) }); err != nil {
			return nil, err
		}
		return &api.BanOut{Body: api.Ban{ID: b.ID, Subject: b.Subject, Reason: b.Reason, CreatedAt: b.CreatedAt.UTC()}}, nil
	})
}

func (v *v1) removeBan(ctx context.Context, in *api.BanRef) (*api.NoContent, error) {
	if err := v.may(ctx, usher.ActionManage, nil); err != nil {
		return nil, err
	}
	return nil, v.change(ctx, usher.EventBanChange, "lift", in.ID, "", func() error { return v.Store.RemoveBan(ctx, in.ID) })
}

// The ledger.

func (v *v1) queryLedger(ctx context.Context, in *api.QueryLedgerIn) (*api.LedgerOut, error) {
	if err := v.mayInvite(ctx, in.Session, usher.ActionInspect); err != nil {
		return nil, err
	}
	found, next, err := v.Store.QueryLedger(ctx, usher.LedgerFilter{
		UserKey: in.UserKey, Session: in.Session, Decision: in.Decision, Event: usher.Event(in.Event), From: in.From, To: in.To,
	}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.LedgerOut{Body: api.LedgerList{Rows: []api.LedgerRow{}, NextCursor: next}}
	for i := range found {
		r := &found[i]
		out.Body.Rows = append(out.Body.Rows, api.LedgerRow{
			Writer: r.Writer, Number: r.Number, Time: r.Time.UTC(), Event: string(r.Event), Caller: r.Caller, UserKey: r.UserKey,
			Session: r.Session, Role: r.Role, Decision: r.Decision, Rules: r.Rules, Reason: r.Reason, ExpiresAt: fromTime(r.Expires),
			Address: r.Address, SignatureSHA256: r.SignatureSHA256, Subject: r.Subject, RequestID: r.RequestID, Hash: hex.EncodeToString(r.Hash[:]),
		})
	}
	return out, nil
}
