package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// isNewer reports whether a newer program has made the database.
func (m *Manager) isNewer(st state) bool {
	return st.revision() > m.decl.revision || st.queueVersion > queueVersion()
}

func (m *Manager) newer(st state) *NewerSchemaError {
	return &NewerSchemaError{
		Revision:             m.decl.revision,
		DatabaseRevision:     st.revision(),
		QueueVersion:         queueVersion(),
		DatabaseQueueVersion: st.queueVersion,
	}
}

// admits reports whether this program may write to the database, though a newer
// one has made it.
func (m *Manager) admits(st state) bool {
	if st.queueVersion > queueVersion() || st.last == nil {
		return false
	}
	oldest := st.last.Details.OldestWriter
	return oldest > 0 && m.decl.revision >= oldest
}

const standingSQL = `
select e.revision,
       coalesce((e.details ->> 'oldest_writer')::integer, 0),
       (select coalesce(max(version), 0) from %s)
from public.schema_history e
where e.kind = 'apply'
  and e.rolled_back_by is null
order by e.id desc
limit 1`

// MayWrite says whether this program may write to the database as it is now, which
// another process may have upgraded or rolled back meanwhile: a [NewerSchemaError] or an
// [OlderSchemaError] when it may not. A newer schema that goes with this program, see
// [OldestWriter], is no error. It reads three rows and locks nothing, so it can be asked
// every second.
func (m *Manager) MayWrite(ctx context.Context) error {
	st := state{last: &Entry{}}
	query := fmt.Sprintf(standingSQL, pgx.Identifier{m.o.QueueSchema, "river_migration"}.Sanitize())
	err := m.pool.QueryRow(ctx, query).Scan(&st.last.Revision, &st.last.Details.OldestWriter, &st.queueVersion)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // no apply stands
		return &OlderSchemaError{Revision: m.decl.revision}
	case err != nil:
		return fmt.Errorf("looking whether the schema is this program's: %w", err)
	case m.isNewer(st) && !m.admits(st):
		return m.newer(st)
	case st.revision() < m.decl.revision:
		return &OlderSchemaError{Revision: m.decl.revision, DatabaseRevision: st.revision()}
	}
	return nil
}

const serversSQL = `
select coalesce(string_agg(format('%s (%s)', host, n), ', ' order by host), '')
from (
    select coalesce(host(client_addr), 'this machine') as host, count(*) as n
    from pg_stat_activity
    where datname = current_database()
      and backend_type = 'client backend'
      and application_name = 'semantik'
    group by 1
) as sessions`

// Servers says in words from where servers and workers are connected, with how many
// sessions; "" where none is.
func (m *Manager) Servers(ctx context.Context) (string, error) {
	var servers string
	if err := m.pool.QueryRow(ctx, serversSQL).Scan(&servers); err != nil {
		return "", fmt.Errorf("looking for servers: %w", err)
	}
	return servers, nil
}
