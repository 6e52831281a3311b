package chunks_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/testworld"
)

// twoInOrder are two collections in the order in which they are indexed.
func twoInOrder(w *testworld.World) (first, second collections.Collection) {
	first, second = w.Collection(w.Root), w.Collection(w.Root)
	if first.ID.String() > second.ID.String() {
		first, second = second, first
	}
	return first, second
}

// However large the chunks of one collection are, another has its turn after what takes
// about a second.
func TestIndexer_LargeChunksKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	heavy, light := twoInOrder(w)
	megabyte := strings.Repeat("é", 500_000)
	for _, n := range []int{11, 3, 3} { // more than a slice in one document, and in two together
		d := completed(t, w, heavy.ID)
		var lines strings.Builder
		for i := range n {
			lines.WriteString(lineOf(d, i, megabyte))
		}
		counted(t, post(w, heavy, "", lines.String()))
	}
	counted(t, post(w, light, "", `{"chunk_index": 0, "content": "A walrus."}`))
	var order []string
	for _, s := range w.Trace.Record(w.Index) {
		if !strings.Contains(s.SQL, "chunk_search_vector(") {
			continue
		}
		for _, arg := range s.Args {
			if arg == any(heavy.ID) {
				order = append(order, "heavy")
			} else if arg == any(light.ID) {
				order = append(order, "light")
			}
		}
	}
	require.Equal(t, []string{"heavy", "light", "heavy", "heavy", "heavy"}, order)
	require.EqualValues(t, 17, w.Read(heavy.ID).VectorCount)
}

// Somebody holds chunks that are to be indexed: the other collections are indexed all
// the same, and those chunks once they are free.
func TestIndexer_AChunkThatIsHeldKeepsNoOtherCollectionWaiting(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	held, free := twoInOrder(w)
	d := completed(t, w, held.ID)
	counted(t, post(w, held, "", linesOf(d, 0, 9)))
	counted(t, post(w, free, "", `{"chunk_index": 0, "content": "A walrus."}`))
	err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := w.DB.Querier(ctx).Exec(testworld.Beside(ctx), `select from chunks where collection_id = $1 and chunk_index = 3 for update`, held.ID); err != nil {
			return err
		}
		began := time.Now()
		err := w.Indexer.WorkAll(testworld.Beside(t.Context()))
		require.ErrorContains(t, err, held.ID.String())
		require.Less(t, time.Since(began), 30*time.Second, "it is not waited for again and again")
		require.EqualValues(t, 1, w.Read(free.ID).VectorCount)
		require.Zero(t, w.Read(held.ID).VectorCount)
		return nil
	})
	require.NoError(t, err)
	w.Index()
	require.EqualValues(t, 10, w.Read(held.ID).VectorCount)
}

// Whoever changes many chunks locks them in one order: those who name vectors, those who
// replace, and the indexer. In another they would end each other's transactions.
func TestChunks_AreLockedInOneOrder(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	const n = 600
	var replaced, named strings.Builder
	for range 3 { // ids of chunks in the order of time, those of documents in any
		d := completed(t, w, c.ID)
		counted(t, post(w, c, "", linesOf(d, 0, n-1)))
		replaced.WriteString(linesOf(d, 0, n-1))
	}
	for _, id := range testworld.Value[[]int64](w, `select array_agg(id order by id) from chunks`) {
		named.WriteString(`{"chunk_id": ` + strconv.FormatInt(id, 10) + `, "vector_id": "v"}` + "\n")
	}
	lines := map[string]string{"Content-Type": "application/x-ndjson"}
	errs := w.Race(3, func(i int) error {
		for range 3 {
			switch i {
			case 0:
				if a := patch(w, loadPath(c)+"/embeddings", named.String(), lines); a.Status != http.StatusOK {
					return errors.New(a.Body)
				}
			case 1:
				if a := post(w, c, "?on_conflict=replace", replaced.String()); a.Status != http.StatusCreated {
					return errors.New(a.Body)
				}
			default:
				_ = w.Indexer.WorkAll(context.Background()) // it does not wait long
			}
		}
		return nil
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Zero(t, w.Int(`select deadlocks from pg_stat_database where datname = current_database()`))
	w.Index()
	require.EqualValues(t, 3*n, w.Read(c.ID).VectorCount)
}
