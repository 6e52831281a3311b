package schema

var operationRules = []Rule{
	{
		Key: "operation_active", Severity: SeverityError,
		Name:    "a collection has at most one operation that has not ended",
		Meaning: "Two operations may work on one collection at once and undo each other's work. The unique index was gone, or is damaged.",
		Remedy:  "Cancel all but one: semantik operations cancel; semantik schema check tells of the index.",
		Statement: `
select format('collection %s has %s', collection_id, count(*)), count(*) - 1
from operations
where status in ('pending', 'processing')
group by collection_id
having count(*) > 1`,
	},
	{
		Key: "operation_job", Severity: SeverityError,
		Name:    "an operation that waits has a job",
		Meaning: "An operation waits, and nothing in the queue rings for it: they commit together, so that one of the two was lost.",
		Remedy:  "semantik doctor --fix rings for it; a worker that runs does so as well.",
		Statement: `
select format('operation %s', uuid), 1
from operations
where status = 'pending'
  and task_id is null`,
	},
	{
		Key: "operation_lease", Severity: SeverityError,
		Name:    "an operation is leased while it is processed, and only then",
		Meaning: "It cannot be told whether anybody works on an operation.",
		Remedy:  "semantik doctor --fix takes the lease from what is not processed, and lets that of the others lapse, so that a worker takes them up.",
		Statement: `
select format('operation %s is %s', uuid, status), 1
from operations
where (status = 'processing') <> (lease_until is not null and worker is not null)`,
	},
	{
		Key: "operation_wait", Severity: SeverityWarning,
		Name:    "only an operation that was begun waits for its turn, or to be tried again",
		Meaning: "An operation says that it waits for something that it cannot wait for.",
		Remedy:  "semantik doctor --fix takes the note away.",
		Statement: `
select format('operation %s is %s and waits for %s', uuid, status, waits_for), 1
from operations
where waits_for in ('turn', 'retry')
  and status <> 'processing'`,
	},
	{
		Key: "operation_failure_reason", Severity: SeverityWarning,
		Name:    "an operation that failed says why",
		Meaning: "An operation has failed, and nobody can tell of what.",
		Remedy:  "The server's log of that time may tell. What the operation left undone is taken up by semantik collections retry.",
		Statement: `
select format('operation %s', uuid), 1
from operations
where status = 'failed'
  and coalesce(error_message, '') = ''`,
	},
}

var deletionRules = []Rule{
	{
		Key: "deletion_operation", Severity: SeverityError,
		Name:    "a collection that was deleted has exactly one delete operation, and no other that has not ended",
		Meaning: "What a deleted collection contained is never purged, or is being written to.",
		Remedy:  "Cancel the other operations: semantik operations cancel. Where there is no delete operation, please report it; no read sees the collection.",
		Statement: `
select format('collection %s has %s, and %s others that have not ended', c.id,
  count(o.id) filter (where o.type = 'delete'),
  count(o.id) filter (where o.type <> 'delete' and o.status in ('pending', 'processing'))), 1
from collections c
left join operations o on o.collection_id = c.id
where c.deleted_at is not null
group by c.id
having count(o.id) filter (where o.type = 'delete') <> 1
    or count(o.id) filter (where o.type <> 'delete' and o.status in ('pending', 'processing')) > 0`,
	},
	{
		Key: "deletion_of_living", Severity: SeverityError,
		Name:    "only a collection that was deleted has a delete operation",
		Meaning: "A collection that is in use is going to be purged, or was.",
		Remedy:  "Cancel the operation at once if it has not ended, and take a backup.",
		Statement: `
select format('collection %s: operation %s', c.id, o.uuid), 1
from operations o
join collections c on c.id = o.collection_id and c.deleted_at is null
where o.type = 'delete'`,
	},
	{
		Key: "deletion_ended", Severity: SeverityError,
		Name:    "a delete operation never fails, and nobody cancels it",
		Meaning: "What a deleted collection contained is not purged any more and takes space. No read sees it.",
		Remedy:  "Please report it, with the operation's error message.",
		Statement: `
select format('operation %s is %s', uuid, status), 1
from operations
where type = 'delete'
  and status in ('failed', 'cancelled')`,
	},
	{
		Key: "deletion_remains", Severity: SeverityError,
		Name:    "nothing is left of a collection that was purged",
		Meaning: "Something was written to a collection after it was purged. No read sees it; it takes space, and the collection's row stays for it.",
		Remedy:  "Please report it. Nobody can reach what is left.",
		Statement: `
select format('collection %s still has %s', o.collection_id, l.what), 1
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
  and o.status = 'completed'`,
	},
}
