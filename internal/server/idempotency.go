package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"
)

// idempotencyLife is how long a repeated call gets its first answer.
const idempotencyLife = 24 * time.Hour

// idempotent does a call once for each key of a caller. The answer is kept
// sealed, since it may hold a secret; refusals and faults are not kept, so that
// a call may be tried again after one. An empty key does the call each time.
func idempotent[Out any](ctx context.Context, v *v1, operation, key string, in any, do func() (*Out, error)) (*Out, error) {
	return idempotentUntil(ctx, v, operation, key, in, nil, do)
}

// idempotentUntil is idempotent for answers that are of no use from a moment on.
func idempotentUntil[Out any](ctx context.Context, v *v1, operation, key string, in any, until func(*Out) time.Time, do func() (*Out, error)) (*Out, error) {
	who := requestOf(ctx).caller
	if key == "" || who.ID == "" { // those who aren't known at all can't be told apart, so each gets an answer of their own
		return do()
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	// The caller is part of the name: nobody gets another's answer by guessing a key.
	name := digest(who.String(), operation, key)
	expires := v.Now().Add(idempotencyLife)
	answer, err := v.Store.BeginIdempotent(ctx, name, digest(string(body)), expires)
	if err != nil {
		return nil, err
	}
	if answer != nil {
		out := new(Out)
		return out, json.Unmarshal(answer, out)
	}
	out, err := do()
	// Whether the client still waits or not, the name must not stay taken without an answer.
	end := context.WithoutCancel(ctx)
	if err != nil {
		v.Store.EndIdempotent(end, name, nil, expires)
		return nil, err
	}
	if answer, err = json.Marshal(out); err != nil {
		return nil, err
	}
	if until != nil {
		if t := until(out); t.Before(expires) {
			expires = t
		}
	}
	if err := v.Store.EndIdempotent(end, name, answer, expires); err != nil {
		return nil, err
	}
	return out, nil
}

// digest hashes texts so that no two different lists of texts hash alike.
func digest(texts ...string) [32]byte {
	b, _ := json.Marshal(texts) // strings can always be written
	return sha256.Sum256(b)
}
