package doctor

import (
	"fmt"

	"semantik/schema"
)

// serverRules look at what keeps PostgreSQL from cleaning up, and how near that is to
// being dangerous.
func serverRules(l limits) []schema.Rule { return append(ageRules(l), holdRules(l)...) }

func ageRules(l limits) []schema.Rule {
	return []schema.Rule{
		{
			Key: "transaction_age", Severity: schema.SeverityWarning,
			Name:    "vacuum keeps up with the age of transactions",
			Meaning: "Tables have not been frozen in time. Long before the ages reach two billion PostgreSQL refuses every write.",
			Remedy:  "Look for what holds vacuum (snapshot_old, prepared_transaction, replication_slot), then VACUUM (FREEZE) the tables that are named.",
			Statement: fmt.Sprintf(`
select format('%%s: %%s transactions old', c.oid::regclass, greatest(age(c.relfrozenxid), mxid_age(c.relminmxid))), 1
from pg_class c
where c.relkind in ('r', 't', 'm')
  and (age(c.relfrozenxid) > %[1]f * current_setting('autovacuum_freeze_max_age')::bigint
       or mxid_age(c.relminmxid) > %[1]f * current_setting('autovacuum_multixact_freeze_max_age')::bigint)
order by greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) desc`, l.vacuumed),
		},
		{
			Key: "transaction_age_critical", Severity: schema.SeverityError,
			Name:    "PostgreSQL has half a billion transactions until it refuses writes",
			Meaning: "A database on this server is near the end of its transaction ids, or of its multixact ids. PostgreSQL then refuses every write of all databases.",
			Remedy:  "Now: end what holds vacuum, and run VACUUM (FREEZE) in the database that is named.",
			Statement: `
select format('database %s: %s', datname, greatest(age(datfrozenxid), mxid_age(datminmxid))), 1
from pg_database
where greatest(age(datfrozenxid), mxid_age(datminmxid)) > 1600000000`,
		},
	}
}

func holdRules(l limits) []schema.Rule {
	open := int64(l.open.Seconds())
	return []schema.Rule{
		{
			Key: "snapshot_old", Severity: schema.SeverityWarning,
			Name:    "no transaction is open for an hour",
			Meaning: "As long as a transaction is open, vacuum removes nothing that was deleted since it began, in any table.",
			Remedy:  "Let it end, or end it: select pg_terminate_backend(…). A dump or a backup takes as long as it takes.",
			Statement: fmt.Sprintf(`
select format('process %%s (%%s, %%s) since %%s', pid, coalesce(usename, backend_type), application_name, xact_start), 1
from pg_stat_activity
where pid <> pg_backend_pid()
  and datname = current_database()
  and (backend_xmin is not null or backend_xid is not null)
  and xact_start <= clock_timestamp() - interval '%d seconds'
order by xact_start`, open),
		},
		{
			Key: "prepared_transaction", Severity: schema.SeverityError,
			Name:    "no transaction is prepared and left",
			Meaning: "A prepared transaction holds its locks and keeps vacuum from cleaning up, also after a restart. This program never prepares any.",
			Remedy:  "COMMIT PREPARED or ROLLBACK PREPARED, as whoever has made it says.",
			Statement: fmt.Sprintf(`
select format('%%s of %%s since %%s', gid, owner, prepared), 1
from pg_prepared_xacts
where prepared <= clock_timestamp() - interval '%d seconds'`, open),
		},
		{
			Key: "replication_slot", Severity: schema.SeverityWarning,
			Name:    "a replication slot is read",
			Meaning: "PostgreSQL keeps its log, or rows that were deleted, for a reader that does not come: until the disk is full.",
			Remedy:  "Start the reader, or drop the slot: select pg_drop_replication_slot(…).",
			Statement: fmt.Sprintf(`
select format('%%s keeps %%s of log', slot_name, pg_size_pretty(pg_wal_lsn_diff(w.lsn, restart_lsn))), 1
from pg_replication_slots
cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn) w
where not active
  and (pg_wal_lsn_diff(w.lsn, restart_lsn) >= %d or xmin is not null or catalog_xmin is not null)`, l.slotBytes),
		},
	}
}

