package collections

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"semantik/modules/collections/connectors"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// SourceWork has work on sources done in the background. Both run in the unit of work
// of the context and give the id of the operation.
type SourceWork interface {
	// StartAppend has the source looked through: it joins an active operation that adds
	// documents, or starts one. Another active one is a conflict. additional is a JSON
	// object, or nothing.
	StartAppend(ctx context.Context, scope Scope, source Source, userID int64, additional json.RawMessage) (uuid.UUID, error)
	// StartSync has all the sources looked through that were asked for. It is a conflict
	// while the collection has an active operation.
	StartSync(ctx context.Context, scope Scope, userID int64, config map[string]any) (uuid.UUID, error)
	// StartRemoval has the source and its documents removed. It is a conflict while the
	// collection has an active operation or has never been ready.
	StartRemoval(ctx context.Context, scope Scope, source Source, userID int64) (uuid.UUID, error)
}

// Connectors lists the kinds of sources that can be added; any signed-in user may ask,
// an API key needs the scope read.
func (s *Service) Connectors(ctx context.Context) ([]connectors.Description, error) {
	if _, err := auth.RequireScope(ctx, auth.ScopeRead); err != nil {
		return nil, err
	}
	return s.connectors.Descriptions(), nil
}

// Sources lists the collection's sources. It needs [Write]: what went wrong with a source
// names files that are no documents, which are not for every reader of a public collection.
func (s *Service) Sources(ctx context.Context, id uuid.UUID, page database.Page) ([]Source, int64, error) {
	scope, err := s.Authorize(ctx, id, Write)
	if err != nil {
		return nil, 0, err
	}
	return s.repository.ListSources(ctx, scope, page)
}

// Source reads one of the collection's sources; [ErrSourceNotFound] for any other. It
// needs [Write].
func (s *Service) Source(ctx context.Context, id uuid.UUID, sourceID int64) (Source, error) {
	scope, err := s.Authorize(ctx, id, Write)
	if err != nil {
		return Source{}, err
	}
	return s.repository.GetSource(ctx, scope, sourceID)
}

// AddSource adds a source, or gives the one that has its path already a new
// configuration, and has it looked through; it gives the source, and the id of the
// operation that does.
// It needs [Write]. It returns the errors of [AddSourceInput.Validate],
// [connectors.ErrUnknownType], those of the connector, [ErrSourcePathTaken], and a
// conflict while an operation is active that does not add documents.
func (s *Service) AddSource(ctx context.Context, id uuid.UUID, in AddSourceInput) (Source, uuid.UUID, error) {
	if _, err := s.Authorize(ctx, id, Write); err != nil {
		return Source{}, uuid.Nil, err
	}
	who, err := auth.Require(ctx)
	if err != nil {
		return Source{}, uuid.Nil, err
	}
	if err := in.Validate(); err != nil {
		return Source{}, uuid.Nil, err
	}
	if in.Type == SourceUpload {
		return Source{}, uuid.Nil, connectors.ErrUnknownType.WithMessagef("Documents are uploaded by sending them to the collection's documents; there is nothing to add for it.")
	}
	// The disk is looked at before the unit of work begins.
	wanted, err := s.sourceOf(ctx, in.SourceInput, "body.source_config.")
	if err != nil {
		return Source{}, uuid.Nil, err
	}
	var source Source
	var operation uuid.UUID
	err = s.holding(ctx, id, Write, func(ctx context.Context, scope Scope) error {
		saved, created, err := s.repository.SaveSource(ctx, scope, wanted)
		if err != nil {
			return err
		}
		source = saved
		if operation, err = s.sourceWork.StartAppend(ctx, scope, source, who.UserID, object(in.Additional)); err != nil {
			return err
		}
		return s.noteSource(ctx, "collection.source_add", source, map[string]any{"new": created, "operation_id": operation.String()})
	})
	return source, operation, err
}

// sourceOf has the connector read what the source is to be. prefix is where its
// configuration stands in the request.
func (s *Service) sourceOf(ctx context.Context, in SourceInput, prefix string) (Source, error) {
	connector, err := s.connectors.Get(in.Type)
	if err != nil {
		return Source{}, err
	}
	checked, err := connector.Check(ctx, in.Path, in.Config)
	if err != nil {
		return Source{}, connectors.Located(err, prefix)
	}
	return Source{SourceType: in.Type, SourcePath: checked.Path, SourceConfig: checked.Config}, nil
}

