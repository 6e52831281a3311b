package testworld

// What the system does by the clock: for superusers in person, and never for an API key.
// The one that has a task done stands last, since the task writes down that it was.
var taskRows = Section{Name: "Scheduled tasks", Rows: []Row{
	{Route: "GET /api/v2/system/tasks", Statuses: forSuperusers},
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "POST /api/v2/system/tasks/{name}/run", Statuses: [15]int{401, 401, 401, 403, 403, 403, 403, 403, 403, 403, 202, 403, 403, 403, 403}},
}}
