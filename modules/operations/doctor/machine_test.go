package doctor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/operations/doctor"
	"semantik/schema"
	"semantik/testworld"
)

func TestExamine_LooksAtTheMachineToo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.Exec(`alter table chunks_p1 reset (autovacuum_vacuum_scale_factor)`)
	deps := w.Doctor.Deps
	report := func(c doctor.Config) (doctor.Report, map[string]int64) {
		r, err := doctor.New(deps, c).Examine(operator(t), nil)
		require.NoError(t, err)
		found := map[string]int64{}
		for _, f := range r.Findings {
			found[f.Key] = f.Count
		}
		return r, found
	}
	r, found := report(doctor.Config{Connections: 100_000, Embedded: true, Disk: func(directory string) (free, total int64, err error) {
		require.NotEmpty(t, directory)
		return 1 << 20, 1 << 40, nil
	}})
	require.True(t, r.Server.Embedded)
	require.EqualValues(t, 1<<20, *r.Server.FreeBytes)
	for _, key := range []string{"setting_connections", "disk_full", "partition_health", "schema_drift"} {
		require.EqualValues(t, 1, found[key], key)
	}
	require.Equal(t, schema.SeverityError, r.Findings[0].Severity, "the worst comes first")

	// Another process changes the schema, for longer than anybody wants to wait.
	deps.Schema = schema.New(w.DB.Pool(), schema.Options{WaitTimeout: 10 * time.Millisecond})
	lock, err := w.DB.Pool().Acquire(t.Context())
	require.NoError(t, err)
	defer lock.Release()
	_, err = lock.Exec(t.Context(), `select pg_advisory_lock(x'73656d616e74696b'::bigint)`)
	require.NoError(t, err)
	r, found = report(doctor.Config{Disk: func(string) (free, total int64, err error) { return 0, 0, doctor.ErrNotHere }})
	require.Nil(t, r.Server.FreeBytes, "it is not known")
	require.EqualValues(t, 1, found["schema_unchecked"])
	require.NotContains(t, found, "setting_connections")
	_, err = lock.Exec(t.Context(), `select pg_advisory_unlock_all()`)
	require.NoError(t, err)

	// A table is gone, and a column of another.
	w.Exec(`alter table api_keys rename to keys; alter table document_contents rename column slice to part`)
	r, found = report(doctor.Config{Disk: func(string) (free, total int64, err error) { return 0, 0, doctor.ErrNotHere }})
	require.EqualValues(t, 4, found["not_checked"], "%v", r.Findings)
	require.Contains(t, found, "schema_drift", "the rest goes on")
	require.Contains(t, found, "partition_health")
	for _, f := range r.Findings {
		if f.Key == "not_checked" {
			require.Equal(t, schema.SeverityError, f.Severity)
			require.Equal(t, []string{
				`document_content_gap: could not be checked: what it reads is not there (column o.slice does not exist); semantik schema check says what is missing`,
				`orphan_api_keys_user: could not be checked: what it reads is not there (relation "api_keys" does not exist); semantik schema check says what is missing`,
				`orphan_collection_permissions_api_key: could not be checked: what it reads is not there (relation "api_keys" does not exist); semantik schema check says what is missing`,
				`orphan_document_contents_document: could not be checked: what it reads is not there (column t.slice does not exist); semantik schema check says what is missing`,
			}, f.Examples)
		}
	}
	w.Exec(`alter table keys rename to api_keys; alter table document_contents rename column part to slice`)
}
