package schedule_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/jobs"
	"semantik/platform/pgtest"
	"semantik/platform/schedule"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bench is a world without the program's own tasks.
func bench(t *testing.T, options ...testworld.Option) *testworld.World {
	t.Helper()
	return testworld.New(t, append(options, testworld.NoWorker())...)
}

// process makes a schedule of these tasks as a process does when it is started.
func process(t *testing.T, w *testworld.World, config schedule.Config, tasks ...schedule.Task) *schedule.Schedule {
	t.Helper()
	queue, err := jobs.New(w.DB, jobs.Config{Quick: true})
	require.NoError(t, err)
	config.Manual = true
	s, err := schedule.New(w.DB, queue, w.Audit, config, tasks...)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

// counting is a task that counts its runs.
func counting(name string, every time.Duration) (schedule.Task, func() int) {
	var mu sync.Mutex
	n := 0
	task := schedule.Task{Name: name, Description: "It counts.", Every: every, Do: func(context.Context, *schedule.Run) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return "It has counted.", nil
	}}
	return task, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// pass lets so much time go by for the tasks.
func pass(w *testworld.World, d time.Duration) {
	w.Exec(`update scheduled_tasks set next_due_at = next_due_at - $1::interval, lease_until = lease_until - $1::interval`, d)
}

// state is what a superuser is told of the task.
func state(t *testing.T, w *testworld.World, s *schedule.Schedule, name string) schedule.State {
	t.Helper()
	states, err := s.List(w.As(w.Root))
	require.NoError(t, err)
	for _, state := range states {
		if state.Task.Name == name {
			return state
		}
	}
	require.FailNow(t, "there is no task "+name)
	return schedule.State{}
}

// text is a text that may be missing.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// logged keeps what a schedule says.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) lines(with string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
