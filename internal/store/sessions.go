package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher-sessions/usher"
)

const sessionColumns = "id, name, state, owner, passcode, settings, created_at, updated_at, version"

const sealPasscode = "session passcode"

// settings are those fields of a session that are never searched for, as stored.
type settings struct {
	SessionKey  string          `json:"sessionKey,omitempty"`
	NotBefore   int64           `json:"notBefore,omitempty"` // microseconds since 1970, as NotAfter
	NotAfter    int64           `json:"notAfter,omitempty"`
	Hosts       []string        `json:"hosts,omitempty"`
	People      []string        `json:"people,omitempty"`
	Groups      []string        `json:"groups,omitempty"`
	Admit       usher.Admission `json:"admit,omitempty"`
	Life        int64           `json:"life,omitempty"` // seconds
	GeoRegions  []string        `json:"geoRegions,omitempty"`
	Option      *int            `json:"cloudRecordingOption,omitempty"`
	Election    *int            `json:"cloudRecordingElection,omitempty"`
	Transcript  *int            `json:"cloudRecordingTranscriptOption,omitempty"`
	WaitingRoom bool            `json:"waitingRoom,omitempty"`
	Capacity    int             `json:"capacity,omitempty"`
}

// sessionRow is what a session is stored as, besides its id and times.
func (s *Store) sessionRow(v *usher.Session) (passcode []byte, doc string, err error) {
	if passcode, err = s.opts.Sealer.Seal(sealPasscode, v.ID, []byte(v.Passcode)); err != nil {
		return nil, "", usher.Unavailable("Keeping the passcode", err)
	}
	b, err := json.Marshal(settings{
		SessionKey: v.SessionKey, NotBefore: micros(v.NotBefore), NotAfter: micros(v.NotAfter), Hosts: v.Hosts, People: v.People,
		Groups: v.Groups, Admit: v.Admit, Life: int64(v.Life / time.Second), GeoRegions: v.GeoRegions, Option: v.CloudRecordingOption,
		Election: v.CloudRecordingElection, Transcript: v.CloudRecordingTranscriptOption, WaitingRoom: v.WaitingRoom, Capacity: v.Capacity,
	})
	return passcode, string(b), err
}

func (s *Store) scanSession(row scanner) (*usher.Session, error) {
	var v usher.Session
	var created, updated int64
	var sealed []byte
	var doc string
	if err := row.Scan(&v.ID, &v.Name, &v.State, &v.Owner, &sealed, &doc, &created, &updated, &v.Version); err != nil {
		return nil, s.fault(err)
	}
	var d settings
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, usher.Unavailable("The session", fmt.Errorf("store: settings of session %s: %w", v.ID, err))
	}
	passcode, err := s.opts.Sealer.Open(sealPasscode, v.ID, sealed)
	if err != nil {
		return nil, usher.Unavailable("The session", err)
	}
	v.Passcode, v.CreatedAt, v.UpdatedAt = string(passcode), moment(created), moment(updated)
	v.SessionKey, v.NotBefore, v.NotAfter = d.SessionKey, moment(d.NotBefore), moment(d.NotAfter)
	v.Hosts, v.People, v.Groups, v.Admit = d.Hosts, d.People, d.Groups, d.Admit
	v.Life, v.GeoRegions = time.Duration(d.Life)*time.Second, d.GeoRegions
	v.CloudRecordingOption, v.CloudRecordingElection, v.CloudRecordingTranscriptOption = d.Option, d.Election, d.Transcript
	v.WaitingRoom, v.Capacity = d.WaitingRoom, d.Capacity
	return &v, nil
}

// CreateSession adds v to the directory and sets its ID if it has none, its
// times and its version. It gives conflict if a session has the name already, in any case.
func (s *Store) CreateSession(ctx context.Context, v *usher.Session) (err error) {
	n := *v
	if n.ID == "" {
		if n.ID, err = s.NewID(); err != nil {
			return err
		}
	}
	n.CreatedAt = s.now()
	n.UpdatedAt, n.Version = n.CreatedAt, 1
	passcode, doc, err := s.sessionRow(&n)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(t *tx) error {
		t.changed(KindSession, n.ID, usher.FoldName(n.Name))
		_, err := t.exec(ctx, "INSERT INTO sessions ("+sessionColumns+", folded_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			n.ID, n.Name, string(n.State), n.Owner, passcode, doc, micros(n.CreatedAt), micros(n.UpdatedAt), n.Version, usher.FoldName(n.Name))
		return err
	})
	if err == nil {
		*v = n
	} else if usher.ErrorCode(err) == usher.CodeConflict {
		return &usher.Error{Code: usher.CodeConflict, Message: "A session of that name exists already.", Cause: err}
	}
	return err
}

