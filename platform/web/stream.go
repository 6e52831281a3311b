package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"semantik/platform/apperr"
)

// Stream gives a handler the body as it arrives; nothing of it has been read. It is
// embedded in the input of an operation.
//
// An input that embeds it has no field Body, and no Resolve method of its own: it
// would hide this type's.
type Stream struct {
	request *http.Request
}

// streamed is what an input has that embeds [Stream].
type streamed interface{ stream() }

func (s *Stream) stream() {}

// Resolve takes hold of the request; Huma calls it.
func (s *Stream) Resolve(ctx huma.Context) []error {
	s.request = humaecho.Unwrap(ctx).Request()
	return nil
}

// MediaType is the Content-Type in lower case and without its parameters; ""
// when there is none or it is malformed.
func (s *Stream) MediaType() string {
	media, _, err := mime.ParseMediaType(s.request.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

// ContentLength is the announced number of bytes; -1 when it is not known.
func (s *Stream) ContentLength() int64 { return s.request.ContentLength }

// Reader gives the body. Its errors are io.EOF, [ErrBodyTooLarge],
// [ErrBodyTimeout] and [ErrBodyBroken], and may go to the client as they are.
func (s *Stream) Reader() io.Reader {
	if s.request.Body == nil {
		return http.NoBody
	}
	return s.request.Body
}

// Interrupt ends a read of the body that waits for the client, and lets every
// further one fail. It may be called while another goroutine reads: by whoever has
// found out that the rest is not wanted.
func (s *Stream) Interrupt() {
	if body := requestOf(s.request.Context()).body; body != nil {
		body.interrupt()
	}
}

var (
	errNotMultipart = apperr.New(apperr.UnsupportedMediaType, "unsupported_media_type", "The body must be multipart/form-data.")
	errMultipart    = apperr.New(apperr.Malformed, "malformed_multipart", "The multipart body is malformed.")
)

// Parts reads a multipart/form-data body part by part, without buffering files.
// The error is an apperr of kind UnsupportedMediaType or Malformed.
func (s *Stream) Parts() (*Parts, error) {
	media, parameters, err := mime.ParseMediaType(s.request.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return nil, errNotMultipart
	}
	boundary := parameters["boundary"]
	if boundary == "" {
		return nil, errMultipart.WithMessagef("The Content-Type of the multipart body names no boundary.")
	}
	return &Parts{reader: multipart.NewReader(s.Reader(), boundary)}, nil
}

// Parts is a multipart body. The reader of the standard library wraps io.EOF when
// a body ends before its last boundary, so that errors.Is takes half a body for a
// whole one; this one tells them apart.
type Parts struct {
	reader *multipart.Reader
	begun  int // parts
	ended  bool
	digest *partsDigest // nil unless it was asked for
}

// Part is one part of a multipart body. It is read like a file; its errors are
// io.EOF and those of [Parts.Next].
type Part struct {
	part    *multipart.Part
	content io.Reader // the part, or what digests it on the way
}

// Next gives the next part and ends the one before. After the last it is io.EOF;
// other errors are those of [Stream.Reader] and, for a body that is cut off or
// malformed, an apperr of kind Malformed. They may go to the client as they are.
func (p *Parts) Next() (*Part, error) {
	if p.ended { // asked again, the reader takes the end of the body for a body cut off
		return nil, io.EOF
	}
	if err := p.digest.endPart(); err != nil {
		return nil, err
	}
	part, err := p.reader.NextPart()
	if err != nil {
		p.ended = err == io.EOF // a wrapped io.EOF is an early end
		return nil, p.whichPart(multipartError(err))
	}
	p.begun++
	return p.digest.beginPart(part), nil
}

// whichPart names the part whose beginning is malformed. What comes after it cannot be
// found any more.
func (p *Parts) whichPart(err error) error {
	e, ours := errors.AsType[*apperr.Error](err)
	if !ours || !e.Is(errMultipart) || errors.Is(e, io.ErrUnexpectedEOF) {
		return err
	}
	return e.WithMessagef("The multipart body is malformed at the beginning of its part %d.", p.begun+1)
}

// FormName is the name of the field; "" when it has none.
func (p *Part) FormName() string { return p.part.FormName() }

// FileName is the last element of the file's name, in valid UTF-8; "" when the
// part is no file.
func (p *Part) FileName() string { return strings.ToValidUTF8(p.part.FileName(), "\uFFFD") }

// FilePath is the file's name with the folders that the client put before it, as
// it was sent: it names the file and must never be used to open one. It is ""
// when the part is no file.
func (p *Part) FilePath() string {
	_, parameters, err := mime.ParseMediaType(p.part.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return parameters["filename"]
}

// MediaType is the type that the client claims for the part, in lower case and
// without parameters; "" when there is none or it is malformed.
func (p *Part) MediaType() string {
	media, _, err := mime.ParseMediaType(p.part.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

// Read reads the part's content.
func (p *Part) Read(data []byte) (int, error) {
	n, err := p.content.Read(data)
	return n, multipartError(err)
}

// Text reads a part that is a short text, of at most limit bytes, in valid UTF-8.
// The error is an apperr of kind Invalid that names the field, or that of
// [Part.Read].
func (p *Part) Text(limit int) (string, error) {
	data, err := io.ReadAll(io.LimitReader(p, int64(limit)+1))
	if err != nil {
		return "", err
	}
	field := apperr.Field{Location: "body." + p.FormName()}
	switch {
	case len(data) > limit:
		field.Message = "must have at most " + bytesText(int64(limit))
	case !utf8.Valid(data):
		field.Message = "must be valid UTF-8"
	default:
		return string(data), nil
	}
	return "", apperr.InvalidFields([]apperr.Field{field})
}

// multipartError makes an error of the reader one for the client: what the body
// itself says stays, anything else means that its format is wrong.
func multipartError(err error) error {
	var e *apperr.Error
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // a wrapped io.EOF is an early end
		return err
	case errors.As(err, &e):
		return e
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errMultipart.WithMessagef("The multipart body ends before its last boundary.").WithCause(io.ErrUnexpectedEOF)
	default:
		return errMultipart.WithCause(err)
	}
}
