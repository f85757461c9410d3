package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations are written once for both databases. A file is never changed after
// a release; a new one is added. Each runs in a transaction of its own.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

var (
	sqliteWords   = strings.NewReplacer("{sqlite} ", "", "{int}", "INTEGER", "{text}", "TEXT", "{bytes}", "BLOB", "{strict}", "STRICT")
	postgresWords = strings.NewReplacer("{postgres} ", "", "{int}", "BIGINT", "{text}", `TEXT COLLATE "C"`, "{bytes}", "BYTEA", "{strict}", "")
)

// migrations reads the files, named NNNN_what.sql, in the words of one database.
func migrations(words *strings.Replacer) ([]*goose.Migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var out []*goose.Migration
	for _, name := range names {
		version, err := strconv.ParseInt(strings.TrimPrefix(name, "migrations/")[:4], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: migration %s: its name must begin with four digits: %w", name, err)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		statements := slices.DeleteFunc(strings.Split(words.Replace(string(text)), ";\n\n"), isForOther)
		out = append(out, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			for _, st := range statements {
				if _, err := tx.ExecContext(ctx, st); err != nil {
					return fmt.Errorf("%w in %q", err, st)
				}
			}
			return nil
		}}, nil))
	}
	return out, nil
}

// isForOther reports whether a statement is for the other database: its mark still stands in front.
func isForOther(statement string) bool { return strings.Contains("\n"+statement, "\n{") }

// migrate brings the schema up to date. goose takes no lock by itself, so that
// processes that start together would trip over each other: the caller sees to one.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, words *strings.Replacer, locking ...goose.ProviderOption) error {
	ms, err := migrations(words)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, nil, append(locking, goose.WithGoMigrations(ms...), goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("schema_versions"), goose.WithLogger(goose.NopLogger()))...)
	if err != nil {
		return fmt.Errorf("store: preparing the schema's migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store: bringing the schema up to date: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("store: reading the schema's version: %w", err)
	}
	if last := ms[len(ms)-1].Version; have > last {
		return fmt.Errorf("store: the database's schema is version %d and this program knows %d; use the newer program", have, last)
	}
	return nil
}

func migratePostgres(ctx context.Context, db *sql.DB) error {
	// A lock of the session; a pooler in transaction mode (PgBouncer) would lose it.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectPostgres, postgresWords, goose.WithSessionLocker(locker))
}

// migrateSQLite holds an exclusive transaction on a file beside the database
// meanwhile: a lock that ends with the process, on every system that SQLite runs
// on, and that covers the switch to WAL, for which SQLite itself doesn't wait.
func migrateSQLite(ctx context.Context, db *sql.DB, path string) error {
	path += "-migrate"
	// Whoever may read the file may lock it, and so keep every server from starting.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: can't open %s for reading and writing: %w", path, err)
	}
	_ = f.Chmod(0o600) // one that SQLite made; where it is another user's, that user's word stands
	f.Close()
	beside, err := sql.Open("sqlite", strings.Replace(sqliteDSN(path, "busy_timeout(120000)"), "immediate", "exclusive", 1))
	if err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	defer beside.Close()
	held, err := beside.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: waiting for another process to finish with the schema, at %s: %w", path, err)
	}
	defer held.Rollback()
	return migrate(ctx, db, goose.DialectSQLite3, sqliteWords)
}
