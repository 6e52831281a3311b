package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"semantik/modules/collections"
	"semantik/platform/apperr"
)

// MaxRegisteredSize bounds the size of a file that is registered without its content,
// in bytes: 1 TiB.
const MaxRegisteredSize = 1 << 40

// maxMIMEType bounds a media type, in characters.
const maxMIMEType = 255

// Registration is a document whose content is kept elsewhere, and whose chunks are
// loaded.
type Registration struct {
	FileName string
	// FilePath is the file's path as the client knows it; the name if it is empty.
	FilePath string
	// FileSize is 0 to [MaxRegisteredSize] bytes.
	FileSize int64
	// ContentHash is the content's SHA-256 in hexadecimal.
	ContentHash string
	MIMEType    string
	// Metadata is a JSON object or nothing.
	Metadata json.RawMessage
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// clean is the registration as it is stored, with everything that is wrong with it.
func (r Registration) clean() (Registration, error) {
	r.FileName = norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(r.FileName, "\x00", "")))
	if r.FilePath == "" {
		r.FilePath = r.FileName
	}
	r.FilePath = cleanPath(r.FilePath)
	r.ContentHash = strings.ToLower(r.ContentHash)
	r.MIMEType = strings.TrimSpace(r.MIMEType)
	var wrong []apperr.Field
	check := func(name string, ok bool, message string) {
		if !ok {
			wrong = append(wrong, apperr.Field{Location: "body." + name, Message: message})
		}
	}
	check("file_name", r.FileName != "", "must not be empty")
	check("file_name", utf8.RuneCountInString(r.FileName) <= MaxName, fmt.Sprintf("must have at most %d characters", MaxName))
	check("file_path", r.FileName == "" || r.FilePath != "", "must name a file")
	check("file_path", utf8.RuneCountInString(r.FilePath) <= MaxPath, fmt.Sprintf("must have at most %d characters", MaxPath))
	check("file_size", r.FileSize >= 0 && r.FileSize <= MaxRegisteredSize, fmt.Sprintf("must be 0 to %d", int64(MaxRegisteredSize)))
	check("content_hash", sha256Hex.MatchString(r.ContentHash), "must be a SHA-256 in 64 hexadecimal digits")
	check("mime_type", utf8.RuneCountInString(r.MIMEType) <= maxMIMEType && !strings.ContainsRune(r.MIMEType, 0),
		fmt.Sprintf("must have at most %d characters, and no NUL", maxMIMEType))
	if err := checkMetadata(r.Metadata); err != nil {
		wrong = append(wrong, apperr.From(err).Fields...)
	}
	return r, apperr.InvalidFields(wrong)
}

// Register makes a document without a content, completed from the start: its chunks
// are those that are loaded. It needs the right to write, and returns every fault of
// the fields at once, [ErrDuplicate] and [ErrPathTaken] naming the document that has
// the content or the path already.
func (s *Service) Register(ctx context.Context, collectionID uuid.UUID, r Registration) (Document, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return Document{}, err
	}
	if r, err = r.clean(); err != nil {
		return Document{}, err
	}
	var created Document
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		created, err = s.register(ctx, scope, r)
		return err
	})
	return created, err
}

func (s *Service) register(ctx context.Context, scope collections.Scope, r Registration) (Document, error) {
	if err := s.repository.LockPath(ctx, scope, r.FilePath); err != nil {
		return Document{}, err
	}
	there, err := s.repository.GetByPath(ctx, scope, r.FilePath)
	switch {
	case err == nil && there.ContentHash != r.ContentHash:
		return Document{}, ErrPathTaken.WithMessagef("The collection has a document %s with this path and another content.", there.ID).WithDetail("document_id", there.ID.String())
	case err != nil && !errors.Is(err, ErrNotFound):
		return Document{}, err
	}
	d := Document{
		ID: uuid.New(), FilePath: r.FilePath, FileName: r.FileName, FileSize: r.FileSize, ContentHash: r.ContentHash,
		Status: StatusCompleted, Meta: r.Metadata,
	}
	if string(r.Metadata) == "null" {
		d.Meta = nil
	}
	if r.MIMEType != "" {
		d.MimeType = &r.MIMEType
	}
	created, err := s.repository.CreateIfNew(ctx, scope, &d)
	if err != nil {
		return Document{}, err
	}
	if !created {
		there, err := s.repository.GetByHash(ctx, scope, r.ContentHash)
		if err != nil {
			return Document{}, err
		}
		return Document{}, ErrDuplicate.WithMessagef("The collection has the document %s with the same content already.", there.ID).WithDetail("document_id", there.ID.String())
	}
	if err := s.record(ctx, scope, "document.create", d, map[string]any{"registered": true}); err != nil {
		return Document{}, err
	}
	return d, s.rows.AddCounts(ctx, scope, collections.Counts{Documents: 1, Bytes: d.FileSize})
}
