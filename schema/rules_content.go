package schema

// The rules on documents and their contents. A collection that was deleted is left out
// where what it contains is being purged.
var documentRules = []Rule{
	{
		Key: "document_partition_key", Severity: SeverityError,
		Name:    "a document has its collection's partition key",
		Meaning: "Documents name another partition than their collection: their chunks are written and looked for in different places.",
		Remedy:  "Upload them again and delete these; a key is not to be edited by hand, since chunks and contents carry it too.",
		Statement: `
select format('document %s has %s, its collection %s', d.id, d.partition_key, c.partition_key), 1
from documents d
join collections c on c.id = d.collection_id
where c.partition_key <> d.partition_key`,
	},
	{
		Key: "document_source", Severity: SeverityError,
		Name:    "a document's source is of the same collection",
		Meaning: "Documents name a source that is gone, or is of another collection.",
		Remedy:  "semantik doctor --fix makes them documents without a source, as removing a source does.",
		Statement: `
select format('document %s names source %s', d.id, d.source_id), 1
from documents d
left join collection_sources s on s.id = d.source_id
where d.source_id is not null
  and s.collection_id is distinct from d.collection_id`,
	},
	{
		Key: "document_duplicate", Severity: SeverityError,
		Name:    "a content is in a collection once, documents in the bin left out",
		Meaning: "A collection has several documents with the same content, so that a search shows each hit twice. The unique index was gone, or is damaged.",
		Remedy:  "semantik doctor --fix moves all but the oldest to the bin, from where they can be restored; semantik schema check tells of the index.",
		Statement: `
select format('collection %s has %s documents with the content %s', collection_id, count(*), content_hash), count(*) - 1
from documents
where status <> 'deleted'
group by collection_id, content_hash
having count(*) > 1`,
	},
	{
		Key: "document_processing", Severity: SeverityError,
		Name:    "a document is processing only while an operation is",
		Meaning: "Documents are said to be worked on, and nobody works on them.",
		Remedy:  "semantik doctor --fix has them taken up again.",
		Statement: `
select format('document %s of collection %s', d.id, d.collection_id), 1
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
where d.status = 'processing'
  and not exists (
    select 1 from operations o where o.collection_id = d.collection_id and o.status = 'processing'
       or o.collection_id = d.collection_id and o.status = 'pending' and o.attempt > 0
  )`,
	},
}

var contentRules = []Rule{
	{
		Key: "document_content", Severity: SeverityError,
		Name:    "a document whose chunks were cut from its content has it",
		Meaning: "A document's content is lost: it cannot be opened, nor reindexed. Its chunks may still be there.",
		Remedy:  "Upload the file again, or take the document from a backup.",
		Statement: `
select format('document %s (%s)', d.id, d.file_path), 1
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
where d.status = 'completed'
  and d.chunked_hash is not null
  and d.file_size > 0
  and not exists (
    select 1 from document_contents o where o.document_id = d.id and o.kind = 'original'
  )`,
	},
	{
		Key: "document_content_size", Severity: SeverityError,
		Name:    "a document's content is as long as it says",
		Meaning: "Part of a document's content is missing, or it is another file's.",
		Remedy:  "Upload the file again, or take the document from a backup.",
		Statement: `
select format('document %s says %s bytes and has %s', d.id, d.file_size, sum(length(o.data))), 1
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
join document_contents o on o.document_id = d.id and o.kind = 'original'
where d.status <> 'deleted'
group by d.id
having sum(length(o.data)) <> d.file_size`,
	},
	{
		Key: "document_content_gap", Severity: SeverityError,
		Name:    "the slices of a content count from 0 without a gap",
		Meaning: "Part of a document's content is missing.",
		Remedy:  "Upload the file again, or take the document from a backup.",
		Statement: `
select format('%s of document %s', o.kind, o.document_id), 1
from document_contents o
join collections c on c.id = o.collection_id and c.deleted_at is null
group by o.document_id, o.kind
having count(*) <> max(o.slice) + 1 or min(o.slice) <> 0`,
	},
}
