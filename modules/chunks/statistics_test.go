package chunks_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

func TestStatistics_OfWhatThereIs(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	stats := func() map[string]any {
		path := fmt.Sprintf("/api/v2/chunking/collections/%s/chunking-stats", c.ID)
		return w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: path, Status: 200}).JSON(t)
	}

	empty := stats()
	updated, err := time.Parse(time.RFC3339Nano, fmt.Sprint(empty["last_updated"]))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), updated, time.Minute)
	delete(empty, "last_updated")
	require.Equal(t, map[string]any{
		"total_chunks": 0.0, "total_documents": 0.0, "avg_chunk_size": 0.0, "min_chunk_size": 0.0, "max_chunk_size": 0.0,
		"size_variance": 0.0, "strategy_used": "recursive", "processing_time_seconds": 0.0,
		"quality_metrics": map[string]any{"sampled_chunks": 0.0, "avg_token_count": 0.0, "size_consistency": 1.0},
	}, empty)

	// Sizes are characters and not bytes.
	d := completed(t, w, c.ID)
	counted(t, post(w, c, "", fmt.Sprintf(`{"document_id": %q, "chunk_index": 0, "content": "äö", "token_count": 3}`+"\n"+
		`{"document_id": %[1]q, "chunk_index": 1, "content": "漢字kanji1"}`+"\n"+`{"chunk_index": 1, "content": "%[2]s", "token_count": 5}`,
		d, strings.Repeat("x", 12))))
	w.Exec(`update collections set chunking_strategy = 'markdown' where id = $1`, c.ID)
	w.Exec(`
insert into operations (collection_id, user_id, type, status, config, attempt, started_at, completed_at)
select $1, $2, type, 'completed', '{"a": 1}', 1, now() - interval '90 seconds', now()
from unnest('{append,reindex,remove_source}'::text[]) type`, c.ID, w.Root.ID)
	full := stats()
	delete(full, "last_updated")
	quality, ok := full["quality_metrics"].(map[string]any)
	require.True(t, ok)
	mean := (2 + 8 + 12) / 3.0
	variance := (4+64+144)/3.0 - mean*mean
	require.InDelta(t, mean, full["avg_chunk_size"], 1e-9)
	require.InDelta(t, variance, full["size_variance"], 1e-9)
	require.InDelta(t, 1-math.Sqrt(variance)/mean, quality["size_consistency"], 1e-9)
	for member, expected := range map[string]any{
		"total_chunks": 3.0, "total_documents": 1.0, "min_chunk_size": 2.0, "max_chunk_size": 12.0,
		"strategy_used": "markdown", "processing_time_seconds": 180.0,
	} {
		require.Equal(t, expected, full[member], member)
	}
	require.Equal(t, []any{3.0, 4.0}, []any{quality["sampled_chunks"], quality["avg_token_count"]})
}

func TestStatistics_LookAtSoManyChunksAtTheMost(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	load(t, w, c.ID, numbered(nil, chunks.SampledChunks+50, sentence))
	found, err := w.Chunks.Statistics(w.As(w.Root), c.ID)
	require.NoError(t, err)
	require.Equal(t, []int64{chunks.SampledChunks + 50, chunks.SampledChunks}, []int64{found.Chunks, found.Sampled})
}
