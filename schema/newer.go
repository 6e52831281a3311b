package schema

import (
	"context"
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
// another process may have upgraded meanwhile: a [NewerSchemaError] when it may
// not. A newer schema that goes with this program, see [OldestWriter], is no error.
// It reads three rows and locks nothing, so it can be asked every second.
func (m *Manager) MayWrite(ctx context.Context) error {
	st := state{last: &Entry{}}
	query := fmt.Sprintf(standingSQL, pgx.Identifier{m.o.QueueSchema, "river_migration"}.Sanitize())
	err := m.pool.QueryRow(ctx, query).Scan(&st.last.Revision, &st.last.Details.OldestWriter, &st.queueVersion)
	if err != nil {
		return fmt.Errorf("looking whether the schema is newer: %w", err)
	}
	if m.isNewer(st) && !m.admits(st) {
		return m.newer(st)
	}
	return nil
}
