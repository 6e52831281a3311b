package documents_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/testworld"
)

func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func row(path, content string) documents.Document {
	return documents.Document{
		ID: uuid.New(), FilePath: path, FileName: path, FileSize: int64(len(content)), ContentHash: hashOf(content), Status: documents.StatusPending,
	}
}

// count puts the counters right after rows were made by hand.
func count(w *testworld.World, c uuid.UUID) {
	w.Exec(`
update collections set document_count = d.n, total_size_bytes = d.bytes
from (select count(*) as n, coalesce(sum(file_size), 0) as bytes from documents where collection_id = $1 and status <> 'deleted') d
where id = $1`, c)
}

func TestRepository_CreateGetListUpdateDelete(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows := t.Context(), documents.NewRepository(w.DB)
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	scope, elsewhere := w.Scope(c.ID), w.Scope(other.ID)
	d := row("a.txt", "one")
	require.NoError(t, rows.Create(ctx, scope, &d))
	require.Equal(t, c.PartitionKey, d.PartitionKey)
	read, err := rows.Get(ctx, scope, d.ID)
	require.NoError(t, err)
	require.Equal(t, "a.txt", read.FilePath)
	_, err = rows.Get(ctx, elsewhere, d.ID)
	require.ErrorIs(t, err, documents.ErrNotFound, "by another collection's scope it is not there")
	_, err = rows.Get(ctx, collections.Scope{}, d.ID)
	require.ErrorIs(t, err, documents.ErrNotFound, "nor by none")

	same := row("b.txt", "one")
	require.ErrorIs(t, rows.Create(ctx, scope, &same), documents.ErrDuplicate)
	created, err := rows.CreateIfNew(ctx, scope, &same)
	require.NoError(t, err)
	require.False(t, created)
	require.NoError(t, rows.Create(ctx, elsewhere, &same), "another collection may have it")
	found, err := rows.GetByHash(ctx, scope, hashOf("one"))
	require.NoError(t, err)
	require.Equal(t, d.ID, found.ID)
	found, err = rows.GetByPath(ctx, scope, "a.txt")
	require.NoError(t, err)
	require.Equal(t, d.ID, found.ID)
	_, err = rows.GetByPath(ctx, scope, "A.txt")
	require.ErrorIs(t, err, documents.ErrNotFound)

	changed, err := rows.Update(ctx, scope, d.ID, map[string]any{"file_name": "new.txt"})
	require.NoError(t, err)
	require.Equal(t, "new.txt", changed.FileName)
	_, err = rows.Update(ctx, elsewhere, d.ID, map[string]any{"file_name": "stolen.txt"})
	require.ErrorIs(t, err, documents.ErrNotFound)
	_, err = rows.Update(ctx, scope, d.ID, map[string]any{"chunk_count": 5})
	require.Error(t, err)

	require.ErrorIs(t, rows.Delete(ctx, elsewhere, d.ID), documents.ErrNotFound)
	require.NoError(t, rows.Delete(ctx, scope, d.ID))
	require.ErrorIs(t, rows.Delete(ctx, scope, d.ID), documents.ErrNotFound)
	_, err = rows.Get(ctx, scope, d.ID)
	require.ErrorIs(t, err, documents.ErrNotFound)
	again := row("c.txt", "one")
	require.NoError(t, rows.Create(ctx, scope, &again), "the same content can come back")
	count(w, c.ID)
	count(w, other.ID)
}

func TestRepository_ListShowsTheFailedFirstThenTheNewest(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows, c := t.Context(), documents.NewRepository(w.DB), w.Collection(w.Root)
	scope := w.Scope(c.ID)
	for i := range 9 {
		d := row(fmt.Sprintf("%d.txt", i), strconv.Itoa(i))
		require.NoError(t, rows.Create(ctx, scope, &d))
		w.Exec(`update documents set created_at = now() + make_interval(secs => $2) where id = $1`, d.ID, float64(i))
		switch {
		case i%4 == 0:
			w.Exec(`update documents set status = 'failed' where id = $1`, d.ID)
		case i == 7:
			require.NoError(t, rows.Delete(ctx, scope, d.ID))
		}
	}
	count(w, c.ID)
	var names []string
	for offset := 0; offset < 10; offset += 3 {
		page, total, err := rows.List(ctx, scope, documents.Filter{}, database.Page{Offset: offset, Limit: 3})
		require.NoError(t, err)
		require.EqualValues(t, 8, total)
		for _, d := range page {
			names = append(names, d.FilePath)
		}
	}
	require.Equal(t, "8.txt 4.txt 0.txt 6.txt 5.txt 3.txt 2.txt 1.txt", strings.Join(names, " "))
	page, total, err := rows.List(ctx, scope, documents.Filter{Status: documents.StatusDeleted}, database.Page{Limit: 10})
	require.NoError(t, err)
	require.EqualValues(t, 1, total)
	require.Equal(t, "7.txt", page[0].FilePath)
	failed, err := rows.CountFailedIn(ctx, []collections.Collection{c, w.Collection(w.Root)})
	require.NoError(t, err)
	require.Equal(t, map[uuid.UUID]int64{c.ID: 3}, failed)
	waiting, err := rows.CountWaiting(ctx, scope)
	require.NoError(t, err)
	require.EqualValues(t, 5, waiting)
}

