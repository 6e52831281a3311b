package operations_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestRepository_CreateGetListUpdateDelete(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows := t.Context(), operations.NewRepository(w.DB)
	c := w.Collection(w.Root)
	scope := w.Scope(c.ID)
	_, active, err := rows.Active(ctx, scope)
	require.NoError(t, err)
	require.False(t, active)
	o := operations.Operation{
		UUID: uuid.New(), CollectionID: c.ID, UserID: &w.Root.ID, Type: operations.TypeAppend, Status: operations.StatusPending,
		Config: json.RawMessage(`{"n": 1.50}`),
	}
	require.NoError(t, rows.Create(ctx, &o))
	require.NoError(t, rows.SetTask(ctx, o.UUID, 42))
	read, err := rows.Get(ctx, o.UUID)
	require.NoError(t, err)
	require.EqualValues(t, 42, *read.TaskID)
	require.JSONEq(t, `{"n": 1.50}`, string(read.Config))
	require.Zero(t, read.Attempt)
	found, active, err := rows.Active(ctx, scope)
	require.NoError(t, err)
	require.True(t, active)
	require.Equal(t, o.UUID, found.UUID)
	second := o
	second.ID, second.UUID = 0, uuid.New()
	require.ErrorIs(t, rows.Create(ctx, &second), operations.ErrActive)
	second.CollectionID = uuid.New()
	require.ErrorIs(t, rows.Create(ctx, &second), collections.ErrNotFound)
	second.CollectionID, second.Type = w.Collection(w.Root).ID, "juggle"
	require.Equal(t, "operation_invalid", apperr.CodeOf(rows.Create(ctx, &second)))

	list, total, err := rows.List(ctx, operations.Filter{CollectionID: c.ID, Statuses: []operations.Status{operations.StatusPending}, Type: operations.TypeAppend}, database.Page{Limit: 5})
	require.NoError(t, err)
	require.EqualValues(t, 1, total)
	require.Equal(t, o.UUID, list[0].UUID)
	require.NoError(t, rows.Delete(ctx, o.UUID))
	require.ErrorIs(t, rows.Delete(ctx, o.UUID), operations.ErrNotFound)
	_, err = rows.Get(ctx, o.UUID)
	require.ErrorIs(t, err, operations.ErrNotFound)
}
