package partitions_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/partitions"
	"semantik/platform/auth"
	"semantik/testworld"
)

func health(t *testing.T, w *testworld.World) partitions.Health {
	t.Helper()
	h, err := w.Partitions.Health(w.As(w.Root))
	require.NoError(t, err)
	require.Empty(t, h.Failure)
	return h
}

// critical gives the messages of the alerts that somebody has to look at now.
func critical(h partitions.Health) []string {
	var found []string
	for _, a := range h.Alerts {
		if a.Level == partitions.LevelCritical {
			found = append(found, a.Message)
		}
	}
	return found
}

func TestMethod_IsReadFromTheLiveCatalog(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	m := health(t, w).Method
	require.True(t, m.AsDesigned())
	require.Equal(t, "LIST", m.Strategy)
	require.Equal(t, "partition_key", m.Column)
	require.Equal(t, 100, m.Count)
	require.Contains(t, m.Expression, "hashtext")
	require.Equal(t, "fk_chunks_collection", m.ForeignKey)
	require.False(t, m.GeneratedOnChunks)
	require.Empty(t, m.Triggers)
	require.Empty(t, critical(health(t, w)))

	t.Run("a trigger that could set the key is seen", func(t *testing.T) {
		w.Exec(`create function set_key() returns trigger language plpgsql as 'begin return new; end'`)
		w.Exec(`create trigger set_key before insert on chunks for each row execute function set_key()`)
		require.Equal(t, []string{"set_key"}, health(t, w).Method.Triggers)
		require.Len(t, critical(health(t, w)), 1)
		w.Exec(`drop function set_key cascade`)
		require.Empty(t, critical(health(t, w)))
	})
	t.Run("a trigger that sets nothing is nobody's concern", func(t *testing.T) {
		w.Exec(`create function note() returns trigger language plpgsql as 'begin return null; end'`)
		w.Exec(`create trigger note after insert on chunks for each row execute function note()`)
		require.Empty(t, critical(health(t, w)))
		w.Exec(`drop function note cascade`)
	})
	t.Run("a partition that is missing is seen", func(t *testing.T) {
		w.Exec(`drop table chunk_search_p99`)
		h := health(t, w)
		require.Len(t, critical(h), 1)
		require.Equal(t, []int{99}, h.Alerts[0].Partitions)
		require.EqualValues(t, 1, w.Int(`select make_chunk_partitions()`))
		require.Empty(t, critical(health(t, w)))
	})
	t.Run("a partition without its settings is seen", func(t *testing.T) {
		w.Exec(`alter table chunks_p5 reset (autovacuum_vacuum_scale_factor)`)
		h := health(t, w)
		require.Len(t, h.Alerts, 1)
		require.Equal(t, []int{5}, h.Alerts[0].Partitions)
		w.Exec(`select make_chunk_partitions()`)
		require.Empty(t, health(t, w).Alerts)
	})
}

func TestMethod_NeedsTheForeignKeyThatCopiesTheKeyDown(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	t.Run("without the foreign key nothing copies the key down", func(t *testing.T) {
		w.Exec(`alter table chunks drop constraint fk_chunks_collection`)
		h := health(t, w)
		require.Empty(t, h.Method.ForeignKey)
		require.False(t, h.Method.AsDesigned())
		require.Len(t, critical(h), 1)
		w.Exec(`alter table chunks add constraint fk_chunks_collection foreign key (collection_id, partition_key)
references collections (id, partition_key) on delete cascade`)
	})
	t.Run("a foreign key that leaves out the collection is none", func(t *testing.T) {
		w.Exec(`alter table chunks drop constraint fk_chunks_collection`)
		w.Exec(`alter table collections add constraint odd unique (partition_key)`)
		w.Exec(`alter table chunks add constraint fk_odd foreign key (partition_key) references collections (partition_key)`)
		require.Empty(t, health(t, w).Method.ForeignKey)
		w.Exec(`alter table chunks drop constraint fk_odd`)
		w.Exec(`alter table collections drop constraint odd`)
		w.Exec(`alter table chunks add constraint fk_chunks_collection foreign key (collection_id, partition_key)
references collections (id, partition_key) on delete cascade`)
		require.True(t, health(t, w).Method.AsDesigned())
	})
}

func TestVerification_SeesAKeyThatIsNotWhatTheFormulaGives(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	ids := fill(t, w, func(num int) int {
		if num == 11 {
			return 30
		}
		return 0
	})
	w.Await("the statistics know of the rows", func() bool { return health(t, w).TotalChunks == 30 })
	require.Empty(t, critical(health(t, w)))

	t.Run("a chunk that lies elsewhere", func(t *testing.T) {
		ctx := t.Context()
		conn, err := pgx.Connect(ctx, w.URL)
		require.NoError(t, err)
		defer func() { _ = conn.Close(ctx) }()
		// As whoever loads a dump with the checks switched off.
		_, err = conn.Exec(ctx, `set session_replication_role = replica`)
		require.NoError(t, err)
		_, err = conn.Exec(ctx, `insert into chunks (collection_id, partition_key, chunk_index, content) values ($1, 11, 1, 'astray')`, ids[12])
		require.NoError(t, err)
		h := health(t, w)
		require.EqualValues(t, 1, h.Verification.ChunksWrong)
		require.Equal(t, []int{11}, h.Verification.WrongIn)
		require.Len(t, critical(h), 1)
		require.Contains(t, critical(h)[0], "1 of 31 chunks")
		_, err = conn.Exec(ctx, `delete from chunks where content = 'astray'`)
		require.NoError(t, err)
	})
	t.Run("a collection whose stored key is another", func(t *testing.T) {
		// A generated column cannot be set; one that has become an ordinary one can.
		w.Exec(`insert into collections (id, name, owner_id, vector_store_name, status) values ('00000000-0000-4000-8000-000000000000', 'odd', $1, 'odd', 'ready')`, w.Root.ID)
		before := health(t, w).Verification
		require.Zero(t, before.CollectionsWrong)
		w.Exec(`alter table collections alter column partition_key drop expression`)
		w.Exec(`update collections set partition_key = (partition_key + 1) % 100 where name = 'odd'`)
		found := partitions.Verification{}
		require.NoError(t, partitions.NewRepository(w.DB).Collections(t.Context(), make([]partitions.Partition, 100), &found))
		require.EqualValues(t, 1, found.CollectionsWrong)
		require.Equal(t, before.Collections, found.Collections)
		w.Exec(`delete from collections where name = 'odd'`)
	})
	t.Run("without a generated column the health says so and looks at what there is", func(t *testing.T) {
		h := health(t, w)
		require.Empty(t, h.Method.Expression)
		require.Len(t, h.Health, 100, "the partitions that there are")
		require.Zero(t, h.Verification.CollectionsWrong)
		require.Contains(t, critical(h)[0], "collections does not generate partition_key")
	})
}

func TestHealth_SaysThatTheLookFailed(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, w.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	tx, err := conn.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `lock table collections in access exclusive mode`)
	require.NoError(t, err)
	began := time.Now()
	h, err := w.Partitions.Health(auth.WithInternal(ctx))
	require.NoError(t, err)
	require.Less(t, time.Since(began), 20*time.Second)
	require.Contains(t, h.Failure, "Something else is changing the same data")
	require.Empty(t, h.Alerts)
	require.Contains(t, w.Log(), "could not be looked at")
	require.NoError(t, tx.Rollback(ctx))
}
