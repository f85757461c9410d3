// Package store keeps what Usher must remember: sessions, API keys, invites,
// bans, answers that can be repeated, and the rows of the ledger.
//
// [Open] takes either the path of an SQLite file, which one machine uses, or
// the URL of a PostgreSQL database, which several replicas share. Both have one
// schema and one set of queries, written with ? and rebound for PostgreSQL;
// only opening, locking, errors and the ledger's fast path differ, in sqlite.go
// and postgres.go. One suite of tests holds both to the same behaviour.
//
// Errors are *usher.Error: not_found, conflict, or unavailable, which means
// that nothing is known to have been done. A method that the database can't
// answer within its context gives unavailable. Secrets are never stored in the
// clear: keys, invites and guests as SHA-256, passcodes and answers sealed by a
// [Sealer].
//
// [Cache] keeps what each signature needs in memory and hears of changes by
// the feed ([Store.Subscribe]), at most two seconds after another replica made them.
package store
