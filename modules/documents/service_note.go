package documents

import (
	"context"

	"semantik/modules/collections"
	"semantik/platform/audit"
)

// note tells the audit log what a file has changed; nothing for one that was there
// already.
func (s *Service) note(ctx context.Context, scope collections.Scope, p placed) error {
	switch {
	case p.dropped != nil:
		return s.record(ctx, scope, "document.delete", *p.dropped, map[string]any{"content_moved_to": p.Document.ID})
	case p.Outcome == Created:
		return s.record(ctx, scope, "document.create", p.Document, map[string]any{})
	case p.Outcome == Replaced:
		return s.record(ctx, scope, "document.replace", p.Document, map[string]any{})
	default:
		return nil
	}
}

func (s *Service) record(ctx context.Context, scope collections.Scope, action string, d Document, details map[string]any) error {
	details["collection_id"] = scope.ID()
	details["file_path"] = d.FilePath
	details["file_size"] = d.FileSize
	details["content_hash"] = d.ContentHash
	return s.audit.Record(ctx, audit.Entry{Action: action, ObjectType: "document", ObjectID: d.ID.String(), Details: details})
}
