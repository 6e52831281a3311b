package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// OpenAPI gives the description of all routes, as JSON and as YAML. It is made at
// the first call; routes that are added later are not in it.
func (s *Server) OpenAPI() (asJSON, asYAML []byte, err error) {
	s.prepare()
	d, err := s.description()
	return d.asJSON, d.asYAML, err
}

func (s *Server) registerOpenAPI() {
	serve := func(contentType string, pick func(asJSON, asYAML []byte) []byte) echo.HandlerFunc {
		return func(c echo.Context) error {
			asJSON, asYAML, err := s.OpenAPI()
			if err != nil {
				return err
			}
			c.Response().Header().Set("Cache-Control", "no-cache")
			return c.Blob(http.StatusOK, contentType, pick(asJSON, asYAML))
		}
	}
	s.echo.GET("/openapi.json", serve("application/openapi+json", func(asJSON, _ []byte) []byte { return asJSON }), s.counted)
	s.echo.GET("/openapi.yaml", serve("application/openapi+yaml", func(_, asYAML []byte) []byte { return asYAML }), s.counted)
}
