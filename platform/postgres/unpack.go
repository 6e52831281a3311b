package postgres

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/xi2/xz"
)

// Far above what a PostgreSQL needs (60 MB to 130 MB, 1,100 files).
const (
	unpackedLimit = 1 << 30
	entriesLimit  = 20_000
)

// unpack lays the tree of an archive into dir, which must not exist: a zip with
// one compressed tar in it. Everyone may read the tree, since as root the server
// runs as another account.
func unpack(ctx context.Context, archive, dir string) error {
	outer, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = outer.Close() }()
	for _, f := range outer.File {
		if strings.HasSuffix(f.Name, ".txz") {
			return unpackTar(ctx, f, dir)
		}
	}
	return errors.New("there is no compressed tar in the archive")
}

func unpackTar(ctx context.Context, f *zip.File, dir string) error {
	packed, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()
	unpacked, err := xz.NewReader(packed, 0)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	// Nothing can be written outside of a root, whatever the names and links of
	// the archive say.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.Chmod(".", 0o755); err != nil {
		return err
	}
	entries := tar.NewReader(io.LimitReader(unpacked, unpackedLimit))
	for n := 0; ; n++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && n >= entriesLimit {
			err = errors.New("too many files")
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = unpackEntry(root, header, entries)
		}
		if err != nil {
			return err
		}
	}
}

func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if name == "." {
		return nil
	}
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%q leads out of the archive", header.Name)
	}
	if header.Typeflag == tar.TypeDir {
		return makeTreeDir(root, name)
	}
	if err := makeTreeDir(root, path.Dir(name)); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		return unpackFile(root, name, header, content)
	case tar.TypeSymlink:
		if path.IsAbs(header.Linkname) || !filepath.IsLocal(path.Join(path.Dir(name), header.Linkname)) { //nolint:gosec // this is the check
			return fmt.Errorf("the link %q leads out of the archive", header.Name)
		}
		return root.Symlink(header.Linkname, name)
	default:
		return fmt.Errorf("%q is neither a file nor a folder nor a link", header.Name)
	}
}

// makeTreeDir makes a folder that everyone may enter, whatever the umask says.
func makeTreeDir(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if info, err := root.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	if err := makeTreeDir(root, path.Dir(name)); err != nil {
		return err
	}
	if err := root.Mkdir(name, 0o755); err != nil {
		return err
	}
	return root.Chmod(name, 0o755)
}

func unpackFile(root *os.Root, name string, header *tar.Header, content io.Reader) error {
	mode := fs.FileMode(0o644)
	if header.FileInfo().Mode().Perm()&0o111 != 0 {
		mode = 0o755
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Close())
}
