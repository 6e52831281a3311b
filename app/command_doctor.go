package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semantik/modules/operations/doctor"
	"semantik/platform/config"
	"semantik/schema"
)

// doctorFlags are the command's own.
type doctorFlags struct{ fix, destructive, json bool }

func newDoctor(s *shell) *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with the database, and mend it",
		Long: "Look the database over, all of the data, the tables and the server: what is wrong, how bad that\n" +
			"is, and what to do. It is the database of DATABASE_URL, or the embedded one, which is started for\n" +
			"as long as it takes where it does not run. Looking changes nothing and keeps nobody waiting; it\n" +
			"reads everything, which takes seconds for each million chunks.\n\n" +
			"With --fix it mends what it can, in small steps beside a server that runs, and looks again. Nothing\n" +
			"goes that anybody could still read; rows that nobody can reach are deleted with --allow-destructive\n" +
			"only. What was done is in the audit log (doctor.fix).\n\n" +
			"It exits with 1 when an error is left. Warnings and hints are no failure.",
		Example: "  semantik doctor\n  semantik doctor --fix\n  semantik doctor --json | jq '.findings[] | select(.severity == \"error\")'",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&flags.fix, "fix", false, "mend what can be mended, and look again")
	cmd.Flags().BoolVar(&flags.destructive, "allow-destructive", false, "with --fix, delete rows that no read can reach")
	asJSON := addJSON(cmd)
	addDatabase(cmd)
	config.AddFlags(cmd.Flags(), "CHUNK_PARTITION_COUNT", "LOG_LEVEL", "LOG_FORMAT")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		flags.json = *asJSON
		if flags.destructive && !flags.fix {
			return usagef("--allow-destructive is for --fix, which was not given")
		}
		return s.withDoctor(cmd, func(ctx context.Context, d *doctor.Doctor) error { return s.doctor(ctx, d, flags) })
	}
	return withExitCodes(cmd)
}

// withDoctor does something with the doctor of the database itself. A database whose schema
// is not this program's is left to the commands on the schema.
func (s *shell) withDoctor(cmd *cobra.Command, do func(ctx context.Context, d *doctor.Doctor) error) error {
	return s.withOperator(cmd, []schema.State{schema.StateCurrent}, func(ctx context.Context, a *App) error { return do(ctx, a.Doctor) })
}

// examination is the result for programs. Its fields never change their meaning.
type examination struct {
	doctor.Report

	Mended []doctor.Mended `json:"mended"`
}

// doctor examines, mends where it is asked to, and says what is left.
func (s *shell) doctor(ctx context.Context, d *doctor.Doctor, flags doctorFlags) error {
	line := &progressLine{shell: s}
	defer line.Close()
	report, err := d.Examine(ctx, line.Set)
	if err != nil {
		return err
	}
	result := examination{Report: report, Mended: []doctor.Mended{}}
	if flags.fix {
		if result.Mended, err = d.Mend(ctx, report, doctor.MendOptions{AllowDestructive: flags.destructive}, line.Set); err != nil {
			return err
		}
		if len(result.Mended) > 0 {
			if result.Report, err = d.Examine(ctx, line.Set); err != nil {
				return err
			}
		}
	}
	line.Close()
	if flags.json {
		err = s.json(result)
	} else {
		s.showMended(result.Mended)
		s.showExamination(result.Report)
	}
	if n := result.Count(schema.SeverityError); n > 0 {
		return errors.Join(err, fmt.Errorf("%s found; docs/operations.md has more on each", counted(n, "error was", "errors were")))
	}
	return err
}

func (s *shell) showMended(mended []doctor.Mended) {
	look := s.styleFor(s.stdout)
	for _, m := range mended {
		s.printf("%s\n", look.bold(folded(fmt.Sprintf("Mended: %s: %s", m.What, grouped(m.Count)), "")))
		for _, detail := range m.Details {
			s.printf("%s\n", folded(detail, "  "))
		}
		if m.Error != "" {
			s.printf("%s\n", look.yellow(folded("not all of it: "+m.Error, "  ")))
		}
	}
	if len(mended) > 0 {
		s.printf("\n")
	}
}

var severityHeadings = []struct {
	severity schema.Severity
	heading  string
}{
	{schema.SeverityError, "Errors: data is wrong, or about to be"},
	{schema.SeverityWarning, "Warnings: it gets worse if nobody does anything"},
	{schema.SeverityHint, "Hints: nothing is wrong"},
}

// findingExamples is how many examples of each finding people see; programs see all.
const findingExamples = 3

func (s *shell) showExamination(r doctor.Report) {
	look := s.styleFor(s.stdout)
	whose := "of DATABASE_URL"
	if r.Server.Embedded {
		whose = "the embedded one"
	}
	s.printf("%s\n", folded(fmt.Sprintf("%s (%s); database %s, %s", shortVersion(r.Server.Version), whose, plain(r.Server.Database), mebibytes(float64(r.Server.Bytes)/(1<<20))), ""))
	free := "not known"
	if r.Server.FreeBytes != nil {
		free = mebibytes(float64(*r.Server.FreeBytes) / (1 << 20))
	}
	s.printf("Free on its disk: %s\n", free)
	s.printf("%s in %.1f s: %s, %s, %s\n", counted(r.Checks, "check", "checks"), r.Seconds,
		counted(r.Count(schema.SeverityError), "error", "errors"), counted(r.Count(schema.SeverityWarning), "warning", "warnings"),
		counted(r.Count(schema.SeverityHint), "hint", "hints"))
	for _, group := range severityHeadings {
		if r.Count(group.severity) == 0 {
			continue
		}
		s.printf("\n%s\n", look.bold(group.heading))
		for _, f := range r.Findings {
			if f.Severity == group.severity {
				s.showFinding(look, f)
			}
		}
	}
}

func (s *shell) showFinding(look style, f doctor.Finding) {
	colour := look.dim
	switch f.Severity {
	case schema.SeverityError:
		colour = look.red
	case schema.SeverityWarning:
		colour = look.yellow
	case schema.SeverityHint:
	}
	s.printf("\n%s\n", colour(fmt.Sprintf("%s: %s", f.Key, grouped(f.Count))))
	s.printf("%s\n", folded("It does not hold that "+f.What+".", "  "))
	for _, example := range f.Examples[:min(len(f.Examples), findingExamples)] {
		s.printf("%s\n", folded(example, "    "))
	}
	s.printf("%s\n%s\n", folded(f.Meaning, "  "), folded("To do: "+f.Fix, "  "))
}

// shortVersion is PostgreSQL's version without how it was built.
func shortVersion(version string) string {
	short, _, _ := strings.Cut(plain(version), " on ")
	return short
}

// progressLine says on standard error what is being done, on one line, where a person looks
// at it.
type progressLine struct {
	shell *shell
	drawn bool
}

// Set replaces the line.
func (p *progressLine) Set(done, total int, what string) {
	if !p.shell.interactive() {
		return
	}
	p.drawn = true
	text := fmt.Sprintf("[%d/%d] %s", done+1, total, plain(what))
	p.shell.notef("\r\x1b[K%s", string([]rune(text)[:min(len([]rune(text)), pageWidth-1)]))
}

// Close takes the line away.
func (p *progressLine) Close() {
	if p.drawn {
		p.shell.notef("\r\x1b[K")
		p.drawn = false
	}
}
