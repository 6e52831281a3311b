package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const selectNow = `select now()`

// selectNow is the time of the clock that dates the entries.
func (l *Log) selectNow(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := l.db.Querier(ctx).QueryRow(ctx, selectNow).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("asking for the time: %w", l.db.Translate(err))
	}
	return now.UTC(), nil
}

// selectOldestStray is served by the primary key of the default partition.
const selectOldestStray = `
select created_at
from audit_log_default
order by created_at
limit 1`

// selectOldestStray gives the instant of the oldest entry in the default
// partition; nil when it is empty, as it should be.
func (l *Log) selectOldestStray(ctx context.Context) (*time.Time, error) {
	var at time.Time
	err := l.db.Querier(ctx).QueryRow(ctx, selectOldestStray).Scan(&at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil //nolint:nilnil // there is none, which is no error
	case err != nil:
		return nil, fmt.Errorf("looking for entries without a month: %w", l.db.Translate(err))
	default:
		at = at.UTC()
		return &at, nil
	}
}

// Whoever waits for a lock has others wait behind it. A new month asks for the
// default partition alone, where writers seldom are; a drop asks for the whole
// log, and rather comes again than stops every change of the program. Moving what
// stands in the default partition takes as long as there is much.
const (
	patientWithMonths = `set local lock_timeout = '5s'; set local statement_timeout = '10min'`
	impatient         = `set local lock_timeout = '250ms'`

	// selectOldestMonth reads the bounds of the partitions out of the catalog. They are
	// null from one moment to the next when somebody drops the partition, and so are asked
	// for once.
	selectOldestMonth = `
with partitions as materialized (
  select c.relname::text as name, pg_get_expr(c.relpartbound, c.oid) as bounds
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'audit_log'::regclass
), months as (
  select name,
         substring(bounds from 'FROM \(''([^'']+)''\)')::timestamptz as month_start,
         substring(bounds from 'TO \(''([^'']+)''\)')::timestamptz as month_end
  from partitions
)
select name, month_start, month_end
from months
where month_end <= $1
order by month_end
limit 1`

	// Both are served by the primary key of the one partition that the bounds leave.
	selectRows = `
select row_to_json(l)::text, l.created_at, l.id
from audit_log l
where l.created_at >= $1
  and l.created_at < $2
  and (l.created_at, l.id) > ($3, $4)
order by l.created_at, l.id
limit $5`
	countRows = `
select count(*)
from audit_log
where created_at >= $1
  and created_at < $2`

	makeMonth = `select make_audit_log_month($1)`
	dropMonth = `select coalesce(drop_audit_log_month($1), '')`
)

// makeMonth makes the month that the instant lies in, if it is missing.
func (l *Log) makeMonth(ctx context.Context, instant time.Time) (made bool, err error) {
	var n int
	err = l.alter(ctx, patientWithMonths, makeMonth, instant, &n)
	return n > 0, err
}

// dropMonth drops the oldest month that was over by the instant and gives its
// name; "" when there is none.
func (l *Log) dropMonth(ctx context.Context, endedBy time.Time) (name string, err error) {
	err = l.alter(ctx, impatient, dropMonth, endedBy, &name)
	return name, err
}

func (l *Log) alter(ctx context.Context, patience, statement string, instant time.Time, result any) error {
	tx, err := l.db.Tx(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, patience); err != nil {
		return l.db.Translate(err)
	}
	return l.db.Translate(tx.QueryRow(ctx, statement, instant).Scan(result))
}

// month is a partition of the log.
type month struct {
	name       string
	start, end time.Time
}

// oldestMonth gives the oldest month that was over by the instant; none has no name.
func (l *Log) oldestMonth(ctx context.Context, endedBy time.Time) (m month, err error) {
	err = l.db.Querier(ctx).QueryRow(ctx, selectOldestMonth, endedBy).Scan(&m.name, &m.start, &m.end)
	if errors.Is(err, pgx.ErrNoRows) {
		return month{}, nil
	}
	if err != nil {
		return month{}, fmt.Errorf("looking for the oldest month: %w", l.db.Translate(err))
	}
	return m, nil
}

// rowsAtOnce is how many entries one statement reads for the archive.
const rowsAtOnce = 5000

// readRows gives the whole entries of a month, as JSON and in order, to each, which must
// not keep them.
func (l *Log) readRows(ctx context.Context, m month, each func(row []byte) error) error {
	at, id := m.start, int64(0)
	for n := rowsAtOnce; n == rowsAtOnce; {
		rows, err := l.db.Querier(ctx).Query(ctx, selectRows, m.start, m.end, at, id, rowsAtOnce)
		if err != nil {
			return l.db.Translate(err)
		}
		n = 0
		var row []byte
		if _, err = pgx.ForEachRow(rows, []any{&row, &at, &id}, func() error {
			n++
			return each(row)
		}); err != nil {
			return l.db.Translate(err)
		}
	}
	return nil
}

func (l *Log) countRows(ctx context.Context, m month) (n int64, err error) {
	err = l.db.Querier(ctx).QueryRow(ctx, countRows, m.start, m.end).Scan(&n)
	return n, l.db.Translate(err)
}
