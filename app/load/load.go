package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"semantik/app/client"
)

// DefaultStreams is how many parts are on their way at once.
const DefaultStreams = 4

// The ways of dealing with chunks that are there already.
const (
	OnConflictError   = "error"
	OnConflictSkip    = "skip"
	OnConflictReplace = "replace"
)

// Options of [Load].
type Options struct {
	Client       *client.Client
	CollectionID string
	OnConflict   string
	// Streams is how many parts are on their way at once; [DefaultStreams] if zero.
	Streams int
	Record  *Record
	// Progress hears how many bytes of the file are done; may be nil. It is called from
	// several goroutines.
	Progress func(bytes int64)
}

// Report says what became of a load.
type Report struct {
	File string `json:"file"`
	// Counts are of all parts, those of an earlier run included.
	Counts

	// Lines is how many were read, empty ones included.
	Lines int `json:"lines"`
	// Resumed is how many parts an earlier run had brought.
	Resumed int     `json:"resumed_parts"`
	Parts   int     `json:"parts"`
	Sent    Counts  `json:"sent"`
	Seconds float64 `json:"seconds"`
}

// PartError is a part that the server did not take.
type PartError struct {
	// First and Last are the numbers of the part's lines in the file.
	First, Last int
	// Line is the one that is wrong, 0 where no single one is.
	Line int
	Err  error
}

// Error names the line as the file has it.
func (e *PartError) Error() string {
	var p *client.Problem
	if !errors.As(e.Err, &p) || p.Line == 0 {
		return fmt.Sprintf("lines %d to %d: %v", e.First, e.Last, e.Err)
	}
	shown := *p
	shown.Detail = strings.Replace(p.Detail, fmt.Sprintf("Line %d", p.Line), fmt.Sprintf("Line %d", e.Line), 1)
	shown.Detail = strings.TrimSuffix(shown.Detail, " Nothing was changed.")
	shown.Fields = make([]client.FieldError, len(p.Fields))
	for i, f := range p.Fields {
		f.Location = strings.Replace(f.Location, fmt.Sprintf("line %d.", p.Line), fmt.Sprintf("line %d.", e.Line), 1)
		shown.Fields[i] = f
	}
	return shown.Error()
}

// Unwrap gives the server's word.
func (e *PartError) Unwrap() error { return e.Err }

// Load sends the source's lines. The report is right also beside an error, which means
// that a part was not taken, the first of them if there were several, or that the context
// ended; loading again goes on from there.
func Load(ctx context.Context, source *Source, o Options) (Report, error) {
	if o.Streams <= 0 {
		o.Streams = DefaultStreams
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	began := time.Now()
	l := &loader{options: o, report: Report{File: source.Name}}
	err := l.run(ctx, source)
	l.report.Counts, l.report.Seconds = o.Record.Counts(), time.Since(began).Seconds()
	if err == nil {
		err = o.Record.forget()
	}
	return l.report, err
}

type loader struct {
	options Options

	mu     sync.Mutex
	report Report
	// failed is the error of the first part, by its number, that was not taken.
	failed       error
	failedNumber int
	// done is how much of the file is done.
	done int64
}

// run hands the parts out. Those that are on their way when one was refused come to
// their end, so that nobody need wonder what became of them.
func (l *loader) run(ctx context.Context, source *Source) error {
	parts := make(chan part)
	var senders sync.WaitGroup
	for range l.options.Streams {
		senders.Go(func() {
			for p := range parts {
				if l.hasFailed() {
					continue // it was handed out at the same moment
				}
				if err := l.send(ctx, p); err != nil {
					l.fail(p.number, err)
				}
			}
		})
	}
	read := l.read(ctx, source, parts)
	close(parts)
	senders.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case l.failed != nil:
		return l.failed
	default:
		return read
	}
}

// read cuts the file, and passes over what the server has.
func (l *loader) read(ctx context.Context, source *Source, parts chan<- part) error {
	cutter := newCutter(source, source.position)
	for !l.hasFailed() && ctx.Err() == nil {
		p, err := cutter.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.report.Parts++
		l.report.Lines += p.lines
		l.mu.Unlock()
		if l.options.Record.acknowledged(p.number) {
			l.mu.Lock()
			l.report.Resumed++
			l.mu.Unlock()
			l.advance(p.read)
			continue
		}
		if p.again, err = l.options.Record.begin(p.number); err != nil {
			return err
		}
		select {
		case parts <- p:
		case <-ctx.Done():
		}
	}
	return nil
}

func (l *loader) send(ctx context.Context, p part) error {
	mode := l.options.OnConflict
	if p.again && mode == OnConflictError {
		mode = OnConflictSkip
	}
	loaded, err := l.options.Client.LoadChunks(ctx, l.options.CollectionID, mode, p.body)
	if err != nil {
		return wrong(p, err)
	}
	counts := Counts{Inserted: loaded.Inserted, Skipped: loaded.Skipped, Replaced: loaded.Replaced}
	if err := l.options.Record.acknowledge(p.number, counts); err != nil {
		return err
	}
	l.mu.Lock()
	l.report.Sent.add(counts)
	l.mu.Unlock()
	l.advance(p.read)
	return nil
}

func wrong(p part, err error) error {
	e := &PartError{First: p.first, Last: p.first + p.lines - 1, Err: err}
	if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Line > 0 {
		e.Line = p.first + problem.Line - 1
	}
	return e
}

func (l *loader) fail(number int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil || number < l.failedNumber {
		l.failed, l.failedNumber = err, number
	}
}

func (l *loader) hasFailed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed != nil
}

// advance tells how far the file is done; parts may end in another order than they began.
func (l *loader) advance(read int64) {
	l.mu.Lock()
	l.done = max(l.done, read)
	done := l.done
	l.mu.Unlock()
	l.options.Progress(done)
}
