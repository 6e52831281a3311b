package directory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// source is a folder that is open: nothing outside of it can be reached through it.
type source struct {
	root *os.Root
	// names are the absolute paths by which the folder is known: as it was given, and
	// as it is without links.
	names []string
}

func (s source) close() { _ = s.root.Close() }

// open opens the folder with this absolute, clean path.
func (c *Connector) open(path string) (source, error) {
	if len(c.roots) == 0 {
		return source{}, ErrOff
	}
	known := path
	for range maxLinks {
		opened, err := c.openWithin(path)
		if out, ok := errors.AsType[outError](err); ok {
			path = out.to // perhaps into another root
			continue
		}
		opened.names = append([]string{known}, opened.names...)
		return opened, err
	}
	return source{}, ErrNotFound
}

// openWithin opens the folder in the root that it is in.
func (c *Connector) openWithin(path string) (source, error) {
	for _, configured := range c.roots {
		names := []string{configured}
		if resolved, err := filepath.EvalSymlinks(configured); err == nil && resolved != configured {
			names = append(names, resolved)
		}
		if relative, ok := within(names, path); ok {
			opened, err := openIn(configured, names, relative)
			if errors.Is(err, errOut) {
				return source{}, err
			}
			return opened, folderError(err)
		}
	}
	return source{}, ErrOutside
}

// within gives the path relative to the first of the folders that it is in. It looks
// at nothing on the disk: who asks for a path outside learns nothing about it.
func within(folders []string, path string) (relative string, ok bool) {
	for _, folder := range folders {
		relative, err := filepath.Rel(folder, path)
		if err == nil && filepath.IsLocal(relative) {
			return relative, true
		}
	}
	return "", false
}

// openIn opens a folder within a root.
func openIn(configured string, names []string, relative string) (source, error) {
	root, err := os.OpenRoot(configured)
	if err != nil {
		return source{}, err
	}
	defer func() { _ = root.Close() }()
	target, info, err := follow(root, names, relative)
	if err != nil {
		return source{}, err
	}
	if !info.IsDir() {
		return source{}, syscall.ENOTDIR
	}
	opened, err := root.OpenRoot(target)
	if err != nil {
		return source{}, err
	}
	s := source{root: opened}
	for _, name := range names {
		s.names = append(s.names, filepath.Join(name, target))
	}
	return s, nil
}

// outError is errOut with the absolute path that is led to.
type outError struct{ to string }

func (outError) Error() string { return errOut.Error() }

func (outError) Unwrap() error { return errOut }

// maxLinks is how many links a path may lead through; the kernel's own limit.
const maxLinks = 40

// follow gives where a path within an open folder leads, as a path without links, and
// what is there. names are the folder's absolute paths, by which an absolute link is
// known to lead into it, the last of them without links. Each name is looked at through
// the handle, and one that leads out is an [outError], whatever is there.
func follow(root *os.Root, names []string, path string) (string, fs.FileInfo, error) {
	here, links := ".", 0
	ahead := steps(path)
	info, err := root.Lstat(".")
	for err == nil && len(ahead) > 0 {
		name := ahead[0]
		ahead = ahead[1:]
		if name == ".." {
			if here == "." {
				return "", nil, outError{filepath.Join(slices.Concat([]string{names[len(names)-1], ".."}, ahead)...)}
			}
			here = filepath.Dir(here)
			info, err = root.Lstat(here)
			continue
		}
		next := filepath.Join(here, name)
		if info, err = root.Lstat(next); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			here = next
			continue
		}
		if links++; links > maxLinks {
			return "", nil, errCircle
		}
		var target string
		if target, err = root.Readlink(next); errors.Is(err, syscall.EINVAL) { // it is none any more: look again
			ahead, err = slices.Concat([]string{name}, ahead), nil
			continue
		}
		if err != nil {
			break
		}
		if filepath.IsAbs(target) {
			relative, ok := within(names, filepath.Clean(target))
			if !ok {
				return "", nil, outError{filepath.Join(slices.Concat([]string{target}, ahead)...)}
			}
			here, target = ".", relative
		}
		ahead = slices.Concat(steps(target), ahead)
		info, err = root.Lstat(here)
	}
	return here, info, err
}

// steps are the names that a path is made of.
func steps(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}
