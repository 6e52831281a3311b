package collections

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/database"
)

// tombstone keeps to collections that were deleted. Nothing but the purge reads
// them.
var tombstone = database.Where("collections.deleted_at is not null")

// GetDeleted reads the tombstone of a collection that was deleted; [ErrNotFound]
// when it was not.
func (r *Repository) GetDeleted(ctx context.Context, id uuid.UUID) (Collection, error) {
	return r.table.Get(ctx, id, tombstone)
}

// selectKnowsDeleted is served by the primary key.
const selectKnowsDeleted = `
select exists (
  select 1
  from collections
  where id = $1
    and deleted_at is not null
    and (owner_id = $2 or $3)
    and ($4::uuid[] is null or id = any($4::uuid[]))
)`

// KnowsDeleted reports whether the collection was deleted and the caller may know what
// becomes of it: as its owner, as a superuser, or because they have deleted it.
func (r *Repository) KnowsDeleted(ctx context.Context, id uuid.UUID, who Caller, deletedByCaller bool) (bool, error) {
	var known bool
	err := r.db.Querier(ctx).QueryRow(ctx, selectKnowsDeleted, id, who.UserID, who.Super || deletedByCaller, who.Within).Scan(&known)
	return known, r.db.Translate(err)
}

// deleteCollection is served by the primary key. From here on the name is free:
// the unique index on names leaves deleted collections out.
const deleteCollection = `
update collections
set deleted_at = now(),
    updated_at = now()
where id = $1
  and deleted_at is null`

// Delete marks a collection as deleted and frees its name. What it contains stays
// where it is, out of every reader's sight, until it is purged. Whoever calls it
// has locked the row, and starts the purge in the same unit of work.
func (r *Repository) Delete(ctx context.Context, scope Scope) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, deleteCollection, scope.ID())
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}

// What belongs to a collection besides its documents, each served by the key or
// the index that leads with collection_id.
const (
	purgePermissions = `
delete from collection_permissions
where ctid = any(array(
  select ctid
  from collection_permissions
  where collection_id = $1
  limit $2
))`

	purgeSyncRuns = `
delete from sync_runs
where ctid = any(array(
  select ctid
  from sync_runs
  where collection_id = $1
  limit $2
))`

	purgeCopies = `
delete from source_copies
where ctid = any(array(
  select c.ctid
  from collection_sources s
  join source_copies c on c.source_id = s.id
  where s.collection_id = $1
  limit $2
))`

	purgeSources = `
delete from collection_sources
where ctid = any(array(
  select ctid
  from collection_sources
  where collection_id = $1
  limit $2
))`
)

// Purge deletes what belongs to a deleted collection besides its documents, which
// are gone by then: at most limit permissions, runs, copies and sources each. It tells how
// many rows that were; none when nothing is left. The tombstone stays, and its
// operations with it.
func (r *Repository) Purge(ctx context.Context, scope Scope, limit int) (int64, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return 0, err
	}
	var gone int64
	for _, sql := range []string{purgePermissions, purgeSyncRuns, purgeCopies, purgeSources} {
		tag, err := r.db.Querier(ctx).Exec(ctx, sql, scope.ID(), limit)
		if err != nil {
			return 0, r.db.Translate(err)
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}
