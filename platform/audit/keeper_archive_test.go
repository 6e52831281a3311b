package audit_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/archive"
	"semantik/platform/audit"
	"semantik/testworld"
)

func archiving(w *testworld.World, now time.Time, dir string) *audit.Keeper {
	return audit.NewKeeper(w.Audit, audit.KeeperConfig{RetentionMonths: 1, Archive: archive.New(dir), Now: func() time.Time { return now }})
}

// entriesIn are those in the archive of a month.
func entriesIn(t *testing.T, dir, name string) []map[string]any {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, name+archive.Suffix))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	plain, err := zstd.NewReader(file)
	require.NoError(t, err)
	defer plain.Close()
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	var found []map[string]any
	for line := range strings.Lines(string(text)) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		found = append(found, entry)
	}
	return found
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names
}

func TestKeeper_AMonthIsArchivedBeforeItIsDropped(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	dir := t.TempDir()
	now := day(2030, time.March, 15)
	october := day(2029, time.October, 1)
	for i := range 3 {
		at(w, october.AddDate(0, 0, i))
	}
	// More than one statement reads.
	w.Exec(`insert into audit_log (created_at, actor, action, object_type, details) select $1, 'somebody', 'thing.make', 'thing', '{"a": 1}' from generate_series(1, 5001)`, october.AddDate(0, 1, 0))
	at(w, now)
	said, err := archiving(w, now, dir).Report(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `dropped: 2\. Rows archived: 5004, in \d+ bytes\.$`, said)
	require.Equal(t, []string{"audit_log_2029_10.ndjson.zst", "audit_log_2029_11.ndjson.zst"}, filesIn(t, dir))
	entries := entriesIn(t, dir, "audit_log_2029_10")
	require.Len(t, entries, 3)
	require.Equal(t, "thing.make", entries[0]["action"])
	require.Subset(t, entries[0], map[string]any{"actor": "somebody", "object_type": "thing", "details": map[string]any{}, "ip_address": nil})
	require.Len(t, entriesIn(t, dir, "audit_log_2029_11"), 5001)
	require.NotContains(t, months(t, w), "2029_10")
	require.NotContains(t, months(t, w), "2029_11")
}

func TestKeeper_AMonthThatCannotBeArchivedStays(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	dir := filepath.Join(t.TempDir(), "archive")
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	at(w, day(2029, time.October, 1))
	err := archiving(w, day(2030, time.March, 15), dir).Keep(t.Context())
	require.ErrorIs(t, err, archive.ErrUnwritable)
	require.NotContains(t, apperr.From(err).Message, dir)
	require.Contains(t, months(t, w), "2029_10")
}

// While a backup reads the log, the task comes again every ten minutes.
func TestKeeper_AMonthThatCouldNotBeDroppedIsInTheArchiveOnce(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	dir := t.TempDir()
	now := day(2030, time.March, 15)
	at(w, day(2029, time.October, 1))
	require.NoError(t, audit.NewKeeper(w.Audit, audit.KeeperConfig{Now: func() time.Time { return now }}).Keep(t.Context()))
	tx, err := w.DB.Pool().BeginTx(t.Context(), pgx.TxOptions{})
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `select * from audit_log`)
	require.NoError(t, err)
	for range 2 {
		require.Error(t, archiving(w, now, dir).Keep(t.Context()))
	}
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, archiving(w, now, dir).Keep(t.Context()))
	require.Equal(t, []string{"audit_log_2029_10.ndjson.zst"}, filesIn(t, dir))
	require.NotContains(t, months(t, w), "2029_10")
}

func TestKeeper_AnEntryThatComesAfterTheArchiveKeepsItsMonth(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	dir := t.TempDir()
	now := day(2030, time.March, 15)
	at(w, day(2029, time.October, 1))
	pause := w.Trace.PauseAt("select count(*)\nfrom audit_log")
	ended := make(chan error)
	go func() { ended <- archiving(w, now, dir).Keep(t.Context()) }()
	<-pause.Reached()
	at(w, day(2029, time.October, 2))
	pause.Resume()
	require.Equal(t, apperr.Conflict, apperr.KindOf(<-ended))
	require.EqualValues(t, 2, w.Int(`select count(*) from audit_log where created_at < '2029-11-01'`))
	require.NoError(t, archiving(w, now, dir).Keep(t.Context()))
	require.Len(t, filesIn(t, dir), 2, "what was archived before is not written over")
}

func TestKeeper_TwoWhoArchiveAtOnceLoseNoMonth(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	dir := t.TempDir()
	now := day(2030, time.March, 15)
	names := []string{}
	for month := range 4 {
		at(w, day(2029, time.September+time.Month(month), 1))
		names = append(names, "audit_log_"+day(2029, time.September+time.Month(month), 1).Format("2006_01"))
	}
	for _, err := range w.Race(4, func(int) error { return archiving(w, now, dir).Keep(t.Context()) }) {
		if err != nil { // one that waited too long for the others comes again
			require.Contains(t, []apperr.Kind{apperr.Conflict, apperr.Unavailable}, apperr.KindOf(err))
		}
	}
	require.NoError(t, archiving(w, now, dir).Keep(t.Context()))
	for _, name := range names {
		require.Len(t, entriesIn(t, dir, name), 1)
	}
	require.Zero(t, w.Int(`select count(*) from audit_log where action = 'thing.make'`))
}
