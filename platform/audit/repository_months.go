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
