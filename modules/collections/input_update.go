package collections

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

// UpdateInput says what is to change in a collection. What is nil stays as it is;
// an empty description or default reranker takes away what was there.
type UpdateInput struct {
	Name                *string
	Description         *string
	IsPublic            *bool
	Metadata            json.RawMessage
	DefaultRerankerID   *string
	ExtractionConfig    json.RawMessage
	SyncMode            *string
	SyncIntervalMinutes *int

	// IfMatch are the times of which the collection's last change must be one; nil
	// when any will do.
	IfMatch []time.Time
	// UpdatedAt is the same with one time.
	UpdatedAt *time.Time
}

// Validate checks every field and reports all that are wrong at once.
func (in UpdateInput) Validate() error {
	var wrong faults
	if in.Name != nil {
		wrong.name(*in.Name)
	}
	wrong.description(in.Description)
	wrong.object("metadata", in.Metadata)
	wrong.word("default_reranker_id", emptyIsNone(in.DefaultRerankerID))
	wrong.object("extraction_config", in.ExtractionConfig)
	wrong.oneOf("sync_mode", in.SyncMode, syncModes)
	wrong.syncInterval(in.SyncIntervalMinutes)
	return apperr.InvalidFields(wrong)
}

// matches reports whether the caller has seen the collection's latest change, as
// far as they want to have.
func (in UpdateInput) matches(updatedAt time.Time) bool {
	if in.IfMatch != nil && !slices.ContainsFunc(in.IfMatch, updatedAt.Equal) {
		return false
	}
	return in.UpdatedAt == nil || in.UpdatedAt.Equal(updatedAt)
}

// change is what becomes of one column. Secret values are not told in the audit
// log: what is in them is the user's own, and may be anything.
type change struct {
	from, to any
	secret   bool
}

// changes are what is to change in the collection, by column. What is asked for
// and is so already is left out.
func (in UpdateInput) changes(c Collection) (map[string]change, error) {
	changed := map[string]change{}
	set := func(column string, from, to any) {
		if !reflect.DeepEqual(from, to) {
			changed[column] = change{from: from, to: to}
		}
	}
	if in.Name != nil {
		set("name", c.Name, cleanName(*in.Name))
	}
	if in.Description != nil {
		set("description", c.Description, emptyIsNone(cleanDescription(in.Description)))
	}
	if in.IsPublic != nil {
		set("is_public", c.IsPublic, *in.IsPublic)
	}
	if in.DefaultRerankerID != nil {
		set("default_reranker_id", c.DefaultRerankerID, emptyIsNone(in.DefaultRerankerID))
	}
	for _, o := range []struct {
		column   string
		from, to json.RawMessage
	}{{"meta", c.Meta, object(in.Metadata)}, {"extraction_config", c.ExtractionConfig, object(in.ExtractionConfig)}} {
		if o.to != nil && !database.SameJSON(o.from, o.to) {
			changed[o.column] = change{from: o.from, to: o.to, secret: true}
		}
	}
	mode, interval := valueOr(in.SyncMode, c.SyncMode), c.SyncIntervalMinutes
	if in.SyncIntervalMinutes != nil {
		interval = in.SyncIntervalMinutes
	}
	if mode == SyncContinuous && interval == nil {
		return nil, ErrNoSyncInterval
	}
	set("sync_mode", c.SyncMode, mode)
	set("sync_interval_minutes", c.SyncIntervalMinutes, interval)
	if next := c.SyncNextRunAt; next != nil && c.SyncIntervalMinutes != nil && mode == SyncContinuous {
		// It is so long after the last run as the interval was, and is now as the new one is.
		moved := next.Add(time.Duration(*interval-*c.SyncIntervalMinutes) * time.Minute)
		set("sync_next_run_at", next, &moved)
	}
	if mode == SyncOnce {
		set("sync_paused_at", c.SyncPausedAt, (*time.Time)(nil))
		set("sync_next_run_at", c.SyncNextRunAt, (*time.Time)(nil))
	}
	return changed, nil
}

// maxTold bounds what the audit log tells of one value, in bytes.
const maxTold = 512

// columns are the changes as the repository takes them, and told as the audit log
// tells them: what was and what is, where that is small.
func columns(changed map[string]change) (set, told map[string]any) {
	set, told = map[string]any{}, map[string]any{}
	for column, c := range changed {
		set[column] = c.to
		from, errFrom := json.Marshal(c.from)
		to, errTo := json.Marshal(c.to)
		if c.secret || errFrom != nil || errTo != nil || len(from) > maxTold || len(to) > maxTold {
			told[column] = "changed"
			continue
		}
		told[column] = map[string]any{"from": c.from, "to": c.to}
	}
	return set, told
}
