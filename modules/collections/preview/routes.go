package preview

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/modules/collections/connectors/directory"
	"semantik/platform/web"
)

// Register adds the package's route.
func Register(api huma.API, s *Service) {
	web.Register(api, huma.Operation{
		OperationID: "preview-directory", Method: http.MethodPost, Path: directory.PreviewEndpoint, Tags: []string{"sources"},
		Summary: "Show what a folder of the server has",
		Description: fmt.Sprintf("The files that a source with this configuration would bring, the first %d of them, with the hashes of as many as "+
			"there is time for. What was cut short is told in the warnings. Nothing is stored.", s.config.MaxFiles),
		Security: web.Bearer(),
		Errors:   []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.handleDirectory)
}

type directoryRequest struct{ Body directoryBody }

type previewAnswer struct{ Body previewBody }

func (s *Service) handleDirectory(ctx context.Context, in *directoryRequest) (*previewAnswer, error) {
	config, err := in.Body.config()
	if err != nil {
		return nil, fmt.Errorf("writing the configuration of a preview: %w", err)
	}
	r, err := s.Scan(ctx, Input{ScanID: in.Body.ScanID.UUID, Type: directory.Type, Config: config})
	if err != nil {
		return nil, err
	}
	return &previewAnswer{newPreviewBody(r)}, nil
}
