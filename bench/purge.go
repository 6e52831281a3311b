package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"semantik/app"
	"semantik/modules/collections"
	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

// What a collection of this part holds.
const (
	purgedDocuments = 4000
	purgedChunks    = 50 * purgedDocuments
)

// fillPurged are the statements that fill a collection, beside the program. A
// document's chunks lie together, as they do after a load.
var fillPurged = []string{`
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count, created_at)
select id, partition_key, i || '.txt', i || '.txt', 10000, lpad(to_hex(i), 64, '0'), 'completed', 50, now() + i * interval '1 ms'
from collections, generate_series(1, $2::int) i where id = $1`, `
insert into document_contents (document_id, collection_id, partition_key, kind, slice, data)
select id, collection_id, partition_key, 'original', 0, convert_to(repeat(id::text, 300), 'UTF8')
from documents where collection_id = $1 and $2::int > 0`, `
insert into chunks (collection_id, partition_key, document_id, chunk_index, content)
select d.collection_id, d.partition_key, d.id, i, w.words
from documents d
cross join generate_series(0, 49) i
cross join lateral (
  select string_agg('word' || (hashtext(d.file_name || i || n)::bigint + 2147483648) % 5000, ' ') as words from generate_series(1, 50) n
) w
where d.collection_id = $1 and $2::int > 0
order by d.created_at, i`, `
insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, to_tsvector('simple', content)
from chunks where collection_id = $1 and $2::int > 0
order by id`, `
update collections
set document_count = $2::int, total_size_bytes = 10000 * $2::int, chunk_count = 50 * $2::int, vector_count = 50 * $2::int
where id = $1`,
}

// emptyAtOnce deletes what a collection contains in one transaction, as somebody
// would who writes it down in SQL and has all the time and all the locks.
var emptyAtOnce = []string{
	`delete from chunk_search where partition_key = $2 and collection_id = $1`,
	`delete from chunks where partition_key = $2 and collection_id = $1`,
	`delete from document_contents where partition_key = $2 and collection_id = $1`,
	`delete from documents where partition_key = $2 and collection_id = $1`,
}

// purge measures deleting a collection: how soon the answer comes, and how long the
// purge takes, without a pause between its slices, against emptying an equal one in
// a single transaction.
func (b *bench) purge(ctx context.Context) (err error) {
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, given.Stop()) }() //nolint:contextcheck // it must end when the context has
	if err := b.purgeAtOnce(ctx, given.URL); err != nil {
		return err
	}
	return b.purgeBeside(ctx, given.URL)
}

// purgeAtOnce is the part without a pause and without anybody beside it.
func (b *bench) purgeAtOnce(ctx context.Context, url string) (err error) {
	a, asOwner, err := b.purger(ctx, url, "PURGE_PAUSE=0")
	if err != nil {
		return err
	}
	defer a.Close()
	defer func() { err = errors.Join(err, a.Worker.Stop(context.WithoutCancel(ctx))) }()
	var bare, answers, purges []time.Duration
	for n := range b.runs {
		took, err := emptied(asOwner, a, n)
		if err != nil {
			return err
		}
		bare = append(bare, took)
		answer, purge, err := purged(asOwner, a, n)
		if err != nil {
			return err
		}
		answers, purges = append(answers, answer), append(purges, purge)
	}
	linef("collection", "%d chunks with search rows, %d documents", purgedChunks, purgedDocuments)
	goal("DELETE answers in", median(answers).Seconds(), 0.1, "s")
	seconds("emptied in one transaction", median(bare))
	seconds("purged in slices", median(purges))
	linef("chunks a second, all else included", "%8.0f", purgedChunks/median(purges).Seconds())
	goal("ratio", median(purges).Seconds()/median(bare).Seconds(), 2, "x")
	return nil
}

// purger is the program in this process at work, with somebody who owns collections.
func (b *bench) purger(ctx context.Context, url string, settings ...string) (*app.App, context.Context, error) {
	a, id, err := b.inside(ctx, url, append(settings, "DB_QUERY_TIMEOUT=600")...)
	if err != nil {
		return nil, nil, err
	}
	if err := a.Worker.Start(ctx); err != nil {
		a.Close()
		return nil, nil, fmt.Errorf("preparing the program: %w", err)
	}
	return a, as(ctx, id), nil
}

// filled makes a collection of so many documents with everything in it.
func filled(ctx context.Context, a *app.App, name string, documents int) (collections.Collection, error) {
	made, err := a.Collections.Create(ctx, collections.CreateInput{Name: name})
	if err != nil {
		return made.Collection, fmt.Errorf("making a collection: %w", err)
	}
	if err := awaitEnd(ctx, a, made.InitialOperationID); err != nil {
		return made.Collection, err
	}
	for _, sql := range append(fillPurged, "analyze chunks, chunk_search, documents, document_contents", "checkpoint") {
		args := []any{made.ID, documents}
		if sql[0] != '\n' {
			args = nil
		}
		if _, err := a.DB.Querier(ctx).Exec(ctx, sql, args...); err != nil {
			return made.Collection, fmt.Errorf("filling a collection: %w", err)
		}
	}
	return made.Collection, nil
}

// emptied is how long it takes to empty a collection at once.
func emptied(ctx context.Context, a *app.App, n int) (time.Duration, error) {
	c, err := filled(ctx, a, fmt.Sprintf("emptied %d", n), purgedDocuments)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = a.DB.InTx(ctx, func(ctx context.Context) error {
		for _, sql := range emptyAtOnce {
			if _, err := a.DB.Querier(ctx).Exec(ctx, sql, c.ID, c.PartitionKey); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(began), err
}

// purged is how long deleting a collection takes to be answered, and to be done.
func purged(ctx context.Context, a *app.App, n int) (answer, purge time.Duration, err error) {
	c, err := filled(ctx, a, fmt.Sprintf("purged %d", n), purgedDocuments)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := a.Collections.Delete(ctx, c.ID); err != nil {
		return 0, 0, fmt.Errorf("deleting a collection: %w", err)
	}
	answer = time.Since(began)
	var id uuid.UUID
	err = a.DB.Querier(ctx).QueryRow(ctx, `select uuid from operations where collection_id = $1 and type = 'delete'`, c.ID).Scan(&id)
	if err != nil {
		return 0, 0, fmt.Errorf("looking for the purge: %w", err)
	}
	err = awaitEnd(ctx, a, id)
	return answer, time.Since(began), err
}

// awaitEnd waits for an operation to be completed.
func awaitEnd(ctx context.Context, a *app.App, id uuid.UUID) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var status string
		if err := a.DB.Querier(ctx).QueryRow(ctx, `select status from operations where uuid = $1`, id).Scan(&status); err != nil {
			return fmt.Errorf("looking at an operation: %w", err)
		}
		switch status {
		case "completed":
			return nil
		case "pending", "processing":
		default:
			return fmt.Errorf("the operation is %s", status)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}
