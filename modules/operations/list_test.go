package operations_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/operations"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestList_IsOnesOwnNewestFirstAndFiltered(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.Collection(w.Root)
	var mine uuid.UUID
	for i := range 5 {
		c := w.NewCollection(alice)
		mine = c.ID
		w.Exec(`update operations set created_at = now() + make_interval(secs => $2) where uuid = $1`, c.InitialOperationID, float64(i/2))
		if i == 0 {
			w.Finish(c.InitialOperationID)
		}
	}
	var seen []uuid.UUID
	last := time.Now().Add(time.Hour)
	for offset := 0; offset < 6; offset += 2 {
		page, total, err := w.Operations.List(w.As(alice), operations.ListQuery{Page: database.Page{Offset: offset, Limit: 2}})
		require.NoError(t, err)
		require.EqualValues(t, 5, total)
		for _, o := range page {
			require.False(t, o.CreatedAt.After(last))
			last = o.CreatedAt
			seen = append(seen, o.UUID)
		}
	}
	require.Len(t, seen, 5)
	slices.SortFunc(seen, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	require.Len(t, slices.Compact(seen), 5)
	for query, status := range map[string]int{
		"": 200, "?status=pending": 200, "?status=PENDING,%20completed": 200, "?operation_type=index": 200,
		"?status=lost": 400, "?status=pending,": 400, "?operation_type=juggle": 400, "?page=0": 422, "?per_page=101": 422, "?per_page=many": 422,
	} {
		t.Run(query, func(t *testing.T) {
			for _, path := range []string{"/api/v2/operations", "/api/v2/collections/" + mine.String() + "/operations"} {
				w.In(t).Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: path + query, Status: status})
			}
		})
	}
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/operations?status=completed", Status: http.StatusOK, Has: []string{`"total":1`}})
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: fmt.Sprintf("/api/v2/operations/%s", uuid.New()), Status: http.StatusNotFound})
}
