package partitions

import (
	"context"
	"strconv"
)

// The statements of this file read chunks, each those of one partition, by its key
// as a bound value.

// selectSample reads pages at random until there are rows enough, and each row's
// collection by its key (id, partition_key).
const selectSample = `
select count(*),
       count(*) filter (where c.id is null or s.partition_key <> (abs(hashtext(s.collection_id::text)::bigint) % $4)::integer)
from (
    select partition_key, collection_id
    from chunks tablesample system ($2)
    where partition_key = $1
    limit $3
) as s
left join collections c on c.id = s.collection_id and c.partition_key = s.partition_key`

// sampleRows is how many chunks of a partition are looked at.
const sampleRows = 200

// Sample verifies the key of some chunks of a partition, out of so many partitions.
func (r *Repository) Sample(ctx context.Context, p Partition, count int) (looked, wrong int64, err error) {
	percent := 100.0
	if p.Chunks.Rows > sampleRows {
		percent = 100 * sampleRows / float64(p.Chunks.Rows)
	}
	err = r.db.Querier(ctx).QueryRow(ctx, selectSample, p.Num, percent, sampleRows, count).Scan(&looked, &wrong)
	return looked, wrong, r.db.Translate(err)
}

// countChunks reads the smallest index of one partition from end to end, and asks
// its files for their size.
const countChunks = `
select count(*), pg_total_relation_size(to_regclass($2))
from chunks
where partition_key = $1`

// countSearchRows reads one partition of the search rows from end to end, likewise.
const countSearchRows = `
select count(*), pg_total_relation_size(to_regclass($2))
from chunk_search
where partition_key = $1`

// CountChunks counts the chunks of a partition, each of them, and its bytes.
func (r *Repository) CountChunks(ctx context.Context, num int) (rows, bytes int64, err error) {
	return r.count(ctx, countChunks, tableChunks, num)
}

// CountSearchRows counts the search rows of a partition, each of them, and its bytes.
func (r *Repository) CountSearchRows(ctx context.Context, num int) (rows, bytes int64, err error) {
	return r.count(ctx, countSearchRows, tableSearch, num)
}

func (r *Repository) count(ctx context.Context, statement, table string, num int) (rows, bytes int64, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, statement, num, partitionName(table, num)).Scan(&rows, &bytes)
	return rows, bytes, r.db.Translate(err)
}

// partitionName is how the schema calls a partition.
func partitionName(table string, num int) string { return table + "_p" + strconv.Itoa(num) }
