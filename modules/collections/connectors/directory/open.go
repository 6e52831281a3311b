package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"semantik/modules/collections/connectors"
	"semantik/platform/apperr"
)

// Open opens a file of a source. It returns [ErrNoFile] for a path that is not there,
// leads out of the source or is no regular file, and the errors of the folder itself.
func (c *Connector) Open(_ context.Context, config connectors.Config, path string) (io.ReadCloser, connectors.Entry, error) {
	source, err := c.open(config.Path)
	if err != nil {
		return nil, connectors.Entry{}, err
	}
	defer source.close()
	file, entry, err := c.openFile(source, path)
	if err == nil {
		return file, entry, nil
	}
	if errors.Is(err, os.ErrPermission) {
		return nil, entry, apperr.New(apperr.Forbidden, "source_file_unreadable",
			"The server may not read this file. Let its account read it.").WithCause(err)
	}
	if known := folderError(err); apperr.KindOf(known) == apperr.Unavailable {
		return nil, entry, known
	}
	return nil, entry, ErrNoFile.WithCause(err)
}

// openFile looks at the file and opens it, and never waits for a pipe's writer. What
// counts is what was opened: whatever has taken the file's place between the two is
// inside the source, for the handle leads nowhere else, and is refused unless it is a
// file, too.
func (c *Connector) openFile(s source, path string) (*os.File, connectors.Entry, error) {
	if !filepath.IsLocal(path) || !utf8.ValidString(path) || strings.Contains(path, "\x00") {
		return nil, connectors.Entry{}, errName
	}
	target, info, err := follow(s.root, s.names, path)
	if err != nil {
		return nil, connectors.Entry{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, connectors.Entry{}, errNotRegular
	}
	if c.opening != nil {
		c.opening()
	}
	file, err := s.root.OpenFile(target, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, connectors.Entry{}, fmt.Errorf("opening a file of a source: %w", err)
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		_ = file.Close()
		return nil, connectors.Entry{}, err
	}
	return file, entryOf(path, info), nil
}

func entryOf(path string, info os.FileInfo) connectors.Entry {
	return connectors.Entry{Path: path, Size: info.Size(), ModifiedAt: info.ModTime()}
}
