package schedule

import "semantik/platform/web"

// taskBody is a task on the wire. Every key is always there.
type taskBody struct {
	Name            string    `json:"name"`
	Description     string    `json:"description"`
	EverySeconds    int64     `json:"every_seconds" doc:"The time from the end of one run to the next."`
	LastStartedAt   *web.Time `json:"last_started_at"`
	LastCompletedAt *web.Time `json:"last_completed_at"`
	LastStatus      *string   `json:"last_status" enum:"ok,failed" doc:"What became of the last run that has ended."`
	LastSummary     *string   `json:"last_summary" doc:"What the last run did, in words."`
	LastError       *string   `json:"last_error" doc:"Why the last run failed."`
	NextDueAt       *web.Time `json:"next_due_at" doc:"Null until a worker has first looked."`
	Running         bool      `json:"running"`
}

type tasksBody struct {
	Tasks []taskBody `json:"tasks"`
}

type taskAcceptedBody struct {
	Name   string `json:"name"`
	Status string `json:"status" doc:"due: it is begun as soon as a worker is free."`
}

func newTasksBody(states []State) tasksBody {
	body := tasksBody{Tasks: make([]taskBody, len(states))}
	for i, s := range states {
		body.Tasks[i] = taskBody{
			Name: s.Task.Name, Description: s.Description, EverySeconds: int64(s.Every.Seconds()),
			LastStartedAt: web.NewTimePointer(s.LastStartedAt), LastCompletedAt: web.NewTimePointer(s.LastCompletedAt),
			LastStatus: s.LastStatus, LastSummary: s.LastSummary, LastError: s.LastError,
			NextDueAt: web.NewTimePointer(s.NextDueAt), Running: s.Running,
		}
	}
	return body
}
