package backup

import (
	"context"
	"fmt"
	"strings"
)

// restoreCollection makes the collection's own row.
func (r *collectionRestore) restoreCollection(ctx context.Context, own map[string]bool) error {
	t, ok := r.table("collections")
	if !ok {
		return fmt.Errorf("%w: it has no table collections", ErrDamaged)
	}
	p, err := pick(t, "id", own)
	if err != nil {
		return err
	}
	if err := r.loadAside(ctx, "collections", &p); err != nil {
		return err
	}
	const rename = "update restored_collections set owner_id = $1, name = $2"
	if _, err := r.conn.Exec(ctx, rename, r.owner, r.name); err != nil {
		return fmt.Errorf("preparing the collection: %w", err)
	}
	return r.moveIn(ctx, t, "")
}

// moveIn moves the rows of a temporary table to where they belong. What is named of the
// columns is given anew.
func (r *collectionRestore) moveIn(ctx context.Context, t Table, anew string) error {
	columns := t.Columns
	if anew != "" {
		columns = without(columns, []string{anew})
	}
	list := columnList(columns)
	sql := fmt.Sprintf("insert into %[1]s (%[2]s) overriding system value select %[2]s from restored_%[1]s", t.Name, list)
	if _, err := r.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("inserting into %s: %w", t.Name, err)
	}
	return nil
}

// restoreSources brings the sources back with new ids, which are the database's, and
// what hangs on them: the runs over them and the copies known of them.
func (r *collectionRestore) restoreSources(ctx context.Context, own map[string]bool) error {
	sources, err := r.asideOf(ctx, "collection_sources", own)
	if err != nil {
		return err
	}
	// No operation of here is to look through them, and none is at it.
	const calm = `
update restored_collection_sources
set scan_requested_at = null, scan_position = null, scan_config = null,
    last_run_status = case last_run_status when 'running' then 'failed' else last_run_status end`
	const renumber = `
create temporary table restored_ids on commit drop as
select id as old, nextval(pg_get_serial_sequence('collection_sources', 'id')) as new from restored_collection_sources;
update restored_collection_sources set id = new from restored_ids where id = old`
	if err := script(ctx, r.conn, calm+";"+renumber); err != nil {
		return fmt.Errorf("preparing the sources: %w", err)
	}
	if err := r.moveIn(ctx, sources, ""); err != nil {
		return err
	}

	runs, err := r.asideOf(ctx, "sync_runs", own)
	if err != nil {
		return err
	}
	const ended = "update restored_sync_runs set status = 'failed', completed_at = now() where status = 'running'"
	if err := script(ctx, r.conn, ended); err != nil {
		return fmt.Errorf("preparing the runs: %w", err)
	}
	if err := r.moveIn(ctx, runs, "id"); err != nil {
		return err
	}

	collectionColumn, err := pick(sources, "collection_id", own)
	if err != nil {
		return err
	}
	ids, err := r.backup.collect(ctx, sources, collectionColumn, "id")
	if err != nil {
		return err
	}
	copies, ok := r.table("source_copies")
	if !ok {
		return fmt.Errorf("%w: it has no table source_copies", ErrDamaged)
	}
	ofSources, err := pick(copies, "source_id", ids)
	if err != nil {
		return err
	}
	if err := r.loadAside(ctx, "source_copies", &ofSources); err != nil {
		return err
	}
	if err := script(ctx, r.conn, "update restored_source_copies set source_id = new from restored_ids where source_id = old"); err != nil {
		return fmt.Errorf("preparing what is known of copies: %w", err)
	}
	return r.moveIn(ctx, copies, "id")
}

// asideOf loads those rows of a table aside that are of the collection.
func (r *collectionRestore) asideOf(ctx context.Context, table string, own map[string]bool) (Table, error) {
	t, ok := r.table(table)
	if !ok {
		return Table{}, fmt.Errorf("%w: it has no table %s", ErrDamaged, table)
	}
	p, err := pick(t, "collection_id", own)
	if err != nil {
		return Table{}, err
	}
	return t, r.loadAside(ctx, table, &p)
}

