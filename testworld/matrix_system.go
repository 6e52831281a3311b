package testworld

// How the program is, seen from outside.
var systemRows = Section{Name: "Metrics and the system", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "GET /metrics", Statuses: forSuperusers},
	{Route: "GET /api/metrics", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403}},
	{Route: "GET /api/v2/system/status", Statuses: emptyStatuses},
	{Route: "GET /api/v2/system/slow-queries", Statuses: forSuperusers},
}}
