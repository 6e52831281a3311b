package doctor

import "semantik/schema"

// stateRules look for what may well be for a moment, and should not stay so.
var stateRules = []schema.Rule{
	{
		Key: "operation_lapsed", Severity: schema.SeverityWarning,
		Name:    "an operation whose worker is gone is taken up by another within minutes",
		Meaning: "Work was begun and nobody goes on with it: no worker runs, or none that can reach the database.",
		Remedy:  "Start a server or semantik worker; it takes the operation up by itself.",
		Statement: `
select format('operation %s since %s', uuid, lease_until), 1
from operations
where status = 'processing'
  and lease_until < now() - interval '5 minutes'
  and waits_for is distinct from 'limit'`,
	},
	{
		Key: "operation_waiting", Severity: schema.SeverityWarning,
		Name:    "an operation that has waited for an hour still has a job that will be worked on",
		Meaning: "An operation waits, and its job in the queue has ended or was lost.",
		Remedy:  "semantik doctor --fix rings for it; a worker that runs does so as well, so see whether one does.",
		Statement: `
select format('operation %s since %s', o.uuid, o.created_at), 1
from operations o
where o.status = 'pending'
  and o.waits_for is null
  and o.created_at < now() - interval '1 hour'
  and exists (select 1 from river.river_job j where j.id = o.task_id)
  and not exists (
    select 1 from river.river_job j
    where j.id = o.task_id
      and (j.state in ('available', 'pending', 'retryable', 'scheduled') or j.state = 'running' and j.attempted_at > now() - interval '1 hour')
  )`,
	},
	{
		Key: "document_failure_reason", Severity: schema.SeverityWarning,
		Name:    "a document that failed says why",
		Meaning: "Documents have failed, and nobody can tell of what.",
		Remedy:  "Retry them: semantik collections retry.",
		Statement: `
select format('document %s', d.id), 1
from documents d
where d.status = 'failed'
  and coalesce(d.error_message, '') = ''`,
	},
	{
		Key: "document_waits_without_content", Severity: schema.SeverityError,
		Name:    "a document that waits to be worked on has its content",
		Meaning: "Documents wait, or are worked on, and their content is lost: they are going to fail.",
		Remedy:  "Upload the files again, or take the documents from a backup.",
		Statement: `
select format('document %s (%s)', d.id, d.file_path), 1
from documents d
join collections c on c.id = d.collection_id and c.deleted_at is null
where d.status in ('pending', 'processing')
  and d.file_size > 0
  and not exists (
    select 1 from document_contents o where o.document_id = d.id and o.kind = 'original'
  )`,
	},
	{
		Key: "operation_job_lost", Severity: schema.SeverityError,
		Name:    "the job of an operation that waits is in the queue",
		Meaning: "An operation waits for a job that is not there: the two commit together, so that the queue's table was restored, or emptied by hand.",
		Remedy:  "semantik doctor --fix rings for it; a worker that runs does so as well.",
		Statement: `
select format('operation %s', o.uuid), 1
from operations o
where o.status = 'pending'
  and o.task_id is not null
  and o.waits_for is null
  and not exists (select 1 from river.river_job j where j.id = o.task_id)`,
	},
	{
		Key: "job_operation", Severity: schema.SeverityWarning,
		Name:    "a job that rings for an operation has one",
		Meaning: "A job in the queue is about an operation that is not there. It does no harm; the two commit together, so that one was deleted by hand.",
		Remedy:  "semantik doctor --fix discards such jobs.",
		Statement: `
select format('job %s for operation %s', j.id, j.args ->> 'operation_id'), 1
from river.river_job j
where j.kind = 'operation'
  and j.state in ('available', 'pending', 'retryable', 'scheduled')
  and not exists (select 1 from operations o where o.uuid::text = j.args ->> 'operation_id')`,
	},
	{
		Key: "job_lost", Severity: schema.SeverityWarning,
		Name:    "a job is not running for more than a day",
		Meaning: "A process was killed over a job, and the queue cannot tell that from one that takes long. What it worked on was taken up by another.",
		Remedy:  "semantik tasks run expired ends such jobs; a server does so by the clock.",
		Statement: `
select format('job %s (%s) since %s', id, kind, attempted_at), 1
from river.river_job
where state = 'running'
  and attempted_at < now() - interval '25 hours'`,
	},
	{
		Key: "search_backlog", Severity: schema.SeverityWarning,
		Name:    "what was loaded can be searched within an hour",
		Meaning: "Chunks were loaded long ago and have no search rows yet, so that no search finds them: no worker runs, or there is more than it can do.",
		Remedy:  "Start a server or semantik worker, or more of them.",
		Statement: `
select format('collection %s since %s', collection_id, min(created_at)), sum(last_index - first_index + 1)
from chunk_search_backlog
where created_at < now() - interval '1 hour'
group by collection_id`,
	},
	{
		Key: "sync_run_unfinished", Severity: schema.SeverityWarning,
		Name:    "a run over a collection's sources ends with its operation",
		Meaning: "A run is said to be going on, and no operation is: the next one is not kept from starting.",
		Remedy:  "semantik doctor --fix ends the run as failed.",
		Statement: `
select format('run %s of collection %s since %s', r.id, r.collection_id, r.started_at), 1
from sync_runs r
join collections c on c.id = r.collection_id and c.deleted_at is null
where r.status = 'running'
  and r.started_at < now() - interval '1 hour'
  and not exists (select 1 from operations o where o.collection_id = r.collection_id and o.status in ('pending', 'processing'))`,
	},
	{
		Key: "task_failed", Severity: schema.SeverityWarning,
		Name:    "what is done by the clock succeeds",
		Meaning: "A scheduled task has failed the last time and is going to be tried again.",
		Remedy:  "semantik tasks list has the reason; semantik tasks run tries it again at once.",
		Statement: `
select format('%s at %s: %s', name, last_completed_at, last_error), 1
from scheduled_tasks
where last_status = 'failed'`,
	},
}