// restoreDocuments brings the documents back and their contents. One that was waiting or
// being processed has nobody here who would go on with it: it is completed if its chunks
// are those of its content, and else it has failed, to be taken up by a retry.
func (r *collectionRestore) restoreDocuments(ctx context.Context, own map[string]bool) error {
	documents, err := r.asideOf(ctx, "documents", own)
	if err != nil {
		return err
	}
	const settleSources = "update restored_documents set source_id = (select new from restored_ids where old = source_id), reindexed_by = null"
	const settleStatus = `
update restored_documents
set status = case when chunked_hash = content_hash then 'completed' else 'failed' end,
    error_message = case when chunked_hash = content_hash then null
                    else 'It had not been processed when the backup was made that it was restored from.' end,
    error_category = case when chunked_hash = content_hash then null else 'transient' end
where status in ('pending', 'processing')`
	if err := script(ctx, r.conn, settleSources+";"+settleStatus); err != nil {
		return fmt.Errorf("preparing the documents: %w", err)
	}
	if err := r.moveIn(ctx, documents, ""); err != nil {
		return err
	}
	contents, ok := r.table("document_contents")
	if !ok {
		return fmt.Errorf("%w: it has no table document_contents", ErrDamaged)
	}
	p, err := pick(contents, "collection_id", own)
	if err != nil {
		return err
	}
	return r.copyIn(ctx, contents, contents.Name, &p)
}

// restoreChunks brings the chunks back and their search rows, and what has no search rows
// yet. They keep their ids, which are the collection's together with its own.
func (r *collectionRestore) restoreChunks(ctx context.Context, own map[string]bool) error {
	for _, name := range []string{"chunks", "chunk_search"} {
		t, ok := r.table(name)
		if !ok {
			return fmt.Errorf("%w: it has no partition %d of %s", ErrDamaged, r.collection.Key, name)
		}
		p, err := pick(t, "collection_id", own)
		if err != nil {
			return err
		}
		if err := r.copyIn(ctx, t, name, &p); err != nil {
			return err
		}
	}
	backlog, err := r.asideOf(ctx, "chunk_search_backlog", own)
	if err != nil {
		return err
	}
	return r.moveIn(ctx, backlog, "id")
}

// settle brings to rest what was under way when the backup was made, counts what is
// there, and writes down what was done. $1 is the collection, $2 its partition.
func (r *collectionRestore) settle(ctx context.Context, done *RestoredCollection) error {
	done.Name = r.name
	done.Owner = r.collection.Owner
	for _, statement := range settleSQL {
		args := []any{r.collection.ID, r.collection.Key}
		if !strings.Contains(statement, "$2") {
			args = args[:1]
		}
		if _, err := r.conn.Exec(ctx, statement, args...); err != nil {
			return fmt.Errorf("settling the collection: %w", err)
		}
	}
	row := r.conn.QueryRow(ctx, settledSQL, r.collection.ID)
	if err := row.Scan(&done.Documents, &done.Chunks, &done.Unfinished); err != nil {
		return fmt.Errorf("looking at the collection: %w", err)
	}
	return r.writeAudit(ctx, done)
}

var settleSQL = []string{
	// The numbers that the sequence gives out next must not be there in the collection.
	`select setval(seq, m.most)
from (select max(id) as most from chunks where collection_id = $1 and partition_key = $2) as m,
     (select pg_get_serial_sequence('chunks', 'id')::regclass as seq) as s,
     pg_sequences q
where q.schemaname = 'public'
  and q.sequencename = 'chunks_id_seq'
  and m.most > coalesce(q.last_value, 0)`,
	`update documents d
set chunk_count = (
    select count(*) from chunks k where k.document_id = d.id and k.collection_id = $1 and k.partition_key = $2
)
where collection_id = $1
  and error_category = 'transient'
  and status = 'failed'`,
	`update collection_sources s
set document_count = d.n, size_bytes = d.bytes
from (
    select s.id, count(d.id) as n, coalesce(sum(d.file_size), 0) as bytes
    from collection_sources s
    left join documents d on d.source_id = s.id and d.status <> 'deleted'
    where s.collection_id = $1
    group by s.id
) as d
where d.id = s.id`,
	`update collections c
set status = case when exists (select 1 from documents where collection_id = $1 and status = 'completed') then 'degraded' else 'error' end,
    status_message = 'It was restored from a backup that was made while it was being processed.',
    updated_at = now()
where id = $1
  and status in ('pending', 'processing')`,
}

const settledSQL = `
select document_count, chunk_count,
       (select count(*) from documents where collection_id = $1 and status = 'failed'
          and error_message like 'It had not been processed when the backup was made%')
from collections
where id = $1`

func (r *collectionRestore) writeAudit(ctx context.Context, done *RestoredCollection) error {
	const audit = `
insert into audit_log (actor, action, object_type, object_id, details)
values ('system', 'collection.restore', 'collection', $1,
        jsonb_build_object('name', $2::text, 'owner', $3::text, 'backup_created_at', $4::timestamptz, 'documents', $5::bigint, 'chunks', $6::bigint))`
	_, err := r.conn.Exec(ctx, audit, done.ID, done.Name, done.Owner, r.backup.Manifest.CreatedAt, done.Documents, done.Chunks)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}
