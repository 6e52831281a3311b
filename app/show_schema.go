package app

import (
	"fmt"
	"strings"
	"time"

	"semantik/schema"
)

func (s *shell) showPlan(p *schema.Plan) {
	look := s.styleFor(s.stdout)
	if p.Empty() {
		s.printf("There is nothing to do: the schema is up to date (revision %d).\n", p.Revision)
		return
	}
	for _, m := range p.Queue {
		s.printf("%s\n", look.dim("-- the job queue's own migration "+m.Name))
	}
	for _, index := range p.Unfinished {
		s.printf("%s\n", look.yellow("-- goes on building the index "+index+", which an apply before did not finish"))
	}
	for _, statement := range p.Statements {
		if statement.Destructive {
			s.printf("%s\n", look.red("-- LOSES DATA: "+statement.Reason))
		}
		if statement.Warning != "" {
			s.printf("%s\n", look.yellow("-- may fail: "+statement.Warning))
		}
		for _, e := range statement.Effects {
			line, paint := "-- "+effectText(e), look.dim
			if e.Large && e.Work != schema.WorkNone && !statement.Online {
				line, paint = "-- LARGE TABLE: "+effectText(e), look.yellow
			}
			s.printf("%s\n", paint(line))
		}
		for _, e := range statement.Effects {
			if e.Instant != "" {
				s.printf("%s\n", look.dim(fmt.Sprintf("-- before that %s on %s alone, for an instant: %s", e.Instant, e.Table, lockText[e.Instant])))
			}
		}
		if statement.Online {
			s.printf("%s\n", look.dim("-- after the transaction, CONCURRENTLY, however long it takes; killed, it goes on with the next apply"))
		}
		s.printf("%s;\n", strings.TrimSuffix(statement.SQL, ";"))
	}
	for _, d := range p.Handwritten {
		s.printf("%s\n", look.dim("-- brought up to date: "+d.String()))
	}
	if n := len(p.Destructive()); n > 0 {
		s.printf("%s\n", look.red("-- "+counted(n, "statement loses", "statements lose")+" data: apply refuses without --allow-destructive"))
	}
	if p.Irreversible != "" {
		s.printf("%s\n", look.yellow("-- cannot be rolled back: "+p.Irreversible))
	}
}

// lockText says what a lock means to everybody else.
var lockText = map[schema.Lock]string{
	schema.LockShareUpdateExclusive: "reads and writes go on",
	schema.LockShare:                "writes wait",
	schema.LockShareRowExclusive:    "writes wait",
	schema.LockAccessExclusive:      "reads and writes wait",
}

var workText = map[schema.Work]string{
	schema.WorkNone:    "no row is touched",
	schema.WorkScan:    "every row is read",
	schema.WorkIndex:   "every row is read and an index is built",
	schema.WorkRewrite: "every row is written anew",
}

func effectText(e schema.Effect) string {
	extent := "about " + counted(int(e.Rows), "row", "rows") + ", " + mebibytes(float64(e.Bytes)/(1<<20))
	if e.Partitions > 0 {
		extent = counted(e.Partitions, "partition", "partitions") + ", " + extent
	}
	return fmt.Sprintf("%s on %s (%s): %s; %s", e.Lock, e.Table, extent, lockText[e.Lock], workText[e.Work])
}

func (s *shell) showApplied(a *schema.Applied) {
	if a.Empty() {
		s.printf("There was nothing to do: the schema is up to date.\n")
		return
	}
	var did []string
	add := func(n int, one, many string) {
		if n > 0 {
			did = append(did, counted(n, one, many))
		}
	}
	add(len(a.Queue), "migration of the job queue", "migrations of the job queue")
	add(len(a.Statements), "statement", "statements")
	add(len(a.Attached), "partition put back ("+strings.Join(a.Attached, ", ")+")", "partitions put back ("+strings.Join(a.Attached, ", ")+")")
	add(a.Partitions, "partition", "partitions")
	add(len(a.Online), "index built while the table was in use", "indexes built while the tables were in use")
	if len(did) == 0 {
		did = []string{"functions and extensions"}
	}
	s.printf("Applied %s in %s.\n", strings.Join(did, ", "), a.Duration.Round(time.Millisecond))
	if a.Entry != nil {
		s.printf("It is entry %d of the history; \"schema rollback\" undoes it.\n", a.Entry.ID)
	}
}

var stateText = map[schema.State]string{
	schema.StateEmpty:     "there is no schema yet; \"semantik schema apply\" makes it",
	schema.StateCurrent:   "up to date",
	schema.StatePending:   "there is something to apply; \"semantik schema plan\" shows what",
	schema.StateNewer:     "made by a newer program, which this one must not change",
	schema.StateRestoring: schema.ErrRestoring.Error(),
}

func (s *shell) showStatus(st *schema.Status) {
	row := func(name, format string, args ...any) {
		s.printf("%-12s "+format+"\n", append([]any{name}, args...)...)
	}
	text := stateText[st.State]
	if st.State == schema.StateNewer {
		if st.MayWrite {
			text += "; it still goes with it, and follows when you like"
		} else {
			text += ": it only reads; use the newer program"
		}
	}
	row("schema", "%s", text)
	row("revision", "%d here, %d in the database", st.Revision, st.DatabaseRevision)
	row("job queue", "%d here, %d in the database", st.QueueVersion, st.DatabaseQueueVersion)
	row("partitions", "%d", st.PartitionCount)
	row("PostgreSQL", "%s", st.PostgresVersion)
	if len(st.Unfinished) > 0 {
		row("unfinished", "%s; \"semantik schema apply\" goes on with it, and so does a server that starts", strings.Join(st.Unfinished, ", "))
	}
	if e := st.LastApply; e != nil {
		row("last apply", "entry %d, %s, by %s", e.ID, e.AppliedAt.Local().Format(time.DateTime), e.Version)
	}
}

func (s *shell) showHistory(entries []schema.Entry) {
	if len(entries) == 0 {
		s.printf("Nothing was done yet.\n")
		return
	}
	look := s.styleFor(s.stdout)
	for _, e := range entries {
		note := ""
		switch {
		case e.RolledBackBy != nil:
			note = look.dim("  undone by a rollback")
		case e.Details.RolledBack != 0:
			note = look.dim("  of an apply")
		}
		s.printf("%4d  %s  %-8s  revision %d, %s, by %s%s\n", e.ID, e.AppliedAt.Local().Format(time.DateTime), e.Kind,
			e.Revision, counted(len(e.Statements), "statement", "statements"), e.Version, note)
	}
}

func (s *shell) showDrift(drift []schema.Drift) {
	if len(drift) == 0 {
		s.printf("The database is what the schema declares.\n")
		return
	}
	look := s.styleFor(s.stdout)
	for _, d := range drift {
		s.printf("%s\n  %s\n", look.yellow(printable(d.String())), printable(d.Mend()))
	}
}
