package backup

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"semantik/schema"
)

// source reads the parts of a backup, several at a time if need be.
type source interface {
	open(name string) (io.ReadCloser, error)
	has(name string) bool
	// data gives the bytes of each part that has rows.
	data() (map[string]int64, error)
	close() error
}

// Backup is one that is there to be read. It is to be closed.
type Backup struct {
	Manifest *Manifest
	Path     string

	source source
}

// maxManifestBytes bounds what is read of a manifest, of which each table has a few
// hundred bytes.
const maxManifestBytes = 64 << 20

// Open opens the backup at a path, a folder or an archive.
//
// Errors: [ErrNotBackup], [ErrIncomplete], [ErrDamaged], [NewerError], and that of a path
// that is not there.
func Open(path string) (*Backup, error) {
	src, err := openSource(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b := &Backup{Path: path, source: src}
	if b.Manifest, err = readManifest(src); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), src.close())
	}
	return b, nil
}

// Close gives back what Open has taken.
func (b *Backup) Close() error { return b.source.close() }

func openSource(path string) (source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return folderSource(path), nil
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotBackup
	}
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	archive, err := openArchive(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return archive, nil
}

func readManifest(src source) (*Manifest, error) {
	switch marked := src.has(markerName); {
	case !src.has(manifestName) && marked:
		return nil, ErrIncomplete
	case !src.has(manifestName), !marked && !src.has(schemaPart("schema.sql")):
		return nil, ErrNotBackup
	}
	data, err := readPart(src, manifestName, maxManifestBytes)
	if err != nil {
		return nil, err
	}
	return parseManifest(data)
}

// readPart reads a part that is small.
func readPart(src source, name string, most int64) ([]byte, error) {
	r, err := src.open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("reading %s of the backup: %w", name, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrDamaged, name, most)
	}
	return data, nil
}

// schemaPart is the name of the part that has one of the schema's files.
func schemaPart(file string) string { return "schema/" + file }

// maxSchemaBytes bounds what is read of one of the schema's files.
const maxSchemaBytes = 16 << 20

// files are the schema's files that the backup was made with.
func (b *Backup) files() (schema.SQLFiles, error) {
	files := schema.SQLFiles{Revision: b.Manifest.Schema.Revision}
	for name, into := range schemaFiles(&files) {
		data, err := readPart(b.source, schemaPart(name), maxSchemaBytes)
		if err != nil {
			return schema.SQLFiles{}, err
		}
		*into = string(data)
	}
	if files.Hash() != b.Manifest.Schema.Hash {
		return schema.SQLFiles{}, fmt.Errorf("%w: the schema in it is not the one that it was made with", ErrDamaged)
	}
	return files, nil
}

// schemaFiles names the schema's files.
func schemaFiles(f *schema.SQLFiles) map[string]*string {
	return map[string]*string{
		"extensions.sql": &f.Extensions, "schema.sql": &f.Tables, "functions.sql": &f.Functions, "partitions.sql": &f.Partitions,
	}
}

// rows reads the rows of a table as PostgreSQL has sent them. Reading them to the end is
// an error unless they are those that the manifest tells of.
func (b *Backup) rows(t Table) (io.ReadCloser, error) {
	part, err := b.source.open(t.path())
	if err != nil {
		return nil, err
	}
	plain, err := zstd.NewReader(part, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRowBytes))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the rows of %s: %w", t, err), part.Close())
	}
	r := &tableReader{table: t, part: part, plain: plain}
	r.splitter.each = func(row []byte) error { r.sum.add(row); return nil }
	return r, nil
}

// tableReader reads a table's rows and adds them up on the way.
type tableReader struct {
	table    Table
	part     io.ReadCloser
	plain    *zstd.Decoder
	splitter rowSplitter
	sum      checksum
}

func (r *tableReader) Read(p []byte) (int, error) {
	n, err := r.plain.Read(p)
	if n > 0 {
		if _, err := r.splitter.Write(p[:n]); err != nil {
			return 0, r.damaged(err)
		}
	}
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, r.damaged(err)
	}
	if err := r.splitter.end(); err != nil {
		return n, r.damaged(err)
	}
	if r.sum.rows != r.table.Rows || r.sum.String() != r.table.Checksum {
		return n, r.damaged(fmt.Errorf("it has %d rows with the checksum %s, and should have %d with %s",
			r.sum.rows, &r.sum, r.table.Rows, r.table.Checksum))
	}
	return n, io.EOF
}

func (r *tableReader) damaged(err error) error {
	return fmt.Errorf("%w: the rows of %s: %w", ErrDamaged, r.table, err)
}

func (r *tableReader) Close() error {
	r.plain.Close()
	return r.part.Close()
}
