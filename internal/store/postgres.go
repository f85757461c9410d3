package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens a pool. The URL's own settings (sslmode, pool_max_conns …) hold.
func (s *Store) openPostgres(ctx context.Context) error {
	cfg, err := pgxpool.ParseConfig(s.opts.Location)
	if err != nil {
		return errors.New("store: the database's URL is not one: it must read postgres://user:password@host/database") // the error would quote it
	}
	if !strings.Contains(s.opts.Location, "pool_max_conns=") {
		cfg.MaxConns = int32(s.opts.Connections)
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		// A commit must have reached the disk, whatever the database's default is.
		_, err := c.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
		return err
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return fmt.Errorf("store: opening the database: %w", err)
	}
	s.write = stdlib.OpenDBFromPool(s.pool)
	s.read = s.write
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("store: the database doesn't answer: %w", err)
	}
	return migratePostgres(ctx, s.write)
}
