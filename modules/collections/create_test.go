package collections_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

func TestCreate_MakesTheCollectionItsOperationAndTheJobTogether(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	changed := w.FailEach(func() error {
		_, err := w.Collections.Create(w.As(alice), collections.CreateInput{Name: "Notes"})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collections", "public.operations", "river.river_job"}, changed)

	c := w.Read(testworld.Value[[16]byte](w, `select id from collections`))
	require.Equal(t, collections.StatusPending, c.Status)
	require.Equal(t, alice.ID, c.OwnerID)
	require.Equal(t, "Qwen/Qwen3-Embedding-0.6B", c.EmbeddingModel)
	require.Equal(t, "col_"+strings.ReplaceAll(c.ID.String(), "-", "_")+"_notes", c.VectorStoreName)
	o := w.Operation(testworld.Value[[16]byte](w, `select uuid from operations`))
	require.Equal(t, operations.TypeIndex, o.Type)
	require.Equal(t, operations.StatusPending, o.Status)
	require.Equal(t, alice.ID, *o.UserID)
	require.NotNil(t, o.TaskID)
	require.EqualValues(t, 1, w.Int(`select count(*) from river.river_job where id = $1 and max_attempts = 1`, *o.TaskID))
}

func TestCreate_ErrNameTaken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	first := w.NewCollection(alice, testworld.Named("Café"))
	before := w.Snapshot()
	for _, name := range []string{"Café", " Café ", "Cafe\u0301", "Ca\x00fé"} {
		_, err := w.Collections.Create(w.As(bob), collections.CreateInput{Name: name})
		require.ErrorIs(t, err, collections.ErrNameTaken, "%q", name)
	}
	require.Empty(t, before.Changed(w.Snapshot()))
	_, err := w.Collections.Create(w.As(bob), collections.CreateInput{Name: "café"})
	require.NoError(t, err, "names are compared with regard to case")
	w.Delete(first.Collection)
	_, err = w.Collections.Create(w.As(bob), collections.CreateInput{Name: "Café"})
	require.NoError(t, err, "a deleted collection's name is free")
}

func TestCreate_OfManyWhoWantOneNameOneGetsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	won := 0
	for _, err := range w.Race(8, func(int) error {
		_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "One"})
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, collections.ErrNameTaken)
	}
	require.Equal(t, 1, won)
	require.EqualValues(t, 1, w.Int(`select count(*) from collections`))
	require.EqualValues(t, 1, w.Int(`select count(*) from operations`))
	require.EqualValues(t, 1, w.Int(`select count(*) from river.river_job`))
}

func TestCreate_EveryBadFieldIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	before := w.Snapshot()
	cases := map[string]struct {
		in     collections.CreateInput
		fields []string
	}{
		"no name":          {collections.CreateInput{}, []string{"body.name"}},
		"blank name":       {collections.CreateInput{Name: " \t\x00 "}, []string{"body.name"}},
		"long name":        {collections.CreateInput{Name: strings.Repeat("ü", 256)}, []string{"body.name"}},
		"forbidden":        {collections.CreateInput{Name: "a/b"}, []string{"body.name"}},
		"no UTF-8":         {collections.CreateInput{Name: "a\xff"}, []string{"body.name"}},
		"chunk size":       {collections.CreateInput{Name: "n", ChunkSize: new(99)}, []string{"body.chunk_size"}},
		"overlap too much": {collections.CreateInput{Name: "n", ChunkSize: new(100), ChunkOverlap: new(100)}, []string{"body.chunk_overlap"}},
		"negative overlap": {collections.CreateInput{Name: "n", ChunkOverlap: new(-1)}, []string{"body.chunk_overlap"}},
		"metadata":         {collections.CreateInput{Name: "n", Metadata: json.RawMessage(`[1]`)}, []string{"body.metadata"}},
		"NUL in metadata":  {collections.CreateInput{Name: "n", Metadata: json.RawMessage(`{"a":"\u0000"}`)}, []string{"body.metadata"}},
		"large metadata":   {collections.CreateInput{Name: "n", Metadata: json.RawMessage(`{"a":"` + strings.Repeat("x", 65536) + `"}`)}, []string{"body.metadata"}},
		"no strategy":      {collections.CreateInput{Name: "n", ChunkingConfig: json.RawMessage(`{"a":1}`)}, []string{"body.chunking_config"}},
		"many": {collections.CreateInput{Name: "a?", Quantization: new("int4"), EmbeddingModel: new(" "), ChunkSize: new(0), SyncMode: new("daily"), Description: new(strings.Repeat("x", 10_001))},
			[]string{"body.name", "body.description", "body.embedding_model", "body.quantization", "body.chunk_size", "body.chunk_overlap", "body.sync_mode"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := w.Collections.Create(w.As(w.Root), c.in)
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			var fields []string
			for _, f := range apperr.From(err).Fields {
				fields = append(fields, f.Location)
			}
			require.Equal(t, c.fields, fields)
		})
	}
	_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", ChunkingStrategy: new("magic")})
	require.ErrorIs(t, err, collections.ErrUnknownStrategy)
	_, err = w.Collections.Create(t.Context(), collections.CreateInput{Name: "n"})
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.Empty(t, before.Changed(w.Snapshot()))
}

func TestCreate_KeepsWhatIsAllowedToTheLastCharacter(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	name := strings.Repeat("名", 255)
	created, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{
		Name: name, ChunkSize: new(100), ChunkingStrategy: new("MD"), ChunkingConfig: json.RawMessage(`{"a":1}`),
		Metadata: json.RawMessage(`{"n": 12345678901234567890.5}`), IsPublic: true,
	})
	require.NoError(t, err)
	c := w.Read(created.ID)
	require.Equal(t, name, c.Name)
	require.Equal(t, 20, c.ChunkOverlap, "the default fits a small chunk size")
	require.Equal(t, "markdown", *c.ChunkingStrategy)
	require.Contains(t, string(c.Meta), "12345678901234567890.5")
	require.LessOrEqual(t, len(c.VectorStoreName), 200)
}

// An owner who is gone by the time the row is written.
func TestCreate_WithoutItsOwnerIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ghost := w.User("ghost")
	w.Exec(`delete from users where id = $1`, ghost.ID)
	_, err := w.Collections.Create(w.As(ghost), collections.CreateInput{Name: "n"})
	require.Equal(t, "collection_owner", apperr.CodeOf(err))
	require.Equal(t, apperr.Conflict, apperr.KindOf(err))
}
