package schema_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// Those that do not get in each other's way are done to one database.
func TestCheck_finds_what_was_changed_behind_its_back(t *testing.T) {
	t.Parallel()
	batches := map[string][]injury{}
	for name, i := range injuries {
		switch {
		case i.alone:
			batches[name] = []injury{i}
		case i.unmended:
			batches["what an apply leaves alone"] = append(batches["what an apply leaves alone"], i)
		default:
			batches["what an apply mends"] = append(batches["what an apply mends"], i)
		}
	}
	for name, batch := range batches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newSchema(t, servers[0])
			m := schema.New(pool, schema.Options{})
			newWorld(t, pool)
			expected := 0
			for _, i := range batch {
				execute(t, pool, i.sql)
				expected += len(i.found)
			}

			drift, err := m.Check(t.Context())
			require.NoError(t, err)
			lines := make([]string, len(drift))
			for i, d := range drift {
				lines[i] = d.String()
			}
			require.Len(t, lines, expected, "%q", lines)
			for _, i := range batch {
				for _, line := range i.found {
					require.Condition(t, func() bool { return containsPrefix(lines, line) }, "%q is not among %q", line, lines)
				}
				requireMend(t, drift, i.found[0], i.mend)
			}
			if batch[0].unmended {
				requireMended(t, m, pool, drift)
				return
			}
			plan, err := m.Plan(t.Context())
			require.NoError(t, err)
			require.False(t, plan.Empty())
			_, err = m.Apply(t.Context(), schema.ApplyOptions{})
			require.NoError(t, err)
			requireNoDrift(t, m)
		})
	}
}

// requireMended does what is said where that is a statement and no more.
func requireMended(t *testing.T, m *schema.Manager, pool *pgxpool.Pool, drift []schema.Drift) {
	t.Helper()
	statement := regexp.MustCompile(`^(DROP RULE|DROP TRIGGER|ALTER TABLE|REINDEX)[^;,]*(, NO FORCE ROW LEVEL SECURITY)?$`)
	var mended []string
	for _, d := range drift {
		if statement.MatchString(d.Mend()) {
			execute(t, pool, d.Mend())
			mended = append(mended, d.String())
		}
	}
	left, err := m.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, left, len(drift)-len(mended), "%q", left)
	for _, d := range left {
		require.NotContains(t, mended, d.String())
	}
}

// requireMend looks at what is said to mend a drift.
func requireMend(t *testing.T, drift []schema.Drift, line, mend string) {
	t.Helper()
	if mend == "" {
		mend = `"semantik schema apply" mends it`
	}
	at := slices.IndexFunc(drift, func(d schema.Drift) bool { return strings.HasPrefix(d.String(), line) })
	require.True(t, strings.HasPrefix(drift[at].Mend(), mend), drift[at].Mend())
	encoded, err := json.Marshal(drift[at])
	require.NoError(t, err)
	require.Contains(t, string(encoded), `"mend":`)
}

func containsPrefix(lines []string, prefix string) bool {
	for _, line := range lines {
		if len(line) >= len(prefix) && line[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

func TestPlan_says_what_cannot_be_altered(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	files := schema.CurrentFiles()
	files.Tables = replace(t, files.Tables, "hashtext(id::text)", "hashtext(name)")
	files.Tables = replace(t, files.Tables, "constraint sync_runs_pkey primary key (id)", "constraint sync_runs_pkey primary key (id, collection_id)")
	files.Tables = replace(t, files.Tables, "status in ('running', 'success', 'failed', 'partial'))\n);\n\n-- A collection's runs", "status in ('running', 'success', 'failed', 'partial'))\n) partition by hash (collection_id);\n\n-- A collection's runs")
	_, err := schema.NewWith(pool, schema.Options{PartitionCount: 2}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)

	m := schema.New(pool, schema.Options{})
	_, err = m.Plan(t.Context())
	var unplannable *schema.UnplannableError
	require.ErrorAs(t, err, &unplannable)
	require.Len(t, unplannable.Drift, 2)
	require.ErrorContains(t, err, "column collections.partition_key: it is generated as")
	require.ErrorContains(t, err, "table sync_runs: it is partitioned by HASH (collection_id) and should be not partitioned")
	_, err = m.Apply(t.Context(), schema.ApplyOptions{AllowDestructive: true})
	require.ErrorAs(t, err, &unplannable)
}

func TestCheck_of_an_empty_database_lists_what_is_missing(t *testing.T) {
	t.Parallel()
	drift, err := schema.New(newDatabase(t, servers[0]), schema.Options{}).Check(t.Context())
	require.NoError(t, err)
	require.Contains(t, drift, schema.Drift{Problem: schema.ProblemMissing, Object: "table users"})
	require.Contains(t, drift, schema.Drift{Problem: schema.ProblemMissing, Object: "extension btree_gin"})
	require.Less(t, len(drift), 60, "the partitions of a missing table are not listed too")
}
