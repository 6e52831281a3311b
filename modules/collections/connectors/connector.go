package connectors

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// Connector reads one kind of source. Its methods may be called by many at once.
type Connector interface {
	// Describe tells clients what they need to ask people for.
	Describe() Description
	// Check reads the configuration of a source as somebody has written it, and gives
	// it as it is to be stored. path is what names the source where the configuration
	// does not; "" if nothing else does. Every field that is wrong is in one error of
	// kind Invalid, whose locations are relative to the configuration ([Located]
	// completes them); [ErrNoPath] when nothing names the source. It looks at the
	// source as far as that is quick, and refuses one that cannot be read.
	Check(ctx context.Context, path string, config json.RawMessage) (Config, error)
	// List gives the source's entries to yield, one by one and always in the same
	// order: folders from the top down, the names in each by their bytes. However many
	// there are, few are in memory at a time. What cannot be used is left out and told
	// in the report. An error means that the source cannot be listed, ctx has ended, or
	// yield said so; then nothing follows from what was not seen.
	List(ctx context.Context, config Config, yield func(Entry) error) (ListReport, error)
	// Open opens one entry of the source. The entry that it gives is as it is now.
	Open(ctx context.Context, config Config, path string) (io.ReadCloser, Entry, error)
}

// Config is a source's configuration after [Connector.Check].
type Config struct {
	// Path names the source within its collection: the column source_path.
	Path string
	// Config is a JSON object with every field, those included that had their default.
	Config json.RawMessage
}

// Entry is a file of a source.
type Entry struct {
	// Path is relative to the source, with forward slashes and in valid UTF-8.
	Path       string
	Size       int64
	ModifiedAt time.Time
}

// MaxWarnings is how many warnings a report keeps; its counts go on.
const MaxWarnings = 100

// ListReport is what is to be said about a list besides its entries.
type ListReport struct {
	// Files and Bytes are of the entries that were given to yield.
	Files int64
	Bytes int64
	// LeftOut counts what is there and is no file that can be used: a pipe, a link out
	// of the source, a name that is not UTF-8. What the configuration leaves out is not
	// counted.
	LeftOut int64
	// Unread counts what could not be looked into or at, so that there may be files
	// that were not seen.
	Unread int64
	// Warnings are about the first [MaxWarnings] of both.
	Warnings []Warning
}

// Complete reports whether everything was seen. Only then is a file that was not
// listed one that is gone.
func (r ListReport) Complete() bool { return r.Unread == 0 }

// LeaveOut notes something that cannot be used.
func (r *ListReport) LeaveOut(path, reason string) {
	r.LeftOut++
	r.warn(path, reason)
}

// Miss notes something that could not be looked into.
func (r *ListReport) Miss(path, reason string) {
	r.Unread++
	r.warn(path, reason)
}

func (r *ListReport) warn(path, reason string) {
	if len(r.Warnings) < MaxWarnings {
		r.Warnings = append(r.Warnings, Warning{Path: path, Reason: reason})
	}
}

// Warning is about one thing in a source.
type Warning struct {
	// Path is relative to the source; a name that is not UTF-8 has marks in place of
	// what is none.
	Path   string
	Reason string
}

// String is the warning in a line.
func (w Warning) String() string { return w.Path + ": " + w.Reason }
