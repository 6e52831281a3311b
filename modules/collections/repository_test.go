package collections_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestRepository_CreateGetListUpdateDelete(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows := t.Context(), collections.NewRepository(w.DB)
	alice := w.User("alice")
	c := collections.Collection{
		ID: uuid.New(), Name: "Notes", OwnerID: alice.ID, VectorStoreName: "col_notes", EmbeddingModel: "m", Quantization: "float16",
		ChunkSize: 1000, ChunkOverlap: 200, Status: collections.StatusReady, SyncMode: "one_time",
	}
	require.NoError(t, rows.Create(ctx, &c))
	require.False(t, c.CreatedAt.IsZero(), "what the database sets is filled in")
	require.InDelta(t, 49.5, c.PartitionKey, 49.5)

	read, err := rows.GetByUUID(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, c.Name, read.Name)
	require.Equal(t, c.PartitionKey, read.PartitionKey)
	require.Nil(t, read.Meta)

	twice := c
	twice.ID, twice.VectorStoreName = uuid.New(), "col_other"
	require.ErrorIs(t, rows.Create(ctx, &twice), collections.ErrNameTaken)
	scope := w.Scope(c.ID)
	changed, err := rows.Update(ctx, scope, map[string]any{"name": "Other", "is_public": true})
	require.NoError(t, err)
	require.Equal(t, "Other", changed.Name)
	require.True(t, changed.IsPublic)
	require.True(t, changed.UpdatedAt.After(c.UpdatedAt) || changed.UpdatedAt.Equal(c.UpdatedAt))
	require.Equal(t, c.PartitionKey, changed.PartitionKey)
	for _, column := range []string{"owner_id", "partition_key", "vector_store_name", "status", "chunk_count", "id", "nonsense"} {
		_, err = rows.Update(ctx, scope, map[string]any{column: 1})
		require.Error(t, err, "%s is not on the list of what may be changed", column)
	}

	renamed, err := rows.Rename(ctx, scope, " Third ")
	require.NoError(t, err)
	require.Equal(t, "Third", renamed.Name)
	require.True(t, strings.HasSuffix(renamed.VectorStoreName, "_third"), renamed.VectorStoreName)
	found, err := rows.GetByName(ctx, "Third")
	require.NoError(t, err)
	require.Equal(t, c.ID, found.ID)

	list, total, err := rows.ListForUser(ctx, collections.Caller{UserID: alice.ID}, collections.Filter{}, database.Page{Limit: 10})
	require.NoError(t, err)
	require.EqualValues(t, 1, total)
	require.Equal(t, c.ID, list[0].ID)
	require.NoError(t, rows.Delete(ctx, scope))
	require.ErrorIs(t, rows.Delete(ctx, scope), collections.ErrNotFound)
	_, err = rows.GetByUUID(ctx, c.ID)
	require.ErrorIs(t, err, collections.ErrNotFound)
	_, err = rows.Update(ctx, scope, map[string]any{"name": "Ghost"})
	require.ErrorIs(t, err, collections.ErrNotFound)
	require.ErrorIs(t, rows.AddCounts(ctx, scope, collections.Counts{Documents: 1}), collections.ErrNotFound)
	_, total, err = rows.ListForUser(ctx, collections.Caller{UserID: alice.ID}, collections.Filter{IncludePublic: true}, database.Page{Limit: 10})
	require.NoError(t, err)
	require.Zero(t, total)
	tombstone, err := rows.GetDeleted(ctx, c.ID)
	require.NoError(t, err)
	require.NotNil(t, tombstone.DeletedAt)
	w.Exec(`delete from collections where id = $1`, c.ID) // deleted without a purge, which only a test does
}

