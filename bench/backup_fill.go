package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"semantik/schema"
)

// fillBackedUp fills a database with $1 chunks, beside the program: those of forty
// collections, whose documents have 25 each.
var fillBackedUp = []string{`
insert into collections (name, owner_id, vector_store_name, status)
select 'c' || i, id, 'store' || i, 'ready' from users, generate_series(1, 40) i where username = 'bench' and $1::int > 0`, `
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select c.id, c.partition_key, i || '.md', i || '.md', 12544, encode(sha256((c.id::text || i)::bytea), 'hex'), 'completed', 25
from collections c, generate_series(1, $1::int / 1000) i`, `
update collections c
set document_count = d.n, total_size_bytes = d.n * 12544, chunk_count = d.n * 25, vector_count = d.n * 25
from (select collection_id, count(*) as n from documents group by 1) d
where d.collection_id = c.id and $1::int > 0`,
}

// halfOfBackedUp fills the partitions whose key has the remainder $1 by 2. Texts are of random
// hexadecimal words, which compress no better than natural ones; the search rows have
// forty words each.
var halfOfBackedUp = []string{`
insert into document_contents (document_id, collection_id, partition_key, kind, slice, data)
select id, collection_id, partition_key, 'original', 0, string_agg(sha512((id::text || n)::bytea), '')
from documents, generate_series(1, 196) n where partition_key % 2 = $1 group by id, collection_id, partition_key`, `
insert into chunks (collection_id, partition_key, document_id, chunk_index, content)
select d.collection_id, d.partition_key, d.id, i, w.words
from documents d
cross join generate_series(0, 24) i
cross join lateral (select string_agg(encode(sha256((d.id::text || i || n)::bytea), 'hex'), ' ') as words from generate_series(1, 16) n) w
where d.partition_key % 2 = $1
order by d.partition_key, d.collection_id, d.id, i`, `
insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, array_to_tsvector(array(
  select substr(word, 1 + 20 * part, 4 + (number + part)::int % 6)
  from string_to_table(content, ' ') with ordinality w (word, number), generate_series(0, 2) part
  where (number - 1) * 3 + part < 40))
from chunks where partition_key % 2 = $1
order by partition_key, id`,
}

// fillForBackup makes the database.
func (b *bench) fillForBackup(ctx context.Context, server string) error {
	a, _, err := b.inside(ctx, server)
	if err != nil {
		return err
	}
	a.Close()
	began := time.Now()
	err = filling(ctx, server, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "drop index idx_chunk_search_search"); err != nil {
			return err
		}
		for _, statement := range fillBackedUp {
			if _, err := conn.Exec(ctx, statement, b.chunks); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	halves, together := errgroup.WithContext(ctx)
	for remainder := range 2 {
		halves.Go(func() error { return fillHalf(together, server, remainder) })
	}
	if err := halves.Wait(); err != nil {
		return err
	}
	return filling(ctx, server, func(conn *pgx.Conn) error {
		// The parent takes the partitions' indexes.
		for _, statement := range []string{"create index idx_chunk_search_search on chunk_search using gin (collection_id, search)", "vacuum (analyze)"} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		var size int64
		if err := conn.QueryRow(ctx, "select pg_database_size(current_database())").Scan(&size); err != nil {
			return err
		}
		linef("database", "%d chunks, %.0f MB, filled in %.0f s", b.chunks, float64(size)/1e6, time.Since(began).Seconds())
		return nil
	})
}

// fillHalf fills half of the partitions. Rows that fit each other need no looking up of
// what they refer to, and an index over all of them is made several times as fast as one
// that grows with each.
func fillHalf(ctx context.Context, server string, remainder int) error {
	return filling(ctx, server, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "set session_replication_role = replica"); err != nil {
			return err
		}
		for _, statement := range halfOfBackedUp {
			if _, err := conn.Exec(ctx, statement, remainder); err != nil {
				return err
			}
		}
		for key := remainder; key < schema.DefaultPartitionCount; key += 2 {
			if _, err := conn.Exec(ctx, fmt.Sprintf("create index on chunk_search_p%d using gin (collection_id, search)", key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// filling does one thing of it in a session of its own.
func filling(ctx context.Context, server string, do func(conn *pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "set jit = off"); err != nil {
		return fmt.Errorf("preparing the session: %w", err)
	}
	if err := do(conn); err != nil {
		return fmt.Errorf("filling the database: %w", err)
	}
	return nil
}
