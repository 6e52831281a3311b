package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newTasks(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tasks",
		Short: "Show what the server does by the clock, or have it done now",
		Long: "Show what the server does by the clock: looking after the audit log, the statistics, the counters,\n" +
			"the bin, and what is kept for a time. It is for superusers, and for no API key.",
		Example: "  semantik tasks list\n  semantik tasks run recount",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTasksList(s), newTasksRun(s))
	return withExitCodes(cmd)
}

func newTasksList(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scheduled tasks",
		Long: "List the scheduled tasks: how often each comes, when it last ended and what came of it, and when\n" +
			"it is due. It is for superusers, and for no API key.\n\n" + signInRules,
		Example: "  semantik tasks list\n  semantik tasks list --json",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			found, err := c.Tasks(ctx)
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(found)
			}
			s.showTasks(found.Value.Tasks)
			return nil
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) showTasks(tasks []client.Task) {
	rows := make([][]string, len(tasks))
	for i, t := range tasks {
		rows[i] = []string{t.Name, everyText(t.EverySeconds), when(t.LastCompletedAt), taskState(t), dueText(t.NextDueAt), orDash(taskOutcome(t))}
	}
	s.table([]string{"NAME", "EVERY", "LAST DONE", "STATE", "DUE", "WHAT CAME OF IT"}, rows)
}

// taskState says how a task is.
func taskState(t client.Task) string {
	switch {
	case t.Running:
		return "running"
	case t.LastStatus == nil:
		return "waiting"
	default:
		return *t.LastStatus
	}
}

// taskOutcome is what the last run did, or why it failed.
func taskOutcome(t client.Task) string {
	if t.LastError != nil {
		return *t.LastError
	}
	return valueOr(t.LastSummary, "")
}

// dueText is when a task is due; a dash where no worker has looked yet.
func dueText(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(t)
}

// everyText is a time between two runs for people, in the largest unit that leaves no
// rest.
func everyText(seconds int64) string {
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{24 * 3600, "d"}, {3600, "h"}, {60, "m"}} {
		if seconds >= unit.seconds && seconds%unit.seconds == 0 {
			return strconv.FormatInt(seconds/unit.seconds, 10) + unit.name
		}
	}
	return strconv.FormatInt(seconds, 10) + "s"
}

func newTasksRun(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Have a scheduled task done now",
		Long: "Have a scheduled task done now. It is begun as soon as a worker is free; the list shows what\n" +
			"came of it. It is for superusers, and for no API key.\n\n" + signInRules,
		Example: "  semantik tasks run recount\n  semantik tasks run bin --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			accepted, err := c.RunTask(ctx, args[0])
			var p *client.Problem
			if errors.As(err, &p) && p.Code == "task_not_found" {
				return fmt.Errorf("there is no task %q; \"semantik tasks list\" shows those that there are", plain(args[0]))
			}
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(accepted)
			}
			s.printf("The task %q is begun as soon as a worker is free; \"semantik tasks list\" shows what came of it.\n", plain(args[0]))
			return nil
		})
	}
	return withExitCodes(cmd)
}
