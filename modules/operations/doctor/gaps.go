package doctor

import (
	"context"
	"fmt"
	"slices"

	"semantik/schema"
)

var ruleGaps = schema.Rule{
	Key: "partition_missing", Severity: schema.SeverityError,
	Name:    "every partition of the chunks and of their search rows is there, under its name",
	Meaning: "What a partition holds that is detached, or gone, no read sees, and nothing can be loaded into it. What other checks say of chunks, search rows and counters may come of that.",
	Remedy:  "semantik doctor --fix attaches what stands there detached, and makes an empty one where there is nothing; or run what is said with each by hand. Until then it mends nothing that needs all chunks to be there.",
}

// gaps tells of the partitions that are not where they should be, with what puts each back.
func (d *Doctor) gaps(ctx context.Context) ([]Finding, error) {
	gaps, err := d.Schema.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	var b schema.Broken
	for _, g := range gaps {
		if g.Key < 0 {
			continue // audit_partition_missing is about those
		}
		b.Count++
		if len(b.Examples) == schema.ViolationRows {
			continue
		}
		said, err := d.lost(ctx, g)
		if err != nil {
			return nil, err
		}
		if g.State != schema.GapGone && len(g.Commands) > 0 {
			said += ": " + g.Statement()
		}
		b.Examples = append(b.Examples, said)
	}
	return one(ruleGaps, b), nil
}

// lost says what has become of a partition, and what went with it.
func (d *Doctor) lost(ctx context.Context, g schema.Gap) (string, error) {
	if g.State != schema.GapGone || g.Key < 0 {
		return g.String(), nil
	}
	var collections, rows int64
	if err := d.DB.Querier(ctx).QueryRow(ctx, countLost, g.Key, g.Table).Scan(&collections, &rows); err != nil {
		return "", d.DB.Translate(err)
	}
	what := "chunks"
	if g.Table == "chunk_search" {
		what = "search rows"
	}
	return fmt.Sprintf("%s, with the %s of %d collections, which count %d", g, what, collections, rows), nil
}

const countLost = `
select count(*), coalesce(sum(case $2 when 'chunks' then chunk_count else vector_count end), 0)
from collections
where partition_key = $1
  and deleted_at is null`

// closeChunkGaps and closeAuditGaps put partitions back; those of the audit log that are
// gone are made.
func closeChunkGaps(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.closeGaps(ctx, note, func(g schema.Gap) bool { return g.Key >= 0 })
}

func closeAuditGaps(ctx context.Context, d *Doctor, note note) (int64, error) {
	n, err := d.closeGaps(ctx, note, func(g schema.Gap) bool { return g.Key < 0 })
	if err != nil {
		return n, err
	}
	made, err := inOneStatement(makeAuditPartitions)(ctx, d, note)
	return n + made, err
}

// closeGaps closes those that are asked for, each in a transaction of its own, until it
// meets one that it cannot close.
func (d *Doctor) closeGaps(ctx context.Context, note note, asked func(g schema.Gap) bool) (total int64, err error) {
	var closed []string
	for {
		// Anew each time, since a name that was taken may be another's that had to give way.
		gaps, err := d.Schema.Gaps(ctx)
		if err != nil {
			return total, err
		}
		at := slices.IndexFunc(gaps, asked)
		if at < 0 {
			break
		}
		g := gaps[at]
		if g.Unsure != "" || slices.Contains(closed, g.Partition) {
			return total, &schema.GapError{Gap: g}
		}
		if err := d.closeGap(ctx, note, g); err != nil {
			return total, &schema.GapError{Gap: g, Cause: err}
		}
		closed = append(closed, g.Partition)
		total++
	}
	if total == 0 {
		return 0, nil
	}
	return total, d.DB.InTx(ctx, func(ctx context.Context) error {
		// What was made or attached gets its settings.
		_, err := d.repository.number(ctx, makePartitions)
		return err
	})
}

// closeGap attaches a partition, or makes an empty one, and writes down what is lost.
func (d *Doctor) closeGap(ctx context.Context, note note, g schema.Gap) error {
	return d.DB.InTx(ctx, func(ctx context.Context) error {
		said, err := d.lost(ctx, g)
		if err != nil {
			return err
		}
		if err := d.repository.bePatient(ctx); err != nil {
			return err
		}
		tx, err := d.DB.Tx(ctx)
		if err != nil {
			return err
		}
		for _, command := range g.Commands {
			if _, err := tx.Exec(ctx, command); err != nil {
				return err
			}
		}
		if g.State == schema.GapGone {
			said += "; an empty one was made"
		} else {
			said += "; it was put back"
		}
		return note(ctx, 1, map[string]any{"object": g.Partition, saidKey: said})
	})
}

// selectHidden names the tables of which this account does not see every row.
const selectHidden = `
select c.oid::regclass::text
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and c.relrowsecurity
  and row_security_active(c.oid)`

// blocked says why a way of mending is not to be gone: what it would take for lost may be
// hidden only.
func (d *Doctor) blocked(ctx context.Context, m mend) error {
	if m.needs == nothing {
		return nil
	}
	hidden, err := d.repository.texts(ctx, selectHidden)
	if err != nil {
		return err
	}
	if len(hidden) > 0 {
		return fmt.Errorf("it was not begun: row level security hides rows of %s from this account", hidden[0])
	}
	if m.needs == allRows {
		return nil
	}
	gaps, err := d.Schema.Gaps(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(gaps, func(g schema.Gap) bool { return g.Key >= 0 && g.Hides() })
	if at < 0 {
		return nil
	}
	return fmt.Errorf("it was not begun, since it would take for lost what is only not attached: %s", gaps[at])
}
