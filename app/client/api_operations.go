package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Operation is what is being done to a collection.
type Operation struct {
	ID           string     `json:"id"`
	CollectionID string     `json:"collection_id"`
	Type         string     `json:"type"`
	Status       string     `json:"status"`
	ErrorMessage *string    `json:"error_message"`
	CreatedAt    time.Time  `json:"created_at"`
	StartedAt    *time.Time `json:"started_at"`
	CompletedAt  *time.Time `json:"completed_at"`
	// Percent is absent while nothing is known.
	Percent  *float64  `json:"progress,omitempty"`
	Progress *Progress `json:"progress_detail,omitempty"`
	// Result is what came of it, where it has ended.
	Result map[string]json.RawMessage `json:"result"`
}

// Progress counts documents. Those that failed, and those that were left as they were,
// count as done.
type Progress struct {
	Done    int64  `json:"done"`
	Failed  int64  `json:"failed"`
	Skipped int64  `json:"skipped"`
	Total   int64  `json:"total"`
	Chunks  int64  `json:"chunks"`
	Message string `json:"message"`
}

// The states that the command line tells from others, and the type of a purge.
const (
	StatusCompleted = "completed"
	StatusCancelled = "cancelled"
	TypeDelete      = "delete"
)

// Ended reports whether nothing more will be done.
func (o Operation) Ended() bool { return o.Status != "pending" && o.Status != "processing" }

// Pace is how many a second are done, since the operation was taken up, and how long the
// rest will take at that; false where that cannot be told.
func (o Operation) Pace(now time.Time) (perSecond float64, left time.Duration, known bool) {
	if o.Progress == nil || o.StartedAt == nil || o.Progress.Done <= 0 {
		return 0, 0, false
	}
	if o.CompletedAt != nil {
		now = *o.CompletedAt
	}
	took := now.Sub(*o.StartedAt).Seconds()
	if took <= 0 || (o.CompletedAt == nil && took < 1) {
		return 0, 0, false // so short a time tells nothing yet
	}
	perSecond = float64(o.Progress.Done) / took
	rest := float64(max(0, o.Progress.Total-o.Progress.Done)) / perSecond
	const longest = 1000 * 24 * 3600
	return perSecond, time.Duration(min(rest, longest) * float64(time.Second)), true
}

const operationsPath = "/api/v2/operations"

func operationPath(id string) string { return operationsPath + "/" + url.PathEscape(id) }

// Operation reads an operation.
func (c *Client) Operation(ctx context.Context, id string) (Listed[Operation], error) {
	var answer Listed[Operation]
	return answer, c.get(ctx, operationPath(id), nil, &answer)
}

// CancelOperation ends an operation that has not ended.
func (c *Client) CancelOperation(ctx context.Context, id string) (Listed[Operation], error) {
	var answer Listed[Operation]
	return answer, c.do(ctx, call{method: http.MethodDelete, path: operationPath(id)}, &answer)
}

// OperationFilter says which operations are wanted. What is empty does not matter.
type OperationFilter struct {
	// Status is one or more, separated by commas.
	Status, Type string
	// CollectionID asks for those on a collection, whoever has started them; without it
	// they are the caller's own.
	CollectionID string
	// User and All ask for those of others, as a superuser.
	User string
	All  bool
	// Limit bounds how many there are; zero does not.
	Limit int
}

func (f OperationFilter) add(values url.Values) {
	for name, value := range map[string]string{"status": f.Status, "operation_type": f.Type, "user": f.User} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if f.All {
		values.Set("all", "true")
	}
}

// Operations lists operations, newest first.
func (c *Client) Operations(ctx context.Context, f OperationFilter) iter.Seq2[Listed[Operation], error] {
	read := func(page url.Values) ([]Listed[Operation], int64, error) {
		f.add(page)
		if f.CollectionID != "" {
			return c.operationsOf(ctx, f.CollectionID, page)
		}
		var answer struct {
			Operations []Listed[Operation] `json:"operations"`
			Total      int64               `json:"total"`
		}
		err := c.get(ctx, operationsPath, page, &answer)
		return answer.Operations, answer.Total, err
	}
	return func(yield func(Listed[Operation], error) bool) {
		n := 0
		for o, err := range pages(read) {
			if n++; !yield(o, err) || n == f.Limit {
				return
			}
		}
	}
}

// operationsOf reads a page of a collection's operations, whose answer has no total: a
// page that is not full is the last.
func (c *Client) operationsOf(ctx context.Context, collectionID string, page url.Values) ([]Listed[Operation], int64, error) {
	var found []Listed[Operation]
	if err := c.get(ctx, collectionPath(collectionID)+"/operations", page, &found); err != nil {
		return nil, 0, err
	}
	if len(found) < perPage {
		number, err := strconv.ParseInt(page.Get("page"), 10, 64)
		return found, (number-1)*perPage + int64(len(found)), err
	}
	return found, 1 << 62, nil
}

// DocumentPage is a page of documents, and how many there are.
type DocumentPage struct {
	Documents []Document `json:"documents"`
	Total     int64      `json:"total"`
}

// FailedDocuments gives the first page of the documents of a collection that failed.
func (c *Client) FailedDocuments(ctx context.Context, collectionID string) (Listed[DocumentPage], error) {
	var answer Listed[DocumentPage]
	return answer, c.get(ctx, collectionPath(collectionID)+"/documents", url.Values{"status": {"failed"}}, &answer)
}

// Retried says what became of the documents that failed.
type Retried struct {
	Reset       int64   `json:"reset_count"`
	Pending     int64   `json:"pending_count"`
	OperationID *string `json:"operation_id"`
	Message     string  `json:"message"`
}

// RetryFailed has the documents of a collection worked on again that failed for a
// reason that may pass.
func (c *Client) RetryFailed(ctx context.Context, collectionID string) (Listed[Retried], error) {
	var answer Listed[Retried]
	k := call{method: http.MethodPost, path: collectionPath(collectionID) + "/documents/retry-failed"}
	return answer, c.do(ctx, k, &answer)
}
