package testworld

// What is about all partitions: for superusers in person, and never for an API key.
// A monitor with the server's internal key, which is no account, reads it too.
var partitionRows = Section{Name: "Partitions", Rows: []Row{
	{Route: "GET /api/v2/partitions/health", Statuses: forSuperusers},
	{Route: "GET /api/v2/partitions/statistics", Statuses: forSuperusers},
	{Route: "GET /api/v2/partitions/recommendations", Statuses: forSuperusers},
	{Route: "GET /api/v2/partitions/health-summary", Statuses: forSuperusers},
}}

var forSuperusers = [15]int{401, 401, 401, 403, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403, 403}
