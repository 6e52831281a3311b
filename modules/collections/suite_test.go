package collections_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestSuite_CollectionsUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		alice, bob := w.User("alice"), w.User("bob")
		for _, err := range w.Race(4, func(i int) error {
			_, err := w.Collections.Create(w.As(alice), collections.CreateInput{Name: fmt.Sprintf("Collection %d", i), IsPublic: i == 0})
			return err
		}) {
			require.NoError(t, err)
		}
		_, err := w.Collections.Create(w.As(bob), collections.CreateInput{Name: "Collection 1"})
		require.ErrorIs(t, err, collections.ErrNameTaken)
		mine, total, err := w.Collections.List(w.As(alice), collections.ListQuery{IncludePublic: true, Page: database.Page{Limit: 10}})
		require.NoError(t, err)
		require.EqualValues(t, 4, total)
		_, total, err = w.Collections.List(w.As(bob), collections.ListQuery{IncludePublic: true, Page: database.Page{Limit: 10}})
		require.NoError(t, err)
		require.EqualValues(t, 1, total)
		for _, c := range mine {
			_, err := w.Collections.Get(w.As(bob), c.ID)
			require.Equal(t, c.IsPublic, err == nil)
		}
		require.EqualValues(t, 4, w.Int(`select count(*) from operations`), "one for each, however often it was tried")
		require.EqualValues(t, 4, w.Int(`select count(*) from river.river_job`))
	}, testworld.NoWorker())
}
