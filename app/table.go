package app

import (
	"bytes"
	"strings"
	"text/tabwriter"
	"time"
)

// table writes rows in columns under a heading. Everything in it may be foreign
// text. Nothing is written without a row.
func (s *shell) table(heading []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var buffer bytes.Buffer
	writer := tabwriter.NewWriter(&buffer, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plain(cell)
		}
		_, _ = writer.Write([]byte(strings.Join(cells, "\t") + "\n"))
	}
	_ = writer.Flush()
	look := s.styleFor(s.stdout)
	first, rest, _ := strings.Cut(buffer.String(), "\n")
	s.printf("%s\n", look.bold(strings.TrimRight(first, " ")))
	for line := range strings.Lines(rest) {
		s.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}

// when is an instant for people, in their own time.
func when(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// orDash shows that there is nothing.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// valueOr is a text that may be missing.
func valueOr(text *string, other string) string {
	if text == nil {
		return other
	}
	return *text
}
