package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"semantik/app/ingest"
)

// shownExamples is how many entries stand for all that have one reason.
const shownExamples = 3

// showReport says what became of a folder.
func (s *shell) showReport(r *ingest.Report) {
	look := s.styleFor(s.stdout)
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, counted(n, one, many))
		}
	}
	add(r.Uploaded, "new document", "new documents")
	add(r.Replaced, "document with a new content", "documents with a new content")
	add(r.Present, "content that is there already", "contents that are there already")
	add(len(r.Failed), "file not taken", "files not taken")
	if len(parts) == 0 {
		parts = []string{"nothing to load"}
	}
	s.printf("%s %s: %s. %s\n", look.bold(counted(r.Files, "file", "files")), "in "+plain(r.Folder), strings.Join(parts, ", "),
		look.dim(fmt.Sprintf("(%s, %.0f files/s)", seconds(r.Seconds), r.FilesPerSecond())))
	s.showEntries(look.dim, "Left out", r.Skipped)
	s.showEntries(look.red, "Not taken", r.Failed)
	s.showEntries(look.yellow, "Holds nothing that can be searched", r.Unreadable)
	for _, o := range r.Unfinished {
		s.printf("%s %s; \"%s operations show %s\" tells what to do.\n", look.red("The "+plain(o.Type)+" operation "+plain(o.ID)+" is "+plain(o.Status)+":"),
			strings.TrimRight(plain(o.Reason), "."), s.program, plain(o.ID))
	}
	if r.Waited {
		s.printf("The collection %q has %s that can be searched.\n", r.Collection, counted(r.Chunks, "passage", "passages"))
	}
}

// showEntries lists entries by their reason, the most frequent first, with a few
// examples each.
func (s *shell) showEntries(colour func(string) string, title string, entries []ingest.Entry) {
	if len(entries) == 0 {
		return
	}
	byReason := map[string][]string{}
	for _, e := range entries {
		// What follows the first sentence is the same for all.
		reason, _, _ := strings.Cut(e.Reason, ". ")
		byReason[reason] = append(byReason[reason], e.Path)
	}
	reasons := make([]string, 0, len(byReason))
	for reason := range byReason {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byReason[b]), len(byReason[a])), cmp.Compare(a, b))
	})
	s.printf("%s\n", colour(fmt.Sprintf("%s: %s", title, counted(len(entries), "entry", "entries"))))
	const shownReasons = 10
	for i, reason := range reasons {
		if i == shownReasons {
			s.printf("  … and %s; --json lists all\n", counted(len(reasons)-i, "further reason", "further reasons"))
			break
		}
		paths := byReason[reason]
		shown := make([]string, 0, shownExamples)
		for _, path := range paths[:min(shownExamples, len(paths))] {
			shown = append(shown, plain(path))
		}
		if len(paths) > shownExamples {
			shown = append(shown, "…")
		}
		s.printf("  %s × %s: %s\n", grouped(int64(len(paths))), strings.TrimRight(plain(reason), "."), strings.Join(shown, ", "))
	}
}
