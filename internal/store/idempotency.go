package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/usher-sessions/usher"
)

// Answers of calls that may be repeated are kept sealed: they hold signatures
// and other secrets. So do the calls, of which a keyed hash is kept: from a plain
// one, whoever reads the database could find a short passcode by trying.

const sealAnswer = "answer"

// abandoned is after how long a call that never ended may be begun anew: longer
// than any may take.
const abandoned = time.Minute

var stillRunning = &usher.Error{Code: usher.CodeConflict, Message: "The same call is being answered at the moment; repeat it shortly.", RetryAfter: time.Second}

// BeginIdempotent takes the name for a call with that fingerprint until expires,
// to be followed by EndIdempotent, and returns nil; or it returns what was
// answered to it before. It gives conflict where another call used the name, and
// where the same one isn't over (with RetryAfter).
func (s *Store) BeginIdempotent(ctx context.Context, name, fingerprint [32]byte, expires time.Time) (answer []byte, err error) {
	seals := s.opts.Sealer
	if seals == nil {
		return nil, usher.Unavailable("Remembering the answer", errNoSealer)
	}
	id := hex.EncodeToString(name[:])
	mark := seals.mark(sealAnswer, id, fingerprint[:])
	err = s.inTx(ctx, func(t *tx) error {
		now := s.now()
		begun, err := t.exec(ctx, "INSERT INTO answers (name, fingerprint, done, body, started_at, expires_at) VALUES (?, ?, 0, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
			name[:], mark, []byte{}, micros(now), micros(expires))
		if err != nil || begun == 1 {
			return err
		}
		var print, sealed []byte
		var done, started, until int64
		// A write, so that its lock lets one of two who find the call abandoned begin it anew.
		err = t.queryRow(ctx, "UPDATE answers SET done = done WHERE name = ? RETURNING fingerprint, done, body, started_at, expires_at", name[:]).
			Scan(&print, &done, &sealed, &started, &until)
		if errors.Is(err, sql.ErrNoRows) { // it went this moment
			return stillRunning
		} else if err != nil {
			return err
		}
		switch {
		case !now.Before(moment(until)), done == 0 && now.Sub(moment(started)) >= abandoned:
			_, err := t.exec(ctx, "UPDATE answers SET fingerprint = ?, done = 0, body = ?, started_at = ?, expires_at = ? WHERE name = ?",
				mark, []byte{}, micros(now), micros(expires), name[:])
			return err
		case !seals.marked(print, sealAnswer, id, fingerprint[:]):
			return &usher.Error{Code: usher.CodeConflict, Message: "This idempotency key was used for another call; use a new one for each."}
		case done == 0:
			return stillRunning
		}
		answer, err = seals.Open(sealAnswer, id, sealed)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// EndIdempotent keeps the answer to what BeginIdempotent began; a nil answer gives the name free.
func (s *Store) EndIdempotent(ctx context.Context, name [32]byte, answer []byte, expires time.Time) error {
	sealed, err := s.opts.Sealer.Seal(sealAnswer, hex.EncodeToString(name[:]), answer)
	if err != nil {
		return usher.Unavailable("Remembering the answer", err)
	}
	return s.inTx(ctx, func(t *tx) error {
		if answer == nil {
			_, err := t.exec(ctx, "DELETE FROM answers WHERE name = ? AND done = 0", name[:])
			return err
		}
		_, err := t.exec(ctx, "UPDATE answers SET done = 1, body = ?, expires_at = ? WHERE name = ? AND done = 0", sealed, micros(expires), name[:])
		return err
	})
}

// sweepStep is how many answers go in one transaction, so that no writer has to wait for long.
const sweepStep = 1000

// SweepIdempotent removes all answers past their time and returns how many went.
func (s *Store) SweepIdempotent(ctx context.Context) (gone int64, err error) {
	now := micros(s.now())
	for n := int64(sweepStep); n == sweepStep; gone += n {
		err = s.inTx(ctx, func(t *tx) error {
			n, err = t.exec(ctx, "DELETE FROM answers WHERE name IN (SELECT name FROM answers WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)", now, sweepStep)
			return err
		})
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}