// UpdateSource changes a source's configuration, which counts from the next time on
// that it is looked through. It needs [Write]. It returns [ErrSourceNotFound], the
// errors of [UpdateSourceInput.Validate] and those of the connector; the path cannot
// change, since it names the source.
func (s *Service) UpdateSource(ctx context.Context, id uuid.UUID, sourceID int64, in UpdateSourceInput) (Source, error) {
	source, err := s.Source(ctx, id, sourceID)
	if err != nil {
		return Source{}, err
	}
	if err := in.Validate(); err != nil {
		return Source{}, err
	}
	config := object(in.Config)
	if config == nil {
		return source, nil
	}
	if source.SourceType != SourceUpload {
		wanted, err := s.sourceOf(ctx, SourceInput{Type: source.SourceType, Path: source.SourcePath, Config: config}, "body.source_config.")
		if err != nil {
			return Source{}, err
		}
		if wanted.SourcePath != source.SourcePath {
			return Source{}, apperr.InvalidFields([]apperr.Field{{
				Location: "body.source_config", Message: "is that of another source; add that one, and remove this",
			}})
		}
		config = wanted.SourceConfig
	}
	var updated Source
	err = s.holding(ctx, id, Write, func(ctx context.Context, scope Scope) error {
		var err error
		if updated, err = s.repository.UpdateSource(ctx, scope, sourceID, config); err != nil {
			return err
		}
		return s.noteSource(ctx, "collection.source_update", updated, map[string]any{"source_config": config})
	})
	return updated, err
}

// SourceRef names one of a collection's sources by its id or, where that is 0, by its
// path.
type SourceRef struct {
	ID   int64
	Path string
}

// RemoveSource has a source removed, with the documents that came from it; the id is
// that of the operation that does. It needs [Write]. It returns [ErrSourceNotFound], a
// conflict while an operation is active, and [ErrWrongStatus] for a collection that
// has never been ready.
func (s *Service) RemoveSource(ctx context.Context, id uuid.UUID, ref SourceRef) (uuid.UUID, error) {
	var operation uuid.UUID
	err := s.holding(ctx, id, Write, func(ctx context.Context, scope Scope) error {
		who, err := auth.Require(ctx)
		if err != nil {
			return err
		}
		source, err := s.referredTo(ctx, scope, ref)
		if err != nil {
			return err
		}
		if operation, err = s.sourceWork.StartRemoval(ctx, scope, source, who.UserID); err != nil {
			return err
		}
		return s.noteSource(ctx, "collection.source_remove", source, map[string]any{"operation_id": operation.String()})
	})
	return operation, err
}

// referredTo finds a source. A path is looked for as it is written, and else as an
// upload's or a folder's is stored.
func (s *Service) referredTo(ctx context.Context, scope Scope, ref SourceRef) (Source, error) {
	if ref.ID != 0 {
		return s.repository.GetSource(ctx, scope, ref.ID)
	}
	written := strings.TrimSpace(ref.Path)
	if problem := refProblem(written); problem != "" {
		return Source{}, apperr.InvalidFields([]apperr.Field{{Location: "query.source_path", Message: problem}})
	}
	paths := []string{written, uploadPath(written)}
	if path.IsAbs(written) {
		paths = append(paths, path.Clean(written))
	}
	source, err := s.repository.FindSource(ctx, scope, slices.Compact(paths))
	if err != nil {
		return source, fmt.Errorf("looking for a source: %w", err)
	}
	return source, nil
}

// refProblem is what is wrong with the path of a source that is to be found.
func refProblem(path string) string {
	switch {
	case path == "":
		return "is required"
	case !utf8.ValidString(path) || len(path) > MaxSourcePath:
		return fmt.Sprintf("must be at most %d bytes of valid UTF-8", MaxSourcePath)
	case strings.Contains(path, "\x00"):
		return "may not contain NUL characters"
	default:
		return ""
	}
}

// noteSource writes the entry about a source; details are completed by which it is.
func (s *Service) noteSource(ctx context.Context, action string, source Source, details map[string]any) error {
	details["source_id"], details["source_type"], details["source_path"] = source.ID, source.SourceType, source.SourcePath
	return s.audit.Record(ctx, audit.Entry{Action: action, ObjectType: objectType, ObjectID: source.CollectionID.String(), Details: details})
}