func TestRepository_AContentComesBackByteForByte(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows, c := t.Context(), documents.NewRepository(w.DB), w.Collection(w.Root)
	scope := w.Scope(c.ID)
	for name, size := range map[string]int{
		"empty": 0, "one byte": 1, "a slice": documents.SliceBytes, "a slice and a byte": documents.SliceBytes + 1, "four slices less a byte": 4*documents.SliceBytes - 1,
	} {
		t.Run(name, func(t *testing.T) {
			content := bytes.Repeat([]byte{0, 1, 0xff, 'a', 0x80}, size/5+1)[:size]
			d := row(name, string(content))
			require.NoError(t, rows.Create(ctx, scope, &d))
			save := func(content []byte) {
				require.NoError(t, w.DB.InTx(ctx, func(ctx context.Context) error {
					return rows.SaveContent(ctx, scope, d.ID, documents.Original, bytes.NewReader(content))
				}))
			}
			save([]byte("an older content that is replaced by the new one"))
			save(content)
			got, err := rows.ReadContent(ctx, scope, d, documents.Original)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, got))
			text, err := rows.ReadContent(ctx, scope, d, documents.Text)
			require.NoError(t, err)
			require.Empty(t, text)
		})
	}
	count(w, c.ID)
	t.Run("a reader that fails is the reason, and nothing is stored", func(t *testing.T) {
		d := row("broken", "broken")
		before := w.Snapshot()
		err := w.DB.InTx(ctx, func(ctx context.Context) error {
			require.NoError(t, rows.Create(ctx, scope, &d))
			return rows.SaveContent(ctx, scope, d.ID, documents.Original, testworld.Broken(strings.Repeat("x", 2*documents.SliceBytes)))
		})
		require.ErrorIs(t, err, testworld.ErrBroken)
		require.Empty(t, before.Changed(w.Snapshot()))
	})
	t.Run("a content of no document is refused", func(t *testing.T) {
		err := w.DB.InTx(ctx, func(ctx context.Context) error {
			return rows.SaveContent(ctx, scope, uuid.New(), documents.Original, strings.NewReader("x"))
		})
		require.Equal(t, apperr.NotFound, apperr.KindOf(err))
	})
}

func TestRepository_ASourceOfAnotherCollectionIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	source, err := collections.NewRepository(w.DB).EnsureSource(t.Context(), w.Scope(other.ID), "upload", "there")
	require.NoError(t, err)
	d := row("a.txt", "one")
	d.SourceID = &source.ID
	err = documents.NewRepository(w.DB).Create(t.Context(), w.Scope(c.ID), &d)
	require.Equal(t, "source_not_found", apperr.CodeOf(err))
}

// What a worker does with documents: it takes one after another, and what it made
// of a content that is not the document's any more is dropped.
func TestRepository_AWorkerTakesEachDocumentOnceAndFinishesWhatItTook(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows, c := t.Context(), documents.NewRepository(w.DB), w.Collection(w.Root)
	scope := w.Scope(c.ID)
	for i := range 3 {
		d := row(fmt.Sprintf("%d.txt", i), strconv.Itoa(i))
		require.NoError(t, rows.Create(ctx, scope, &d))
		w.Exec(`update documents set created_at = now() + make_interval(secs => $2) where id = $1`, d.ID, float64(i))
	}
	count(w, c.ID)
	claim := func() documents.Document {
		claimed, err := rows.ClaimWaiting(ctx, scope, 1)
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Equal(t, documents.StatusProcessing, w.Document(c.ID, claimed[0].ID).Status)
		return claimed[0]
	}
	first := claim()
	require.Equal(t, "0.txt", first.FilePath)
	require.NoError(t, rows.Release(ctx, scope, false))
	require.Equal(t, first.ID, claim().ID, "what was handed back is taken up in its order")
	require.NoError(t, w.DB.InTx(ctx, func(ctx context.Context) error {
		return rows.SaveContent(ctx, scope, first.ID, documents.Original, strings.NewReader(strings.Repeat("x", int(first.FileSize))))
	}))
	require.NoError(t, rows.Complete(ctx, scope, first, 0, nil))
	require.ErrorIs(t, rows.Complete(ctx, scope, first, 0, nil), documents.ErrContentChanged, "it is done once")

	second := claim()
	_, err := rows.Update(ctx, scope, second.ID, map[string]any{"content_hash": hashOf("new"), "status": documents.StatusPending})
	require.NoError(t, err)
	require.ErrorIs(t, rows.Complete(ctx, scope, second, 0, nil), documents.ErrContentChanged)
	second = claim()
	require.NoError(t, rows.Fail(ctx, scope, second, "It cannot be read.", documents.CategoryPermanent))
	third := claim()
	require.NoError(t, rows.Delete(ctx, scope, third.ID))
	require.ErrorIs(t, rows.Complete(ctx, scope, third, 0, nil), documents.ErrContentChanged, "a deleted document stays deleted")
	left, err := rows.ClaimWaiting(ctx, scope, 10)
	require.NoError(t, err)
	require.Empty(t, left)
	count(w, c.ID)
}
