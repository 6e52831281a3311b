package chunks

import (
	"bufio"
	"context"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// exportBuffer is how much of an export is written at once, in bytes.
const exportBuffer = 64 << 10

func registerExport(api huma.API, s *Service) {
	line := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[oneChunkBody](), true, "")
	web.Register(api, huma.Operation{
		OperationID: "export-chunks", Method: http.MethodGet, Path: "/api/v2/chunking/collections/{collection_id}/chunks/export", Tags: []string{"chunks"},
		Summary: "Export the chunks of a collection",
		Description: "All of them, one a line: document by document, in the order of their index, and then those without a document. " +
			"The lines can be loaded again. An export that does not come to its end is broken off without the end of its body, which a client reports as an error; " +
			"after goes on behind the last line that came whole. It is no snapshot: what is loaded or deleted meanwhile may be in it or not.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {
			Description: "A chunk a line.", Content: map[string]*huma.MediaType{mediaLines: {Schema: line}},
		}},
	}, s.handleExport)
}

type exportRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	After        string   `query:"after" maxLength:"64" doc:"The document_id and the chunk_index of a line, with a colon between them, to go on behind it; :17 for a line without a document."`
}

func (s *Service) handleExport(ctx context.Context, in *exportRequest) (*huma.StreamResponse, error) {
	after, err := parsePosition(in.After)
	if err != nil {
		return nil, err
	}
	export := s.Export(in.CollectionID.UUID, after)
	// The first are read before the answer begins: an error is still one.
	found, err := export.Next(ctx)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", mediaLines)
		out.SetStatus(http.StatusOK)
		lines := bufio.NewWriterSize(out.BodyWriter(), exportBuffer)
		for err == nil && len(found) > 0 {
			if err = writeLines(lines, found); err == nil {
				found, err = export.Next(ctx)
			}
		}
		if err == nil {
			err = lines.Flush()
		}
		if err != nil {
			if ctx.Err() == nil {
				s.config.Logger.WarnContext(ctx, "an export was broken off", "collection_id", in.CollectionID.UUID, "error", err)
			}
			panic(http.ErrAbortHandler) // half an export must not pass for a whole one
		}
	}}, nil
}

func writeLines(w *bufio.Writer, found []Chunk) error {
	for _, c := range found {
		line := append(newOneChunkBody(c).AppendJSON(w.AvailableBuffer()), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// parsePosition reads where an export goes on.
func parsePosition(text string) (Exported, error) {
	if text == "" {
		return Exported{}, nil
	}
	document, number, _ := strings.Cut(text, ":")
	index, err := strconv.ParseUint(number, 10, 32)
	if err != nil || index > math.MaxInt32 {
		return Exported{}, errBadPosition
	}
	if document == "" {
		return Exported{NoDocument: true, ChunkIndex: int(index)}, nil
	}
	id, err := web.ParseUUID(document)
	if err != nil {
		return Exported{}, errBadPosition.WithCause(err)
	}
	return Exported{DocumentID: id, ChunkIndex: int(index)}, nil
}
