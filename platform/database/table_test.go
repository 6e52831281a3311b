package database_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

// memo is a model as the modules have them: the database sets key and times.
type memo struct {
	ID        int64
	Title     string
	Shout     string    `gorm:"->;default:(-)"`
	CreatedAt time.Time `gorm:"autoCreateTime:false;default:now()"`
	UpdatedAt time.Time `gorm:"autoUpdateTime:false;default:now()"`
}

var errMemoNotFound = apperr.New(apperr.NotFound, "memo_not_found", "There is no such memo.")

func memos(t *testing.T) database.Table[memo, int64] {
	t.Helper()
	db := open(t)
	_, err := db.Querier(t.Context()).Exec(t.Context(), `
create table memos (
  id bigint generated always as identity primary key,
  title text not null,
  shout text generated always as (upper(title)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now())`)
	require.NoError(t, err)
	return database.Table[memo, int64]{DB: db, Key: "id", NotFound: errMemoNotFound, Updatable: []string{"title"}}
}

func TestTable_ListOnceIsListInOneStatement(t *testing.T) {
	t.Parallel()
	table := memos(t)
	ctx := t.Context()
	for i := range 5 {
		require.NoError(t, table.Create(ctx, &memo{Title: fmt.Sprintf("memo %d", i)}))
	}
	some := database.Where("memos.title <> ?", "memo 2")
	for _, page := range []database.Page{{Limit: 2}, {Offset: 2, Limit: 2}, {Offset: 3, Limit: 10}, {Offset: 4, Limit: 10}, {Offset: 100}, {}, {Offset: -1, Limit: 2000}} {
		rows, total, err := table.List(ctx, page, "memos.title desc", some)
		require.NoError(t, err)
		once, totalOnce, err := table.ListOnce(ctx, page, "memos.title desc", some)
		require.NoError(t, err)
		require.Equal(t, rows, once, "%+v", page)
		require.Equal(t, total, totalOnce, "%+v", page)
	}
	none, total, err := table.ListOnce(ctx, database.Page{Limit: 10}, "title", database.Where("title = ?", "other"))
	require.NoError(t, err)
	require.Empty(t, none)
	require.NotNil(t, none)
	require.Zero(t, total)
	_, _, err = table.ListOnce(ctx, database.Page{}, "nothing")
	require.Error(t, err)
}

func TestTable_TheFive(t *testing.T) {
	t.Parallel()
	table := memos(t)
	ctx := t.Context()

	row := memo{Title: "one"}
	require.NoError(t, table.Create(ctx, &row))
	require.Positive(t, row.ID)
	require.Equal(t, "ONE", row.Shout, "what the database generates comes back")
	require.False(t, row.CreatedAt.IsZero())

	got, err := table.Get(ctx, row.ID)
	require.NoError(t, err)
	require.Equal(t, row.Title, got.Title)
	_, err = table.Get(ctx, row.ID, database.Where("title = ?", "other"))
	require.ErrorIs(t, err, errMemoNotFound)

	updated, err := table.Update(ctx, row.ID, map[string]any{"title": "two"})
	require.NoError(t, err)
	require.Equal(t, "TWO", updated.Shout)
	require.True(t, updated.UpdatedAt.After(row.UpdatedAt), "the statement sets updated_at")
	_, err = table.Update(ctx, row.ID, map[string]any{"id": 7})
	require.ErrorContains(t, err, `"id"`)
	_, err = table.Update(ctx, 404, map[string]any{"title": "x"})
	require.ErrorIs(t, err, errMemoNotFound)

	require.ErrorIs(t, table.Delete(ctx, row.ID, database.Where("title = ?", "one")), errMemoNotFound)
	require.NoError(t, table.Delete(ctx, row.ID))
	require.ErrorIs(t, table.Delete(ctx, row.ID), errMemoNotFound)
}

func TestTable_ListIsBoundedAndCountsAll(t *testing.T) {
	t.Parallel()
	table := memos(t)
	ctx := t.Context()
	require.NoError(t, table.DB.InTx(ctx, func(ctx context.Context) error {
		for i := range 7 {
			if err := table.Create(ctx, &memo{Title: fmt.Sprintf("m%d", i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	rows, total, err := table.List(ctx, database.Page{Offset: 2, Limit: 3}, "id")
	require.NoError(t, err)
	require.EqualValues(t, 7, total)
	require.Len(t, rows, 3)
	require.Equal(t, "m2", rows[0].Title)

	rows, total, err = table.List(ctx, database.Page{Offset: 100, Limit: 3}, "id")
	require.NoError(t, err)
	require.EqualValues(t, 7, total)
	require.NotNil(t, rows)
	require.Empty(t, rows)

	rows, total, err = table.List(ctx, database.Page{Limit: 0}, "id", database.Where("title > ?", "m4"))
	require.NoError(t, err)
	require.EqualValues(t, 2, total)
	require.Len(t, rows, 1, "a limit of nothing is one row, never all")
}
