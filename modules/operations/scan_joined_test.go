package operations_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

func TestScan_ASourceThatJoinsARunIsAsItWasAskedForAndIsCounted(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a/a.txt", "A walrus.")
	d.write("b/b.txt", "A heron.")
	d.addSource(w, c, map[string]any{"path": d.root + "/a"})
	d.write("a/a.txt", "Another walrus.")
	pause := w.Trace.PauseAt("set scan_position")
	t.Cleanup(pause.Resume)
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	reached(t, pause)
	add := func(folder string, config map[string]any, expected int) map[string]any {
		t.Helper()
		body := w.Request(testworld.Scenario{
			As: &w.Root, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/sources", Status: http.StatusAccepted,
			Body: map[string]any{"source_config": map[string]any{"path": d.root + folder}, "config": config},
		}).JSON(t)
		require.EqualValues(t, expected, w.Int(`select expected_sources from sync_runs where status = 'running'`))
		answer, ok := body["config"].(map[string]any)
		require.True(t, ok)
		return answer
	}
	config := map[string]any{"metadata": map[string]any{"team": "x", "number": 12345678901234567}}
	answer := add("/b", config, 2)
	require.Equal(t, d.root+"/b", answer["source_path"], "the operation that is running is told about this source")
	require.Equal(t, "directory", answer["source_type"])
	require.Contains(t, fmt.Sprint(answer["additional_config"]), "team:x")
	require.EqualValues(t, w.Int(`select id from collection_sources where source_path like '%/b'`), answer["source_id"])
	require.Equal(t, "manual", answer["triggered_by"])
	add("/b", config, 2) // it waits still
	add("/a", nil, 3)    // which is being looked through, and is so again
	add("/a", nil, 3)
	pause.Resume()
	w.AwaitQuiet()
	require.Equal(t, "success 3 of 3", testworld.Value[string](w, `select status || ' ' || completed_sources || ' of ' || expected_sources from sync_runs`))
	require.JSONEq(t, `{"team": "x", "number": 12345678901234567}`, testworld.Value[string](w, `select meta::text from documents where file_name = 'b.txt'`))
	require.Zero(t, w.Int(`select count(*) from documents where file_name = 'a.txt' and meta is not null`))
	require.Zero(t, w.Int(`select count(*) from collection_sources where scan_config is not null`), "what was asked for is over")
	d.requireAsOnDisk(w, c)
	d.write("b/more.txt", "A gull.")
	syncNow(t, w, c)
	require.Zero(t, w.Int(`select count(*) from documents where file_name = 'more.txt' and meta is not null`), "a later run has not asked for it")
}
