package operations

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/events"
)

// The types of the events that are told about operations. Of the last three every
// operation has exactly one, and nothing follows it.
const (
	eventState             = "current_state"
	eventStarted           = "operation_started"
	eventDocumentProcessed = "document_processed"
	eventProgress          = "processing_progress"
	eventRemoving          = "removing_documents"
	eventScanning          = "scanning_documents"
	eventScanned           = "scanning_completed"
	eventStats             = "collection_stats"

	eventCompleted = "operation_completed"
	eventFailed    = "operation_failed"
	eventCancelled = "operation_cancelled"
)

// eventEnds are the terminal events, by the state that they announce.
var eventEnds = map[Status]string{
	StatusCompleted: eventCompleted, StatusFailed: eventFailed, StatusCancelled: eventCancelled,
}

func isEventOfEnd(kind string) bool {
	return kind == eventCompleted || kind == eventFailed || kind == eventCancelled
}

// topicOf is what is told about one operation.
func topicOf(id uuid.UUID) string { return "operation " + id.String() }

// topicOfUser is what is told about the operations that a user has started.
func topicOfUser(id int64) string { return "operations of " + strconv.FormatInt(id, 10) }

// event is about the operation.
func (o Operation) event(kind string, data map[string]any) events.Event {
	topics := []string{topicOf(o.UUID)}
	if o.UserID != nil {
		topics = append(topics, topicOfUser(*o.UserID))
	}
	return events.Event{Topics: topics, Type: kind, Data: o.eventData(data)}
}

// eventData adds what every event has.
func (o Operation) eventData(data map[string]any) map[string]any {
	all := map[string]any{"operation_id": o.UUID.String(), "collection_id": o.CollectionID.String()}
	maps.Copy(all, data)
	return all
}

// tellStarted tells that a worker has taken the operation up.
func (r *Repository) tellStarted(ctx context.Context, o Operation) error {
	return events.Publish(ctx, r.db, o.event(eventStarted, map[string]any{"status": StatusProcessing, "type": o.Type}))
}

// tellEnded belongs to every statement that ends an operation, in one transaction
// with it, and tells what else there is to tell before. What it sends rings only: who
// watches reads the row, and tells its client what stands there.
func (r *Repository) tellEnded(ctx context.Context, o Operation, to Status, before ...events.Event) error {
	return events.Publish(ctx, r.db, append(before, o.event(eventEnds[to], map[string]any{"status": to}))...)
}

// eventsOfCompletion tell what has become of the work, before the operation's own end is
// told, in the transaction of both.
func (w *Worker) eventsOfCompletion(ctx context.Context, run *Run, result map[string]any) ([]events.Event, error) {
	o := run.Operation
	w.teller.forget(o.UUID)
	p := run.Progress()
	last := o.progressEvent(p, true)
	if o.Type == TypeDelete { // there is no collection to tell more about
		return []events.Event{last}, nil
	}
	counts, err := w.rows.GetCounts(ctx, []uuid.UUID{o.CollectionID})
	if err != nil {
		return nil, err
	}
	stats := statsOf(counts[o.CollectionID])
	told := slices.Clone(run.untold)
	if p.Done > 0 {
		last.Data["stats"] = stats
		told = append(told, last)
	}
	if outcome := o.outcome(run.Scope.Collection(), result); outcome != nil {
		told = append(told, o.event(string(o.Type)+"_completed", outcome))
	}
	return append(told, o.event(eventStats, map[string]any{"stats": stats})), nil
}

// tellScanning tells that a run over a source begins.
func (w *Worker) tellScanning(ctx context.Context, run *Run, s *scan) error {
	return events.Publish(ctx, w.db, run.Operation.event(eventScanning, map[string]any{"status": "scanning", "source": s.source.SourcePath}))
}

// tellScanned tells what the runs over sources have come to so far, once one has ended.
func (w *Worker) tellScanned(ctx context.Context, run *Run, s *scan) error {
	counts := run.Progress().Counts
	return events.Publish(ctx, w.db, run.Operation.event(eventScanned, map[string]any{
		"status": eventScanned, "source": s.source.SourcePath, "total_files_found": counts[countScanned],
		"new_documents_registered": counts[countAdded], "documents_updated": counts[countUpdated],
		"unchanged_documents_skipped": counts[countUnchanged], "errors_count": counts[countRefused] + s.report.Unread,
	}))
}

// outcome is what the event <type>_completed says; nil for a type that has none. What
// has no meaning here has the value of nothing: a collection has no place of its own in
// a vector store.
func (o Operation) outcome(c collections.Collection, result map[string]any) map[string]any {
	switch o.Type {
	case TypeIndex:
		return map[string]any{"qdrant_collection": c.VectorStoreName, "vector_dim": 0}
	case TypeAppend:
		return o.outcomeOfAppend(result)
	case TypeReindex:
		return map[string]any{"processed": result["documents_reindexed"]}
	case TypeRemoveSource:
		return result
	default:
		return nil
	}
}

// outcomeOfAppend tells of the source that the operation was started for. Documents that
// were uploaded are not counted as new or changed ones.
func (o Operation) outcomeOfAppend(result map[string]any) map[string]any {
	var config struct {
		SourcePath string `json:"source_path"`
		SourceType string `json:"source_type"`
	}
	if json.Unmarshal(o.Config, &config) != nil || config.SourceType == "" {
		config.SourcePath, config.SourceType = "", "directory" // a run over all of them
	}
	told := map[string]any{"source": config.SourcePath, "source_type": config.SourceType}
	if config.SourceType == collections.SourceUpload {
		told[countAdded], told[countUpdated], told[countUnchanged] = result["documents_processed"], 0, 0
		told[countScanned] = sum(result["documents_processed"], result["documents_failed"])
		return told
	}
	for _, name := range []string{countAdded, countUpdated, countUnchanged, countScanned} {
		told[name] = sum(result[name])
	}
	return told
}

func sum(values ...any) int64 {
	var total int64
	for _, v := range values {
		n, _ := v.(int64)
		total += n
	}
	return total
}

func statsOf(c collections.Counts) map[string]any {
	return map[string]any{"document_count": c.Documents, "vector_count": c.Vectors, "total_size_bytes": c.Bytes}
}

// progressEvent tells how far the operation is; finished says that another document
// is done with, and not only another part of one.
func (o Operation) progressEvent(p Progress, finished bool) events.Event {
	data := map[string]any{}
	o.Meta.Progress = &p
	percent, known := o.Percent()
	if known {
		data["progress"] = percent
	}
	if o.Type == TypeDelete || o.Type == TypeRemoveSource {
		data["removed"], data["total"], data["progress_percent"] = p.Done, p.Total, percent
		return o.event(eventRemoving, data)
	}
	processed := p.Done - p.Failed - p.Counts[countGone]
	if o.Type == TypeReindex { // what it skips it is done with; a run over a source is not
		processed -= p.Skipped
	}
	data["processed"], data["failed"], data["skipped"], data["total"] = processed, p.Failed, p.Skipped, p.Total
	if !finished {
		data["message"] = p.Message
		return o.event(eventProgress, data)
	}
	data["current_document"] = p.Message
	return o.event(eventDocumentProcessed, data)
}
