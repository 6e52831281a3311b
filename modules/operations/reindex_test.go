package operations_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// prose makes files of several chunks each.
func prose(n int) []testworld.File {
	var files []testworld.File
	for i := range n {
		files = append(files, testworld.File{
			Path:    fmt.Sprintf("%d.txt", i),
			Content: strings.Repeat(fmt.Sprintf("Walrus number %d sleeps on the ice, and nobody wakes it before noon.\n\n", i), 30),
		})
	}
	return files
}

func reindex(t *testing.T, w *testworld.World, c collections.Collection, in collections.ReindexInput) operations.Operation {
	t.Helper()
	o, err := w.Operations.Reindex(w.As(w.Root), c.ID, in)
	require.NoError(t, err)
	return o
}

func TestReindex_CutsEveryDocumentAnew(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, prose(12)...)
	before := w.Read(c.ID)
	started := reindex(t, w, c, collections.ReindexInput{ChunkSize: new(300), ChunkOverlap: new(0)})
	require.Equal(t, operations.TypeReindex, started.Type)
	o := w.AwaitOperation(started.UUID)
	require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
	require.InDelta(t, 12, o.Meta.Result["documents_reindexed"], 0)
	require.EqualValues(t, 12, o.Meta.Progress.Done)
	require.EqualValues(t, 12, o.Meta.Progress.Total)
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusReady, now.Status)
	require.Greater(t, now.ChunkCount, 2*before.ChunkCount)
	require.Equal(t, now.ChunkCount, now.VectorCount)
	require.Equal(t, 300, now.ChunkSize)
	require.LessOrEqual(t, w.Int(`select max(length(content)) from chunks where collection_id = $1`, c.ID), int64(300))
	require.Equal(t, documents.StatusCompleted, w.Document(c.ID, docs[0].ID).Status)
	w.CheckRules()
}

// A reader who looks all the time sees a document's old chunks or its new ones.
func TestReindex_AReaderSeesTheOldOrTheNew(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, prose(10)...)
	before := w.Int(`select count(*) from chunks where collection_id = $1`, c.ID)
	started := reindex(t, w, c, collections.ReindexInput{ChunkSize: new(200), ChunkOverlap: new(0)})
	for w.Operation(started.UUID).Status.Active() {
		mixed := w.Int(`
select count(*)
from (
  select d.id
  from documents d
  left join chunks k on k.document_id = d.id and k.collection_id = $1
  left join chunk_search s on s.chunk_id = k.id and s.collection_id = $1
  where d.collection_id = $1
  group by d.id, d.chunk_count
  having count(k.id) <> d.chunk_count or count(s.chunk_id) <> d.chunk_count or count(k.id) = 0
) mixed`, c.ID)
		require.Zero(t, mixed)
	}
	require.Greater(t, w.Read(c.ID).ChunkCount, before)
}

func TestReindex_LeavesWhatPeopleHaveEditedAndWhatCameFromOutside(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, prose(3)...)
	edited := w.Int(`select min(id) from chunks where document_id = $1`, docs[1].ID)
	content := "What a person has written."
	_, err := w.Chunks.Edit(w.As(w.Root), c.ID, edited, chunks.EditInput{Edit: chunks.Edit{Content: &content}})
	require.NoError(t, err)
	loose(t, w, c, 5)
	w.Exec(`update documents set file_path = repeat('é', 1000) || file_path where id = $1`, docs[1].ID)
	outside, err := w.Documents.Register(w.As(w.Root), c.ID, documents.Registration{
		FileName: "outside.pdf", FileSize: 1, ContentHash: strings.Repeat("ab", 32),
	})
	require.NoError(t, err)
	o := w.AwaitOperation(reindex(t, w, c, collections.ReindexInput{ChunkSize: new(300)}).UUID)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.InDelta(t, 2, o.Meta.Result["documents_reindexed"], 0)
	require.InDelta(t, 1, o.Meta.Result["documents_kept"], 0)
	require.Equal(t, []operations.KeptDocument{{DocumentID: docs[1].ID, FilePath: "…" + strings.Repeat("é", operations.MaxKeptPath-6) + "1.txt", Reason: "Its chunks were edited."}}, o.Meta.Kept)
	require.EqualValues(t, 1, w.Int(`select count(*) from chunks where id = $1`, edited))
	require.EqualValues(t, 5, w.Int(`select count(*) from chunks where collection_id = $1 and document_id is null`, c.ID))
	require.Zero(t, w.Document(c.ID, outside.ID).ChunkCount)
	w.CheckRules()

	o = w.AwaitOperation(reindex(t, w, c, collections.ReindexInput{OverwriteEdited: true}).UUID)
	require.InDelta(t, 3, o.Meta.Result["documents_reindexed"], 0)
	require.Zero(t, w.Int(`select count(*) from chunks where id = $1`, edited), "as the request says")
}

