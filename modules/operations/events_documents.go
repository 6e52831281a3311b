package operations

import (
	"context"
	"time"

	"github.com/google/uuid"

	"semantik/modules/documents"
	"semantik/platform/events"
)

// The types of the events that are told about single documents.
const (
	eventDocumentExtracted = "document_extracted"
	eventDocumentFailed    = "document_failed"
)

const (
	// documentsAtOnce bounds how many documents one telling names, whatever has become
	// of them: a socket for which too much waits is dropped. It bounds too how many
	// failed ones of an operation wait for theirs.
	documentsAtOnce = 100
	// extractedAtOnce bounds how many of them were extracted: nobody can read more.
	extractedAtOnce = 25
	// settleTimeout bounds how long the end of an operation waits for what goes before
	// it.
	settleTimeout = time.Second
)

// documentsToTell are the documents of one operation of which is still to be told what
// has become of them.
type documentsToTell struct{ extracted, failed []events.Event }

// extractedEvent tells that a document has its chunks.
func (o Operation) extractedEvent(d documents.Document, chunks int64) events.Event {
	return o.event(eventDocumentExtracted, map[string]any{"uri": d.FilePath, "chunks_created": chunks})
}

// failedEvent tells that a document failed, with the reason that its row has, or the
// result of a reindex, which leaves the document itself as it was.
func (o Operation) failedEvent(d documents.Document, reason string) events.Event {
	return o.event(eventDocumentFailed, map[string]any{"uri": d.FilePath, "error": reason})
}

// extracted notes that a document has its chunks, once that has committed.
func (r *Run) extracted(d documents.Document, chunks int64) {
	e := r.Operation.extractedEvent(d, chunks)
	r.worker.teller.noteDocument(r.Operation.UUID, func(w *documentsToTell) {
		w.extracted = keepLast(w.extracted, e, extractedAtOnce)
	})
}

// failed notes that a document failed, once that has committed.
func (r *Run) failed(d documents.Document, reason string) {
	e := r.Operation.failedEvent(d, reason)
	r.worker.teller.noteDocument(r.Operation.UUID, func(w *documentsToTell) {
		w.failed = keepLast(w.failed, e, documentsAtOnce)
	})
}

func keepLast(list []events.Event, e events.Event, n int) []events.Event {
	list = append(list, e)
	return list[max(0, len(list)-n):]
}

// tellAbandoned tells of documents that fail in the transaction of the context, which is
// one that may end the operation.
func (r *Run) tellAbandoned(ctx context.Context, failed []documents.Document, reason string) error {
	failed = failed[max(0, len(failed)-documentsAtOnce):]
	told := make([]events.Event, len(failed))
	for i, d := range failed {
		told[i] = r.Operation.failedEvent(d, reason)
	}
	return events.Publish(ctx, r.worker.db, told...)
}

func (t *teller) noteDocument(operation uuid.UUID, add func(w *documentsToTell)) {
	t.mu.Lock()
	if t.documents[operation] == nil {
		t.documents[operation] = &documentsToTell{}
	}
	add(t.documents[operation])
	t.mu.Unlock()
	t.ring()
}

// takeDocuments takes what is to be told now, of the operation or, if it is nil, of all:
// all that failed before any that was extracted, and of these the last. What failed and
// has no room waits; more says that something does.
func (t *teller) takeDocuments(operation uuid.UUID) (taken []events.Event, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var extracted []events.Event
	for id, w := range t.documents {
		if operation != uuid.Nil && operation != id {
			continue
		}
		n := min(len(w.failed), documentsAtOnce-len(taken))
		taken = append(taken, w.failed[:n]...)
		extracted = append(extracted, w.extracted...)
		w.failed, w.extracted = w.failed[n:], nil
		if len(w.failed) == 0 {
			delete(t.documents, id)
		}
	}
	room := min(extractedAtOnce, documentsAtOnce-len(taken))
	return append(taken, extracted[max(0, len(extracted)-room):]...), len(t.documents) > 0
}

// settle takes what is still to be told of the operation's documents, which goes before
// its end: after that nothing is heard. What is just being told goes before that. It is no
// part of a transaction, since it waits for another who needs a connection.
func (r *Run) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	t := r.worker.teller
	err := t.inTurn(ctx, func() error {
		taken, _ := t.takeDocuments(r.Operation.UUID)
		r.untold = append(r.untold, taken...)
		return nil
	})
	if err != nil {
		t.log.DebugContext(ctx, "what has become of documents is not told any more", "operation_id", r.Operation.UUID, "error", err)
	}
}

// tellUntold tells what was to be told with an end that has not come, or not as it should.
func (r *Run) tellUntold(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	t := r.worker.teller
	if err := events.Publish(ctx, t.db, r.untold...); err != nil {
		t.log.DebugContext(ctx, "what has become of documents could not be told", "operation_id", r.Operation.UUID, "error", err)
	}
	r.untold = nil
}
