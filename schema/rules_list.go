package schema

// Foreign keys see to most of what the first group says; a restore that left
// them out, or an index that has gone bad, is found here.
var partitionRules = []Rule{
	{"a collection's partition key is what the formula gives", `
select format('collection %s has %s', id, partition_key)
from collections
where partition_key <> (abs(hashtext(id::text)::bigint) % (
  select count(*) from pg_inherits where inhparent = 'chunks'::regclass
))::int`},

	{"a document has its collection's partition key", `
select format('document %s', d.id)
from documents d
left join collections c on c.id = d.collection_id
where c.partition_key is distinct from d.partition_key`},

	{"a chunk lies in its collection's partition", `
select format('%s chunks of collection %s in %s', count(*), k.collection_id, k.tableoid::regclass)
from chunks k
left join collections c on c.id = k.collection_id
where c.partition_key is distinct from k.partition_key
   or k.tableoid::regclass::text <> 'chunks_p' || c.partition_key
group by k.collection_id, k.tableoid`},

	{"a search row lies in its collection's partition", `
select format('%s search rows of collection %s in %s', count(*), s.collection_id, s.tableoid::regclass)
from chunk_search s
left join collections c on c.id = s.collection_id
where c.partition_key is distinct from s.partition_key
   or s.tableoid::regclass::text <> 'chunk_search_p' || c.partition_key
group by s.collection_id, s.tableoid`},

	{"a chunk's document is of the same collection", `
select format('chunk %s of collection %s', k.id, k.collection_id)
from chunks k
left join documents d on d.id = k.document_id
where k.document_id is not null
  and d.collection_id is distinct from k.collection_id`},

	{"a document's source is of the same collection", `
select format('document %s', d.id)
from documents d
left join collection_sources s on s.id = d.source_id
where d.source_id is not null
  and s.collection_id is distinct from d.collection_id`},
}

// A collection that was deleted is left out: what it contains is being purged.
var counterRules = []Rule{
	{"a collection counts its documents", `
select format('collection %s says %s and has %s', c.id, c.document_count, d.n)
from collections c
cross join lateral (
  select count(*) as n from documents where collection_id = c.id and partition_key = c.partition_key and status <> 'deleted'
) d
where c.deleted_at is null
  and c.document_count <> d.n`},

	{"a collection counts its documents' bytes", `
select format('collection %s says %s and has %s', c.id, c.total_size_bytes, d.bytes)
from collections c
cross join lateral (
  select coalesce(sum(file_size), 0) as bytes
  from documents where collection_id = c.id and partition_key = c.partition_key and status <> 'deleted'
) d
where c.deleted_at is null
  and c.total_size_bytes <> d.bytes`},

	{"a collection counts its chunks", `
select format('collection %s says %s and has %s', c.id, c.chunk_count, coalesce(k.n, 0))
from collections c
left join (select collection_id, count(*) as n from chunks group by collection_id) k on k.collection_id = c.id
where c.deleted_at is null
  and c.chunk_count <> coalesce(k.n, 0)`},

	{"a collection counts the chunks that a search can find", `
select format('collection %s says %s and has %s', c.id, c.vector_count, coalesce(s.n, 0))
from collections c
left join (select collection_id, count(*) as n from chunk_search group by collection_id) s on s.collection_id = c.id
where c.deleted_at is null
  and c.vector_count <> coalesce(s.n, 0)`},

	{"a document that is done counts its chunks", `
select format('document %s says %s and has %s', d.id, d.chunk_count, coalesce(k.n, 0))
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
left join (select document_id, count(*) as n from chunks where document_id is not null group by document_id) k on k.document_id = d.id
where d.status in ('completed', 'failed')
  and d.chunk_count <> coalesce(k.n, 0)`},

	// Counted when an operation ends, since the row would be as hot as the
	// collection's.
	{"a source counts its documents and their bytes while nothing is running", `
select format('source %s says %s documents of %s bytes and has %s of %s', s.id, s.document_count, s.size_bytes, d.n, d.bytes)
from collection_sources s
join collections c on c.id = s.collection_id and c.deleted_at is null
cross join lateral (
  select count(*) as n, coalesce(sum(file_size), 0) as bytes from documents where source_id = s.id and status <> 'deleted'
) d
where (s.document_count, s.size_bytes) is distinct from (d.n, d.bytes)
  and not exists (
    select 1 from operations o where o.collection_id = s.collection_id and o.status in ('pending', 'processing')
  )`},
}

var chunkRules = []Rule{
	// Chunks that were loaded from outside have the indexes and offsets that the loader
	// gave them; chunked_hash says which the program has cut itself.
	{"the chunks that were cut of a document count from 0 without a gap", `
select format('document %s has %s chunks from %s to %s', d.id, count(*), min(k.chunk_index), max(k.chunk_index))
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
join chunks k on k.document_id = d.id and k.collection_id = d.collection_id and k.partition_key = d.partition_key
where d.status = 'completed'
  and d.chunked_hash is not null
group by d.id
having count(*) <> max(k.chunk_index) + 1 or min(k.chunk_index) <> 0`},

	{"the offsets of a chunk that was cut span its content", `
select format('chunk %s of collection %s', k.id, k.collection_id)
from chunks k
join documents d on d.id = k.document_id and d.chunked_hash is not null
where k.end_offset - k.start_offset <> length(k.content)
  and k.edited_at is null`},

	// One that was not got to keeps the chunks of its older content.
	{"a document that was deleted has no chunks, nor has one that has failed", `
select format('document %s', d.id)
from documents d
where (d.status = 'deleted' or d.status = 'failed' and (d.chunked_hash is null or d.chunked_hash = d.content_hash))
  and exists (
    select 1 from chunks k
    where k.document_id = d.id and k.collection_id = d.collection_id and k.partition_key = d.partition_key
  )`},
}