func TestReindex_CancelledItLeavesNoDocumentWithoutChunks(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, prose(20)...)
	pause := w.Trace.PauseAt("insert into chunk_search")
	t.Cleanup(pause.Resume)
	started := reindex(t, w, c, collections.ReindexInput{ChunkSize: new(300)})
	reached(t, pause)
	o, err := w.Operations.Cancel(w.As(w.Root), started.UUID)
	require.NoError(t, err)
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()))
	requireCancelled(t, w, c, o)
	if p := o.Meta.Progress; p != nil {
		require.InDelta(t, p.Total-p.Done, o.Meta.Result["documents_left"], 0)
	} else {
		require.NotContains(t, o.Meta.Result, "documents_left", "nobody has counted them yet")
	}
	for _, d := range docs {
		now := w.Document(c.ID, d.ID)
		require.Equal(t, documents.StatusCompleted, now.Status)
		require.NotZero(t, now.ChunkCount)
	}
}

func TestReindex_BrokenOffItGoesOnWithWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, prose(30)...)
	pause := w.Trace.PauseAt("insert into chunk_search")
	t.Cleanup(pause.Resume)
	started := reindex(t, w, c, collections.ReindexInput{ChunkSize: new(300)})
	reached(t, pause)
	stopInTheMiddle(t, w, pause)
	require.Equal(t, operations.StatusPending, w.Operation(started.UUID).Status)
	w.CheckRules()
	next := testworld.New(t, testworld.On(w))
	o := next.AwaitOperation(started.UUID)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.EqualValues(t, 30, o.Meta.Progress.Done, "each counts once")
	require.InDelta(t, 30, o.Meta.Result["documents_reindexed"], 0)
	require.Equal(t, next.Read(c.ID).ChunkCount, o.Meta.Progress.Chunks, "and is cut once")
}

func TestReindex_ADocumentThatBringsTheWorkerDownTwiceStaysAsItIs(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, prose(3)...)
	require.NoError(t, w.Worker.Stop(t.Context()))
	started := reindex(t, w, c, collections.ReindexInput{ChunkSize: new(300)})
	rows := documents.NewRepository(w.DB)
	for kill := range 2 { // in a batch, then alone
		_, claimed, err := operations.NewRepository(w.DB).Claim(t.Context(), started.UUID, fmt.Sprint("killed ", kill), time.Minute)
		require.NoError(t, err)
		require.True(t, claimed)
		require.NoError(t, rows.Suspect(t.Context(), w.Scope(c.ID), []uuid.UUID{docs[0].ID}))
		lapse(w)
	}
	require.NoError(t, rows.Suspect(t.Context(), w.Scope(c.ID), []uuid.UUID{docs[1].ID})) // in the first batch with it
	next := testworld.New(t, testworld.On(w), testworld.Setting(quickLease))
	o := next.AwaitOperation(started.UUID)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.InDelta(t, 2, o.Meta.Result["documents_reindexed"], 0)
	require.InDelta(t, 1, o.Meta.Result["documents_failed"], 0)
	require.Len(t, o.Meta.Kept, 1)
	require.Equal(t, docs[0].ID, o.Meta.Kept[0].DocumentID)
	require.Equal(t, docs[0].ChunkCount, next.Document(c.ID, docs[0].ID).ChunkCount)
	require.Zero(t, next.Int(`select count(*) from documents where lost_count > 0 and id <> $1`, docs[0].ID))
}

