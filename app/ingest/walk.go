package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Why an entry of a folder is left out.
const (
	ReasonHidden   = "hidden"
	ReasonLink     = "symbolic link"
	ReasonDangling = "symbolic link to nothing"
	ReasonFolder   = "symbolic link to a folder"
	ReasonPipe     = "named pipe"
	ReasonSocket   = "socket"
	ReasonDevice   = "device"
	ReasonSpecial  = "not a file"
	ReasonVanished = "disappeared while the folder was being loaded"
)

// Entry is something in the folder with what is to be said about it.
type Entry struct {
	// Path is relative to the folder, with forward slashes.
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// WalkOptions say what of a folder is taken.
type WalkOptions struct {
	// Hidden takes what has a name with a dot in front.
	Hidden bool
	// FollowLinks takes files that a symbolic link leads to.
	FollowLinks bool
}

// Found is what is in a folder.
type Found struct {
	// Root is the folder, absolute, without symbolic links.
	Root string
	// Files are the paths of the files within it, in the order of their names.
	Files []string
	// Skipped are the entries that are left out on purpose.
	Skipped []Entry
	// Failed are the folders that could not be looked into.
	Failed []Entry
}

// Walk finds the files of a folder. An error means that there is no such folder
// or that it cannot be looked into at all.
func Walk(ctx context.Context, folder string, o WalkOptions) (*Found, error) {
	root, err := resolve(folder)
	if err != nil {
		return nil, err
	}
	found := &Found{Root: root}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if path == root {
			return err
		}
		relative, _ := filepath.Rel(root, path)
		relative = filepath.ToSlash(relative)
		if err != nil {
			found.unreadable(relative, err)
			return nil
		}
		if !o.Hidden && strings.HasPrefix(entry.Name(), ".") {
			found.Skipped = append(found.Skipped, Entry{relative, ReasonHidden})
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		found.add(path, relative, entry.Type(), o)
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("looking into the folder %s: %w", folder, reasonOf(err))
	}
	return found, nil
}

// resolve checks that the folder is one, and follows a link that was named.
func resolve(folder string) (string, error) {
	root, err := filepath.Abs(folder)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return "", fmt.Errorf("finding the folder %s: %w", folder, reasonOf(err))
	}
	info, err := os.Stat(root)
	if err != nil {
		return "", fmt.Errorf("finding the folder %s: %w", folder, reasonOf(err))
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", folder)
	}
	return root, nil
}

func (f *Found) unreadable(relative string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		f.Skipped = append(f.Skipped, Entry{relative, ReasonVanished})
		return
	}
	f.Failed = append(f.Failed, Entry{relative, "cannot be read: " + reasonOf(err).Error()})
}

// add takes an entry that is not hidden.
func (f *Found) add(path, relative string, kind fs.FileMode, o WalkOptions) {
	switch {
	case kind.IsDir():
	case kind.IsRegular():
		f.Files = append(f.Files, relative)
	case kind&fs.ModeSymlink != 0:
		reason := ReasonLink
		if o.FollowLinks {
			reason = target(path)
		}
		if reason == "" {
			f.Files = append(f.Files, relative)
			return
		}
		f.Skipped = append(f.Skipped, Entry{relative, reason})
	default:
		f.Skipped = append(f.Skipped, Entry{relative, special(kind)})
	}
}

// target is why what a link leads to is left out; "" for a file.
func target(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil: // to nothing, or in a circle
		return ReasonDangling
	case info.Mode().IsRegular():
		return ""
	case info.IsDir():
		return ReasonFolder
	default:
		return special(info.Mode().Type())
	}
}

func special(kind fs.FileMode) string {
	switch {
	case kind&fs.ModeNamedPipe != 0:
		return ReasonPipe
	case kind&fs.ModeSocket != 0:
		return ReasonSocket
	case kind&fs.ModeDevice != 0:
		return ReasonDevice
	default:
		return ReasonSpecial
	}
}

// reasonOf leaves out the path, which stands beside it already.
func reasonOf(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
