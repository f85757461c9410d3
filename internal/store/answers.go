package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/usher-sessions/usher"
)

// An Answer is what a request with an idempotency key was answered, to be given
// again when the request is repeated.
type Answer struct {
	Status int
	Body   []byte
}

const sealAnswer = "answer"

// abandoned is after how long a request that never finished may be begun anew:
// longer than any request may take.
const abandoned = time.Minute

// BeginAnswer claims an idempotency key of a caller for the request with that
// fingerprint. It returns nil where the request is to be done, to be followed by
// FinishAnswer or ForgetAnswer; the answer where it was done before. It gives
// conflict where another request used the key, and where this one is being
// done at the moment (with RetryAfter). Keys are remembered until keep has passed.
func (s *Store) BeginAnswer(ctx context.Context, caller, key string, fingerprint [32]byte, keep time.Duration) (*Answer, error) {
	id := answerID(caller, key)
	var found *Answer
	err := s.inTx(ctx, func(t *tx) error {
		now := s.now()
		begun, err := t.exec(ctx, "INSERT INTO answers (id, fingerprint, status, body, started_at, expires_at) VALUES (?, ?, 0, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
			id[:], fingerprint[:], []byte{}, micros(now), micros(now.Add(keep)))
		if err != nil || begun == 1 {
			return err
		}
		var print, sealed []byte
		var status int
		var started, expires int64
		// The write locks the row, so that of two who find it abandoned one begins.
		err = t.queryRow(ctx, "UPDATE answers SET status = status WHERE id = ? RETURNING fingerprint, status, body, started_at, expires_at", id[:]).
			Scan(&print, &status, &sealed, &started, &expires)
		if errors.Is(err, sql.ErrNoRows) { // swept this moment
			return stillRunning
		} else if err != nil {
			return err
		}
		switch {
		case !now.Before(moment(expires)), status == 0 && now.Sub(moment(started)) >= abandoned:
			_, err := t.exec(ctx, "UPDATE answers SET fingerprint = ?, status = 0, body = ?, started_at = ?, expires_at = ? WHERE id = ?",
				fingerprint[:], []byte{}, micros(now), micros(now.Add(keep)), id[:])
			return err
		case subtle.ConstantTimeCompare(print, fingerprint[:]) != 1:
			return &usher.Error{Code: usher.CodeConflict, Message: "This idempotency key was used for another request; use a new one for each request."}
		case status == 0:
			return stillRunning
		}
		body, err := s.opts.Sealer.Open(sealAnswer, hex.EncodeToString(id[:]), sealed)
		found = &Answer{Status: status, Body: body}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

var stillRunning = &usher.Error{Code: usher.CodeConflict, Message: "The same request is being answered at the moment; repeat it shortly.", RetryAfter: time.Second}

// FinishAnswer keeps the answer to what BeginAnswer began, until expires at the latest.
func (s *Store) FinishAnswer(ctx context.Context, caller, key string, a Answer, expires time.Time) error {
	id := answerID(caller, key)
	sealed, err := s.opts.Sealer.Seal(sealAnswer, hex.EncodeToString(id[:]), a.Body)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "UPDATE answers SET status = ?, body = ?, expires_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END WHERE id = ? AND status = 0",
			a.Status, sealed, micros(expires), micros(expires), id[:])
		return err
	})
}

// ForgetAnswer lets the key be used again, after a request that changed nothing.
func (s *Store) ForgetAnswer(ctx context.Context, caller, key string) error {
	id := answerID(caller, key)
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "DELETE FROM answers WHERE id = ? AND status = 0", id[:])
		return err
	})
}

// SweepAnswers removes up to 1000 answers past their time and returns how many went.
func (s *Store) SweepAnswers(ctx context.Context) (gone int64, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		gone, err = t.exec(ctx, "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE expires_at <= ? ORDER BY expires_at LIMIT 1000)", micros(s.now()))
		return err
	})
	return gone, err
}

func answerID(caller, key string) [32]byte { return sha256.Sum256([]byte(caller + "\x00" + key)) }
