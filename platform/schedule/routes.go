package schedule

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// Register adds the routes of the tasks.
func Register(api huma.API, s *Schedule) {
	tags := []string{"system"}
	web.Register(api, huma.Operation{
		OperationID: "list-scheduled-tasks", Method: http.MethodGet, Path: "/api/v2/system/tasks", Tags: tags,
		Summary:     "List what the server does by the clock",
		Description: "Every scheduled task, with when it ran, what came of it and when it is due. For superusers in person, and never for API keys.",
		Security:    web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleList)
	web.Register(api, huma.Operation{
		OperationID: "run-scheduled-task", Method: http.MethodPost, Path: "/api/v2/system/tasks/{name}/run", Tags: tags,
		DefaultStatus: http.StatusAccepted,
		Summary:       "Have a scheduled task done now",
		Description: "It is begun as soon as a worker is free, and comes by itself again when its time from then is over. " +
			"For superusers in person, and never for API keys.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleRun)
}

type tasksAnswer struct{ Body tasksBody }

func (s *Schedule) handleList(ctx context.Context, _ *struct{}) (*tasksAnswer, error) {
	states, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	return &tasksAnswer{newTasksBody(states)}, nil
}

type runRequest struct {
	Name string `path:"name" doc:"The name of the task." maxLength:"100"`
}

type runAnswer struct{ Body taskAcceptedBody }

func (s *Schedule) handleRun(ctx context.Context, in *runRequest) (*runAnswer, error) {
	if err := s.RunNow(ctx, in.Name); err != nil {
		return nil, err
	}
	return &runAnswer{taskAcceptedBody{Name: in.Name, Status: "due"}}, nil
}
