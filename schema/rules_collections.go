package schema

// The rules on collections. A collection that was deleted is left out of those on its
// counters: what it contains is being purged.
var collectionRules = []Rule{
	{
		Key: "collection_partition_key", Severity: SeverityError,
		Name:    "a collection's partition key is what the formula gives",
		Meaning: "PostgreSQL's hashtext gives other numbers than when the rows were made: its files were moved to another build or kind of machine. Reads and loads go on; a dump could not be restored.",
		Remedy:  "Run the PostgreSQL of before, or load these collections again as new ones. Do not edit keys.",
		Statement: `
select format('collection %s has %s', id, partition_key), 1
from collections
where partition_key <> (abs(hashtext(id::text)::bigint) % coalesce(
  chunk_partition_count(),
  (select nullif(count(*), 0) from pg_inherits where inhparent = 'chunks'::regclass)
))::int`,
	},
	{
		Key: "collection_name", Severity: SeverityError,
		Name:    "a name is that of one collection, those deleted left out",
		Meaning: "Several collections have one name, so that it does not tell which is meant. The unique index was gone, or is damaged.",
		Remedy:  "Rename all but one; semantik schema check tells of the index.",
		Statement: `
select format('%s collections are called %s', count(*), name), count(*) - 1
from collections
where deleted_at is null
group by name
having count(*) > 1`,
	},
	{
		Key: "collection_document_count", Severity: SeverityError,
		Name:    "a collection counts its documents",
		Meaning: "The number of documents that is shown of a collection is wrong. It is corrected weekly; that it is wrong is a bug.",
		Remedy:  "semantik doctor --fix counts again.",
		Statement: `
select format('collection %s says %s and has %s', c.id, c.document_count, coalesce(d.n, 0)), 1
from collections c
left join (
  select collection_id, partition_key, count(*) as n from documents where status <> 'deleted' group by collection_id, partition_key
) d on d.collection_id = c.id and d.partition_key = c.partition_key
where c.deleted_at is null
  and c.document_count <> coalesce(d.n, 0)`,
	},
	{
		Key: "collection_bytes", Severity: SeverityError,
		Name:    "a collection counts its documents' bytes",
		Meaning: "The size that is shown of a collection is wrong. It is corrected weekly; that it is wrong is a bug.",
		Remedy:  "semantik doctor --fix counts again.",
		Statement: `
select format('collection %s says %s and has %s', c.id, c.total_size_bytes, coalesce(d.bytes, 0)), 1
from collections c
left join (
  select collection_id, partition_key, sum(file_size) as bytes from documents where status <> 'deleted' group by collection_id, partition_key
) d on d.collection_id = c.id and d.partition_key = c.partition_key
where c.deleted_at is null
  and c.total_size_bytes <> coalesce(d.bytes, 0)`,
	},
	// Counted when an operation ends, since the row would be as hot as the
	// collection's.
	{
		Key: "source_count", Severity: SeverityError,
		Name:    "a source counts its documents and their bytes while nothing is running",
		Meaning: "The number of documents that is shown of a source, or their size, is wrong.",
		Remedy:  "semantik doctor --fix counts again; so does the next operation of the collection.",
		Statement: `
select format('source %s says %s documents of %s bytes and has %s of %s', s.id, s.document_count, s.size_bytes, d.n, d.bytes), 1
from collection_sources s
join collections c on c.id = s.collection_id and c.deleted_at is null
cross join lateral (
  select count(*) as n, coalesce(sum(file_size), 0) as bytes from documents where source_id = s.id and status <> 'deleted'
) d
where (s.document_count, s.size_bytes) is distinct from (d.n, d.bytes)
  and not exists (
    select 1 from operations o where o.collection_id = s.collection_id and o.status in ('pending', 'processing')
  )`,
	},
	{
		Key: "collection_status", Severity: SeverityError,
		Name:    "a collection is pending or processing only while an operation is",
		Meaning: "A collection is said to be worked on, and nobody works on it.",
		Remedy:  "semantik doctor --fix starts an operation, which takes up what waits and makes the collection ready.",
		Statement: `
select format('collection %s is %s', c.id, c.status), 1
from collections c
where c.status in ('pending', 'processing')
  and c.deleted_at is null
  and not exists (
    select 1 from operations o where o.collection_id = c.id and o.status in ('pending', 'processing')
  )`,
	},
}