func TestRepository_ListPagesEachCollectionOnceNewestFirst(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	var mine []uuid.UUID
	for i := range 7 {
		c := w.Collection(alice)
		// Two at each time: the id decides.
		w.Exec(`update collections set created_at = $2 where id = $1`, c.ID, time.Date(2026, 1, 1+i/2, 0, 0, 0, 0, time.UTC))
		mine = append(mine, c.ID)
	}
	public := w.Collection(bob, testworld.Public())
	shared := w.Collection(bob)
	w.Collection(bob) // neither
	w.Grant(shared, alice, collections.Read)

	var seen []uuid.UUID
	for offset := 0; offset < 12; offset += 3 {
		page, total, err := w.Collections.List(w.As(alice), collections.ListQuery{IncludePublic: true, Page: database.Page{Offset: offset, Limit: 3}})
		require.NoError(t, err)
		require.EqualValues(t, 9, total)
		for _, c := range page {
			seen = append(seen, c.ID)
		}
	}
	require.ElementsMatch(t, append(slices.Clone(mine), public.ID, shared.ID), seen)
	_, total, err := w.Collections.List(w.As(alice), collections.ListQuery{Page: database.Page{Limit: 1}})
	require.NoError(t, err)
	require.EqualValues(t, 8, total)
	_, total, err = w.Collections.List(w.As(w.Root), collections.ListQuery{IncludePublic: true, Page: database.Page{Limit: 1}})
	require.NoError(t, err)
	require.EqualValues(t, 1, total, "a superuser's list is what is theirs and what is public")
}

func TestAddCounts_ManyAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	rows, c := collections.NewRepository(w.DB), w.Collection(w.Root)
	scope := w.Scope(c.ID)
	for _, err := range w.Race(10, func(int) error {
		return w.DB.InTx(t.Context(), func(ctx context.Context) error {
			return rows.AddCounts(ctx, scope, collections.Counts{Documents: 2, Chunks: 3, Vectors: 5, Bytes: 7 << 30})
		})
	}) {
		require.NoError(t, err)
	}
	now := w.Read(c.ID)
	require.Equal(t, []int64{20, 30, 50, 70 << 30}, []int64{now.DocumentCount, now.ChunkCount, now.VectorCount, now.TotalSizeBytes})
	require.NoError(t, rows.AddCounts(t.Context(), scope, collections.Counts{Documents: -20, Chunks: -30, Vectors: -50, Bytes: -70 << 30}))
}

func TestEnsureSource_IsOneRowForManyAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	rows := collections.NewRepository(w.DB)
	scope, other := w.Scope(w.Collection(w.Root).ID), w.Scope(w.Collection(w.Root).ID)
	ids := make([]int64, 8)
	for _, err := range w.Race(len(ids), func(i int) error {
		s, err := rows.EnsureSource(t.Context(), scope, "upload", "a/b")
		ids[i] = s.ID
		return err
	}) {
		require.NoError(t, err)
	}
	require.Len(t, slices.Compact(ids), 1)
	require.NotZero(t, ids[0])
	s, err := rows.EnsureSource(t.Context(), other, "upload", "a/b")
	require.NoError(t, err)
	require.NotEqual(t, ids[0], s.ID)
	_, err = rows.EnsureSource(t.Context(), scope, "upload", "")
	require.Equal(t, "source_invalid", apperr.CodeOf(err))
}

func TestLock_NeedsATransactionAndLetsLoadsGoOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	rows, c := collections.NewRepository(w.DB), w.Collection(w.Root)
	scope := w.Scope(c.ID)
	_, err := rows.Lock(t.Context(), scope)
	require.ErrorIs(t, err, database.ErrMisuse)
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		status, err := rows.Lock(ctx, scope)
		require.NoError(t, err)
		require.Equal(t, collections.StatusReady, status)
		// What a load's foreign key takes, from another connection.
		w.Exec(`select 1 from collections where id = $1 for key share nowait`, c.ID)
		_, err = w.DB.Querier(t.Context()).Exec(t.Context(), `select 1 from collections where id = $1 for no key update nowait`, c.ID)
		require.ErrorIs(t, w.DB.Translate(err), database.ErrBusy)
		return nil
	}))
}