// setting is a rule on a setting of the server.
func setting(key string, severity schema.Severity, name, meaning, remedy, condition string) schema.Rule {
	return schema.Rule{
		Key: key, Severity: severity, Name: name, Meaning: meaning, Remedy: remedy,
		Statement: "\nselect format('%s = %s', name, current_setting(name)), 1\nfrom pg_settings\nwhere " + condition,
	}
}

// settingRules look at the settings that hurt.
func settingRules(l limits) []schema.Rule {
	return []schema.Rule{
		setting("setting_fsync", schema.SeverityError, "PostgreSQL waits for the disk",
			"After a crash of the machine the database may be damaged beyond repair.",
			"fsync = on and full_page_writes = on, and reload PostgreSQL.",
			`name in ('fsync', 'full_page_writes') and setting = 'off'`),
		setting("setting_damage_ignored", schema.SeverityError, "PostgreSQL does not pass over damage",
			"Damaged pages are taken for empty ones or for good ones: rows vanish without an error.",
			"Switch it off, and take what is damaged from a backup.",
			`name in ('zero_damaged_pages', 'ignore_checksum_failure', 'ignore_invalid_pages', 'ignore_system_indexes') and setting = 'on'`),
		setting("setting_async_commit", schema.SeverityWarning, "what was acknowledged is on disk",
			"What was acknowledged in the last moments before a crash may be lost, though nothing is damaged.",
			"synchronous_commit = on, and reload PostgreSQL.",
			`name = 'synchronous_commit' and setting = 'off'`),
		setting("setting_autovacuum", schema.SeverityError, "autovacuum does its work",
			"Dead rows stay, statistics grow old, and in the end PostgreSQL refuses every write.",
			"autovacuum = on and track_counts = on, and reload PostgreSQL.",
			`name in ('autovacuum', 'track_counts') and setting = 'off'`),
		setting("setting_locks", schema.SeverityWarning, "there are locks enough for a statement on every partition",
			"A statement that touches all partitions with their indexes, such as a dump, may fail for want of locks.",
			"max_locks_per_transaction = 256 or more, and restart PostgreSQL.",
			fmt.Sprintf("name = 'max_locks_per_transaction' and setting::integer < %d", l.locks)),
		setting("setting_shared_buffers", schema.SeverityHint, "a large database has memory of its own",
			"PostgreSQL keeps to the 128 MB that it takes when nobody says more, with a database many times as large.",
			"shared_buffers to a quarter of the machine's memory, and restart PostgreSQL.",
			fmt.Sprintf(`name = 'shared_buffers' and (setting = boot_val or setting = '16384') and pg_database_size(current_database()) > %d`, l.databaseBytes)),
		{
			Key: "setting_search_path", Severity: schema.SeverityError,
			Name:    "a session finds the tables",
			Meaning: "The program's statements look for their tables in another schema than public, where those are: every request fails.",
			Remedy:  "ALTER ROLE … SET search_path = public, likewise for the database; behind a pooler, have its connections opened anew.",
			Statement: `
select format('search_path = %s', current_setting('search_path')), 1
where current_schema() is distinct from 'public'`,
		},
		{
			Key: "setting_replication_role", Severity: schema.SeverityError,
			Name:    "no session begins with its foreign keys switched off",
			Meaning: "Whatever is written in such a session is not checked: rows can point nowhere.",
			Remedy:  "ALTER DATABASE … RESET session_replication_role, likewise for the role, and semantik doctor again for what was written.",
			Statement: `
select format('%s: %s', coalesce('role ' || r.rolname, 'everybody'), setting), 1
from pg_db_role_setting s
left join pg_roles r on r.oid = s.setrole
cross join unnest(s.setconfig) as setting
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and setting ~ '^session_replication_role=(?!origin)'
union all
select format('this session: %s', current_setting('session_replication_role')), 1
where current_setting('session_replication_role') <> 'origin'`,
		},
	}
}
