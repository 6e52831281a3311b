package idempotency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
)

// repository has the statements on idempotency_keys. The primary key serves all of
// them but that which forgets.
type repository struct{ db *database.DB }

// lockKey keeps out whoever else comes with the key, without waiting for them, until
// the transaction ends.
const lockKey = `select pg_try_advisory_xact_lock(hashtextextended('idempotency key ' || $1::bigint || ' ' || $2, 0))`

// lock takes the key for the rest of the unit of work. Somebody else who has it is
// [ErrInProgress].
func (r repository) lock(ctx context.Context, userID int64, key string) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	var got bool
	if err := tx.QueryRow(ctx, lockKey, userID, key).Scan(&got); err != nil {
		return fmt.Errorf("locking an idempotency key: %w", r.db.Translate(err))
	}
	if !got {
		return ErrInProgress
	}
	return nil
}

// patience lets a transaction wait for a client, whose slowness has limits of its own.
const patience = `set local idle_in_transaction_session_timeout = 0`

// wait lets the unit of work wait for the client.
func (r repository) wait(ctx context.Context) error {
	_, err := r.db.Querier(ctx).Exec(ctx, patience)
	return r.db.Translate(err)
}

// selectLive passes over what counts no more: an answer that is too old, and a key
// whose holder was killed.
const selectLive = `
select endpoint, request_hash, response_status, response_body, response_headers, owner
from idempotency_keys
where user_id = $1
  and key = $2
  and coalesce(lease_until, expires_at) > clock_timestamp()`

// get reads the row of a key; nil when there is none that counts.
func (r repository) get(ctx context.Context, userID int64, key string) (*row, error) {
	found := row{UserID: userID, Key: key}
	err := r.db.Querier(ctx).QueryRow(ctx, selectLive, userID, key).
		Scan(&found.Endpoint, &found.Digest, &found.Status, &found.Body, &found.Headers, &found.Owner)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading an idempotency key: %w", r.db.Translate(err))
	default:
		return &found, nil
	}
}

// putKey writes over what counts no more; whoever calls has the lock.
const putKey = `
insert into idempotency_keys
  (user_id, key, endpoint, request_hash, response_status, response_body, response_headers, owner, lease_until, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + $9::interval, clock_timestamp() + $10::interval)
on conflict (user_id, key) do update
set endpoint = excluded.endpoint,
    request_hash = excluded.request_hash,
    response_status = excluded.response_status,
    response_body = excluded.response_body,
    response_headers = excluded.response_headers,
    owner = excluded.owner,
    lease_until = excluded.lease_until,
    created_at = excluded.created_at,
    expires_at = excluded.expires_at`

// put writes the row, in place of one that counts no more.
func (r repository) put(ctx context.Context, k row) error {
	_, err := r.db.Querier(ctx).Exec(ctx, putKey,
		k.UserID, k.Key, k.Endpoint, k.Digest, k.Status, k.Body, k.Headers, k.Owner, k.Lease, Lifetime)
	if err != nil {
		return fmt.Errorf("writing an idempotency key: %w", r.db.Translate(err))
	}
	return nil
}

const answerKey = `
update idempotency_keys
set request_hash = $4,
    response_status = $5,
    response_body = $6,
    response_headers = $7,
    owner = null,
    lease_until = null,
    expires_at = clock_timestamp() + $8::interval
where user_id = $1
  and key = $2
  and owner = $3`

// answer writes the answer of whoever holds the key; kept is false when they hold it
// no more.
func (r repository) answer(ctx context.Context, owner uuid.UUID, k row) (kept bool, err error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, answerKey, k.UserID, k.Key, owner, k.Digest, k.Status, k.Body, k.Headers, Lifetime)
	if err != nil {
		return false, fmt.Errorf("keeping an answer: %w", r.db.Translate(err))
	}
	return tag.RowsAffected() > 0, nil
}

const renewKey = `
update idempotency_keys
set lease_until = clock_timestamp() + $4::interval
where user_id = $1
  and key = $2
  and owner = $3`

// renew holds the key for longer; held is false when somebody else has it by now.
func (r repository) renew(ctx context.Context, k row, lease time.Duration) (held bool, err error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, renewKey, k.UserID, k.Key, k.Owner, lease)
	if err != nil {
		return false, fmt.Errorf("renewing an idempotency key: %w", r.db.Translate(err))
	}
	return tag.RowsAffected() > 0, nil
}

const releaseKey = `
delete from idempotency_keys
where user_id = $1
  and key = $2
  and owner = $3`

// release gives the key up, if it is still held.
func (r repository) release(ctx context.Context, k row) error {
	_, err := r.db.Querier(ctx).Exec(ctx, releaseKey, k.UserID, k.Key, k.Owner)
	if err != nil {
		return fmt.Errorf("giving up an idempotency key: %w", r.db.Translate(err))
	}
	return nil
}

// forgetKeys is served by ix_idempotency_keys_expires_at. A key that is held is not
// forgotten, however long that takes.
const forgetKeys = `
delete from idempotency_keys
where (user_id, key) in (
  select user_id, key
  from idempotency_keys
  where expires_at <= clock_timestamp()
    and coalesce(lease_until, expires_at) <= clock_timestamp()
  order by expires_at
  limit $1
  for update skip locked
)`

// forget deletes up to so many rows that count no more, and gives their number.
func (r repository) forget(ctx context.Context, most int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, forgetKeys, most)
	if err != nil {
		return 0, fmt.Errorf("forgetting idempotency keys: %w", r.db.Translate(err))
	}
	return tag.RowsAffected(), nil
}
