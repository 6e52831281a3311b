package backup

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"semantik/schema"
)

// snapshot is a session that holds a moment of the database for others to read.
type snapshot struct {
	conn *pgx.Conn
	name string
}

const beginSnapshot = "begin transaction read only, isolation level repeatable read"

// openSnapshot takes the moment.
func openSnapshot(ctx context.Context, url string) (*snapshot, error) {
	conn, err := connect(ctx, url, ApplicationName)
	if err != nil {
		return nil, err
	}
	s := &snapshot{conn: conn}
	if err := script(ctx, conn, beginSnapshot); err != nil {
		return nil, joinClose(ctx, fmt.Errorf("beginning the snapshot: %w", err), conn)
	}
	if err := conn.QueryRow(ctx, "select pg_export_snapshot()").Scan(&s.name); err != nil {
		return nil, joinClose(ctx, fmt.Errorf("exporting the snapshot: %w", err), conn)
	}
	return s, nil
}

// join opens another session that sees the same moment.
func (s *snapshot) join(ctx context.Context, url string) (*pgx.Conn, error) {
	conn, err := connect(ctx, url, ApplicationName)
	if err != nil {
		return nil, err
	}
	// The name is PostgreSQL's own and takes no parameter.
	if err := script(ctx, conn, beginSnapshot+"; set transaction snapshot '"+s.name+"'"); err != nil {
		return nil, joinClose(ctx, fmt.Errorf("joining the snapshot: %w", err), conn)
	}
	return conn, nil
}

// The lock lasts as long as the snapshot does. The catalog is read as of the snapshot, so
// that a restore that has ended since is seen in it.
const refuseHalfSQL = `
select pg_try_advisory_xact_lock_shared($1)
   and not exists (select 1 from pg_namespace where nspname = $2)`

// refuseHalf refuses a moment in the middle of a restore, and keeps others from beginning.
func (s *snapshot) refuseHalf(ctx context.Context) error {
	var whole bool
	if err := s.conn.QueryRow(ctx, refuseHalfSQL, restoreLock, asideSchema).Scan(&whole); err != nil {
		return fmt.Errorf("looking for a restore: %w", err)
	}
	if !whole {
		return schema.ErrRestoring
	}
	return nil
}

const describeSQL = `select now(), current_setting('server_version'), current_database()`

// describe writes down where the rows come from, and when.
func (s *snapshot) describe(ctx context.Context, m *Manifest) error {
	if err := s.conn.QueryRow(ctx, describeSQL).Scan(&m.CreatedAt, &m.Postgres, &m.Database); err != nil {
		return fmt.Errorf("looking at the database: %w", err)
	}
	m.CreatedAt = m.CreatedAt.UTC()
	m.Postgres, _, _ = strings.Cut(m.Postgres, " ") // what a distribution adds
	var err error
	m.Keys, err = partitionKeys(ctx, s.conn, m.Schema.PartitionCount)
	return err
}

// lockTables lists the tables and keeps everybody from altering or dropping one until
// the snapshot ends. Reading and writing go on.
func (s *snapshot) lockTables(ctx context.Context, names []string, queueSchema string) ([]listed, error) {
	tables, err := listTables(ctx, s.conn, names, queueSchema)
	if err != nil {
		return nil, err
	}
	identifiers := make([]string, len(tables))
	for i, t := range tables {
		identifiers[i] = t.identifier()
	}
	if err := script(ctx, s.conn, "lock table "+strings.Join(identifiers, ", ")+" in access share mode"); err != nil {
		return nil, fmt.Errorf("locking the tables against changes of the schema: %w", err)
	}
	return tables, nil
}
