package doctor

import "semantik/schema"

// catalogRules look at what the tables are made of, with the queue's.
var catalogRules = []schema.Rule{
	{
		Key: "rows_hidden", Severity: schema.SeverityError,
		Name:    "no row level security hides rows from this account",
		Meaning: "Somebody has put a table under row level security. What it hides looks as if it were gone, for the program too where it signs in as this account.",
		Remedy:  "ALTER TABLE … DISABLE ROW LEVEL SECURITY, or run this as a superuser.",
		Statement: `
select c.oid::regclass, 1
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and row_security_active(c.oid)`,
	},
	{
		Key: "audit_partition_missing", Severity: schema.SeverityWarning,
		Name:    "the audit log has a partition for this month, and one for what has none",
		Meaning: "Entries go to the default partition, which makes later months slow to make; without that, changes fail.",
		Remedy:  "semantik doctor --fix makes them, or attaches those that stand there detached.",
		Statement: `
select name, 1
from unnest(array['audit_log_default', 'audit_log_' || to_char(now() at time zone 'UTC', 'YYYY_MM')]) as name
where not exists (select 1 from pg_inherits i where i.inhparent = to_regclass('audit_log') and i.inhrelid = to_regclass(name))`,
	},
	// What is being built just now is not valid yet.
	{
		Key: "index_invalid", Severity: schema.SeverityError,
		Name:    "an index is valid",
		Meaning: "PostgreSQL does not use the index, and a unique one keeps nothing unique: its building was broken off.",
		Remedy:  "semantik doctor --fix builds it again beside its use, or drops what a broken rebuild has left; by hand: REINDEX INDEX CONCURRENTLY.",
		Statement: `
select format('%s on %s', i.indexrelid::regclass, i.indrelid::regclass), 1
from pg_index i
join pg_class c on c.oid = i.indexrelid
where c.relkind = 'i'
  and c.relnamespace in (select oid from pg_namespace where nspname in ('public', 'river'))
  and not (i.indisvalid and i.indisready and i.indislive)
  and not exists (select 1 from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)`,
	},
	{
		Key: "index_incomplete", Severity: schema.SeverityError,
		Name:    "an index of a partitioned table is on each of its partitions",
		Meaning: "A query that the index serves reads the partitions that lack it from end to end, and a unique one keeps nothing unique there.",
		Remedy:  "semantik doctor --fix builds it on the partitions that lack it, beside their use, and attaches it.",
		Statement: `
select format('%s lacks %s', x.inhrelid::regclass, p.indexrelid::regclass), 1` + indexesLacking,
	},
	{
		Key: "index_parent_invalid", Severity: schema.SeverityWarning,
		Name:    "an index of a partitioned table is valid when those of its partitions are",
		Meaning: "PostgreSQL takes the index as unfinished, so that no foreign key can refer to it.",
		Remedy:  "Drop it and run semantik schema apply, or attach it to each partition again.",
		Statement: `
select format('%s on %s', p.indexrelid::regclass, p.indrelid::regclass), 1
from pg_index p
join pg_class c on c.oid = p.indexrelid and c.relkind = 'I'
where c.relnamespace = 'public'::regnamespace
  and not p.indisvalid
  and (select count(*) from pg_inherits a join pg_index i on i.indexrelid = a.inhrelid and i.indisvalid where a.inhparent = p.indexrelid)
    = (select count(*) from pg_inherits x where x.inhparent = p.indrelid)`,
	},
	{
		Key: "constraint_unvalidated", Severity: schema.SeverityError,
		Name:    "a constraint holds for the rows that were there before it",
		Meaning: "A constraint was added without a look at the rows that were there; some may break it.",
		Remedy:  "semantik doctor --fix validates it; where that fails, what breaks it comes first.",
		Statement: `
select format('%s on %s', conname, conrelid::regclass), 1
from pg_constraint
where connamespace = 'public'::regnamespace
  and not convalidated
  and conrelid <> 0
  and conparentid = 0`,
	},
	{
		Key: "trigger_disabled", Severity: schema.SeverityError,
		Name:    "no trigger is switched off",
		Meaning: "Foreign keys are triggers: while they are off, rows can be written that point nowhere.",
		Remedy:  "semantik doctor --fix switches them on, which needs a superuser of PostgreSQL; by hand: ALTER TABLE … ENABLE TRIGGER ALL.",
		Statement: `
select format('%s triggers of %s', count(*), t.tgrelid::regclass), count(*)
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'public'::regnamespace
  and t.tgenabled <> 'O'
group by t.tgrelid`,
	},
	{
		Key: "sequence_near_end", Severity: schema.SeverityError,
		Name:    "a sequence has a quarter of its numbers left",
		Meaning: "When the numbers are used up, nothing can be inserted into the table any more.",
		Remedy:  "Find out what uses them up; ALTER SEQUENCE … AS bigint, with the column, where it is smaller.",
		Statement: `
select format('%s.%s is at %s of %s', schemaname, sequencename, last_value, max_value), 1
from pg_sequences
where schemaname in ('public', 'river')
  and last_value > max_value / 4 * 3`,
	},
	{
		Key: "collation_version", Severity: schema.SeverityError,
		Name:    "texts are in the order in which the indexes were built",
		Meaning: "The system's rules for ordering texts have changed since the indexes were built, so that some may not find what is there, and a unique one may let a second in.",
		Remedy:  "REINDEX DATABASE CONCURRENTLY, then ALTER DATABASE … REFRESH COLLATION VERSION.",
		Statement: `
select format('database %s: built with %s, the system has %s', datname, datcollversion, pg_database_collation_actual_version(oid)), 1
from pg_database
where datname = current_database()
  and datcollversion <> pg_database_collation_actual_version(oid)`,
	},
}
