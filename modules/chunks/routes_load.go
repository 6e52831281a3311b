package chunks

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"semantik/platform/idempotency"
	"semantik/platform/web"
)

const (
	mediaLines = "application/x-ndjson"
	mediaJSON  = "application/json"
	// maxLine bounds a line, in bytes: a content of the most characters, each of them
	// escaped, with its metadata.
	maxLine = 16 << 20
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
	Chunks []loadedChunkBody `json:"chunks" doc:"At most 10,000, or what MAX_JSON_BATCH_ROWS says."`
}

type loadRequest struct {
	web.EncodedStream
	idempotency.Header

	CollectionID web.UUID   `path:"collection_id"`
	OnConflict   OnConflict `query:"on_conflict" default:"error" enum:"error,skip,replace" doc:"What becomes of a chunk whose index its document has already: it refuses the load, stays as it is, or is replaced."`
}

type loadAnswer struct {
	idempotency.Replayed

	Body idempotency.Body[loadAnswerBody]
}

type loadAnswerBody struct {
	Inserted  int64 `json:"inserted"`
	Skipped   int64 `json:"skipped"`
	Replaced  int64 `json:"replaced"`
	Documents int64 `json:"documents" doc:"How many documents have new or replaced chunks."`
}

func (s *Service) handleLoad(ctx context.Context, in *loadRequest) (*loadAnswer, error) {
	decoded, err := in.Decoded()
	if err != nil {
		return nil, err
	}
	defer func() { _ = decoded.Close() }()
	request, body := in.Streamed(ctx, decoded)
	var source RowSource
	switch in.MediaType() {
	case mediaLines, "application/jsonl", "application/ndjson":
		source = s.lines(body)
	case mediaJSON:
		source = s.array(body)
	default:
		return nil, errLoadMediaType
	}
	query := LoadQuery{OnConflict: in.OnConflict, Next: source, Interrupt: in.Interrupt}
	answer, err := s.LoadOnce(ctx, request, in.CollectionID.UUID, query, answerLoaded)
	if err != nil {
		return nil, err
	}
	out := &loadAnswer{Body: answer.Body}
	out.Tell(answer)
	return out, nil
}

func answerLoaded(loaded Loaded) (idempotency.Answer, error) {
	return idempotency.NewAnswer(http.StatusCreated, loadAnswerBody(loaded), nil)
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
			if chunks, err = readArray(body, "chunks", s.config.MaxBatch, errTooManyRows); err != nil {
				return NewChunk{}, err
			}
			read = true
		}
		if index == len(chunks) {
			return NewChunk{}, io.EOF
		}
		c, err := decodeChunk(chunks[index], place{array: "chunks", index: index}, s.config.MaxCharacters)
		index++
		return c, err
	}
}
