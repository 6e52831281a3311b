package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/audit"
	"semantik/schema"
	"semantik/testworld"
)

// months gives the partitions of the log, in order; the default one is last.
func months(t *testing.T, w *testworld.World) []string {
	t.Helper()
	rows, err := w.DB.Querier(t.Context()).Query(t.Context(),
		`select substring(inhrelid::regclass::text from 'audit_log_(.*)') from pg_inherits where inhparent = 'audit_log'::regclass order by 1`)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

func keeper(w *testworld.World, now time.Time, retention int) *audit.Keeper {
	return audit.NewKeeper(w.Audit, audit.KeeperConfig{RetentionMonths: retention, Now: func() time.Time { return now }})
}

// at writes an entry of the past, or of the future.
func at(w *testworld.World, instant time.Time) {
	w.Exec(`insert into audit_log (created_at, actor, action, object_type, object_id) values ($1, 'somebody', 'thing.make', 'thing', $1::timestamptz::text)`, instant)
}

func stands(w *testworld.World, instant time.Time) string {
	return testworld.Value[string](w, `select tableoid::regclass::text from audit_log where created_at = $1`, instant)
}

// emptied is a world whose log has no month and no entry.
func emptied(t *testing.T) *testworld.World {
	t.Helper()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	for _, month := range months(t, w) {
		if month != "default" {
			w.Exec(`drop table audit_log_` + month)
		}
	}
	// The months of today are there again at the end, as a check of the schema wants.
	t.Cleanup(func() { require.NoError(t, audit.NewKeeper(w.Audit, audit.KeeperConfig{}).Keep(context.Background())) })
	return w
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 12, 30, 0, 0, time.UTC)
}

func TestKeeper_MakesThisMonthAndThreeAhead(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	require.NoError(t, keeper(w, day(2031, time.November, 30), 0).Keep(t.Context()))
	require.Equal(t, []string{"2031_11", "2031_12", "2032_01", "2032_02", "default"}, months(t, w))
	require.NoError(t, keeper(w, day(2031, time.November, 30), 0).Keep(t.Context()), "again it does nothing")
	require.NoError(t, keeper(w, day(2031, time.December, 1), 0).Keep(t.Context()))
	require.Equal(t, []string{"2031_11", "2031_12", "2032_01", "2032_02", "2032_03", "default"}, months(t, w))
	for _, instant := range []time.Time{
		time.Date(2031, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2031, 11, 30, 23, 59, 59, 999_999_000, time.UTC),
	} {
		at(w, instant)
		require.Equal(t, "audit_log_2031_11", stands(w, instant))
	}
}

// A server that was off for a year finds its months gone by, and writes; one that
// could not make months for half a year has entries of each in the default one.
func TestKeeper_MovesWhatWasWrittenWithoutAMonthIntoIts(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	require.NoError(t, keeper(w, day(2030, time.January, 10), 0).Keep(t.Context()))
	written := []time.Time{day(2031, time.February, 1), day(2031, time.March, 31), day(2031, time.July, 4), day(2031, time.July, 5), day(2033, time.January, 1)}
	for _, instant := range written {
		at(w, instant)
		require.Equal(t, "audit_log_default", stands(w, instant))
	}
	require.NoError(t, keeper(w, day(2031, time.July, 5), 0).Keep(t.Context()))
	require.Zero(t, w.Int(`select count(*) from audit_log_default`))
	for _, instant := range written {
		require.Equal(t, "audit_log_"+instant.Format("2006_01"), stands(w, instant))
	}
	require.EqualValues(t, len(written), w.Int(`select count(*) from audit_log`), "and none is there twice")
	require.Equal(t, []string{
		"2030_01", "2030_02", "2030_03", "2030_04", "2031_02", "2031_03", "2031_07", "2031_08", "2031_09", "2031_10", "2033_01", "default",
	}, months(t, w))
}