func TestReindex_ADeletedCollectionEndsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, prose(10)...)
	pause := w.Trace.PauseAt("insert into chunk_search")
	t.Cleanup(pause.Resume)
	started := reindex(t, w, c, collections.ReindexInput{ChunkSize: new(300)})
	reached(t, pause)
	purge := w.Delete(c)
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(purge).Status)
	require.Equal(t, operations.StatusCancelled, w.Operation(started.UUID).Status)
	require.Empty(t, w.Left(c.ID))
}

func TestReindex_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	url := "/api/v2/collections/" + c.ID.String() + "/reindex"
	as := func(name, body string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPost, URL: url, Body: body, Status: status, Has: has,
			Headers: map[string]string{"Content-Type": "application/json"}, Pure: status >= 400}
	}
	w.HTTP(t,
		as("what is wrong in form is named, all at once", `{"chunk_size": 5, "quantization": "int3", "overwrite_edited": 7}`, 422, "overwrite_edited"),
		as("sizes", `{"chunk_size": 5, "quantization": "int3"}`, 422, "chunk_size", "quantization"),
		as("an overlap that is too large", `{"chunk_overlap": 1000}`, 422, "less than chunk_size"),
		as("a strategy that is not known", `{"chunking_strategy": "by magic"}`, 400, "unknown_chunking_strategy"),
		as("no JSON", `{"chunk_size": `, 400, "malformed_json"),
		as("no object", `[1]`, 422, "must be a JSON object"),
		as("it starts", `{"chunk_size": 500, "unknown": {"a": 1}}`, 202, `"type":"reindex"`, `"status":"pending"`, `"blue_green":true`, `"previous_config":{`, `"chunk_size":500`),
		as("one at a time", `{}`, 409, "operation_active"),
	)
	require.Equal(t, collections.StatusProcessing, w.Read(c.ID).Status)
	w.HTTP(t, testworld.Scenario{Name: "uploads wait for its end", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/documents",
		Body: testworld.Form{Files: several(1)}, Status: 409, Has: []string{"operation_active"}, Pure: true})
	require.NoError(t, w.Worker.Start(t.Context()))
	w.AwaitQuiet()
	w.HTTP(t, testworld.Scenario{Name: "an empty body will do", As: &w.Root, Method: http.MethodPost, URL: url, Status: 202, Has: []string{`"chunk_size":500`}})
	w.AwaitQuiet()
	require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
}

func TestReindex_KeepsTheRestOfTheConfiguration(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.Exec(`update collections set chunking_strategy = 'markdown', chunking_config = '{"chunk_size": 1000, "chunk_overlap": 200, "max_header_level": 3}' where id = $1`, c.ID)
	w.AwaitOperation(reindex(t, w, c, collections.ReindexInput{ChunkSize: new(400)}).UUID)
	now := w.Read(c.ID)
	require.Equal(t, "markdown", *now.ChunkingStrategy)
	require.JSONEq(t, `{"chunk_size": 400, "chunk_overlap": 200, "max_header_level": 3, "preserve_sentences": true}`, string(now.ChunkingConfig))
	require.Equal(t, 200, now.ChunkOverlap)
	w.AwaitOperation(reindex(t, w, c, collections.ReindexInput{ChunkSize: new(150)}).UUID)
	require.Equal(t, 30, w.Read(c.ID).ChunkOverlap, "an overlap that does not fit any more is one that does")
}
