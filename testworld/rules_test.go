package testworld_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/schema"
	"semantik/testworld"
)

// damages breaks each rule in turn: what to run, with the triggers that keep the
// foreign keys switched off.
var damages = map[string]string{
	"a collection's partition key is what the formula gives":                    `alter table collections alter column partition_key drop expression; update collections set partition_key = (partition_key + 1) % 100`,
	"a document has its collection's partition key":                             `update documents set partition_key = (partition_key + 1) % 100`,
	"a chunk lies in its collection's partition":                                `update chunks set partition_key = (partition_key + 1) % 100`,
	"a search row lies in its collection's partition":                           `update chunk_search set partition_key = (partition_key + 1) % 100`,
	"a chunk's document is of the same collection":                              `update chunks set document_id = gen_random_uuid()`,
	"a document's source is of the same collection":                             `update documents set source_id = 4711`,
	"a collection counts its documents":                                         `update collections set document_count = document_count + 1`,
	"a collection counts its documents' bytes":                                  `update collections set total_size_bytes = total_size_bytes + 1`,
	"a collection counts its chunks":                                            `update collections set chunk_count = chunk_count + 1`,
	"a collection counts the chunks that a search can find":                     `update collections set vector_count = vector_count + 1`,
	"a document that is done counts its chunks":                                 `update documents set chunk_count = chunk_count + 1`,
	"a source counts its documents and their bytes while nothing is running":    `update collection_sources set document_count = document_count + 1`,
	"the chunks that were cut of a document count from 0 without a gap":         `update chunks set chunk_index = chunk_index + 1`,
	"the offsets of a chunk that was cut span its content":                      `update chunks set end_offset = end_offset + 1`,
	"a document that was deleted has no chunks, nor has one that has failed":    `update documents set status = 'failed'`,
	"a search row has its chunk, of the same document":                          `delete from chunks`,
	"every chunk can be found by a search, or is going to be":                   `delete from chunk_search`,
	"a document's content is as long as it says":                                `update document_contents set data = data || 'x'`,
	"the slices of a content count from 0 without a gap":                        `update document_contents set slice = slice + 1`,
	"a collection has at most one operation that has not ended":                 `drop index uq_operations_active; update operations set status = 'pending', completed_at = null`,
	"a collection is pending or processing only while an operation is":          `update collections set status = 'processing'`,
	"a document is processing only while an operation is":                       `update documents set status = 'processing'`,
	"an operation that waits has a job":                                         `update operations set status = 'pending', completed_at = null, task_id = null where type = 'append'`,
	"an operation is leased while it is processed, and only then":               `update operations set lease_until = now(), worker = 'w'`,
	"only an operation that was begun waits for its turn, or to be tried again": `update operations set status = 'pending', completed_at = null, waits_for = 'turn' where type = 'append'`,
	"an operation that failed says why":                                         `update operations set status = 'failed'`,

	"a collection that was deleted has exactly one delete operation, and no other that has not ended": `delete from operations where type = 'delete'`,
	"only a collection that was deleted has a delete operation":                                       `update collections set deleted_at = null`,
	"a delete operation never fails, and nobody cancels it":                                           `update operations set status = 'failed', error_message = 'lost' where type = 'delete'`,
	"nothing is left of a collection that was purged":                                                 `update documents set collection_id = (select id from collections where deleted_at is not null)`,
	"a name is that of one collection, those deleted left out":                                        `drop index ix_collections_name; update collections set name = 'one', deleted_at = null`,
}

func TestRules_EachIsMetAndEachIsFoundBroken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions())
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	w.AwaitOperation(w.Delete(w.Collection(w.Root)))
	found, err := w.Violations(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)

	for _, rule := range schema.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			damage, ok := damages[rule.Name]
			require.True(t, ok, "every rule has a damage that breaks it")
			broken := w.In(t).Damage(damage, rule)
			require.NotEmpty(t, broken)
		})
	}
	found, err = w.Violations(t.Context())
	require.NoError(t, err)
	require.Empty(t, found, "the damage was undone")
}
