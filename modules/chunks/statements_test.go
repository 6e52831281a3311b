package chunks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/testworld"
)

// oftenEnough is how often a statement runs in one session: at its sixth
// execution PostgreSQL would weigh a plan for any partition, and lock them all.
const oftenEnough = 7

// filled is how many rows make a table that nothing may read from end to end.
const filled = 1000

// place is a collection in a partition that others fill.
type place struct {
	w        *testworld.World
	rows     *chunks.Repository
	scope    collections.Scope
	document documents.Document
	chunk    int64
}

// crowdedPlace makes a collection with some chunks in a partition where another
// collection has many, so that a plan which reads the partition from end to end
// shows itself.
func crowdedPlace(t *testing.T, w *testworld.World) place {
	t.Helper()
	c := w.Collection(w.Root)
	key := c.PartitionKey
	d := document(t, w, c.ID)
	load(t, w, c.ID, numbered(&d.ID, 100, sentence))
	neighbour := testworld.Value[uuid.UUID](w, `
select id from (select gen_random_uuid() as id from generate_series(1, 5000)) candidates
where abs(hashtext(id::text)::bigint) % 100 = $1 limit 1`, key)
	w.Exec(`insert into collections (id, name, owner_id, vector_store_name, status, document_count, chunk_count, vector_count)
values ($1, 'Neighbour', $2, 'col_neighbour', 'ready', 2000, 20000, 20000)`, neighbour, w.Root.ID)
	w.Exec(`insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select $1, $2, i || '.txt', i || '.txt', 0, lpad(to_hex(i), 64, '0'), 'completed', 10 from generate_series(1, 2000) i`, neighbour, key)
	w.Exec(`insert into chunks (collection_id, partition_key, document_id, chunk_index, content)
select d.collection_id, d.partition_key, d.id, i, 'This is sentence number ' || i
from documents d, generate_series(0, 9) i where d.collection_id = $1`, neighbour)
	w.Exec(`insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, chunk_search_vector(content) from chunks where collection_id = $1`, neighbour)
	w.Exec(`analyze chunks, chunk_search, documents`)

	p := place{w: w, rows: chunks.NewRepository(w.DB), scope: w.Scope(c.ID), document: d}
	p.chunk = w.Int(`select min(id) from chunks where collection_id = $1`, c.ID)
	return p
}

func TestStatements_EveryMethodIsLookedAt(t *testing.T) {
	t.Parallel()
	var methods []string
	for m := range reflect.TypeFor[*chunks.Repository]().Methods() {
		methods = append(methods, m.Name)
	}
	require.ElementsMatch(t, methods, slices.Collect(maps.Keys(calls)))
}

func TestStatements_TouchOnePartition(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	p := crowdedPlace(t, w)
	partition := fmt.Sprintf("chunks_p%d", p.scope.PartitionKey())
	search := fmt.Sprintf("chunk_search_p%d", p.scope.PartitionKey())
	var sent []testworld.Statement
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
				recorded := w.Trace.Record(func() {
					for range oftenEnough {
						require.NoError(t, call(ctx, p))
					}
				})
				sent = append(sent, recorded...)
				lockedOnes := lockedPartitions(ctx, t, w)
				if len(onChunks(recorded)) > 0 {
					require.NotEmpty(t, lockedOnes, "the look sees the partition itself")
				}
				for _, locked := range lockedOnes {
					require.Contains(t, []string{partition, search}, locked, "%s locks another partition", name)
				}
				for _, s := range onChunks(recorded) {
					if !s.Copy {
						explain(ctx, t, w, s, []string{partition, search})
					}
				}
				return errUndo
			})
			require.ErrorIs(t, err, errUndo)
		})
	}
	t.Run("every statement of the source was sent", func(t *testing.T) {
		var texts []string
		for _, s := range sent {
			texts = append(texts, s.SQL)
		}
		inSource, err := testworld.StatementsOnChunks()
		require.NoError(t, err)
		require.Greater(t, len(inSource), 10, "the look found the repository's statements")
		for where, sql := range inSource {
			if !slices.Contains(texts, sql) {
				t.Errorf("%s has a statement on chunks that no call here has sent: %s", where, sql)
			}
		}
	})
}

var errUndo = errors.New("undo")

var namesChunks = regexp.MustCompile(`\b(chunks|chunk_search)\b`)

// onChunks keeps the statements that name one of the two tables.
func onChunks(sent []testworld.Statement) []testworld.Statement {
	var found []testworld.Statement
	for _, s := range sent {
		if namesChunks.MatchString(s.SQL) {
			found = append(found, s)
		}
	}
	return found
}

// lockedPartitions lists the partitions that this transaction has locked, and
// those whose indexes it has locked.
func lockedPartitions(ctx context.Context, t *testing.T, w *testworld.World) []string {
	t.Helper()
	rows, err := w.DB.Querier(ctx).Query(ctx, `
select distinct coalesce(x.indrelid, l.relation)::regclass::text
from pg_locks l
join pg_class c on c.oid = l.relation
left join pg_index x on x.indexrelid = l.relation
where l.pid = pg_backend_pid()
  and l.locktype = 'relation'
  and c.relispartition`)
	require.NoError(t, err)
	locked, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return locked
}

// node is one of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Plans    []node `json:"Plans"`
}

func (n node) each(fn func(node)) {
	fn(n)
	for _, p := range n.Plans {
		p.each(fn)
	}
}

// explain looks at the plan of a statement with the values that it was sent with.
func explain(ctx context.Context, t *testing.T, w *testworld.World, s testworld.Statement, partitions []string) {
	t.Helper()
	var raw []byte
	require.NoError(t, w.DB.Querier(ctx).QueryRow(ctx, "explain (format json) "+s.SQL, s.Args...).Scan(&raw), s.SQL)
	var plans []struct {
		Plan node `json:"Plan"`
	}
	require.NoError(t, json.Unmarshal(raw, &plans))
	touched := 0
	plans[0].Plan.each(func(n node) {
		if n.Relation != "chunk_search_backlog" && (strings.HasPrefix(n.Relation, "chunks") || strings.HasPrefix(n.Relation, "chunk_search")) {
			touched++
			if n.Type != "ModifyTable" { // it names the parent
				require.Contains(t, partitions, n.Relation, "%s\n%s", s.SQL, raw)
			}
		}
		if n.Type == "Seq Scan" {
			var size int64 // asked here, since a table may be this transaction's own
			require.NoError(t, w.DB.Querier(ctx).QueryRow(ctx, `select reltuples::bigint from pg_class where oid = $1::regclass`, n.Relation).Scan(&size))
			require.Less(t, size, int64(filled), "reads %s from end to end:\n%s\n%s", n.Relation, s.SQL, raw)
		}
	})
	require.Positive(t, touched, "the plan reads a partition:\n%s\n%s", s.SQL, raw)
}
