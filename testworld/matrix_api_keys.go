package testworld

// Nobody but its owner sees an API key, not even a superuser, and no key sees any.
var apiKeyRows = Section{Name: "API keys", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "POST /api/v2/api-keys", Statuses: [15]int{401, 401, 401, 403, 201, 201, 201, 201, 201, 201, 201, 403, 403, 403, 403}, Body: newAPIKey},
	{Route: "GET /api/v2/api-keys", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403, 403}},
	{Route: "GET /api/v2/api-keys/{key_id}", Statuses: [15]int{401, 401, 401, 403, 404, 404, 404, 404, 404, 200, 404, 403, 403, 403, 403}},
	{Route: "PATCH /api/v2/api-keys/{key_id}", Statuses: [15]int{401, 401, 401, 403, 404, 404, 404, 404, 404, 200, 404, 403, 403, 403, 403}, Body: revocation},
}}

func newAPIKey(m Matter) any { return map[string]any{"name": m.Name} }

func revocation(Matter) any { return map[string]any{"is_active": false} }
