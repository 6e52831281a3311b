package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	// monthsAhead is how many months are there before they begin: so long may the
	// program be unable to make another.
	monthsAhead = 3
	// keepEvery is how often months are looked after, and keepAgain how soon after
	// that could not be done, as while a backup reads the log.
	keepEvery = 24 * time.Hour
	keepAgain = 10 * time.Minute
)

// KeeperConfig says how long entries are kept.
type KeeperConfig struct {
	// RetentionMonths is how many months an entry is kept at least; 0 for ever.
	RetentionMonths int
	// Logger receives what was dropped and what goes wrong; nil discards it.
	Logger *slog.Logger
	// Now is the time; the database's if nil. Its clock dates the entries, and a
	// machine whose own clock is wrong must not drop what is young.
	Now func() time.Time
}

// Keeper looks after the months of the log: it makes them ahead of time and drops
// those that are old. Any number may do so on one database.
type Keeper struct {
	log    *Log
	config KeeperConfig
}

// NewKeeper makes a keeper. It works once [Keeper.Run] or [Keeper.Keep] is called.
func NewKeeper(log *Log, config KeeperConfig) *Keeper {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{log: log, config: config}
}

// Run keeps the months at once and then daily, until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next := keepEvery
		if err := k.Keep(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			next = keepAgain
			k.config.Logger.WarnContext(ctx, "the months of the audit log could not be kept; it will be tried again", "error", err, "in", next)
		}
		timer.Reset(next)
	}
}

// Keep makes the months that are missing, moves into theirs what was written when
// they were, and drops the months whose last entry is older than the retention.
// Each month is a transaction of its own; what fails is left for the next time,
// and nothing is lost.
func (k *Keeper) Keep(ctx context.Context) error {
	now, err := k.now(ctx)
	if err != nil {
		return err
	}
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for ahead := range monthsAhead + 1 {
		if _, err := k.makeMonth(ctx, month.AddDate(0, ahead, 0)); err != nil {
			return err
		}
	}
	if err := k.makeMissed(ctx); err != nil {
		return err
	}
	if k.config.RetentionMonths == 0 {
		return nil
	}
	return k.dropOld(ctx, monthsBefore(now, k.config.RetentionMonths))
}

// monthsBefore is the instant so many months earlier: on the same day, or on the
// last one of a shorter month.
func monthsBefore(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	day := t.Day()
	last := first.AddDate(0, 1-months, -1)
	return first.AddDate(0, -months, min(day, last.Day())-1)
}

func (k *Keeper) now(ctx context.Context) (time.Time, error) {
	if k.config.Now != nil {
		return k.config.Now().UTC(), nil
	}
	return k.log.selectNow(ctx)
}

// makeMissed makes the months of what stands in the default partition, one after
// another, until nothing does.
func (k *Keeper) makeMissed(ctx context.Context) error {
	for {
		stray, err := k.log.selectOldestStray(ctx)
		if err != nil || stray == nil {
			return err
		}
		made, err := k.makeMonth(ctx, *stray)
		if err != nil {
			return err
		}
		if made {
			k.config.Logger.InfoContext(ctx, "moved entries of the audit log into their month, which had not been made in time", "month", stray.Format("2006-01"))
		}
	}
}

func (k *Keeper) makeMonth(ctx context.Context, instant time.Time) (made bool, err error) {
	err = k.log.db.InTx(ctx, func(ctx context.Context) error {
		made, err = k.log.makeMonth(ctx, instant)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("making the month %s: %w", instant.Format("2006-01"), err)
	}
	return made, nil
}

// dropOld drops the months that were over by then. That it was done is an entry,
// too: that the log was shortened by its keeper and not by somebody.
func (k *Keeper) dropOld(ctx context.Context, endedBy time.Time) error {
	for {
		var dropped string
		err := k.log.db.InTx(ctx, func(ctx context.Context) error {
			var err error
			if dropped, err = k.log.dropMonth(ctx, endedBy); err != nil || dropped == "" {
				return err
			}
			return k.log.Record(ctx, Entry{Action: "audit_log.drop", ObjectType: "audit_log", ObjectID: dropped})
		})
		if err != nil {
			return fmt.Errorf("dropping a month that is over since %s: %w", endedBy.Format("2006-01-02"), err)
		}
		if dropped == "" {
			return nil
		}
		k.config.Logger.InfoContext(ctx, "dropped a month of the audit log", "month", dropped)
	}
}
