package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// scratch is a database that a backup is restored into and that is dropped again.
type scratch struct {
	server string // a URL
	name   string
	url    string
	// guard is a session in it, for as long as it is used: what nobody has a session in
	// was left behind.
	guard *pgx.Conn
}

// The name tells when it was made, by the server's clock.
const scratchNameSQL = `select 'semantik_verify_' || to_char(now() at time zone 'utc', 'YYYYMMDDHH24MISS')`

// openScratch makes one. What verifications that were killed have left is dropped before,
// so that it does not take the room.
func openScratch(ctx context.Context, server string, o RestoreOptions) (_ *scratch, err error) {
	admin, err := connect(ctx, server, RestoreApplicationName)
	if err != nil {
		return nil, err
	}
	defer func() { _ = disconnect(ctx, admin) }()
	if err := dropAbandoned(ctx, admin, o); err != nil {
		return nil, err
	}
	s := &scratch{server: server}
	if err := admin.QueryRow(ctx, scratchNameSQL).Scan(&s.name); err != nil {
		return nil, fmt.Errorf("naming a database to restore to: %w", err)
	}
	s.name += "_" + strings.ToLower(rand.Text()[:12])
	if err := script(ctx, admin, "create database "+s.name+" template template0 encoding 'UTF8'"); err != nil {
		return nil, fmt.Errorf("creating a database to restore to: %w; give another server with --database-url, "+
			"or read the files alone with --quick", err)
	}
	defer func() {
		if err != nil {
			s.drop(ctx)
		}
	}()
	if s.url, err = withDatabase(server, s.name); err != nil {
		return nil, err
	}
	if s.guard, err = connect(ctx, s.url, RestoreApplicationName); err != nil {
		return nil, err
	}
	if err := script(ctx, s.guard, "set idle_session_timeout = 0"); err != nil {
		return nil, fmt.Errorf("preparing a session: %w", err)
	}
	return s, nil
}

// Databases of this name in which nobody has a session, not even the one that the
// verification has from a moment after it has made it, and that are ours to drop.
const abandonedSQL = `
select d.datname::text
from pg_database d
where d.datname ~ '^semantik_verify_[0-9]{14}_[a-z2-7]{12}$'
  and substr(d.datname, 17, 14) < to_char(now() at time zone 'utc' - interval '10 minutes', 'YYYYMMDDHH24MISS')
  and pg_has_role(d.datdba, 'member')
  and not exists (select 1 from pg_stat_activity a where a.datid = d.oid)
order by 1`

func dropAbandoned(ctx context.Context, admin *pgx.Conn, o RestoreOptions) error {
	names, err := queryStrings(ctx, admin, abandonedSQL)
	if err != nil {
		return fmt.Errorf("looking for what other verifications have left: %w", err)
	}
	for _, name := range names {
		// Without force: it fails if somebody has come in.
		if err := script(ctx, admin, "drop database if exists "+name); err != nil {
			o.Logger.WarnContext(ctx, "the database that a verification has left behind cannot be dropped", "database", name, "error", err)
			continue
		}
		o.Logger.InfoContext(ctx, "dropped the database that a verification has left behind", "database", name)
	}
	return nil
}

// withDatabase gives the URL of another database on the same server.
func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		return "", errURL
	}
	u.Path = "/" + name
	return u.String(), nil
}

// dropTimeout bounds the dropping of a database, whose files are removed.
const dropTimeout = time.Minute

// drop drops it, although the context may have ended. What cannot be dropped the next
// verification drops.
func (s *scratch) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	if s.guard != nil {
		_ = disconnect(ctx, s.guard)
	}
	conn, err := connect(ctx, s.server, RestoreApplicationName)
	if err != nil {
		return
	}
	err = script(ctx, conn, "drop database if exists "+s.name+" with (force)")
	_ = errors.Join(err, disconnect(ctx, conn))
}
