package testworld_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/database"
	"semantik/platform/idempotency"
	"semantik/platform/schedule"
	"semantik/testworld"
)

// constraints are the modules' tables of errors.
var constraints = map[string]database.Constraints{
	"audit": audit.Constraints, "users": users.Constraints, "collections": collections.Constraints, "documents": documents.Constraints,
	"chunks": chunks.Constraints, "operations": operations.Constraints, "idempotency": idempotency.Constraints,
	"schedule": schedule.Constraints,
}

// withoutModule are the tables that no module writes.
var withoutModule = []string{"schema_history", "chunking_strategies", "chunking_configs"}

// selectConstraints lists the constraints and unique indexes of our tables, those
// of partitions left out. A column that may not be null has no constraint whose
// name an error would tell.
const selectConstraints = `
select con.conname
from pg_constraint con
join pg_class c on c.oid = con.conrelid
where c.relnamespace = 'public'::regnamespace
  and not c.relispartition
  and con.contype <> 'n'
  and c.relname <> all($1)
union
select i.relname
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_class c on c.oid = x.indrelid
where x.indisunique
  and c.relnamespace = 'public'::regnamespace
  and not c.relispartition
  and c.relname <> all($1)
order by 1`

func TestConstraints_EachHasAnErrorInTheCallersTerms(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	rows, err := w.DB.Querier(t.Context()).Query(t.Context(), selectConstraints, withoutModule)
	require.NoError(t, err)
	live, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(live), 60)

	owner := map[string]string{}
	for module, table := range constraints {
		for name := range table {
			require.Empty(t, owner[name], "%s has an error in two modules", name)
			owner[name] = module
		}
	}
	for _, name := range live {
		require.NotEmpty(t, owner[name], "what does a violation of %s mean to a caller? No module's table of constraints says", name)
	}
	for _, name := range slices.Sorted(maps.Keys(owner)) {
		require.Contains(t, live, name, "the module of %s has an error for a constraint that does not exist", owner[name])
	}
}

func TestConstraints_TheirErrorsAreForPeople(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`^[a-z][a-z_]+$`)
	for _, table := range constraints {
		for name, e := range table {
			require.Contains(t, []apperr.Kind{apperr.Conflict, apperr.NotFound, apperr.Invalid, apperr.Unauthenticated}, e.Kind, name)
			require.Regexp(t, code, e.Code, name)
			require.Regexp(t, `^[A-Z].*\.$`, e.Message, name)
		}
	}
}
