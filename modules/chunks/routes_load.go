package chunks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"semantik/platform/web"
)

const (
	mediaLines = "application/x-ndjson"
	mediaJSON  = "application/json"
	// maxLine bounds a line, in bytes: a content of the most characters, each of them
	// escaped, with its metadata.
	maxLine = 16 << 20
	// maxArray bounds a JSON array, which is in memory as a whole, in bytes.
	maxArray = 64 << 20
)

func registerLoad(api huma.API, s *Service) {
	body := web.BodyOf[loadedChunkBody](api, mediaLines, "A chunk a line, or a JSON array of some. May be packed with gzip or zstd, as Content-Encoding says.")
	body.Content[mediaJSON] = web.BodyOf[loadBody](api, mediaJSON, "").Content[mediaJSON]
	web.Register(api, huma.Operation{
		OperationID: "load-chunks", Method: http.MethodPost, Path: "/api/v2/chunking/collections/{collection_id}/chunks", Tags: []string{"chunks"},
		Summary: "Load chunks",
		Description: "All of them or none, in one transaction. As lines there may be any number; they are stored as they come. " +
			"The documents must be there, and completed. A search finds the chunks a little later: " +
			"vector_count of the collection says how many of chunk_count it finds by now.",
		Security: web.Bearer(), Metadata: web.Bulk("load"), RequestBody: body, DefaultStatus: http.StatusCreated,
		Errors: []int{
			http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict,
			http.StatusUnsupportedMediaType, http.StatusServiceUnavailable,
		},
	}, s.handleLoad)
}

// loadBody is the JSON form of a load.
type loadBody struct {
	Chunks []loadedChunkBody `json:"chunks" maxItems:"10000"`
}

type loadRequest struct {
	web.EncodedStream

	CollectionID web.UUID   `path:"collection_id"`
	OnConflict   OnConflict `query:"on_conflict" default:"error" enum:"error,skip,replace" doc:"What becomes of a chunk whose index its document has already: it refuses the load, stays as it is, or is replaced."`
}

type loadAnswer struct{ Body loadAnswerBody }

type loadAnswerBody struct {
	Inserted  int64 `json:"inserted"`
	Skipped   int64 `json:"skipped"`
	Replaced  int64 `json:"replaced"`
	Documents int64 `json:"documents" doc:"How many documents have new or replaced chunks."`
}

func (s *Service) handleLoad(ctx context.Context, in *loadRequest) (*loadAnswer, error) {
	body, err := in.Decoded()
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	var source RowSource
	switch in.MediaType() {
	case mediaLines, "application/jsonl", "application/ndjson":
		source = s.lines(body)
	case mediaJSON:
		source = s.array(body)
	default:
		return nil, errLoadMediaType
	}
	loaded, err := s.Load(ctx, in.CollectionID.UUID, LoadQuery{OnConflict: in.OnConflict, Next: source, Interrupt: in.Interrupt})
	if err != nil {
		return nil, err
	}
	return &loadAnswer{loadAnswerBody(loaded)}, nil
}

// lines reads a chunk a line.
func (s *Service) lines(body io.Reader) RowSource {
	lines := web.NewLines(body, maxLine)
	return func() (NewChunk, error) {
		line, number, err := lines.Next()
		if err != nil {
			return NewChunk{}, err
		}
		return decodeChunk(line, place{line: number}, s.config.MaxCharacters)
	}
}

// array reads the chunks of a JSON array. It is read as a whole before the first of
// them is given: an error behind the array is one of the request's.
func (s *Service) array(body io.Reader) RowSource {
	var chunks []jsontext.Value
	read := false
	index := 0
	return func() (NewChunk, error) {
		if !read {
			var err error
			if chunks, err = readArray(body, s.config.MaxBatch); err != nil {
				return NewChunk{}, err
			}
			read = true
		}
		if index == len(chunks) {
			return NewChunk{}, io.EOF
		}
		c, err := decodeChunk(chunks[index], place{index: index}, s.config.MaxCharacters)
		index++
		return c, err
	}
}

// readArray reads {"chunks": […]}, of at most so many chunks.
func readArray(body io.Reader, most int) ([]jsontext.Value, error) {
	var text bytes.Buffer
	if n, err := text.ReadFrom(io.LimitReader(body, maxArray+1)); err != nil {
		return nil, err
	} else if n > maxArray {
		return nil, errTooManyRows.WithMessagef("A JSON array may have at most %d MiB: send the chunks as %s, a chunk a line, which has no such limit.", maxArray>>20, mediaLines)
	}
	decoder := jsontext.NewDecoder(&text)
	if err := expect(decoder, '{'); err != nil {
		return nil, err
	}
	var chunks []jsontext.Value
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, malformed(err)
		}
		if name.Kind() != '"' || name.String() != "chunks" {
			return nil, errBadArray.WithMessagef("The body has a member %q, which there is not; it has the one member \"chunks\", an array of chunks.", shorten(name.String()))
		}
		if chunks, err = readElements(decoder, most); err != nil {
			return nil, err
		}
	}
	if chunks == nil {
		return nil, errBadArray
	}
	if err := expect(decoder, '}'); err != nil {
		return nil, err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errBadArray.WithMessagef("Something follows after the end of the JSON object.")
	}
	return chunks, nil
}

// readElements reads an array of values.
func readElements(decoder *jsontext.Decoder, most int) ([]jsontext.Value, error) {
	if err := expect(decoder, '['); err != nil {
		return nil, err
	}
	chunks := []jsontext.Value{}
	for decoder.PeekKind() != ']' {
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, malformed(err)
		}
		if len(chunks) == most {
			return nil, errTooManyRows.WithMessagef("A JSON array may have at most %d chunks: send them as %s, a chunk a line, which has no such limit.", most, mediaLines)
		}
		chunks = append(chunks, value.Clone())
	}
	return chunks, expect(decoder, ']')
}

func expect(decoder *jsontext.Decoder, kind jsontext.Kind) error {
	token, err := decoder.ReadToken()
	if err != nil {
		return malformed(err)
	}
	if token.Kind() != kind {
		return errBadArray
	}
	return nil
}

// malformed says where a JSON text is not one.
func malformed(err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return errBadArray.WithMessagef("The body is not valid JSON: %s.", syntaxText(syntactic)).WithCause(err)
	}
	return errBadArray.WithCause(err)
}

// syntaxText says what is wrong with a JSON text, and where.
func syntaxText(e *jsontext.SyntacticError) string {
	return fmt.Sprintf("%v at byte %d", e.Err, e.ByteOffset)
}
