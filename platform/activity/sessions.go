package activity

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connections is how many sessions are alike.
type Connections struct {
	Database, Application, User, State, Client string
	Count                                      int64
	// Longest is how long that one has been in its state which has been in it longest.
	Longest time.Duration
}

// ConnectionLimits are how many there may be.
type ConnectionLimits struct {
	// Used are all sessions of everybody's programs; Max is the most that there may be, of
	// which Reserved are kept for superusers.
	Used, Max, Reserved int64
}

const selectConnections = `
select coalesce(datname, '')::text, coalesce(application_name, ''), coalesce(usename, '')::text, coalesce(state, ''),
       coalesce(host(client_addr), 'local'),
       count(*),
       coalesce(max(extract(epoch from clock_timestamp() - state_change)), 0)::float8
from pg_stat_activity
where backend_type = 'client backend'
  and pid <> pg_backend_pid()
group by 1, 2, 3, 4, 5
order by count(*) desc, 1, 2, 3, 4, 5
limit $1`

const selectLimits = `
select (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('max_connections')::bigint,
       current_setting('superuser_reserved_connections')::bigint + coalesce(current_setting('reserved_connections', true)::bigint, 0)`

// Connections lists who is connected to the server, most first, at most limit of them, and
// how many may be.
func (r *Repository) Connections(ctx context.Context, limit int) ([]Connections, ConnectionLimits, error) {
	type row struct {
		Database, Application, User, State, Client string
		Count                                      int64
		Longest                                    float64
	}
	rows, err := collect[row](ctx, r, selectConnections, limit)
	if err != nil {
		return nil, ConnectionLimits{}, err
	}
	limits, err := collect[ConnectionLimits](ctx, r, selectLimits)
	if err != nil || len(limits) == 0 {
		return nil, ConnectionLimits{}, err
	}
	found := make([]Connections, len(rows))
	for i, c := range rows {
		found[i] = Connections{c.Database, c.Application, c.User, c.State, c.Client, c.Count, seconds(c.Longest)}
	}
	return found, limits[0], nil
}

// format puts an identifier into a statement.
func format(sql, identifier string) string {
	return fmt.Sprintf(sql, pgx.Identifier{identifier}.Sanitize())
}
