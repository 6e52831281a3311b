package operations

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/platform/events"
)

// noted is an operation of which so many documents were extracted and so many failed.
func noted(w *Worker, extracted, failed int) *Run {
	run := &Run{Operation: Operation{UUID: uuid.New()}, worker: w}
	for i := range extracted {
		run.extracted(documents.Document{FilePath: strconv.Itoa(i)}, 1)
	}
	for i := range failed {
		run.failed(documents.Document{FilePath: strconv.Itoa(i)}, "It is empty.")
	}
	return run
}

func uris(told []events.Event, kind string) []string {
	uris := []string{}
	for _, e := range told {
		if e.Type == kind {
			uris = append(uris, fmt.Sprint(e.Data["uri"]))
		}
	}
	return uris
}

// counted are numbers from and up to these, as texts.
func counted(from, to int) []string {
	texts := []string{}
	for i := from; i < to; i++ {
		texts = append(texts, strconv.Itoa(i))
	}
	return texts
}

func TestTeller_TellsOfSoManyDocumentsAtOnceAndOfThoseThatFailedFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		extracted, failed         int
		toldExtracted, toldFailed []string
	}{
		"few":                     {3, 2, counted(0, 3), counted(0, 2)},
		"many that were cut":      {60, 2, counted(35, 60), counted(0, 2)},
		"many that failed":        {60, 90, counted(50, 60), counted(0, 90)},
		"more than there is room": {60, 130, counted(0, 0), counted(30, 130)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &Worker{teller: newTeller(nil, nil, slog.New(slog.DiscardHandler))}
			run := noted(w, c.extracted, c.failed)
			told, more := w.teller.takeDocuments(run.Operation.UUID)
			require.False(t, more)
			require.Equal(t, c.toldExtracted, uris(told, eventDocumentExtracted))
			require.Equal(t, c.toldFailed, uris(told, eventDocumentFailed))
			again, _ := w.teller.takeDocuments(uuid.Nil)
			require.Empty(t, again, "each is told once")
		})
	}
}

func TestTeller_WhatFailedAndHasNoRoomWaitsForTheNextTelling(t *testing.T) {
	t.Parallel()
	w := &Worker{teller: newTeller(nil, nil, slog.New(slog.DiscardHandler))}
	runs := []*Run{noted(w, 30, 80), noted(w, 30, 80), noted(w, 30, 80)}
	var tellings []int
	told := map[any][]string{}
	for more := true; more; {
		var taken []events.Event
		taken, more = w.teller.takeDocuments(uuid.Nil)
		tellings = append(tellings, len(taken))
		for _, e := range taken {
			if e.Type == eventDocumentFailed {
				told[e.Data["operation_id"]] = append(told[e.Data["operation_id"]], fmt.Sprint(e.Data["uri"]))
			}
		}
	}
	require.Equal(t, []int{100, 100, 40}, tellings)
	for _, run := range runs {
		require.Equal(t, counted(0, 80), told[run.Operation.UUID.String()], "in their order")
	}
}

func TestTeller_TheEndOfAnOperationTellsOfItsOwnDocumentsOnly(t *testing.T) {
	t.Parallel()
	w := &Worker{teller: newTeller(nil, nil, slog.New(slog.DiscardHandler))}
	ends, goesOn, dropped := noted(w, 1, 1), noted(w, 2, 2), noted(w, 4, 4)
	told, more := w.teller.takeDocuments(ends.Operation.UUID)
	require.Len(t, told, 2)
	require.True(t, more)
	w.teller.forget(dropped.Operation.UUID)
	told, more = w.teller.takeDocuments(uuid.Nil)
	require.Len(t, told, 4)
	require.False(t, more)
	require.Equal(t, goesOn.Operation.UUID.String(), told[0].Data["operation_id"])
}
