package schema

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// QueueMigration is a migration of the job queue's own tables, which the queue's
// library brings along.
type QueueMigration struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
}

func newQueueMigrator(pool *pgxpool.Pool, queueSchema string) (*rivermigrate.Migrator[pgx.Tx], error) {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: queueSchema,
		Logger: slog.New(slog.DiscardHandler), // we tell what was done
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the queue's migrations: %w", err)
	}
	return migrator, nil
}

// queueVersion is the newest version of the queue's tables that the library
// linked into this program knows.
func queueVersion() int {
	version := 0
	for _, migration := range queueMigrationsAfter(0) {
		version = migration.Version
	}
	return version
}

// queueMigrationsAfter lists the migrations that follow a version, in order.
func queueMigrationsAfter(version int) []QueueMigration {
	// Without a pool the migrator can only list, and cannot fail.
	migrator, err := newQueueMigrator(nil, "")
	if err != nil {
		return nil
	}
	pending := []QueueMigration{}
	for _, migration := range migrator.AllVersions() {
		if migration.Version > version {
			pending = append(pending, QueueMigration{Version: migration.Version, Name: migration.Name})
		}
	}
	return pending
}

func (m *Manager) readQueueVersion(ctx context.Context, q querier) (int, error) {
	var version int
	table := pgx.Identifier{m.o.QueueSchema, "river_migration"}.Sanitize()
	if err := q.QueryRow(ctx, "select coalesce(max(version), 0) from "+table).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the version of the queue's tables: %w", err)
	}
	return version, nil
}

// migrateQueue runs what is pending of the queue's migrations, each in a
// transaction of its own: one of them uses an enum value that another one adds,
// which PostgreSQL refuses within one transaction. So they cannot be part of the
// transaction that applies the schema, and a rollback does not undo them.
func (m *Manager) migrateQueue(ctx context.Context, s *session, from int) ([]QueueMigration, error) {
	pending := queueMigrationsAfter(from)
	if len(pending) == 0 {
		return nil, nil
	}
	if _, err := s.conn.Exec(ctx, "create schema if not exists "+pgx.Identifier{m.o.QueueSchema}.Sanitize()); err != nil {
		return nil, fmt.Errorf("creating the queue's schema: %w", err)
	}
	migrator, err := newQueueMigrator(s.pool, m.o.QueueSchema)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrating the queue's tables: %w", err)
	}
	return pending, nil
}
