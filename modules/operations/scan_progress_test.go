package operations_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/operations"
	"semantik/testworld"
)

// told is how far an operation is, as a client is told.
func told(t *testing.T, w *testworld.World, id fmt.Stringer) (progress any, detail map[string]any) {
	t.Helper()
	body := w.Request(testworld.Scenario{As: &w.Root, URL: "/api/v2/operations/" + id.String(), Status: 200}).JSON(t)
	detail, ok := body["progress_detail"].(map[string]any)
	require.True(t, ok, body)
	return body["progress"], detail
}

// What it has found so far is not the whole: 6,000 of 6,000 with 14,000 to come.
func TestScan_WhileASourceIsListedNobodyIsToldHowMuchIsLeft(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	for i := range 250 { // more than a step lists
		d.write(fmt.Sprintf("%03d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	pause := w.Trace.PauseAt("set scan_position")
	t.Cleanup(pause.Resume)
	id := d.startSource(w, c, nil)
	reached(t, pause)
	next := w.Trace.PauseAt("set scan_position")
	t.Cleanup(next.Resume)
	pause.Resume()
	reached(t, next) // the first 200 are documents that are done with
	progress, detail := told(t, w, id)
	require.Nil(t, progress)
	require.EqualValues(t, 200, detail["done"])
	require.EqualValues(t, 0, detail["total"])
	require.NotContains(t, detail, "remaining_seconds")
	next.Resume()
	o := w.AwaitOperation(id)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.EqualValues(t, 250, o.Meta.Progress.Done)
	require.EqualValues(t, 250, o.Meta.Progress.Total)
}

func TestScan_WhatIsGoneCountsAsWorkThatIsLeft(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	for i := range 30 {
		d.write(fmt.Sprintf("%03d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	d.addSource(w, c, nil)
	for i := range 20 {
		d.remove(fmt.Sprintf("%03d.txt", i))
	}
	d.write("new.txt", "A heron.")
	pause := w.Trace.PauseAt("select c.file_path\nfrom source_copies c") // it looks for copies of what is gone
	t.Cleanup(pause.Resume)
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	reached(t, pause)
	ops, _, err := operations.NewRepository(w.DB).List(t.Context(), operations.Filter{CollectionID: c.ID}, onePage)
	require.NoError(t, err)
	progress, detail := told(t, w, ops[0].UUID)
	require.EqualValues(t, 21, detail["done"], "the new one, and those that are gone")
	require.EqualValues(t, 21, detail["total"])
	require.EqualValues(t, 100, progress)
	pause.Resume()
	o := w.AwaitOperation(ops[0].UUID)
	requireCount(t, 20, o, "documents_removed")
	requireCount(t, 20, o, "files_gone")
	require.InDelta(t, 1, o.Meta.Result["documents_processed"], 0, "not those that are gone")
	d.requireAsOnDisk(w, c)
}
