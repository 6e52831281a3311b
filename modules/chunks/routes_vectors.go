package chunks

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

func registerVectors(api huma.API, s *Service) {
	body := web.BodyOf[vectorBody](api, mediaLines, "One a line, at most 100,000, or a JSON array of at most 10,000. May be packed with gzip or zstd, as Content-Encoding says.")
	body.Content[mediaJSON] = web.BodyOf[vectorsBody](api, mediaJSON, "").Content[mediaJSON]
	web.Register(api, huma.Operation{
		OperationID: "name-vectors", Method: http.MethodPatch, Path: "/api/v2/chunking/collections/{collection_id}/chunks/embeddings", Tags: []string{"chunks"},
		Summary: "Say which vectors are those of chunks",
		Description: "For whoever keeps vectors elsewhere: each chunk gets an embedding_vector_id. All of it or nothing, in one transaction; of two for one chunk the last counts. " +
			"Chunks that are not there, perhaps not any more, are passed over and told.",
		Security: web.Bearer(), Metadata: web.Bulk("load"), RequestBody: body, MaxBodyBytes: maxArray,
		Errors: []int{
			http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout,
			http.StatusUnsupportedMediaType, http.StatusServiceUnavailable,
		},
	}, s.handleNameVectors)
}

type vectorsRequest struct {
	web.EncodedStream

	CollectionID web.UUID `path:"collection_id"`
}

type vectorsAnswer struct{ Body vectorsAnswerBody }

type vectorsAnswerBody struct {
	Updated    int64   `json:"updated"`
	Missing    int64   `json:"missing" doc:"How many of the chunks the collection does not have."`
	MissingIDs []int64 `json:"missing_ids" doc:"The first hundred of them."`
}

func (s *Service) handleNameVectors(ctx context.Context, in *vectorsRequest) (*vectorsAnswer, error) {
	named, err := s.NameVectors(ctx, in.CollectionID.UUID, in.Interrupt, func() ([]Vector, error) {
		body, err := in.Decoded()
		if err != nil {
			return nil, err
		}
		defer func() { _ = body.Close() }()
		switch in.MediaType() {
		case mediaLines, "application/jsonl", "application/ndjson":
			return readVectorLines(body)
		case mediaJSON:
			return readVectorArray(body, s.config.MaxBatch)
		default:
			return nil, errVectorMediaType
		}
	})
	if err != nil {
		return nil, err
	}
	answer := vectorsAnswerBody(named)
	if answer.MissingIDs == nil {
		answer.MissingIDs = []int64{}
	}
	return &vectorsAnswer{answer}, nil
}
