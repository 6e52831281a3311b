package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"
)

// The viewer is Swagger UI 5.35.0, as its authors built it; see README.md in the
// folder.
//
//go:embed docspage/index.html docspage/start.js docspage/page.css docspage/swagger-ui-bundle.js docspage/swagger-ui.css
var docsFiles embed.FS

// docsPolicy lets the page load what the server itself serves and nothing else.
// The viewer sets styles in elements and draws its icons from data.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var docsPage = template.Must(template.ParseFS(docsFiles, "docspage/index.html"))

// registerDocs serves the page that shows the OpenAPI description, with all that
// it needs.
func (s *Server) registerDocs() {
	s.echo.GET("/docs", func(c echo.Context) error {
		var page bytes.Buffer
		if err := docsPage.Execute(&page, s.config); err != nil {
			return err
		}
		c.Response().Header().Set("Content-Security-Policy", docsPolicy)
		return c.HTMLBlob(http.StatusOK, page.Bytes())
	}, s.counted)
	for name, contentType := range map[string]string{
		"start.js":             "text/javascript; charset=utf-8",
		"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"page.css":             "text/css; charset=utf-8",
		"swagger-ui.css":       "text/css; charset=utf-8",
	} {
		s.echo.GET("/docs/"+name, func(c echo.Context) error {
			data, err := docsFiles.ReadFile("docspage/" + name)
			if err != nil {
				return err
			}
			c.Response().Header().Set("Cache-Control", "public, max-age=3600")
			return c.Blob(http.StatusOK, contentType, data)
		}, s.counted)
	}
}
