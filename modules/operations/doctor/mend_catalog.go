package doctor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// each does something with each of the things that a query names, in a transaction of
// its own, and goes on after what fails.
func (d *Doctor) each(ctx context.Context, note note, query, statement string) (total int64, err error) {
	names, err := d.repository.texts(ctx, query)
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, name := range names {
		err := d.DB.InTx(ctx, func(ctx context.Context) error {
			if err := d.repository.bePatient(ctx); err != nil {
				return err
			}
			if _, err := d.repository.exec(ctx, fmt.Sprintf(statement, name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return note(ctx, 1, map[string]any{"object": name})
		})
		if err != nil {
			failed = append(failed, err)
			continue
		}
		total++
	}
	return total, errors.Join(failed...)
}

const selectDisabled = `
select distinct t.tgrelid::regclass::text
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'public'::regnamespace
  and t.tgenabled <> 'O'`

func enableTriggers(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.each(ctx, note, selectDisabled, "alter table %s enable trigger all")
}

const selectUnvalidated = `
select format('%s validate constraint %I', conrelid::regclass, conname)
from pg_constraint
where connamespace = 'public'::regnamespace
  and not convalidated
  and conrelid <> 0
  and conparentid = 0`

func validateConstraints(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.each(ctx, note, selectUnvalidated, "alter table %s")
}

const selectUnanalyzed = `
select c.oid::regclass::text
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind = 'r'
  and not c.relispartition
  and pg_stat_get_live_tuples(c.oid) >= 10000
  and not exists (select 1 from pg_stats s where s.schemaname = 'public' and s.tablename = c.relname)`

// analyzeTables leaves the parents of the partitions to whoever does so by the clock.
func analyzeTables(ctx context.Context, d *Doctor, note note) (int64, error) {
	n, err := d.each(ctx, note, selectUnanalyzed, "analyze %s")
	if err != nil {
		return n, err
	}
	said, err := d.Analyzer.Report(ctx)
	if err != nil {
		return n, err
	}
	if parents := int64(strings.Count(said, "(")); parents > 0 {
		n += parents
		err = d.DB.InTx(ctx, func(ctx context.Context) error { return note(ctx, parents, map[string]any{"object": said}) })
	}
	return n, err
}

// numbered are the tables whose ids PostgreSQL gives, but for the chunks and for the audit
// log, whose key begins with the time.
var numbered = []string{
	"users", "collection_sources", "sync_runs", "collection_permissions", "source_copies", "chunk_search_backlog", "operations",
	"chunking_configs", "schema_history",
}

// advanceSequence needs no lock, for the reason that [partitions.Repository.AdvanceSequence]
// needs none.
const advanceSequence = `
select count(setval(pg_get_serial_sequence('%[1]s', 'id'), t.greatest))
from (select max(id) as greatest from %[1]s) t
where t.greatest > coalesce(pg_sequence_last_value(pg_get_serial_sequence('%[1]s', 'id')::regclass), 0)`

// mendSequences sets those that are behind.
func mendSequences(ctx context.Context, d *Doctor, note note) (total int64, err error) {
	for _, table := range append([]string{"chunks"}, numbered...) {
		var n int64
		err := d.DB.InTx(ctx, func(ctx context.Context) (err error) {
			if table == "chunks" {
				n, err = d.PartitionRows.AdvanceSequence(ctx)
			} else {
				n, err = d.repository.number(ctx, fmt.Sprintf(advanceSequence, table))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
			return note(ctx, n, map[string]any{"object": table})
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// selectBroken gives what is to be run for each index that is not valid. What a rebuild
// has left when it was broken off has the name of the index and an ending.
const selectBroken = `
select case
  when c.relname ~ '_cc(new|old)[0-9]*$' then format('drop index concurrently %s', i.indexrelid::regclass)
  else format('reindex index concurrently %s', i.indexrelid::regclass)
end
from pg_index i
join pg_class c on c.oid = i.indexrelid
where c.relkind = 'i'
  and c.relnamespace in (select oid from pg_namespace where nspname in ('public', 'river'))
  and not (i.indisvalid and i.indisready and i.indislive)
  and not exists (select 1 from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
order by 1`

func rebuildIndexes(ctx context.Context, d *Doctor, note note) (int64, error) {
	statements, err := d.repository.texts(ctx, selectBroken)
	if err != nil {
		return 0, err
	}
	return d.outside(ctx, note, statements)
}

// indexesLacking are the indexes of partitioned tables (p, by name c) with the partitions
// that lack them (x).
const indexesLacking = `
from pg_index p
join pg_class c on c.oid = p.indexrelid and c.relkind = 'I'
join pg_inherits x on x.inhparent = p.indrelid
where c.relnamespace = 'public'::regnamespace
  and not exists (
    select 1
    from pg_inherits a
    join pg_index i on i.indexrelid = a.inhrelid
    where a.inhparent = p.indexrelid
      and i.indrelid = x.inhrelid
  )`

// selectLacking gives each index of a partitioned table that a partition lacks: how it is
// declared, its name, and the partition.
const selectLacking = `
select pg_get_indexdef(p.indexrelid), c.oid::regclass::text, x.inhrelid::regclass::text` + indexesLacking + `
order by 2, 3`

// declared is the beginning of an index's declaration, as PostgreSQL writes it.
var declared = regexp.MustCompile(`^(CREATE (?:UNIQUE )?INDEX) \S+ ON (?:ONLY )?\S+`)

// completeIndexes builds an index on the partitions that lack it, beside their use, and
// attaches it. One that an earlier try has left there, under the same name, is dropped.
func completeIndexes(ctx context.Context, d *Doctor, note note) (int64, error) {
	rows, err := d.DB.Querier(ctx).Query(ctx, selectLacking)
	if err != nil {
		return 0, d.DB.Translate(err)
	}
	var statements []string
	var declaration, index, partition string
	_, err = pgx.ForEachRow(rows, []any{&declaration, &index, &partition}, func() error {
		name := pgx.Identifier{shortened(partition+"_"+index, "_doctor")}.Sanitize()
		statements = append(statements,
			"drop index concurrently if exists "+name,
			declared.ReplaceAllString(declaration, "$1 concurrently "+strings.ReplaceAll(name, "$", "$$")+" ON "+partition),
			"alter index "+index+" attach partition "+name)
		return nil
	})
	if err != nil {
		return 0, d.DB.Translate(err)
	}
	n, err := d.outside(ctx, note, statements)
	return n / 3, err
}

// shortened cuts a name so that the ending fits, too.
func shortened(name, ending string) string {
	const most = 63
	return name[:min(len(name), most-len(ending))] + ending
}

// outside runs statements outside of any transaction, as those must be that work beside
// the table's use, on a connection that has all the time it takes.
func (d *Doctor) outside(ctx context.Context, note note, statements []string) (total int64, err error) {
	if len(statements) == 0 {
		return 0, nil
	}
	conn, err := pgx.ConnectConfig(ctx, d.DB.Pool().Config().ConnConfig.Copy())
	if err != nil {
		return 0, d.DB.Translate(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "select set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)"); err != nil {
		return 0, d.DB.Translate(err)
	}
	var failed []error
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", statement, d.DB.Translate(err)))
			continue
		}
		total++
		err := d.DB.InTx(ctx, func(ctx context.Context) error { return note(ctx, 1, map[string]any{"statement": statement}) })
		if err != nil {
			return total, err
		}
	}
	return total, errors.Join(failed...)
}
