package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Task is something that the server does by the clock.
type Task struct {
	Name            string     `json:"name"`
	Description     string     `json:"description"`
	EverySeconds    int64      `json:"every_seconds"`
	LastStartedAt   *time.Time `json:"last_started_at"`
	LastCompletedAt *time.Time `json:"last_completed_at"`
	LastStatus      *string    `json:"last_status"`
	LastSummary     *string    `json:"last_summary"`
	LastError       *string    `json:"last_error"`
	NextDueAt       *time.Time `json:"next_due_at"`
	Running         bool       `json:"running"`
}

// TaskList is all of them.
type TaskList struct {
	Tasks []Task `json:"tasks"`
}

const tasksPath = "/api/v2/system/tasks"

// Tasks lists the scheduled tasks, with what became of each.
func (c *Client) Tasks(ctx context.Context) (Listed[TaskList], error) {
	var answer Listed[TaskList]
	return answer, c.get(ctx, tasksPath, nil, &answer)
}

// AcceptedTask is one that will be done soon.
type AcceptedTask struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

// RunTask has a scheduled task done now.
func (c *Client) RunTask(ctx context.Context, name string) (Listed[AcceptedTask], error) {
	var answer Listed[AcceptedTask]
	k := call{method: http.MethodPost, path: tasksPath + "/" + url.PathEscape(name) + "/run"}
	return answer, c.do(ctx, k, &answer)
}
