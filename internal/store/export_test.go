package store

import "database/sql"

// Raw lets tests do what only an attacker or a fault would.
func (s *Store) Raw() *sql.DB { return s.write }
