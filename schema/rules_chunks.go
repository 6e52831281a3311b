package schema

// chunkScan reads the chunks once, and sums up those of each document, and of each
// collection those without one.
var chunkScan = &scan{name: "k", read: `
select collection_id, partition_key, document_id, tableoid::regclass::text as partition,
       count(*) as n, min(chunk_index) as first, max(chunk_index) as last,
       count(*) filter (where case when edited_at is null then end_offset - start_offset <> length(content) end) as misplaced
from chunks
group by collection_id, partition_key, document_id, tableoid`}

// The rules on chunks. Foreign keys see to some of what they say; a restore that left
// those out, or an index that has gone bad, is found here.
var chunkRules = []Rule{
	{
		Key: "chunk_collection", Severity: SeverityError, scan: chunkScan,
		Name:    "a chunk is of a collection that exists",
		Meaning: "Chunks are left of a collection that is gone. No read reaches them; they take space, and a restore with foreign keys refuses them.",
		Remedy:  "semantik doctor --fix --allow-destructive deletes them.",
		Statement: `
select format('%s chunks of collection %s in %s', sum(k.n), k.collection_id, k.partition), sum(k.n)
from k
left join collections c on c.id = k.collection_id
where c.id is null
group by k.collection_id, k.partition`,
	},
	{
		Key: "chunk_partition_key", Severity: SeverityError, scan: chunkScan,
		Name:    "a chunk lies in its collection's partition",
		Meaning: "Chunks lie where no read looks for them: foreign keys were switched off when they were written.",
		Remedy:  "Delete the chunks that are named and load their documents again; a restore brings them back as they were.",
		Statement: `
select format('%s chunks of collection %s in %s', sum(k.n), k.collection_id, k.partition), sum(k.n)
from k
join collections c on c.id = k.collection_id
where c.partition_key <> k.partition_key
group by k.collection_id, k.partition`,
	},
	{
		Key: "chunk_document", Severity: SeverityError, scan: chunkScan,
		Name:    "a chunk's document is of the same collection",
		Meaning: "Chunks name a document that is gone, or is of another collection. A search may find them, and nobody can open where they come from.",
		Remedy:  "Load the documents again, or delete the chunks by hand; semantik doctor leaves alone what a search may find.",
		Statement: `
select format('%s chunks of document %s in collection %s', sum(k.n), k.document_id, k.collection_id), sum(k.n)
from k
left join documents d on d.id = k.document_id
where k.document_id is not null
  and d.collection_id is distinct from k.collection_id
group by k.document_id, k.collection_id`,
	},
	// A collection that was deleted is left out, here and below: what it contains is being
	// purged.
	{
		Key: "collection_chunk_count", Severity: SeverityError, scan: chunkScan,
		Name:    "a collection counts its chunks",
		Meaning: "The number of chunks that is shown of a collection is wrong. It is corrected weekly; that it is wrong is a bug.",
		Remedy:  "semantik doctor --fix counts again.",
		Statement: `
select format('collection %s says %s and has %s', c.id, c.chunk_count, coalesce(k.n, 0)), 1
from collections c
left join (select collection_id, sum(n) as n from k group by collection_id) k on k.collection_id = c.id
where c.deleted_at is null
  and c.chunk_count <> coalesce(k.n, 0)`,
	},
	{
		Key: "document_chunk_count", Severity: SeverityError, scan: chunkScan,
		Name:    "a document that is done counts its chunks",
		Meaning: "A document has more or fewer chunks than it says. Where it has none of those that it counts, a search does not find it.",
		Remedy:  "semantik doctor --fix counts again, and has documents cut anew whose chunks have gaps.",
		Statement: `
select format('document %s says %s and has %s', d.id, d.chunk_count, coalesce(k.n, 0)), 1
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
left join (select document_id, sum(n) as n from k where document_id is not null group by document_id) k on k.document_id = d.id
where d.status in ('completed', 'failed')
  and d.chunk_count <> coalesce(k.n, 0)`,
	},
	// Chunks that were loaded from outside have the indexes and offsets that the loader
	// gave them; chunked_hash says which the program has cut itself.
	{
		Key: "chunk_index_gap", Severity: SeverityError, scan: chunkScan,
		Name:    "the chunks that were cut of a document count from 0 without a gap",
		Meaning: "Chunks of a document are missing, all of them perhaps: part of it is not found by a search.",
		Remedy:  "semantik doctor --fix has the document cut anew from its content, unless one of its chunks was edited by hand.",
		Statement: `
select format('document %s has %s chunks%s and counts %s', d.id, coalesce(k.n, 0), coalesce(' from ' || k.first || ' to ' || k.last, ''), d.chunk_count), 1
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
left join (select document_id, sum(n) as n, min(first) as first, max(last) as last from k group by document_id) k on k.document_id = d.id
where d.status = 'completed'
  and d.chunked_hash is not null
  and (k.n <> k.last + 1 or k.first <> 0 or (k.n is null and d.chunk_count > 0))`,
	},
	{
		Key: "chunk_offsets", Severity: SeverityError, scan: chunkScan,
		Name:    "the offsets of a chunk that was cut span its content",
		Meaning: "A chunk is not where it says in its document's text: what it is shown in is another place.",
		Remedy:  "semantik doctor --fix has the document cut anew from its content, unless one of its chunks was edited by hand.",
		Statement: `
select format('%s chunks of document %s', k.misplaced, k.document_id), k.misplaced
from k
join documents d on d.id = k.document_id and d.chunked_hash is not null
where k.misplaced > 0`,
	},
	// One that was not got to keeps the chunks of its older content.
	{
		Key: "document_leftover_chunks", Severity: SeverityError, scan: chunkScan,
		Name:    "a document that was deleted has no chunks, nor has one that has failed",
		Meaning: "Chunks are left of a document that nobody can open. A search does not show them; they are counted and take space.",
		Remedy:  "Restore the document and delete it again, or retry it: either replaces its chunks.",
		Statement: `
select format('document %s is %s and has %s', d.id, d.status, sum(k.n)), sum(k.n)
from k
join documents d on d.id = k.document_id and d.collection_id = k.collection_id and d.partition_key = k.partition_key
where d.status = 'deleted'
   or d.status = 'failed' and (d.chunked_hash is null or d.chunked_hash = d.content_hash)
group by d.id`,
	},
}

