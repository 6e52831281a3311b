package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"semantik/platform/archive"
)

const (
	// monthsAhead is how many months are there before they begin: so long may the
	// program be unable to make another.
	monthsAhead = 3
	// KeepEvery is how often months are looked after.
	KeepEvery = 24 * time.Hour
	// KeepAgain is how soon after that could not be done, as while a backup reads the
	// log.
	KeepAgain = 10 * time.Minute
)

// KeeperConfig says how long entries are kept.
type KeeperConfig struct {
	// RetentionMonths is how many months an entry is kept at least; 0 for ever.
	RetentionMonths int
	// Archive is where the entries of a month are kept that is dropped; nil keeps none.
	Archive *archive.Archive
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

// NewKeeper makes a keeper. It works whenever [Keeper.Keep] is called.
func NewKeeper(log *Log, config KeeperConfig) *Keeper {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{log: log, config: config}
}

// Keep makes the months that are missing, moves into theirs what was written when
// they were, and drops the months whose last entry is older than the retention.
// Each month is a transaction of its own; what fails is left for the next time,
// and nothing is lost.
func (k *Keeper) Keep(ctx context.Context) error {
	_, err := k.keep(ctx)
	return err
}

// Report is [Keeper.Keep], and says in a sentence what was done.
func (k *Keeper) Report(ctx context.Context) (string, error) {
	done, err := k.keep(ctx)
	summary := fmt.Sprintf("Months made: %d; dropped: %d.", done.made, done.dropped)
	if done.dropped > 0 && k.config.Archive.On() {
		summary += " " + done.archived.String()
	}
	return summary, err
}

// kept is how many months were made, how many dropped, and what was archived of these.
type kept struct {
	made, dropped int
	archived      archive.Kept
}

func (k *Keeper) keep(ctx context.Context) (done kept, err error) {
	now, err := k.now(ctx)
	if err != nil {
		return done, err
	}
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for ahead := range monthsAhead + 1 {
		made, err := k.makeMonth(ctx, month.AddDate(0, ahead, 0))
		if err != nil {
			return done, err
		}
		if made {
			done.made++
		}
	}
	missed, err := k.makeMissed(ctx)
	done.made += missed
	if err != nil || k.config.RetentionMonths == 0 {
		return done, err
	}
	return done, k.dropOld(ctx, monthsBefore(now, k.config.RetentionMonths), &done)
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
func (k *Keeper) makeMissed(ctx context.Context) (n int, err error) {
	for {
		stray, err := k.log.selectOldestStray(ctx)
		if err != nil || stray == nil {
			return n, err
		}
		made, err := k.makeMonth(ctx, *stray)
		if err != nil {
			return n, err
		}
		if made {
			n++
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
