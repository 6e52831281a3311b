package upkeep_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

func TestRecount_CorrectsAWrongCounterAndReportsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	right, wrong := w.Collection(w.Root), w.Collection(w.Root)
	w.AddDocuments(right, files(2)...)
	w.AddDocuments(wrong, files(3)...)
	before, untouched := w.Read(wrong.ID), w.Read(right.ID)
	w.Exec(`update collections set document_count = 7, chunk_count = 0, vector_count = 99, total_size_bytes = 1 where id = $1`, wrong.ID)
	require.Equal(t, "Collections counted: 2; corrected: 1.", do(t, w, "recount"))
	now := w.Read(wrong.ID)
	require.Equal(t, []int64{before.DocumentCount, before.ChunkCount, before.VectorCount, before.TotalSizeBytes},
		[]int64{now.DocumentCount, now.ChunkCount, now.VectorCount, now.TotalSizeBytes})
	require.Equal(t, untouched, w.Read(right.ID))
	require.Contains(t, w.Log(), "this is a bug")
	require.JSONEq(t, `{"chunk_count": 0, "document_count": 7, "total_size_bytes": 1, "vector_count": 99}`,
		testworld.Value[string](w, `select (details->'before')::text from audit_log where actor = 'system' and action = 'collection.recount' and object_id = $1`, wrong.ID.String()))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.recount'`))
}

func TestRecount_ChangesNothingWhereAllIsRight(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	for range 25 { // more than are looked at in one page
		w.Collection(w.Root)
	}
	c := w.Collection(w.Root)
	w.AddDocuments(c, files(3)...)
	do(t, w, "recount")
	before := w.Snapshot()
	require.Equal(t, "Collections counted: 26; corrected: 0.", do(t, w, "recount"))
	require.Equal(t, []string{"public.scheduled_tasks"}, before.Changed(w.Snapshot()))
}

// Loads go on while it counts: what it sees is one snapshot, and it locks nothing.
func TestRecount_IsNotMisledByWhatGoesOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	loading := make(chan struct{})
	go func() {
		defer close(loading)
		for i := range 10 {
			w.Upload(w.Root, c, files(i + 1)[i])
		}
	}()
	for done := false; !done; {
		select {
		case <-loading:
			done = true
		default:
		}
		require.Equal(t, "Collections counted: 1; corrected: 0.", do(t, w, "recount"))
	}
	w.AwaitQuiet()
	require.EqualValues(t, 10, w.Read(c.ID).DocumentCount)
}

func TestRecount_LeavesACollectionAloneWhileSomethingIsDoneWithIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Exec(`update collections set chunk_count = 5 where id = $1`, c.ID)
	_, operation := w.Upload(w.Root, c, files(1)...)
	require.Equal(t, "Collections counted: 1; corrected: 0. Wrong and left for the next time, because something was being done with them, or their partition is missing: 1.", do(t, w, "recount"))
	require.EqualValues(t, 5, w.Read(c.ID).ChunkCount)
	require.NoError(t, w.Worker.Start(t.Context()))
	w.AwaitOperation(*operation)
	w.Index()
	require.Equal(t, "Collections counted: 1; corrected: 1.", do(t, w, "recount"))
}

func TestRecount_LeavesDeletedCollectionsOut(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Exec(`update collections set chunk_count = 5 where id = $1`, c.ID)
	w.Delete(c)
	require.Equal(t, "Collections counted: 0; corrected: 0.", do(t, w, "recount"))
}

func TestRecount_GoesOnWhereItWasCutShort(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	var first, last uuid.UUID
	for range 5 {
		w.Collection(w.Root)
	}
	first = testworld.Value[uuid.UUID](w, `select id from collections order by id limit 1`)
	last = testworld.Value[uuid.UUID](w, `select id from collections order by id desc limit 1`)
	do(t, w, "expired")
	w.Exec(`update collections set chunk_count = 5 where id = any($1)`, []uuid.UUID{first, last})
	w.Exec(`update scheduled_tasks set place = jsonb_build_object('after', $1::uuid, 'collections', 3, 'corrected', 2) where name = 'recount'`, first)
	require.Equal(t, "Collections counted: 7; corrected: 3.", do(t, w, "recount"))
	require.Equal(t, []int64{5, 0}, []int64{w.Read(first).ChunkCount, w.Read(last).ChunkCount})
	require.Equal(t, "Collections counted: 5; corrected: 1.", do(t, w, "recount"), "the next one begins anew")
}
