package chaos_test

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/testworld/victim"
)

// killThem kills so many processes at random moments, and starts each again.
func (c *chaos) killThem(kills int) {
	random := c.random(1000)
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(random.Int64N(int64(most-least)))
	}
	for killed := 0; killed < kills; {
		time.Sleep(between(100*time.Millisecond, 1500*time.Millisecond))
		database := random.IntN(3) == 0
		var victims []process
		for _, i := range random.Perm(len(c.processes))[:random.IntN(len(c.processes)+1)] {
			victims = append(victims, c.processes[i])
		}
		if !database && len(victims) == 0 {
			victims = c.processes[:1]
		}
		// The database first, so that a server is killed in the middle of noticing it.
		if database {
			victim.KillPostgres(c.t, c.database)
			c.count("kills of PostgreSQL")
			killed++
			time.Sleep(between(0, 100*time.Millisecond))
		}
		for _, p := range victims {
			p.Kill()
			c.count("kills of a process: " + p.command)
			killed++
		}
		time.Sleep(between(0, 500*time.Millisecond))
		if database {
			c.database = victim.StartPostgres(c.t, c.folder)
			require.Equal(c.t, c.url, c.database.URL(), "it is reached as before")
		}
		for _, p := range victims {
			p.Start()
		}
		for _, p := range c.processes {
			p.AwaitReady()
		}
	}
}

// longest is the longest time that an operation was seen without an owner: with a lease
// that had lapsed, or waiting while its job had been fetched. Somebody was killed, and
// nobody had taken it up yet. What waits for others, by the limit of a user, has no job.
type longest struct{ time time.Duration }

// selectIdle is asked ten times a second.
const selectIdle = `
select coalesce(max(extract(epoch from now() - case when o.status = 'processing' and o.waits_for is null then o.lease_until else j.attempted_at end)), 0)::float8
from operations o
left join river.river_job j on j.id = o.task_id
where (o.status = 'processing' and o.waits_for is null and o.lease_until < now())
   or (o.status in ('pending', 'processing') and (o.status = 'pending' or o.waits_for in ('turn', 'retry'))
       and j.state not in ('available', 'pending', 'retryable', 'scheduled'))`

func (l *longest) look(ctx context.Context, url string) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if conn == nil || conn.IsClosed() {
			conn, _ = pgx.Connect(ctx, url) // it is nil while PostgreSQL is down
		}
		if conn != nil {
			var seconds float64
			if err := conn.QueryRow(ctx, selectIdle).Scan(&seconds); err == nil {
				l.time = max(l.time, time.Duration(seconds*float64(time.Second)))
			}
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}
