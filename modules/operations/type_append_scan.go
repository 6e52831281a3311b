package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"semantik/modules/collections"
	"semantik/modules/collections/connectors"
	"semantik/modules/documents"
	"semantik/platform/apperr"
)

const (
	// entriesAtOnce is how many files of a source a step looks at.
	entriesAtOnce = 200
	// vanishedAtOnce is how many documents whose files are gone a step deletes.
	vanishedAtOnce = 100
	// namedProblems is how many files a run names that it could not take.
	namedProblems = 5
)

// Importer takes files that a run over a source has found; [documents.Service] does.
type Importer interface {
	Import(ctx context.Context, scope collections.Scope, run documents.SourceRun, f documents.SourceFile) (documents.Outcome, error)
	Vanish(ctx context.Context, scope collections.Scope, run documents.SourceRun, sourceID int64, id uuid.UUID, since time.Time) (documents.Outcome, error)
	HandOver(ctx context.Context, scope collections.Scope, d documents.Document, since *time.Time) (bool, error)
}

// What a run over a source counts in [Progress].
const (
	countScanned   = "total_files_scanned"
	countRead      = "files_read"
	countAdded     = "documents_added"
	countUpdated   = "documents_updated"
	countMoved     = "documents_moved"
	countRemoved   = "documents_removed"
	countUnchanged = "unchanged_skipped"
	countCopies    = "duplicate_files"
	countRefused   = "files_failed"
	countGone      = "files_gone" // whose documents were removed, or became those of copies
	countSources   = "sources_completed"
	countPartial   = "sources_partial"
	countFailed    = "sources_failed"
)

// countedAs says as what an outcome counts.
var countedAs = map[documents.Outcome]string{
	documents.Created: countAdded, documents.Replaced: countUpdated, documents.Moved: countMoved, documents.Removed: countRemoved,
	documents.Unchanged: countUnchanged, documents.Duplicate: countCopies,
}

// scan is a run over one source, as far as this attempt has come: a listing that is
// held open between the steps. An attempt after this one lists anew, and passes over
// what this one was through with.
type scan struct {
	source    collections.Source
	connector connectors.Connector
	config    connectors.Config
	// since is when the run began: what was seen since then belongs to it.
	since time.Time
	// after is the entry up to which an attempt before this one has come.
	after string
	next  func() (connectors.Entry, bool)
	stop  func()
	// report and err are what came of the listing, once next has nothing more.
	report connectors.ListReport
	err    error
	// listed means that the whole source was listed, and what was not seen is gone.
	listed bool
	// gone is how many documents are left that were not seen; they are gone through up to
	// goneThrough.
	gone        int64
	goneThrough uuid.UUID
	// refused counts the files that were not taken, and problems names the first.
	refused  int
	problems []string
	// metadata goes to new documents.
	metadata json.RawMessage
	// again means that what is taken now was counted when it was seen.
	again bool
}

// path is that of a document of the source.
func (s *scan) path(of string) string { return s.source.SourcePath + "/" + of }

// refuse notes a file that could not be taken.
func (s *scan) refuse(path, reason string) {
	s.refused++
	if len(s.problems) < namedProblems {
		s.problems = append(s.problems, path+": "+reason)
	}
}

// outcome is how the run ended, and what is to be told about it.
func (s *scan) outcome() (outcome, problem string) {
	switch {
	case s.err != nil:
		return collections.RunFailed, apperr.From(s.err).Message
	case s.refused == 0 && s.report.Complete():
		return collections.RunSuccess, ""
	}
	for _, w := range s.report.Warnings {
		if len(s.problems) < namedProblems {
			s.problems = append(s.problems, w.String())
		}
	}
	var what []string
	if s.refused > 0 {
		what = append(what, numbered(int64(s.refused), "file was", "files were")+" not taken")
	}
	if s.report.Unread > 0 {
		what = append(what, numbered(s.report.Unread, "place", "places")+" could not be looked into")
	}
	told := strings.Join(what, ", and ") + ": " + strings.Join(s.problems, "; ")
	if s.report.Unread > 0 {
		told += ". What is gone was not removed, since not everything was seen."
	}
	return collections.RunPartial, told
}

