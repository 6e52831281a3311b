package operations

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

var _ collections.SourceWork = (*Starter)(nil)

// StartAppend has the source looked through: it notes that on the source's row, and
// makes sure that an active operation will see the note: one that takes up documents, or
// a new append. One of another kind is [ErrActive].
func (s *Starter) StartAppend(ctx context.Context, scope collections.Scope, source collections.Source, userID int64, additional json.RawMessage) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		// The lock comes before the note: an operation ends under it, and only when
		// nothing is asked for any more.
		if _, err := s.rows.Lock(ctx, scope); err != nil {
			return err
		}
		if err := s.rows.RequestScan(ctx, scope, source.ID, additional); err != nil {
			return err
		}
		var err error
		id, err = s.EnsureWork(ctx, scope, userID, addedConfig(source, additional))
		return err
	})
	return id, err
}

// StartSync starts an append that looks through the sources that were asked for.
// [ErrActive] while the collection has an active operation. Its row is locked.
func (s *Starter) StartSync(ctx context.Context, scope collections.Scope, userID int64, config map[string]any) (uuid.UUID, error) {
	id, err := s.Start(ctx, scope, collections.NewOperation{Type: string(TypeAppend), UserID: userID, Config: config})
	if err != nil {
		return uuid.Nil, err
	}
	return id, s.status.Change(ctx, scope, collections.StatusProcessing, "")
}

// removable are the states in which a source may be removed: also those that the
// removal may be the way out of.
var removable = []collections.Status{collections.StatusReady, collections.StatusError, collections.StatusDegraded}

// StartRemoval has the source and its documents removed. It is [ErrActive] while the
// collection has an active operation, and [collections.ErrWrongStatus] when it has
// never been ready.
func (s *Starter) StartRemoval(ctx context.Context, scope collections.Scope, source collections.Source, userID int64) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		status, err := s.rows.Lock(ctx, scope)
		if err != nil {
			return err
		}
		_, active, err := s.repository.Active(ctx, scope)
		switch {
		case err != nil:
			return err
		case active:
			return ErrActive
		case !slices.Contains(removable, status):
			return collections.ErrWrongStatus.
				WithMessagef("The collection is %s. A source can be removed once it is ready.", status).WithDetail("from", status)
		}
		id, err = s.Start(ctx, scope, collections.NewOperation{Type: string(TypeRemoveSource), UserID: userID, Config: sourceConfig(source)})
		if err != nil {
			return err
		}
		return s.status.Change(ctx, scope, collections.StatusProcessing, "")
	})
	return id, err
}

// addedConfig tells an operation which source it is to look through, and how.
func addedConfig(source collections.Source, additional json.RawMessage) map[string]any {
	if len(additional) == 0 || string(additional) == "null" {
		additional = json.RawMessage("{}")
	}
	config := sourceConfig(source)
	config["source_type"], config["source_config"], config["additional_config"] = source.SourceType, source.SourceConfig, additional
	return config
}

// sourceConfig tells an operation which source it is about.
func sourceConfig(source collections.Source) map[string]any {
	return map[string]any{"source_id": source.ID, "source_path": source.SourcePath}
}
