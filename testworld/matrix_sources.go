package testworld

import "github.com/google/uuid"

// Where documents come from. Reading a source needs what changing it needs: it tells
// where things lie on the server.
var sourceRows = Section{Name: "Sources", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "GET /api/v2/connectors", Statuses: emptyStatuses},
	{Route: "POST /api/v2/directory-scan/preview", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 403, 200, 403, 403}, Body: newPreview},
	// A collection of uploads alone, which nothing synchronises: whoever may is told so.
	{Route: "POST /api/v2/collections/{collection_id}/sync/run", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 409, 409, 409, 409, 403, 409, 403, 404}},
	{Route: "POST /api/v2/collections/{collection_id}/sync/pause", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 400, 400, 400, 400, 403, 400, 403, 404}},
	{Route: "POST /api/v2/collections/{collection_id}/sync/resume", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 400, 400, 400, 400, 403, 400, 403, 404}},
	{Route: "GET /api/v2/collections/{collection_id}/sync/runs", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}},
	{Route: "GET /api/v2/collections/{collection_id}/sources", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}},
	{Route: "GET /api/v2/collections/{collection_id}/sources/{source_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}},
	{Route: "PATCH /api/v2/collections/{collection_id}/sources/{source_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}, Body: newSourceConfig},
	{Route: "POST /api/v2/collections/{collection_id}/sources", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 202, 202, 202, 202, 403, 202, 403, 404}, Body: newSource},
	{Route: "DELETE /api/v2/collections/{collection_id}/sources", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 202, 202, 202, 202, 403, 202, 403, 404}, Query: "?source_path=upload", Ends: true},
	{Route: "DELETE /api/v2/collections/{collection_id}/sources/{source_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}, Ends: true},
}}

func newPreview(m Matter) any {
	return map[string]any{"path": m.Folder, "scan_id": uuid.NewString()}
}

func newSource(m Matter) any { return map[string]any{"source_path": m.Folder} }

func newSourceConfig(m Matter) any {
	return map[string]any{"source_config": map[string]any{"note": m.Name}}
}