func numbered(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// scanStep does the next piece of the runs over the collection's sources that were
// asked for, and tells whether none is left.
func (a *appendWork) scanStep(ctx context.Context, run *Run) (done bool, err error) {
	s, going := run.memory.(*scan)
	if !going {
		if s, going, err = a.beginScan(ctx, run); err != nil || !going {
			return !going && err == nil, err
		}
		run.memory = s
		return false, run.worker.tellScanning(ctx, run, s)
	}
	if !s.listed {
		return false, a.takeEntries(ctx, run, s)
	}
	return false, a.takeVanished(ctx, run, s)
}

// beginScan begins the run that has waited longest; false when none waits. A source
// that cannot be read at all ends there.
func (a *appendWork) beginScan(ctx context.Context, run *Run) (*scan, bool, error) {
	source, found, err := a.rows.NextScan(ctx, run.Scope)
	if err != nil || !found {
		return nil, false, err
	}
	s := &scan{source: source, config: connectors.Config{Path: source.SourcePath, Config: source.SourceConfig}}
	if s.since, s.after, err = a.rows.BeginScan(ctx, run.Scope, source.ID); err != nil {
		return nil, false, fmt.Errorf("beginning a run over a source: %w", err)
	}
	s.metadata = metadataOf(source)
	if s.after != "" && run.Progress().Counts[countRefused] > 0 {
		s.refused, s.problems = 1, []string{"files that were refused before the run was broken off"}
	}
	s.stop = func() {}
	s.connector, err = a.connectors.Get(source.SourceType)
	if err != nil { // it was one when the source was added
		s.err, s.listed = err, true
		return s, true, nil //nolint:nilerr // it is the source's failure, not the operation's
	}
	s.next, s.stop = iter.Pull(func(yield func(connectors.Entry) bool) {
		s.report, s.err = s.connector.List(ctx, s.config, func(e connectors.Entry) error {
			if !yield(e) {
				return errStopping
			}
			return nil
		})
	})
	run.atEnd = append(run.atEnd, s.stop)
	return s, true, nil
}

// metadataOf is what whoever has asked for the run wants new documents to have.
func metadataOf(source collections.Source) json.RawMessage {
	var asked struct {
		Metadata json.RawMessage `json:"metadata"`
	}
	if json.Unmarshal(source.ScanConfig, &asked) != nil || string(asked.Metadata) == "null" {
		return nil
	}
	return asked.Metadata
}

// takeEntries looks at the next files of the listing: those that are unchanged are noted
// together, the others taken one by one, a few at the same time.
func (a *appendWork) takeEntries(ctx context.Context, run *Run, s *scan) error {
	var entries []connectors.Entry
	for len(entries) < entriesAtOnce {
		e, ok := s.next()
		if !ok {
			break
		}
		if s.after != "" && !comesAfter(e.Path, s.after) {
			continue
		}
		entries = append(entries, e)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(entries) == 0 {
		return a.endList(ctx, run, s)
	}
	changed, err := a.passUnchanged(ctx, run, s, entries)
	if err != nil {
		return err
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(a.parallel)
	refused := make([]string, len(changed))
	var left atomic.Bool // to another attempt, which looks at these entries once more
	for i, e := range changed {
		group.Go(func() error {
			leaves, err := run.leaves(together)
			if leaves || err != nil {
				if leaves {
					left.Store(true)
				}
				return err
			}
			refused[i], err = a.takeEntry(together, run, s, e)
			return err
		})
	}
	err = group.Wait()
	for i, reason := range refused {
		if reason != "" {
			s.refuse(changed[i].Path, reason)
		}
	}
	if err != nil || left.Load() {
		return err
	}
	return a.rows.NoteScan(ctx, run.Scope, s.source.ID, entries[len(entries)-1].Path)
}

// comesAfter compares two paths in the order in which a source is listed: folder by
// folder, the names in each by their bytes.
func comesAfter(path, other string) bool {
	return slices.Compare(strings.Split(path, "/"), strings.Split(other, "/")) > 0
}

// takeEntry takes one file. reason is why it could not be taken; an error is the
// operation's.
func (a *appendWork) takeEntry(ctx context.Context, run *Run, s *scan, e connectors.Entry) (reason string, err error) {
	content, now, err := s.connector.Open(ctx, s.config, e.Path)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if apperr.KindOf(err) == apperr.NotFound {
			return "", nil // gone since it was listed
		}
		return apperr.From(err).Message, a.keepUnread(ctx, run, s, e)
	}
	defer func() { _ = content.Close() }()
	_, err = a.importer.Import(ctx, run.Scope, a.sourceRun(run, s), documents.SourceFile{
		SourceID: s.source.ID, Path: s.path(e.Path), Content: connectors.Whole(content, now), Size: now.Size, Metadata: s.metadata, ModifiedAt: tellingTime(now.ModifiedAt, a.now()),
	})
	if kind := apperr.KindOf(err); kind == apperr.TooLarge || kind == apperr.Invalid || errors.Is(err, connectors.ErrBroken) {
		return apperr.From(err).Message, a.keepUnread(ctx, run, s, e)
	}
	return "", err
}

// keepUnread keeps the document of a file that is there and could not be taken.
func (a *appendWork) keepUnread(ctx context.Context, run *Run, s *scan, e connectors.Entry) error {
	known, err := a.documents.ListKnown(ctx, run.Scope, s.source.ID, []string{s.path(e.Path)})
	if err != nil {
		return err
	}
	var sum Progress
	err = a.db.InTx(ctx, func(ctx context.Context) error {
		for _, k := range known {
			if k.CopyID == nil && k.SourceID != nil && *k.SourceID == s.source.ID {
				if err := a.documents.See(ctx, run.Scope, s.source.ID, []uuid.UUID{k.DocumentID}, nil); err != nil {
					return err
				}
			}
		}
		counts := map[string]int64{countRefused: 1}
		if !s.again {
			counts[countScanned] = 1
		}
		sum, err = run.Advance(ctx, Progress{Counts: counts, Message: s.path(e.Path)}, true)
		return err
	})
	if err == nil {
		run.committed(sum)
	}
	return err
}

// tellingTime is a file's time where it will tell whether the file has changed since it
// was read: not when it was changed so shortly before that another change may have had
// the same time. A time without a fraction may be of a file system that has whole
// seconds.
func tellingTime(modified, read time.Time) *time.Time {
	grain := 20 * time.Millisecond
	if modified.Nanosecond() == 0 {
		grain = 2 * time.Second
	}
	// One that is far ahead of the clock is not that of a change now.
	if age := read.Sub(modified); age < grain && age > -time.Minute {
		return nil
	}
	t := modified.Truncate(time.Microsecond)
	return &t
}

// sourceRun stands for the operation in the transactions of single files.
func (a *appendWork) sourceRun(run *Run, s *scan) documents.SourceRun {
	return documents.SourceRun{
		IsGone: func(ctx context.Context, path string) (bool, error) {
			content, _, err := s.connector.Open(ctx, s.config, strings.TrimPrefix(path, s.source.SourcePath+"/"))
			if err == nil {
				return false, content.Close()
			}
			return apperr.KindOf(err) == apperr.NotFound, ctx.Err()
		},
		End: func(ctx context.Context, outcome documents.Outcome) error {
			counts := map[string]int64{countedAs[outcome]: 1, countRead: 1}
			if !s.again {
				counts[countScanned] = 1
			}
			sum, err := run.Advance(ctx, Progress{Counts: counts, Message: s.source.SourcePath}, true)
			if err == nil {
				a.db.AfterCommit(ctx, func(context.Context) { run.committed(sum) })
			}
			return err
		},
	}
}
