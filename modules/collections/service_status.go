package collections

import (
	"context"
	"fmt"

	"semantik/platform/audit"
	"semantik/platform/database"
)

// Recorder writes the audit log; [audit.Log] does. It is called in the unit of
// work of the change that it tells of.
type Recorder interface {
	Record(ctx context.Context, e audit.Entry) error
}

// StatusChanger is the one way in which a collection changes its state. Whoever
// works on collections, the worker above all, goes through it.
type StatusChanger struct {
	db         *database.DB
	repository *Repository
	audit      Recorder
}

// NewStatusChanger makes a changer.
func NewStatusChanger(db *database.DB, repository *Repository, audit Recorder) *StatusChanger {
	return &StatusChanger{db: db, repository: repository, audit: audit}
}

// Change moves the collection to another state, with a message for people, and
// notes it in the audit log; together with the rest of the unit of work, if there
// is one. [ErrWrongStatus] when the state may not follow the present one, and
// [ErrNotFound] once the collection is deleted. Asking for the state that already
// is leaves no entry.
func (c *StatusChanger) Change(ctx context.Context, scope Scope, to Status, message string) error {
	return c.db.InTx(ctx, func(ctx context.Context) error {
		from, err := c.repository.UpdateStatus(ctx, scope, to, message)
		if err != nil {
			return fmt.Errorf("changing a collection's status: %w", err)
		}
		if from == to {
			return nil
		}
		details := map[string]any{"from": from, "to": to}
		if message != "" {
			details["message"] = message
		}
		return c.audit.Record(ctx, audit.Entry{
			Action: "collection.status", ObjectType: objectType, ObjectID: scope.ID().String(), Details: details,
		})
	})
}

// objectType is how the audit log calls a collection.
const objectType = "collection"
