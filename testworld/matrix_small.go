package testworld

// One's own preferences, which no key changes that is confined to collections.
var preferenceRows = Section{Name: "Preferences", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "GET /api/v2/preferences", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403}},
	{Route: "PUT /api/v2/preferences", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 403, 200, 403, 403}, Body: newPreferences},
	{Route: "POST /api/v2/preferences/reset/{section}", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 403, 200, 403, 403}},
}}

// The settings of the server, of which there are none yet.
var settingRows = Section{Name: "Settings", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "GET /api/v2/system-settings/effective", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200}},
	{Route: "GET /api/v2/system-settings/defaults", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200}},
	{Route: "PATCH /api/v2/system-settings", Statuses: [15]int{401, 401, 401, 403, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403, 403}, Body: noSettings},
}}

// What there is nothing of yet.
var emptyRows = Section{Name: "Empty lists", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "GET /api/v2/plugins", Statuses: emptyStatuses},
	{Route: "GET /api/v2/plugins/available", Statuses: emptyStatuses},
	{Route: "GET /api/v2/plugins/pipeline", Statuses: emptyStatuses},
	{Route: "GET /api/v2/mcp/profiles", Statuses: emptyStatuses},
	{Route: "GET /api/v2/benchmark-datasets", Statuses: emptyStatuses},
	{Route: "GET /api/v2/benchmarks", Statuses: emptyStatuses},
	{Route: "GET /api/v2/models", Statuses: emptyStatuses},
	{Route: "GET /api/v2/agent/conversations", Statuses: emptyStatuses},
	{Route: "GET /api/v2/collections/{collection_id}/projections", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
}}

var emptyStatuses = [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200}

func newPreferences(Matter) any { return map[string]any{"search": map[string]any{"top_k": 20}} }

func noSettings(Matter) any { return map[string]any{} }
