package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// What is searched.
const (
	searchedChunks = 100_000
	searchedWords  = 130
	vocabulary     = 20_000
	// chunksOfDocument lie together, as after a load.
	chunksOfDocument = 50

	others       = 100
	othersBeside = 10
	otherChunks  = 500
)

var syllables = strings.Fields("ka lo mi re tu ver stan gro ble fi nor pe qua zu hei dor")

var endings = strings.Fields("ton len dar mus rik sel gan pol wir nas bek tor lim fes hur jad")

// wordOf makes the word of a rank.
func wordOf(rank int) string {
	parts := []string{syllables[rank%16], endings[rank/16%16]}
	for rest := rank / 256; rest > 0; rest /= 16 {
		parts = append(parts, syllables[rest%16])
	}
	return strings.Join(parts, "")
}

// passage makes a text in which the word of each rank is as frequent as in a
// language.
func passage(random *rand.Rand, zipf *rand.Zipf) string {
	var b strings.Builder
	for i := range searchedWords {
		if i > 0 {
			b.WriteByte(" \n"[random.IntN(2)])
		}
		b.WriteString(wordOf(int(zipf.Uint64())))
	}
	return b.String()
}

// fillSearched makes a collection with chunks that can be searched, beside the
// program. Where key is given the collection lies in that partition.
func fillSearched(ctx context.Context, conn *pgx.Conn, url, name string, chunks int, key *int) (uuid.UUID, error) {
	id, partition, err := insertCollection(ctx, conn, name, chunks, key)
	if err != nil {
		return id, err
	}
	random := rand.New(rand.NewPCG(1, uint64(chunks))) //nolint:gosec // texts, not secrets
	zipf := rand.NewZipf(random, 1.1, 8, vocabulary-1)
	documents := make([]uuid.UUID, (chunks+chunksOfDocument-1)/chunksOfDocument)
	for i := range documents {
		documents[i] = uuid.New()
	}
	if _, err := conn.Exec(ctx, `
insert into documents (id, collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select d.id, $1, $2, d.n || '.txt', d.n || '.txt', 1000, lpad(to_hex(d.n), 64, '0'), 'completed', $4
from unnest($3::uuid[]) with ordinality d(id, n)`, id, partition, documents, chunksOfDocument); err != nil {
		return id, fmt.Errorf("filling %s: %w", name, err)
	}
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"chunks"}, []string{"collection_id", "partition_key", "document_id", "chunk_index", "content"},
		pgx.CopyFromSlice(chunks, func(i int) ([]any, error) {
			return []any{id, partition, documents[i/chunksOfDocument], i % chunksOfDocument, passage(random, zipf)}, nil
		}))
	if err != nil {
		return id, fmt.Errorf("filling %s: %w", name, err)
	}
	return id, buildRows(ctx, url, id, partition)
}

// buildRows makes the search rows on two connections.
func buildRows(ctx context.Context, url string, id uuid.UUID, partition int) error {
	group, inner := errgroup.WithContext(ctx)
	for half := range 2 {
		group.Go(func() error {
			conn, err := pgx.Connect(inner, url)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(inner)) }()
			_, err = conn.Exec(inner, `
insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, chunk_search_vector(content)
from chunks
where partition_key = $1 and collection_id = $2 and id % 2 = $3
order by id`, partition, id, half)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("making search rows: %w", err)
	}
	return nil
}

func insertCollection(ctx context.Context, conn *pgx.Conn, name string, chunks int, key *int) (id uuid.UUID, partition int, err error) {
	err = conn.QueryRow(ctx, `
insert into collections (id, name, owner_id, vector_store_name, status, chunk_count, vector_count)
select c.id, $1, (select min(id) from users), $1, 'ready', $2, $2
from (select gen_random_uuid() as id from generate_series(1, 5000)) c
where $3::int is null or abs(hashtext(c.id::text)::bigint) % 100 = $3
limit 1
returning id, partition_key`, name, chunks, key).Scan(&id, &partition)
	if err != nil {
		return id, 0, fmt.Errorf("making the collection %s: %w", name, err)
	}
	return id, partition, nil
}

// fillOthers fills other collections, some of them in the partition of the one that
// is searched.
func fillOthers(ctx context.Context, conn *pgx.Conn, url string, searched uuid.UUID) error {
	var partition int
	if err := conn.QueryRow(ctx, "select partition_key from collections where id = $1", searched).Scan(&partition); err != nil {
		return fmt.Errorf("looking for the partition: %w", err)
	}
	for i := range others {
		key := &partition
		if i >= othersBeside {
			key = nil
		}
		if _, err := fillSearched(ctx, conn, url, fmt.Sprintf("other %d", i), otherChunks, key); err != nil {
			return err
		}
	}
	return tidy(ctx, conn)
}

// tidy does what autovacuum would have done by then, so that it does not do it
// while something is measured.
func tidy(ctx context.Context, conn *pgx.Conn) error {
	for _, sql := range []string{"vacuum (analyze) chunk_search", "vacuum (analyze) chunks", "analyze documents, collections", "checkpoint"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("settling the database: %w", err)
		}
	}
	return nil
}
