package store

import (
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/videosdk"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// fault turns what a database said into an *usher.Error; nil stays nil.
func (s *Store) fault(err error) error {
	var known *usher.Error
	var unstorable videosdk.FieldErrors
	switch {
	case err == nil || errors.As(err, &known) || errors.As(err, &unstorable):
		return err
	case errors.Is(err, sql.ErrNoRows) || isUnfindable(err):
		return &usher.Error{Code: usher.CodeNotFound, Message: "There is no such thing."}
	case isDuplicate(err):
		return &usher.Error{Code: usher.CodeConflict, Message: "It exists already.", Cause: err}
	}
	return usher.Unavailable("The database", err)
}

func notFound(what string) *usher.Error {
	return &usher.Error{Code: usher.CodeNotFound, Message: "There is no such " + what + "."}
}

// notFoundOr says what wasn't found, if that is the fault.
func notFoundOr(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(what)
	}
	return err
}

// isUnfindable reports that a text was asked for that PostgreSQL can't hold, so
// that it holds no row with it: character_not_in_repertoire.
func isUnfindable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "22021"
}

// isDuplicate reports whether a row was refused because another has its key.
func isDuplicate(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
