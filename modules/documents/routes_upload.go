package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/idempotency"
	"semantik/platform/web"
)

const (
	// maxFormField bounds a part of an upload that is no file.
	maxFormField = 128 << 10
	// maxFiles bounds the files of one upload, whose results are in memory until
	// the answer.
	maxFiles = 10_000
)

var (
	errNotMultipart = apperr.New(apperr.UnsupportedMediaType, "not_multipart",
		"Files are uploaded as multipart/form-data. What is kept elsewhere is registered as application/json.")
	errFieldTooLate = apperr.New(apperr.Malformed, "form_field_too_late",
		"The fields source_path and metadata are about all files, so they stand before the first of them.")
	errTooManyFiles = apperr.Newf(apperr.TooLarge, "too_many_files",
		"An upload may have at most %d files. Send the rest in another one.", maxFiles)
	errFieldTooLarge = apperr.New(apperr.TooLarge, "form_field_too_large",
		"A field of the form is too large.")
)

func uploadRequestBody(api huma.API) *huma.RequestBody {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"application/json": web.BodyOf[registrationBody](api, "application/json", "").Content["application/json"], "multipart/form-data": {Schema: &huma.Schema{
			Type:     huma.TypeObject,
			Required: []string{"file"},
			Properties: map[string]*huma.Schema{
				"source_path": text("Names the source that the documents belong to. Before the first file."),
				"metadata":    text("A JSON object that is stored with each document. Before the first file."),
				"file": {
					Type:  huma.TypeArray,
					Items: &huma.Schema{Type: huma.TypeString, Format: "binary"},
				},
			},
		}}},
	}
}

type uploadRequest struct {
	web.Stream
	idempotency.Header

	CollectionID web.UUID `path:"collection_id"`
}

// uploadAnswer is 202 with what became of each file, or 201 with the document that was
// registered.
type uploadAnswer struct {
	idempotency.Replayed

	Status int
	Body   any
}

func newUploadAnswer(a idempotency.Answer) *uploadAnswer {
	out := &uploadAnswer{Status: a.Status, Body: idempotency.Body[any](a.Body)}
	out.Tell(a)
	return out
}

func uploadResponses(api huma.API) map[string]*huma.Response {
	of := func(description string, body reflect.Type) *huma.Response {
		schema := api.OpenAPI().Components.Schemas.Schema(body, true, "")
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	return map[string]*huma.Response{
		"201": of("The document was registered.", reflect.TypeFor[documentBody]()),
		"202": of("At least one file was taken.", reflect.TypeFor[uploadAnswerBody]()),
	}
}

func (s *Service) handleUpload(ctx context.Context, in *uploadRequest) (*uploadAnswer, error) {
	switch in.MediaType() {
	case "multipart/form-data":
		return s.handleFiles(ctx, in)
	case "application/json":
		request, body := in.Streamed(ctx, in.Reader())
		registration, err := readRegistration(body)
		if err != nil {
			return nil, err
		}
		answer, err := s.RegisterOnce(ctx, request, in.CollectionID.UUID, registration, answerRegistered)
		if err != nil {
			return nil, err
		}
		return newUploadAnswer(answer), nil
	default:
		return nil, errNotMultipart
	}
}

func answerRegistered(d Document) (idempotency.Answer, error) {
	return idempotency.NewAnswer(http.StatusCreated, newDocumentBody(d), nil)
}

func (s *Service) handleFiles(ctx context.Context, in *uploadRequest) (*uploadAnswer, error) {
	reader, err := in.Parts()
	if err != nil {
		return nil, err
	}
	request := in.InParts(ctx, reader)
	form := &uploadForm{reader: reader}
	if err := form.readFields(); err != nil {
		return nil, err
	}
	answer, err := s.UploadOnce(ctx, request, in.CollectionID.UUID, Upload{
		Next: form.next, SourcePath: form.sourcePath, Metadata: form.metadata,
	}, answerUploaded)
	if err != nil {
		return nil, err
	}
	return newUploadAnswer(answer), nil
}

// answerUploaded answers 202 when at least one file was taken. When none was, the
// answer is the first file's error.
func answerUploaded(results []Result, operation *uuid.UUID) (idempotency.Answer, error) {
	body := uploadAnswerBody{Documents: make([]uploadedBody, len(results))}
	taken := false
	for i, r := range results {
		body.Documents[i] = newUploadedBody(r)
		taken = taken || r.Err == nil
	}
	if !taken {
		return idempotency.Answer{}, results[0].Err
	}
	if operation != nil {
		id := web.NewUUID(*operation)
		body.OperationID = &id
	}
	return idempotency.NewAnswer(http.StatusAccepted, body, nil)
}

// uploadForm reads a multipart form part by part: first the fields, then the
// files, one at a time and none of them into memory.
type uploadForm struct {
	reader     *web.Parts
	sourcePath string
	metadata   json.RawMessage
	// pending is the first file, met while reading the fields.
	pending *web.Part
	// files counts those that were given out.
	files int
}

// readFields reads up to the first file.
func (f *uploadForm) readFields() error {
	for {
		part, err := f.reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if part.FormName() == "file" {
			f.pending = part
			return nil
		}
		if err := f.readField(part); err != nil {
			return err
		}
	}
}

// readField takes a field that is known; an unknown one is passed over.
func (f *uploadForm) readField(part *web.Part) error {
	name := part.FormName()
	if name != "source_path" && name != "metadata" {
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
	if err != nil {
		return err
	}
	if len(value) > maxFormField {
		return errFieldTooLarge
	}
	if name == "source_path" {
		f.sourcePath = string(value)
		return nil
	}
	f.metadata = bytes.TrimSpace(value)
	if len(f.metadata) == 0 {
		return nil
	}
	// A decoder would take what is cut short or doubled, and change it silently.
	return web.CheckJSON(f.metadata)
}

// next gives the next file, and io.EOF after the last.
func (f *uploadForm) next() (File, error) {
	part := f.pending
	f.pending = nil
	for part == nil {
		p, err := f.reader.Next()
		if errors.Is(err, io.EOF) {
			return File{}, io.EOF
		}
		if err != nil {
			return File{}, err
		}
		switch p.FormName() {
		case "file":
			part = p
		case "source_path", "metadata":
			return File{}, errFieldTooLate
		}
	}
	if f.files++; f.files > maxFiles {
		return File{}, errTooManyFiles
	}
	return File{
		Path: part.FilePath(), MIMEType: part.MediaType(),
		Content: part,
	}, nil
}