// Session returns the session of that name, compared by usher.FoldName, or nil if there is none.
func (s *Store) Session(ctx context.Context, name string) (*usher.Session, error) {
	v, err := s.scanSession(s.queryRow(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE folded_name = ?", usher.FoldName(name)))
	if usher.ErrorCode(err) == usher.CodeNotFound {
		return nil, nil
	}
	return v, err
}

// SessionByID gives not_found if there is none with that id.
func (s *Store) SessionByID(ctx context.Context, id string) (*usher.Session, error) {
	v, err := s.scanSession(s.queryRow(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE id = ?", id))
	if usher.ErrorCode(err) == usher.CodeNotFound {
		return nil, notFound("session")
	}
	return v, err
}

// UpdateSession writes v over the session with its ID, if that still has v's
// version, and counts the version up. It gives conflict if it has another, or if
// v's name is another session's; not_found if there is none.
func (s *Store) UpdateSession(ctx context.Context, v *usher.Session) error {
	n := *v
	n.UpdatedAt, n.Version = s.now(), v.Version+1
	passcode, doc, err := s.sessionRow(&n)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(t *tx) error {
		var was string
		if err := t.queryRow(ctx, "SELECT folded_name FROM sessions WHERE id = ?", n.ID).Scan(&was); err != nil {
			return notFoundOr("session", err)
		}
		touched, err := t.exec(ctx, "UPDATE sessions SET name = ?, folded_name = ?, state = ?, owner = ?, passcode = ?, settings = ?, updated_at = ?, version = ? WHERE id = ? AND version = ?",
			n.Name, usher.FoldName(n.Name), string(n.State), n.Owner, passcode, doc, micros(n.UpdatedAt), n.Version, n.ID, v.Version)
		if err != nil {
			return err
		}
		if touched == 0 {
			return &usher.Error{Code: usher.CodeConflict, Message: "The session was changed meanwhile; read it again and repeat the change."}
		}
		t.changed(KindSession, n.ID, was)
		if now := usher.FoldName(n.Name); now != was {
			t.changed(KindSession, n.ID, now)
		}
		return nil
	})
	if err == nil {
		*v = n
	}
	return err
}

// Reseal seals every passcode that isn't sealed with the first storage key with
// that one, and returns how many there were. After it the other keys can be
// taken away, once kept answers have expired, a day later.
func (s *Store) Reseal(ctx context.Context) (resealed int, err error) {
	type sealed struct {
		id       string
		passcode []byte
	}
	for last := ""; ; {
		var page []sealed
		err := s.queryAll(ctx, "SELECT id, passcode FROM sessions WHERE id > ? ORDER BY id LIMIT 500", []any{last}, func(row scanner) error {
			var v sealed
			err := row.Scan(&v.id, &v.passcode)
			page = append(page, v)
			return err
		})
		if err != nil || len(page) == 0 {
			return resealed, err
		}
		for _, v := range page {
			last = v.id
			if !s.opts.Sealer.stale(v.passcode) {
				continue
			}
			plain, err := s.opts.Sealer.Open(sealPasscode, v.id, v.passcode)
			if err != nil {
				return resealed, usher.Unavailable("The passcode", err)
			}
			anew, err := s.opts.Sealer.Seal(sealPasscode, v.id, plain)
			if err != nil {
				return resealed, usher.Unavailable("Keeping the passcode", err)
			}
			err = s.inTx(ctx, func(t *tx) error { // unless it was changed meanwhile
				n, err := t.exec(ctx, "UPDATE sessions SET passcode = ? WHERE id = ? AND passcode = ?", anew, v.id, v.passcode)
				resealed += int(n)
				return err
			})
			if err != nil {
				return resealed, err
			}
		}
	}
}

// DeleteSession takes the session out of the directory and revokes its invites:
// the next session of that name may be somebody else's, and an invite needs no
// passcode. It gives not_found if there is none.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.inTx(ctx, func(t *tx) error {
		var name string
		if err := t.queryRow(ctx, "DELETE FROM sessions WHERE id = ? RETURNING folded_name", id).Scan(&name); err != nil {
			return notFoundOr("session", err)
		}
		t.changed(KindSession, id, name)
		_, err := t.exec(ctx, "UPDATE invites SET revoked_at = ? WHERE folded_session = ? AND revoked_at = 0", micros(s.now()), name)
		return err
	})
}

// ListSessions returns up to limit sessions in the order of their folded names,
// after the cursor of the page before, and the cursor of the next page, "" at the end.
func (s *Store) ListSessions(ctx context.Context, f usher.SessionFilter, cursor string, limit int) ([]*usher.Session, string, error) {
	var w where
	if p := usher.FoldName(f.NamePrefix); p != "" {
		w.and("folded_name >= ?", p)
		w.and("folded_name < ?", p+"\U0010FFFF")
	}
	w.equal("state", string(f.State))
	if cursor != "" {
		var last string
		if err := readCursor(cursor, &last); err != nil {
			return nil, "", err
		}
		w.and("folded_name > ?", last)
	}
	var out []*usher.Session
	err := s.queryAll(ctx, "SELECT "+sessionColumns+" FROM sessions "+w.String()+" ORDER BY folded_name LIMIT ?", append(w.args, limit+1), func(row scanner) error {
		v, err := s.scanSession(row)
		out = append(out, v)
		return err
	})
	if err != nil || len(out) <= limit {
		return out, "", err
	}
	return out[:limit], writeCursor(usher.FoldName(out[limit-1].Name)), nil
}
