package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
)

// The outcomes of an uploaded file.
const (
	Created   = "created"
	Duplicate = "duplicate"
	Replaced  = "replaced"
	Failed    = "failed"
)

// File is a file to upload.
type File struct {
	// Path names the document.
	Path string
	// Open gives the content, from its beginning; it is called for each try.
	Open func() (io.ReadCloser, error)
	// Size is the content's, where it is known; -1 else.
	Size int64
}

// Uploaded is what became of a file.
type Uploaded struct {
	Document

	Outcome string `json:"outcome"`
	// Repeated says that the request was made more than once, so that what the first
	// has stored is a duplicate to the last.
	Repeated bool `json:"-"`
	Error    *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"error"`
}

// Upload uploads files in one request, and gives what became of each, in their
// order, and the operation that works on them; "" when there is nothing to do. A
// [Problem] means that none was taken, for the reason of the first of them or
// for one that has to do with none.
func (c *Client) Upload(ctx context.Context, collectionID, sourcePath string, files []File) ([]Uploaded, string, error) {
	form, err := newForm(sourcePath, files)
	if err != nil {
		return nil, "", err
	}
	var answer struct {
		Documents   []Uploaded `json:"documents"`
		OperationID *string    `json:"operation_id"`
	}
	repeated := false
	err = c.do(ctx, call{
		method: http.MethodPost, path: "/api/v2/collections/" + url.PathEscape(collectionID) + "/documents",
		open: form.open, contentType: form.contentType, length: form.length,
		// What was taken at the first try is a duplicate at the second.
		repeatable: true, again: func() { repeated = true },
	}, &answer)
	if err != nil {
		return nil, "", err
	}
	if len(answer.Documents) != len(files) {
		return nil, "", fmt.Errorf("the server was sent %d files and answered about %d", len(files), len(answer.Documents))
	}
	for i := range answer.Documents {
		answer.Documents[i].Repeated = repeated
	}
	operation := ""
	if answer.OperationID != nil {
		operation = *answer.OperationID
	}
	return answer.Documents, operation, nil
}

// form is a multipart form whose files are not in memory.
type form struct {
	files       []File
	heads       [][]byte // what stands before each file
	tail        []byte
	contentType string
	length      int64
}

func newForm(sourcePath string, files []File) (*form, error) {
	f := &form{files: files}
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	f.contentType = w.FormDataContentType()
	if err := w.WriteField("source_path", sourcePath); err != nil {
		return nil, fmt.Errorf("writing a form: %w", err)
	}
	cut := func() []byte {
		piece := bytes.Clone(head.Bytes())
		head.Reset()
		f.length += int64(len(piece))
		return piece
	}
	known := true
	for _, file := range files {
		if _, err := w.CreatePart(fileHeader(file.Path)); err != nil {
			return nil, fmt.Errorf("writing a form: %w", err)
		}
		f.heads = append(f.heads, cut())
		known = known && file.Size >= 0
		f.length += file.Size
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing a form: %w", err)
	}
	f.tail = cut()
	if !known {
		f.length = -1
	}
	return f, nil
}

// fileHeader heads a file's part. A name that is not plain ASCII, which may be one
// with a line break, is percent-encoded as RFC 5987 has it: raw, it could end the
// header, and the form with it.
func fileHeader(path string) textproto.MIMEHeader {
	return textproto.MIMEHeader{
		"Content-Disposition": {mime.FormatMediaType("form-data", map[string]string{"name": "file", "filename": path})},
		"Content-Type":        {"application/octet-stream"},
	}
}

// open gives the form from its beginning.
func (f *form) open() (io.ReadCloser, error) {
	body := &formBody{}
	readers := make([]io.Reader, 0, 2*len(f.files)+1)
	for i, file := range f.files {
		content, err := file.Open()
		if err != nil {
			_ = body.Close()
			return nil, err
		}
		body.contents = append(body.contents, content)
		readers = append(readers, bytes.NewReader(f.heads[i]), content)
	}
	body.Reader = io.MultiReader(append(readers, bytes.NewReader(f.tail))...)
	return body, nil
}

// formBody closes the files with the form.
type formBody struct {
	io.Reader

	contents []io.Closer
}

// Close closes the files.
func (b *formBody) Close() error {
	for _, content := range b.contents {
		_ = content.Close()
	}
	return nil
}
