package server

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/api"
	"github.com/usher-sessions/usher/internal/policy"
	"github.com/usher-sessions/usher/videosdk"
)

func (v *v1) sign(ctx context.Context, in *api.SignIn) (*api.SignatureOut, error) {
	expiry := func(out *api.SignatureOut) time.Time { return out.Body.ExpiresAt }
	key := in.IdempotencyKey
	if reason, err := v.Banned(ctx, requestOf(ctx).caller, in.Body.UserKey); err != nil || reason != "" {
		key = "" // what was signed before the ban isn't handed out again; the issuer refuses, and records that
	}
	return idempotentUntil(ctx, v, api.Sign.ID, key, &in.Body, expiry, func() (*api.SignatureOut, error) {
		rc, b := requestOf(ctx), &in.Body
		return v.issue(ctx, rc.caller, &usher.Request{ID: rc.id, Wish: usher.Wish(b.Role), Grant: videosdk.Grant{
			SessionName: b.SessionName, Passcode: b.SessionPasscode, UserKey: b.UserKey, SessionKey: b.SessionKey,
			Life: time.Duration(b.Seconds) * time.Second, GeoRegions: b.GeoRegions,
			CloudRecordingOption: b.CloudRecordingOption, CloudRecordingElection: b.CloudRecordingElection,
			CloudRecordingTranscriptOption: b.CloudRecordingTranscriptOption, TelemetryTrackingID: b.TelemetryTrackingID,
			VideoWebRTCMode: b.VideoWebRTCMode, AudioWebRTCMode: b.AudioWebRTCMode,
		}})
	})
}

func (v *v1) issue(ctx context.Context, caller *usher.Caller, req *usher.Request) (*api.SignatureOut, error) {
	is, err := v.issuer.Issue(ctx, caller, req)
	if err != nil {
		return nil, err
	}
	return &api.SignatureOut{Body: api.Signature{
		Signature: is.Signature, ExpiresAt: is.ExpiresAt, IssuedAt: is.IssuedAt, SessionName: is.SessionName,
		Role: is.Role.String(), UserKey: is.UserKey, SessionKey: is.SessionKey, Passcode: is.Passcode,
	}}, nil
}

func (v *v1) redeemInvite(ctx context.Context, in *api.RedeemIn) (*api.SignatureOut, error) {
	rc := requestOf(ctx)
	caller, err := v.Redeem(ctx, rc.r, &in.Body)
	if err != nil {
		return nil, err
	}
	rc.caller = caller
	if len(caller.Scope.Sessions) != 1 {
		return nil, &usher.Error{Code: usher.CodeScope, Message: "The invite is not for one session."}
	}
	req := &usher.Request{ID: rc.id, Wish: usher.WishParticipant, Grant: videosdk.Grant{SessionName: caller.Scope.Sessions[0]}}
	if caller.Scope.Covers(usher.ActionHost, req.Grant.SessionName) {
		req.Wish = usher.WishBest
	}
	return v.issue(ctx, caller, req)
}

func (v *v1) inspect(ctx context.Context, in *api.InspectIn) (*api.InspectOut, error) {
	b := &in.Body
	if err := v.may(ctx, usher.ActionInspect, nil); err != nil {
		return nil, err
	}
	known := videosdk.Known{SessionName: b.SessionName, ErrorShown: b.ErrorShown, Now: v.Now()}
	if b.Passcode != "" {
		known.Passcode = &b.Passcode
	}
	if len(v.Credentials) > 0 {
		known.Key, known.Secret, known.Others = v.Credentials[0].Key, v.Credentials[0].Secret, v.Credentials[1:]
	}
	report, err := json.Marshal(videosdk.Inspect(b.Signature, known))
	return &api.InspectOut{Body: report}, err
}

func (v *v1) explainPolicy(ctx context.Context, in *api.ExplainIn) (*api.ExplainOut, error) {
	b := &in.Body
	s, err := v.Store.Session(ctx, b.Session)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &usher.Session{Name: b.Session, State: usher.StateOpen}
	}
	if err := v.may(ctx, usher.ActionInspect, s); err != nil {
		return nil, err
	}
	caller := &usher.Caller{Kind: usher.CallerKind(b.Kind), ID: b.ID, Groups: b.Groups}
	if caller.Kind == usher.KindUser {
		caller.UserKey = b.ID
	}
	if b.Address != "" {
		addr, err := netip.ParseAddr(b.Address)
		if err != nil {
			return nil, &videosdk.FieldError{Field: "address", Reason: "is not an IP address"}
		}
		caller.Addr = addr
	}
	q := &usher.Question{Caller: caller, Action: usher.Action(b.Action), Session: s, Now: v.Now(), Life: videosdk.DefaultLife}
	x := v.Policy.Explain(q)
	return &api.ExplainOut{Body: api.Explained{
		Allowed: x.Allowed, Caller: x.Caller, Action: x.Action, Session: x.Session, Why: x.Why, Rules: orNone(x.Rules),
		Matched: toRules(x.Matched), Failed: toRules(x.Failed), Missed: toRules(x.Missed),
	}}, nil
}

func toRules(findings []policy.Finding) []api.ExplainedRule {
	out := make([]api.ExplainedRule, len(findings))
	for i, f := range findings {
		out[i] = api.ExplainedRule(f)
	}
	return out
}

// orNone is an empty list for nil, which would be written as null.
func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
