package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"semantik/modules/collections/connectors"
)

const (
	// maxDepth bounds folders within folders: each keeps a handle and a part of its
	// names until it is done.
	maxDepth = 100
	// maxEntryPath is the longest path of an entry, in bytes: what a document's path
	// may have.
	maxEntryPath = 4096
)

// Why something of a folder is left out.
const (
	reasonPipe     = "is a named pipe"
	reasonSocket   = "is a socket"
	reasonDevice   = "is a device"
	reasonSpecial  = "is not a file"
	reasonName     = "has a name that is not UTF-8"
	reasonLong     = "has a path that is too long"
	reasonDeep     = "is a folder in too many folders"
	reasonDangling = "is a link to nothing"
	reasonCircle   = "is a link that leads in a circle, or through too many others"
	reasonFolder   = "is a link to a folder"
	reasonOut      = "is a link that leads out of the source"
)

// errNotRegular is of what is there and is no file.
var errNotRegular = errors.New("is not a regular file")

// List lists the files of a folder. It returns the errors of the folder itself:
// [ErrOff], [ErrOutside], [ErrNotFound], [ErrNotDirectory] and [ErrUnreadable].
func (c *Connector) List(ctx context.Context, config connectors.Config, yield func(connectors.Entry) error) (connectors.ListReport, error) {
	w := walk{limit: c.slice, yield: yield}
	s, err := readSettings(config.Path, config.Config)
	if err != nil {
		return w.report, err
	}
	if w.source, err = c.open(s.Path); err != nil {
		return w.report, err
	}
	defer w.source.close()
	w.settings = s
	if err := w.folder(ctx, w.source.root, ".", 0); err != nil {
		return w.report, err
	}
	return w.report, nil
}

// walk is one run over a folder.
type walk struct {
	source   source
	settings settings
	limit    int
	yield    func(connectors.Entry) error
	report   connectors.ListReport
}

// folder lists what is in an open folder, a part of its names after the other.
func (w *walk) folder(ctx context.Context, root *os.Root, at string, depth int) error {
	for after, more := "", true; more; {
		var names []string
		var err error
		if names, more, err = w.names(root, after); err != nil {
			if depth == 0 && after == "" {
				return folderError(err)
			}
			w.missed(at, err)
			return nil
		}
		for _, name := range names {
			if err := w.entry(ctx, root, at, name, depth); err != nil {
				return err
			}
			after = name
		}
	}
	return nil
}

func (w *walk) names(root *os.Root, after string) ([]string, bool, error) {
	folder, err := root.Open(".")
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = folder.Close() }()
	return nextNames(folder, after, w.limit)
}

// entry takes one name of a folder. An error ends the walk.
func (w *walk) entry(ctx context.Context, root *os.Root, at, name string, depth int) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("listing a folder: %w", context.Cause(ctx))
	}
	full := path.Join(at, name)
	switch {
	case !utf8.ValidString(name):
		w.report.LeaveOut(strings.ToValidUTF8(full, "�"), reasonName)
		return nil
	case len(full) > maxEntryPath:
		w.report.LeaveOut(full, reasonLong)
		return nil
	}
	info, err := root.Lstat(name)
	if err != nil {
		w.missed(full, err)
		return nil
	}
	if info.IsDir() {
		return w.descend(ctx, root, full, name, depth)
	}
	if !w.settings.patterns.Takes(full) {
		return nil
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		var usable bool
		if info, usable = w.target(full); !usable {
			return nil
		}
	}
	if !info.Mode().IsRegular() {
		w.report.LeaveOut(full, special(info.Mode()))
		return nil
	}
	entry := entryOf(full, info)
	if err := w.yield(entry); err != nil {
		return err
	}
	w.report.Files++
	w.report.Bytes += entry.Size
	return nil
}

// descend lists a folder within the folder.
func (w *walk) descend(ctx context.Context, root *os.Root, full, name string, depth int) error {
	if !w.settings.Recursive || !w.settings.patterns.Enters(full) {
		return nil
	}
	if depth+1 >= maxDepth {
		w.report.Miss(full, reasonDeep)
		return nil
	}
	inner, err := root.OpenRoot(name)
	if err != nil {
		w.missed(full, err)
		return nil
	}
	defer func() { _ = inner.Close() }()
	return w.folder(ctx, inner, full, depth+1)
}

// target is what a link leads to; false where it is of no use, which the report says
// then.
func (w *walk) target(full string) (fs.FileInfo, bool) {
	_, info, err := follow(w.source.root, w.source.names, full)
	switch {
	case errors.Is(err, errOut):
		w.report.LeaveOut(full, reasonOut)
	case errors.Is(err, errCircle):
		w.report.LeaveOut(full, reasonCircle)
	case err != nil && isGone(err):
		w.report.LeaveOut(full, reasonDangling)
	case err != nil:
		w.missed(full, err)
	case info.IsDir():
		w.report.LeaveOut(full, reasonFolder)
	default:
		return info, true
	}
	return nil, false
}

// missed notes what could not be looked at, unless it has gone in the meantime.
func (w *walk) missed(full string, err error) {
	if !isGone(err) {
		w.report.Miss(full, reason(err))
	}
}

func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return reasonPipe
	case mode&fs.ModeSocket != 0:
		return reasonSocket
	case mode&fs.ModeDevice != 0:
		return reasonDevice
	default:
		return reasonSpecial
	}
}
