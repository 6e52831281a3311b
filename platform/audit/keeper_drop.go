package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/archive"
)

var (
	// errOtherMonth means that another keeper was faster.
	errOtherMonth = errors.New("another month is the oldest by now")

	errMonthGrown = apperr.New(apperr.Conflict, "audit_log_month_changed",
		"Entries came into an old month of the audit log after it was archived; it is archived again the next time.")
)

// dropOld drops the months that were over by then, once they are archived. That it was
// done is an entry, too: that the log was shortened by its keeper and not by somebody.
func (k *Keeper) dropOld(ctx context.Context, endedBy time.Time, done *kept) error {
	for {
		m, err := k.log.oldestMonth(ctx, endedBy)
		if err != nil || m.name == "" {
			return err
		}
		archived, err := k.archiveMonth(ctx, m)
		if err != nil {
			return fmt.Errorf("archiving the month %s: %w", m.name, err)
		}
		switch err := k.dropMonth(ctx, m, archived); {
		case errors.Is(err, errOtherMonth):
			continue
		case err != nil:
			return fmt.Errorf("dropping a month that is over since %s: %w", endedBy.Format("2006-01-02"), err)
		}
		done.dropped++
		done.archived.Add(archived)
		k.config.Logger.InfoContext(ctx, "dropped a month of the audit log", "month", m.name)
	}
}

// archiveMonth writes a month's entries to a file of its name. One that was written when
// the month could not be dropped is the same, and stays the only one.
func (k *Keeper) archiveMonth(ctx context.Context, m month) (archive.Kept, error) {
	if !k.config.Archive.On() {
		return archive.Kept{}, nil
	}
	file, err := k.config.Archive.Begin()
	if err != nil {
		return archive.Kept{}, err
	}
	defer file.Close()
	if err := k.log.readRows(ctx, m, file.Add); err != nil {
		return archive.Kept{}, err
	}
	return file.Commit(m.name)
}

// dropMonth drops the month if it is the oldest still, and no entry has come into it
// since it was archived.
func (k *Keeper) dropMonth(ctx context.Context, m month, archived archive.Kept) error {
	return k.log.db.InTx(ctx, func(ctx context.Context) error {
		if k.config.Archive.On() {
			n, err := k.log.countRows(ctx, m)
			if err != nil {
				return err
			}
			if n > archived.Rows {
				return errMonthGrown
			}
		}
		dropped, err := k.log.dropMonth(ctx, m.end)
		if err != nil {
			return err
		}
		if dropped != m.name {
			return errOtherMonth
		}
		return k.log.Record(ctx, Entry{Action: "audit_log.drop", ObjectType: "audit_log", ObjectID: dropped})
	})
}
