package operations

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Operation is a row of the table operations.
type Operation struct {
	ID int64
	// UUID is the id that the API shows.
	UUID         uuid.UUID `gorm:"column:uuid"`
	CollectionID uuid.UUID
	// UserID is who started it; nil once that user is gone.
	UserID *int64
	Type   Type
	Status Status
	// TaskID is the id of the queue's job that last rang for the operation.
	TaskID *int64
	// Config is what the operation was asked to do: a JSON object, never empty.
	Config json.RawMessage
	// Attempt counts the claims; a step is valid for the attempt it was made in.
	Attempt int
	// Worker names the process that has claimed the operation.
	Worker *string
	// LeaseUntil is when the claim lapses unless it is renewed.
	LeaseUntil   *time.Time
	ErrorMessage *string
	Meta         Meta      `gorm:"serializer:json"`
	CreatedAt    time.Time `gorm:"autoCreateTime:false;default:now()"`
	StartedAt    *time.Time
	CompletedAt  *time.Time
	// WaitsFor is why nobody works at it; nil while somebody does, and before its bell
	// was answered for the first time.
	WaitsFor *Wait

	// found is how the claim found it.
	found found
}

// found is how a claim found an operation.
type found struct {
	// resumed means that it only goes on after others had their turn.
	resumed bool
	// lost means that another worker had it, and neither ended it nor let go of it. What
	// this process had itself was broken off by the database, with nobody lost.
	lost bool
}

// Origin is what decides who may see an operation, and who may work on it.
type Origin struct {
	CollectionID uuid.UUID
	UserID       *int64
	Type         Type
	Status       Status
}

// isDeletionBy reports whether the user has deleted the collection by it.
func (o Origin) isDeletionBy(userID int64) bool {
	return o.Type == TypeDelete && o.UserID != nil && *o.UserID == userID
}

// Meta is how far an operation is, and what came of it.
type Meta struct {
	Progress *Progress      `json:"progress,omitempty"`
	Result   map[string]any `json:"result,omitempty"`
	// Kept are documents that were left as they are, at most [MaxKept] of them; the
	// progress has their number.
	Kept []KeptDocument `json:"kept,omitempty"`
	// Stalled counts the claims since the last step that was completed, but for those
	// that were given back and those of Interrupted.
	Stalled int `json:"stalled,omitempty"`
	// Interrupted counts the claims since then that ended with an error that passes.
	Interrupted int `json:"interrupted,omitempty"`
}

// MaxKept is how many documents an operation names that it has left as they are.
const MaxKept = 100

// MaxKeptPath is how long the path of such a document may be, in characters.
const MaxKeptPath = 200

// KeptDocument is a document that an operation has left as it is.
type KeptDocument struct {
	DocumentID uuid.UUID `json:"document_id"`
	// FilePath is the document's, without its beginning where it is longer than
	// [MaxKeptPath] characters: a list of operations may name ten thousand of them.
	FilePath string `json:"file_path"`
	Reason   string `json:"reason"`
}

// Progress counts documents and, where a deleted collection is purged, its chunks
// besides.
type Progress struct {
	// Done are those that are finished, the failed ones included.
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	// Skipped are those that were left as they are.
	Skipped int64 `json:"skipped"`
	// Total may grow while documents are added to an operation that is running. It is 0
	// while nobody knows it.
	Total int64 `json:"total"`
	// Chunks is how many chunks were made, or purged.
	Chunks int64 `json:"chunks"`
	// Counts are what else was counted, by name.
	Counts map[string]int64 `json:"counts,omitempty"`
	// Message says in words what is being done.
	Message string `json:"message,omitempty"`
}

// Pace is how many documents a second the operation has been through since it was begun,
// and about how long the rest takes at that; false while it is not being worked on, or
// nothing is known.
func (o Operation) Pace(now time.Time) (perSecond float64, remaining time.Duration, known bool) {
	p := o.Meta.Progress
	if o.Status != StatusProcessing || o.StartedAt == nil || p == nil || p.Done == 0 || p.Total < p.Done {
		return 0, 0, false
	}
	passed := now.Sub(*o.StartedAt).Seconds()
	if passed <= 0 {
		return 0, 0, false
	}
	perSecond = float64(p.Done) / passed
	return perSecond, time.Duration(float64(p.Total-p.Done) / perSecond * float64(time.Second)), true
}

// Percent is the progress as a number from 0 to 100, and false while nothing is
// known.
func (o Operation) Percent() (float64, bool) {
	switch p := o.Meta.Progress; {
	case o.Status == StatusCompleted:
		return 100, true
	case p == nil || p.Total == 0:
		return 0, false
	default:
		return 100 * float64(min(p.Done, p.Total)) / float64(p.Total), true
	}
}
