package collections

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// scoped is a collection's row with what the caller may do with it; nil for nothing.
type scoped struct {
	Collection

	Granted *string
}

// collectionColumns are the columns of [Collection].
const collectionColumns = `c.id, c.name, c.description, c.owner_id, c.vector_store_name, c.embedding_model, c.quantization,
  c.chunk_size, c.chunk_overlap, c.chunking_strategy, c.chunking_config, c.pipeline_config, c.extraction_config,
  c.default_reranker_id, c.is_public, c.status, c.status_message, c.document_count, c.chunk_count, c.vector_count,
  c.total_size_bytes, c.meta, c.sync_mode, c.sync_interval_minutes, c.sync_paused_at, c.sync_next_run_at,
  c.sync_last_run_started_at, c.sync_last_run_completed_at, c.sync_last_run_status, c.sync_last_error,
  c.created_at, c.updated_at, c.deleted_at, c.partition_key`

// selectForPerson reads a collection with the right of a user in person: the owner
// and a superuser have every right, others what they were granted, and everybody
// may read a public one. It is served by the primary key and by
// uq_collection_permissions_user_id_collection_id.
//
// A row without a right stays in the database: reading what may be many kilobytes
// of metadata takes longer than finding nothing, and whoever has no right could
// tell by the time that the collection exists. The offset keeps the right from
// being looked up twice, for the row and for the condition.
//
// It stands apart from selectForKey because every request asks it: PostgreSQL plans
// it anew each time, and planning what a person has no use for would be half of
// what it costs.
const selectForPerson = `
select ` + collectionColumns + `, c.granted
from (
  select c.*,
    case
      when c.owner_id = $2 or $3 then 'admin'
      else coalesce((
        select p.permission
        from collection_permissions p
        where p.user_id = $2
          and p.collection_id = $1
      ), case when c.is_public then 'read' end)
    end as granted
  from collections c
  where c.id = $1
    and c.deleted_at is null
  offset 0
) c
where c.granted is not null`

// selectForKey reads it with the right of an API key, which acts as its owner, has
// what was granted to itself besides, and may be confined to some collections. It is
// served by the keys above and by uq_collection_permissions_api_key_id_collection_id.
const selectForKey = `
select ` + collectionColumns + `, c.granted
from (
  select c.*,
    case
      when c.owner_id = $2 then 'admin'
      else coalesce((
        select permission
        from (
          select p.permission
          from collection_permissions p
          where p.user_id = $2
            and p.collection_id = $1
          union all
          select p.permission
          from collection_permissions p
          where p.api_key_id = $3
            and p.collection_id = $1
        ) given
        order by case permission when 'admin' then 1 when 'write' then 2 else 3 end
        limit 1
      ), case when c.is_public then 'read' end)
    end as granted
  from collections c
  where c.id = $1
    and c.deleted_at is null
    and ($4::uuid[] is null or c.id = any($4::uuid[]))
  offset 0
) c
where c.granted is not null`

// Caller is the identity whose right is asked for.
type Caller struct {
	UserID int64
	// Super is a superuser acting in person; an API key never is one.
	Super bool
	// APIKeyID is the key that the caller uses, if any.
	APIKeyID *uuid.UUID
	// Within are the only collections that there are for the caller; nil for all.
	Within []uuid.UUID
}

func (c Caller) values() map[string]any {
	return map[string]any{"user": c.UserID, "super": c.Super, "key": c.APIKeyID, "within": c.within()}
}

// within is the array of ids as PostgreSQL reads it; nil for no bound.
func (c Caller) within() *string {
	if c.Within == nil {
		return nil
	}
	ids := make([]string, len(c.Within))
	for i, id := range c.Within {
		ids[i] = id.String()
	}
	array := "{" + strings.Join(ids, ",") + "}"
	return &array
}

// reachable keeps to what an API key is confined to.
const reachable = `(cast(@within as uuid[]) is null or collections.id = any(cast(@within as uuid[])))`

// GetByUUIDWithPermissionCheck reads the collection together with what the
// caller may do with it, in one statement. A collection that the caller may not
// even read is [ErrNotFound].
func (r *Repository) GetByUUIDWithPermissionCheck(ctx context.Context, id uuid.UUID, who Caller) (Scope, error) {
	sql, args := selectForPerson, []any{id, who.UserID, who.Super}
	if who.APIKeyID != nil || who.Within != nil {
		sql, args = selectForKey, []any{id, who.UserID, who.APIKeyID, who.Within}
	}
	rows, err := r.db.Querier(ctx).Query(ctx, sql, args...)
	if err != nil {
		return Scope{}, r.db.Translate(err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[scoped])
	if errors.Is(err, pgx.ErrNoRows) {
		return Scope{}, ErrNotFound
	}
	if err != nil {
		return Scope{}, r.db.Translate(err)
	}
	granted, ok := ParsePermission(valueOr(found.Granted, ""))
	if !ok {
		return Scope{}, ErrNotFound
	}
	return Scope{collection: found.Collection, granted: granted}, nil
}