// searchScan reads the search rows once.
var searchScan = &scan{name: "s", read: `
select collection_id, partition_key, document_id, tableoid::regclass::text as partition, count(*) as n
from chunk_search
group by collection_id, partition_key, document_id, tableoid`}

var searchRules = []Rule{
	{
		Key: "search_row_collection", Severity: SeverityError, scan: searchScan,
		Name:    "a search row is of a collection that exists",
		Meaning: "Search rows are left of a collection that is gone. No read reaches them.",
		Remedy:  "semantik doctor --fix --allow-destructive deletes them.",
		Statement: `
select format('%s search rows of collection %s in %s', sum(s.n), s.collection_id, s.partition), sum(s.n)
from s
left join collections c on c.id = s.collection_id
where c.id is null
group by s.collection_id, s.partition`,
	},
	{
		Key: "search_row_partition_key", Severity: SeverityError, scan: searchScan,
		Name:    "a search row lies in its collection's partition",
		Meaning: "Search rows lie where no search looks for them, so that their chunks are not found.",
		Remedy:  "Delete the search rows that are named by hand; chunk_search_row is then found, and mended.",
		Statement: `
select format('%s search rows of collection %s in %s', sum(s.n), s.collection_id, s.partition), sum(s.n)
from s
join collections c on c.id = s.collection_id
where c.partition_key <> s.partition_key
group by s.collection_id, s.partition`,
	},
	{
		Key: "search_row_document", Severity: SeverityError, scan: searchScan,
		Name:    "a search row's document is of the same collection",
		Meaning: "Search rows name a document that is gone, or is of another collection.",
		Remedy:  "semantik doctor --fix deletes those whose chunk is gone too; the others go with their chunks.",
		Statement: `
select format('%s search rows of document %s in collection %s', sum(s.n), s.document_id, s.collection_id), sum(s.n)
from s
left join documents d on d.id = s.document_id
where s.document_id is not null
  and d.collection_id is distinct from s.collection_id
group by s.document_id, s.collection_id`,
	},
	{
		Key: "collection_vector_count", Severity: SeverityError, scan: searchScan,
		Name:    "a collection counts the chunks that a search can find",
		Meaning: "The number of searchable chunks that is shown of a collection is wrong. It is corrected weekly; that it is wrong is a bug.",
		Remedy:  "semantik doctor --fix counts again.",
		Statement: `
select format('collection %s says %s and has %s', c.id, c.vector_count, coalesce(s.n, 0)), 1
from collections c
left join (select collection_id, sum(n) as n from s group by collection_id) s on s.collection_id = c.id
where c.deleted_at is null
  and c.vector_count <> coalesce(s.n, 0)`,
	},
}

// pairScan joins chunks and search rows once, and keeps what does not fit together.
var pairScan = &scan{name: "p", read: `
select coalesce(k.collection_id, s.collection_id) as collection_id, k.id, s.chunk_id,
       k.document_id, k.chunk_index
from chunks k
full join chunk_search s on s.chunk_id = k.id and s.collection_id = k.collection_id and s.partition_key = k.partition_key
where k.id is null
   or s.chunk_id is null
   or k.document_id is distinct from s.document_id`}

var pairRules = []Rule{
	{
		Key: "search_row_chunk", Severity: SeverityError, scan: pairScan,
		Name:    "a search row has its chunk, of the same document",
		Meaning: "Search rows are left of chunks that are gone. No search shows them; they are counted and cost time.",
		Remedy:  "semantik doctor --fix deletes those without a chunk.",
		Statement: `
select format('search row of chunk %s of collection %s', p.chunk_id, p.collection_id), 1
from p
where p.chunk_id is not null`,
	},
	{
		Key: "chunk_search_row", Severity: SeverityError, scan: pairScan,
		Name:    "every chunk can be found by a search, or is going to be",
		Meaning: "Chunks have no search row, and nothing is going to make one: they can be read, and no search finds them.",
		Remedy:  "semantik doctor --fix notes them for the worker, which makes their search rows.",
		Statement: `
select format('chunk %s of collection %s', p.id, p.collection_id), 1
from p
join collections c on c.id = p.collection_id and c.deleted_at is null
left join documents d on d.id = p.document_id
where p.id is not null
  and p.chunk_id is null
  and (p.document_id is null or d.status = 'completed')
  and not exists (
    select 1
    from chunk_search_backlog b
    where b.collection_id = p.collection_id
      and coalesce(b.document_id, '00000000-0000-0000-0000-000000000000') = coalesce(p.document_id, '00000000-0000-0000-0000-000000000000')
      and p.chunk_index between b.first_index and b.last_index
  )`,
	},
}