func TestKeeper_DropsExactlyTheMonthsWhoseLastEntryIsTooOld(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	oldest := day(2029, time.October, 1)
	for month := range 8 {
		at(w, oldest.AddDate(0, month, 0))
	}
	// January ended with the 31st. Two months before 31 March is that day still, on
	// 1 April it is the day after.
	require.NoError(t, keeper(w, time.Date(2030, 3, 31, 23, 59, 59, 0, time.UTC), 2).Keep(t.Context()))
	require.Equal(t, []string{"2030_01", "2030_02", "2030_03", "2030_04", "2030_05", "2030_06", "default"}, months(t, w))
	// That they were dropped is written down.
	rows, err := w.DB.Querier(t.Context()).Query(t.Context(), `select actor || ' ' || object_id from audit_log where action = 'audit_log.drop' order by id`)
	require.NoError(t, err)
	dropped, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		"system audit_log_2029_10", "system audit_log_2029_11", "system audit_log_2029_12",
	}, dropped)
	require.NoError(t, keeper(w, time.Date(2030, 4, 1, 0, 0, 0, 0, time.UTC), 2).Keep(t.Context()))
	require.Equal(t, []string{"2030_02", "2030_03", "2030_04", "2030_05", "2030_06", "2030_07", "default"}, months(t, w))
	require.EqualValues(t, 4, w.Int(`select count(*) from audit_log where action = 'thing.make'`), "those from February to May")

	require.NoError(t, keeper(w, day(2050, time.January, 1), 0).Keep(t.Context()))
	require.Contains(t, months(t, w), "2030_02", "0 keeps for ever")
}

func TestKeeper_TwoAtOnceDoTheWorkOnce(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	this := time.Now().UTC()
	this = day(this.Year(), this.Month(), 10)
	expected := []string{}
	for month := -5; month <= 3; month++ {
		if month <= 0 {
			at(w, this.AddDate(0, month, 0))
		}
		if month >= -2 {
			expected = append(expected, this.AddDate(0, month, 0).Format("2006_01"))
		}
	}
	other := testworld.New(t, testworld.On(w), testworld.NoWorker())
	for _, err := range w.Race(6, func(i int) error {
		return keeper([]*testworld.World{w, other}[i%2], this, 2).Keep(t.Context())
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, append(expected, "default"), months(t, w))
	require.EqualValues(t, 3, w.Int(`select count(*) from audit_log where action = 'thing.make'`))
	require.EqualValues(t, 3, w.Int(`select count(*) from audit_log where action = 'audit_log.drop'`))
}

// A backup reads the log for hours. Dropping gives way at once, so that no writer
// waits behind it, and comes again.
func TestKeeper_GivesWayToWhoReadsTheLog(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	at(w, day(2030, time.January, 1))
	now := day(2030, time.June, 10)
	require.NoError(t, keeper(w, now, 0).Keep(t.Context()))
	backup, err := w.DB.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = backup.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = backup.Exec(t.Context(), `select count(*) from audit_log`)
	require.NoError(t, err)

	began := time.Now()
	require.Error(t, keeper(w, now, 2).Keep(t.Context()))
	require.Less(t, time.Since(began), 4*time.Second)
	require.Contains(t, months(t, w), "2030_01")
	at(w, now)

	require.NoError(t, backup.Rollback(t.Context()))
	require.NoError(t, keeper(w, now, 2).Keep(t.Context()))
	require.NotContains(t, months(t, w), "2030_01")
}

func TestKeeper_IsNoDriftOfTheSchema(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	at(w, time.Now().AddDate(-3, 0, 0))
	at(w, time.Now().AddDate(1, 0, 0))
	require.NoError(t, audit.NewKeeper(w.Audit, audit.KeeperConfig{RetentionMonths: 24}).Keep(t.Context()))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'thing.make'`))
	drift, err := schema.New(w.DB.Pool(), schema.Options{}).Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, drift)
}

func TestKeeper_SaysWhatItHasDone(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	at(w, day(2030, time.January, 1))
	said, err := keeper(w, day(2031, time.November, 30), 12).Report(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Months made: 5; dropped: 1.", said)
	said, err = keeper(w, day(2031, time.November, 30), 0).Report(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Months made: 1; dropped: 0.", said, "that of the entry which says that one was dropped, today")
}