var searchRules = []Rule{
	{"a search row has its chunk, of the same document", `
select format('search row of chunk %s of collection %s', s.chunk_id, s.collection_id)
from chunk_search s
left join chunks k on k.id = s.chunk_id and k.collection_id = s.collection_id and k.partition_key = s.partition_key
where k.id is null
   or k.document_id is distinct from s.document_id`},

	{"every chunk can be found by a search, or is going to be", `
select format('chunk %s of collection %s', k.id, k.collection_id)
from chunks k
join collections c on c.id = k.collection_id and c.deleted_at is null
left join documents d on d.id = k.document_id
left join chunk_search s on s.chunk_id = k.id and s.collection_id = k.collection_id and s.partition_key = k.partition_key
where s.chunk_id is null
  and (k.document_id is null or d.status = 'completed')
  and not exists (
    select 1
    from chunk_search_backlog b
    where b.collection_id = k.collection_id
      and b.document_id is not distinct from k.document_id
      and k.chunk_index between b.first_index and b.last_index
  )`},
}

var contentRules = []Rule{
	{"a document's content is as long as it says", `
select format('document %s says %s bytes and has %s', d.id, d.file_size, sum(length(o.data)))
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
join document_contents o on o.document_id = d.id and o.kind = 'original'
where d.status <> 'deleted'
group by d.id
having sum(length(o.data)) <> d.file_size`},

	{"the slices of a content count from 0 without a gap", `
select format('%s of document %s', o.kind, o.document_id)
from document_contents o
join collections c on c.id = o.collection_id and c.deleted_at is null
group by o.document_id, o.kind
having count(*) <> max(o.slice) + 1 or min(o.slice) <> 0`},
}

var operationRules = []Rule{
	{"a collection has at most one operation that has not ended", `
select format('collection %s has %s', collection_id, count(*))
from operations
where status in ('pending', 'processing')
group by collection_id
having count(*) > 1`},

	{"a collection is pending or processing only while an operation is", `
select format('collection %s is %s', c.id, c.status)
from collections c
where c.status in ('pending', 'processing')
  and c.deleted_at is null
  and not exists (
    select 1 from operations o where o.collection_id = c.id and o.status in ('pending', 'processing')
  )`},

	{"a document is processing only while an operation is", `
select format('document %s', d.id)
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
where d.status = 'processing'
  and not exists (
    select 1 from operations o where o.collection_id = d.collection_id and o.status = 'processing'
       or o.collection_id = d.collection_id and o.status = 'pending' and o.attempt > 0
  )`},

	{"an operation that waits has a job", `
select format('operation %s', uuid)
from operations
where status = 'pending'
  and task_id is null`},

	{"an operation is leased while it is processed, and only then", `
select format('operation %s is %s', uuid, status)
from operations
where (status = 'processing') <> (lease_until is not null and worker is not null)`},

	{"only an operation that was begun waits for its turn, or to be tried again", `
select format('operation %s is %s and waits for %s', uuid, status, waits_for)
from operations
where waits_for in ('turn', 'retry')
  and status <> 'processing'`},

	{"an operation that failed says why", `
select format('operation %s', uuid)
from operations
where status = 'failed'
  and coalesce(error_message, '') = ''`},
}

var deletionRules = []Rule{
	{"a collection that was deleted has exactly one delete operation, and no other that has not ended", `
select format('collection %s has %s, and %s others that have not ended', c.id,
  count(o.id) filter (where o.type = 'delete'),
  count(o.id) filter (where o.type <> 'delete' and o.status in ('pending', 'processing')))
from collections c
left join operations o on o.collection_id = c.id
where c.deleted_at is not null
group by c.id
having count(o.id) filter (where o.type = 'delete') <> 1
    or count(o.id) filter (where o.type <> 'delete' and o.status in ('pending', 'processing')) > 0`},

	{"only a collection that was deleted has a delete operation", `
select format('collection %s: operation %s', c.id, o.uuid)
from operations o
join collections c on c.id = o.collection_id and c.deleted_at is null
where o.type = 'delete'`},

	{"a delete operation never fails, and nobody cancels it", `
select format('operation %s is %s', uuid, status)
from operations
where type = 'delete'
  and status in ('failed', 'cancelled')`},

	{"nothing is left of a collection that was purged", `
select format('collection %s still has %s', o.collection_id, l.what)
from operations o
cross join lateral (
  select 'chunks' as what where exists (select 1 from chunks where collection_id = o.collection_id)
  union all select 'search rows' where exists (select 1 from chunk_search where collection_id = o.collection_id)
  union all select 'documents' where exists (select 1 from documents where collection_id = o.collection_id)
  union all select 'contents' where exists (select 1 from document_contents where collection_id = o.collection_id)
  union all select 'sources' where exists (select 1 from collection_sources where collection_id = o.collection_id)
  union all select 'runs' where exists (select 1 from sync_runs where collection_id = o.collection_id)
  union all select 'permissions' where exists (select 1 from collection_permissions where collection_id = o.collection_id)
) l
where o.type = 'delete'
  and o.status = 'completed'`},

	{"a name is that of one collection, those deleted left out", `
select format('%s collections are called %s', count(*), name)
from collections
where deleted_at is null
group by name
having count(*) > 1`},
}
