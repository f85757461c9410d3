package gate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/usher-sessions/usher"
)

// record writes the row of something that happened to an entrant.
func (g *Gate) record(ctx context.Context, event usher.Event, e *usher.Entrant, r *Request, reason string) error {
	row := &usher.Entry{
		Time: g.cfg.Now(), Event: event, Caller: e.Caller, UserKey: e.UserKey, Session: e.Session, Role: e.Role(), Decision: usher.Allowed,
		Reason: reason, Expires: e.ExpiresAt, SignatureSHA256: hex.EncodeToString(e.Signature[:]), Subject: e.ID,
	}
	if r != nil {
		row.RequestID = r.ID
		if r.Addr.IsValid() {
			row.Address = r.Addr.String()
		}
	}
	return g.write(ctx, row)
}

func (g *Gate) write(ctx context.Context, row *usher.Entry) error {
	if err := g.cfg.Ledger.Record(ctx, row); err != nil {
		return usher.Unavailable("The ledger", fmt.Errorf("recording %s: %w", row.Event, err))
	}
	return nil
}

// refuse writes the row of a refusal and returns the refusal. What a forged
// signature says of itself isn't written down: p is nil then.
func (g *Gate) refuse(ctx context.Context, r *Request, p *proof, err error) error {
	var refused *usher.Error
	if !errors.As(err, &refused) || refused.Code == usher.CodeUnavailable || refused.Code == usher.CodeLimited {
		return err
	}
	row := &usher.Entry{
		Time: g.cfg.Now(), Event: usher.EventGateRefused, Session: r.Topic, Decision: usher.Denied,
		Reason: string(refused.Code), Rules: refused.Rules, RequestID: r.ID,
	}
	if r.Addr.IsValid() {
		row.Address = r.Addr.String()
	}
	if p != nil {
		row.Caller, row.UserKey, row.Role = p.caller.String(), p.UserKey, p.Role.String()
		row.Expires, row.SignatureSHA256 = p.ExpiresAt, hex.EncodeToString(p.sum[:])
	}
	if failed := g.write(ctx, row); failed != nil {
		return failed
	}
	return err
}
