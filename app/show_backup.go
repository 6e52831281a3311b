package app

import (
	"errors"
	"slices"
	"strings"
	"time"

	"semantik/schema/backup"
)

const mib = 1 << 20

// size writes a number of bytes for people.
func size(bytes int64) string { return mebibytes(float64(bytes) / mib) }

func (s *shell) showCreated(path string, m *backup.Manifest, asJSON bool) error {
	if asJSON {
		return s.json(map[string]any{
			"path": path, "created_at": m.CreatedAt, "seconds": m.Seconds, "rows": m.Rows(), "bytes": m.Bytes(), "stored_bytes": m.Stored(),
			"schema": m.Schema, "collections": m.Collections,
		})
	}
	say := s.printf
	if path == "-" {
		say, path = s.notef, "standard output" // which has the backup
	}
	of := "the whole database"
	if !m.Whole() {
		of = counted(len(m.Collections), "collection", "collections")
	}
	say("Backed up %s to %s: %s rows, %s, %s as stored. (%s)\n", of, path, grouped(m.Rows()), size(m.Bytes()), size(m.Stored()), seconds(m.Seconds))
	return nil
}

func (s *shell) showBackups(dir string, found []backup.Found) {
	if len(found) == 0 {
		s.printf("There are no backups in %s.\n", dir)
		return
	}
	rows := make([][]string, len(found))
	for i, f := range found {
		made, count, of := when(&f.Modified), "-", f.Problem
		if m := f.Manifest; m != nil {
			made, count, of = when(&m.CreatedAt), grouped(f.Rows), "everything"
			if !m.Whole() {
				of = namesOf(m.Collections)
			}
		}
		rows[i] = []string{plain(f.Name), made, f.State, size(f.Bytes), count, plain(of)}
	}
	s.table([]string{"NAME", "MADE", "STATE", "SIZE", "ROWS", "WHAT"}, rows)
	if slices.ContainsFunc(found, func(f backup.Found) bool { return f.State == backup.StateUnreadable }) {
		s.printf("%s\n", unreadableAdvice)
	}
}

// unreadableAdvice says what to do about a backup that cannot be read.
const unreadableAdvice = "What cannot be read is never removed by itself, and no restore takes it. Copy it anew from where there is\n" +
	"another one of it, or make a new backup, have that verified, and delete the unreadable one by hand."

func namesOf(collections []backup.Collection) string {
	names := make([]string, len(collections))
	for i, c := range collections {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// errBrokenRules makes the exit code of a backup that is as it was made, and whose data
// is wrong all the same.
var errBrokenRules = errors.New("the backup is as it was made, but what it holds breaks rules of the data; " +
	"\"semantik doctor\", on the database that it was made of, says what each means and what to do")

func (s *shell) showVerified(v *backup.Verified, asJSON bool) error {
	var err error
	if !v.Sound() {
		err = errBrokenRules
	}
	if asJSON {
		return errors.Join(s.json(v), err)
	}
	what := "Read"
	if v.Scratch {
		what = "Restored and compared"
	}
	s.printf("%s %s rows of %s: all as they were. (%s)\n", what, grouped(v.Rows), counted(v.Tables, "table", "tables"), seconds(v.Seconds))
	for _, b := range v.Broken {
		s.printf("%s: %s: it does not hold for %s, such as %s\n", b.Severity, b.Name, grouped(b.Count), plain(strings.Join(b.Examples, "; ")))
	}
	return err
}

func (s *shell) showPruned(pruned backup.Pruned, dryRun bool) {
	did := "Removed"
	if dryRun {
		did = "Would remove"
	}
	if len(pruned.Removed) == 0 {
		s.printf("There is nothing to remove.\n")
	}
	for _, f := range pruned.Removed {
		s.printf("%s %s (%s, %s)\n", did, plain(f.Name), f.State, size(f.Bytes))
	}
	unreadable := false
	for _, f := range pruned.Kept {
		s.printf("Kept %s (%s, %s): %s\n", plain(f.Name), f.State, size(f.Bytes), plain(f.Problem))
		unreadable = unreadable || f.State == backup.StateUnreadable
	}
	if unreadable {
		s.printf("%s\n", unreadableAdvice)
	}
}

func (s *shell) showRestored(b *backup.Backup, r *backup.Restored, asJSON bool) error {
	if asJSON {
		return s.json(r)
	}
	s.printf("Restored %s rows of %s, %s and %s, as of %s. (%s)\n", grouped(r.Rows), counted(r.Tables, "table", "tables"),
		counted(r.Indexes, "index", "indexes"), counted(r.Keys, "foreign key", "foreign keys"),
		b.Manifest.CreatedAt.Local().Format(time.DateTime), seconds(r.Seconds))
	switch {
	case r.LeftIn != "":
		s.printf("What the database held before could not be dropped, and is left in the PostgreSQL schemas %[1]s and %[1]s_queue,\n"+
			"which no server needs: %[2]s.\n", r.LeftIn, r.LeftBecause)
	case r.Replaced:
		s.printf("What the database held before is gone.\n")
	}
	if r.Upgraded != nil {
		s.printf("Its schema was that of revision %d and is up to date now.\n", b.Manifest.Schema.Revision)
	}
	return nil
}

func (s *shell) showRestoredCollections(restored []backup.RestoredCollection, asJSON bool) error {
	if asJSON {
		return s.json(map[string]any{"collections": restored})
	}
	for _, c := range restored {
		s.printf("Restored the collection %q of %s: %s with %s.\n", plain(c.Name), plain(c.Owner),
			counted(c.Documents, "document", "documents"), counted(c.Chunks, "chunk", "chunks"))
		if c.Unfinished > 0 {
			s.printf("%s not been processed when the backup was made; \"semantik collections retry-failed %s\" takes them up.\n",
				counted(c.Unfinished, "document had", "documents had"), quoted(c.Name))
		}
	}
	return nil
}
