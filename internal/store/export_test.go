package store

import "database/sql"

// Raw lets tests do what only an attacker or a fault would.
func (s *Store) Raw() *sql.DB { return s.write }

// With returns s with another sealer, as a restart with other keys would.
func (s *Store) With(sealer *Sealer) *Store {
	c := &Store{opts: s.opts, read: s.read, write: s.write, pool: s.pool}
	c.opts.Sealer = sealer
	return c
}
