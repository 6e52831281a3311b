package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// selectItems is served by the index of whichever filter is the rarest, all of
// them in the order of the list: ix_audit_log_user_id, …_api_key_id, …_actor,
// …_action, …_object_type, …_object_id; without a filter by the primary key. The values are
// bound and known when the statement is planned, so that what is null drops out,
// and the bounds of time leave out the months beyond them. The cursor's instant
// bounds too: a comparison of rows alone leaves out no month.
const selectItems = `
select id, created_at, actor, user_id, api_key_id, action, object_type, object_id, details, ip_address, user_agent
from audit_log
where ($1::bigint is null or user_id = $1)
  and ($2::text is null or lower(actor) = lower($2))
  and ($3::text is null or action = $3)
  and ($4::text is null or object_type = $4)
  and ($5::text is null or object_id = $5)
  and ($6::timestamptz is null or created_at >= $6)
  and ($7::timestamptz is null or created_at < $7)
  and ($8::timestamptz is null or created_at <= $8 and (created_at, id) < ($8, $9::bigint))
  and ($10::uuid is null or api_key_id = $10)
order by created_at desc, id desc
limit $11`

// selectItems reads the entries of one user, or of all, that the query asks for.
func (l *Log) selectItems(ctx context.Context, userID *int64, q Query, limit int) ([]Item, error) {
	args := []any{userID, filter(q.Actor), filter(q.Action), filter(q.ObjectType), filter(q.ObjectID), q.Since, q.Until, nil, nil, q.APIKeyID, limit}
	if q.After != nil {
		args[7], args[8] = q.After.CreatedAt, q.After.ID
	}
	rows, err := l.db.Querier(ctx).Query(ctx, selectItems, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", l.db.Translate(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Item])
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", l.db.Translate(err))
	}
	return found, nil
}

// filter is the value of a filter, null for none.
func filter(word string) *string {
	if word == "" {
		return nil
	}
	return &word
}
