package documents

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Copy is a file of a source whose content is that of a document with another path, or
// of a document with its path that belongs to another source.
type Copy struct {
	SourceID   int64
	Path       string
	Size       int64
	ModifiedAt *time.Time
	Hash       string
	// SeenAt is nil for now.
	SeenAt *time.Time
}

const (
	// dropCopies is served by the index on the path's hash.
	dropCopies = `
delete from source_copies c
using unnest($2::text[]) as p (path)
where c.source_id = $1
  and hashtextextended(c.file_path, 0) = hashtextextended(p.path, 0)
  and c.file_path = p.path`

	insertCopies = `
insert into source_copies (source_id, file_path, file_size, file_modified_at, content_hash)
select $1, path, size, modified_at, hash
from unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::text[]) as seen (path, size, modified_at, hash)`
)

// SaveCopies remembers copies of a source, which were seen now, in place of what was
// remembered of their paths. It needs a unit of work.
func (r *Repository) SaveCopies(ctx context.Context, _ collections.Scope, sourceID int64, copies ...Copy) error {
	tx, err := r.db.Tx(ctx)
	if err != nil || len(copies) == 0 {
		return err
	}
	n := len(copies)
	paths, sizes, times, hashes := make([]string, n), make([]int64, n), make([]*time.Time, n), make([]string, n)
	for i, c := range copies {
		paths[i], sizes[i], times[i], hashes[i] = c.Path, c.Size, c.ModifiedAt, c.Hash
	}
	if _, err := tx.Exec(ctx, dropCopies, sourceID, paths); err != nil {
		return r.db.Translate(err)
	}
	_, err = tx.Exec(ctx, insertCopies, sourceID, paths, sizes, times, hashes)
	return r.db.Translate(err)
}

// DropCopy forgets what was remembered of a path.
func (r *Repository) DropCopy(ctx context.Context, _ collections.Scope, sourceID int64, path string) error {
	_, err := r.db.Querier(ctx).Exec(ctx, dropCopies, sourceID, []string{path})
	return r.db.Translate(err)
}

// takeCopy is served by the index on (source_id, content_hash). What another source
// remembers is what it had when it was last looked through. A path that another document
// has by now is passed over.
const takeCopy = `
delete from source_copies
where id = (
  select c.id
  from collection_sources s
  join source_copies c on c.source_id = s.id
  where s.collection_id = $1
    and c.content_hash = $4
    and (s.id <> $3 or c.last_seen_at >= $5)
    and not exists (
      select 1
      from documents d
      where d.collection_id = $1
        and d.partition_key = $2
        and hashtextextended(d.file_path, 0) = hashtextextended(c.file_path, 0)
        and d.file_path = c.file_path
        and d.status <> 'deleted'
        and d.id <> $6
    )
  order by s.id <> $3, c.file_path, c.id
  limit 1
)
returning source_id, file_path, file_size, file_modified_at, content_hash, last_seen_at`

// TakeCopy gives a copy of the document's content, and forgets it, so that the document
// can become that file's; false when there is none. It is one of the given source that
// was seen since then, unless that is nil, and else one of another source of the
// collection.
func (r *Repository) TakeCopy(ctx context.Context, scope collections.Scope, sourceID int64, d Document, since *time.Time) (Copy, bool, error) {
	var c Copy
	err := r.db.Querier(ctx).QueryRow(ctx, takeCopy, scope.ID(), scope.PartitionKey(), sourceID, d.ContentHash, since, d.ID).
		Scan(&c.SourceID, &c.Path, &c.Size, &c.ModifiedAt, &c.Hash, &c.SeenAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, r.db.Translate(err)
}

// isOrphan is about a copy c: the content is no document's any more, and the path
// neither. It is served by the indexes on (collection_id, content_hash) and on the
// path's hash.
const isOrphan = `not exists (
    select 1
    from documents d
    where d.collection_id = $1
      and d.content_hash = c.content_hash
      and d.status <> 'deleted'
  )
  and not exists (
    select 1
    from documents d
    where d.collection_id = $1
      and hashtextextended(d.file_path, 0) = hashtextextended(c.file_path, 0)
      and d.file_path = c.file_path
      and d.status <> 'deleted'
  )`

const (
	// selectOrphans is served by the index that leads with source_id.
	selectOrphans = `
select c.file_path
from source_copies c
where c.source_id = $2
  and c.last_seen_at >= $3
  and ` + isOrphan + `
order by c.id
limit $4`

	// selectSourcesOfOrphans is served by the index that leads with source_id.
	selectSourcesOfOrphans = `
select s.id
from collection_sources s
where s.collection_id = $1
  and s.id <> $2
  and exists (
    select 1
    from source_copies c
    where c.source_id = s.id
      and c.last_seen_at >= s.last_run_started_at
      and ` + isOrphan + `
  )
order by s.id`

	// dropOrphan is served by the index on the path's hash.
	dropOrphan = `
delete from source_copies c
where c.source_id = $2
  and hashtextextended(c.file_path, 0) = hashtextextended($3::text, 0)
  and c.file_path = $3
  and ` + isOrphan
)

// ListOrphans gives the paths of copies of a source, seen since then, of a content that
// no document has any more: the file that had it has another one now.
func (r *Repository) ListOrphans(ctx context.Context, scope collections.Scope, sourceID int64, since time.Time, limit int) ([]string, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectOrphans, scope.ID(), sourceID, since, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	paths, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return paths, r.db.Translate(err)
}

// ListSourcesOfOrphans gives the other sources of the collection that had, when they were
// last looked through, copies of a content that no document has any more.
func (r *Repository) ListSourcesOfOrphans(ctx context.Context, scope collections.Scope, sourceID int64) ([]int64, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectSourcesOfOrphans, scope.ID(), sourceID)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return ids, r.db.Translate(err)
}

// DropOrphan forgets what was remembered of a path, where that is a copy of a content
// that no document has.
func (r *Repository) DropOrphan(ctx context.Context, scope collections.Scope, sourceID int64, path string) error {
	_, err := r.db.Querier(ctx).Exec(ctx, dropOrphan, scope.ID(), sourceID, path)
	return r.db.Translate(err)
}

// forgetCopies is served by the index that leads with source_id.
const forgetCopies = `
delete from source_copies
where source_id = $1
  and last_seen_at < $2`

// ForgetCopies forgets the copies of a source that were not seen since then.
func (r *Repository) ForgetCopies(ctx context.Context, _ collections.Scope, sourceID int64, since time.Time) error {
	_, err := r.db.Querier(ctx).Exec(ctx, forgetCopies, sourceID, since)
	return r.db.Translate(err)
}

// moveDocument is served by the primary key.
const moveDocument = `
update documents
set source_id = $4,
    file_path = $5,
    file_name = $6,
    file_modified_at = $7,
    last_seen_at = coalesce($8, now()),
    updated_at = now()
where id = $3
  and collection_id = $1
  and partition_key = $2
  and status <> 'deleted'`

// MoveTo makes the document that of a file that was a copy of its, whose name is given.
func (r *Repository) MoveTo(ctx context.Context, scope collections.Scope, id uuid.UUID, c Copy, name string) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, moveDocument, scope.ID(), scope.PartitionKey(), id, c.SourceID, c.Path, name, c.ModifiedAt, c.SeenAt)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return r.db.Translate(err)
}
