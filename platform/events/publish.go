package events

import (
	"context"
	"fmt"
	"time"

	"semantik/platform/database"
)

// channel is the one on which the processes of the program hear each other. A
// channel is a database's own.
const channel = "semantik_events"

// PostgreSQL keeps the order in which the function is called.
const notify = `
select pg_notify($1, payload)
from unnest($2::text[]) as payload`

// Publish tells of events, in this order. In a unit of work they go out with its
// commit and never without it; outside of one at once.
func Publish(ctx context.Context, db *database.DB, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	now := time.Now()
	payloads := make([]string, len(events))
	for i, e := range events {
		var err error
		if payloads[i], err = encode(e, now); err != nil {
			return err
		}
	}
	if _, err := db.Querier(ctx).Exec(ctx, notify, channel, payloads); err != nil {
		return fmt.Errorf("telling what has happened: %w", db.Translate(err))
	}
	return nil
}
