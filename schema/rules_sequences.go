package schema

// sequenceScan reads the greatest id of each table that PostgreSQL numbers, by its key. The
// audit log is left out, whose key begins with the time.
var sequenceScan = &scan{name: "numbered", read: `
select 'users' as name, max(id) as greatest from users
union all select 'collection_sources', max(id) from collection_sources
union all select 'sync_runs', max(id) from sync_runs
union all select 'collection_permissions', max(id) from collection_permissions
union all select 'source_copies', max(id) from source_copies
union all select 'chunks', max(id) from chunks
union all select 'chunk_search_backlog', max(id) from chunk_search_backlog
union all select 'operations', max(id) from operations
union all select 'chunking_configs', max(id) from chunking_configs
union all select 'schema_history', max(id) from schema_history`}

// A sequence is not part of a snapshot: it may be ahead of it, and never behind.
var sequenceRules = []Rule{
	{
		Key: "sequence_behind", Severity: SeverityError, scan: sequenceScan,
		Name:    "a sequence is not behind the ids that it has given",
		Meaning: "The next rows cannot be inserted, since their ids are there already: a restore has left out where the sequences were.",
		Remedy:  "semantik doctor --fix sets it behind the greatest id.",
		Statement: `
select format('%s is at %s, and %s has %s', s.name, coalesce(s.at, 0), numbered.name, numbered.greatest), 1
from numbered
cross join lateral (
  select pg_get_serial_sequence(numbered.name, 'id') as name, pg_sequence_last_value(pg_get_serial_sequence(numbered.name, 'id')::regclass) as at
) s
where numbered.greatest > coalesce(s.at, 0)`,
	},
}
