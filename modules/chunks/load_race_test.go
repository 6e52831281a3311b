package chunks_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/testworld"
)

// aLot is how many lines fill what lies between a client and COPY.
const aLot = 3000

// longLines are chunks of a kilobyte each.
func longLines(document uuid.UUID, first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		b.WriteString(lineOf(document, i, sentence(i)+strings.Repeat(" and so on", 100)))
	}
	return b.String()
}

// slowLoad is a load whose client has not sent all of it yet.
type slowLoad struct {
	w      *testworld.World
	body   *io.PipeWriter
	answer chan testworld.Answer
	broken chan error
	cancel context.CancelFunc
}

// begin begins a load as the first user, or with another one's token.
func begin(t *testing.T, w *testworld.World, c collections.Collection, query, token string) *slowLoad {
	t.Helper()
	if token == "" {
		token = w.Token(w.Root)
	}
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	l := &slowLoad{w: w, body: writer, answer: make(chan testworld.Answer, 1), broken: make(chan error, 1), cancel: func() {
		cancel()
		_ = writer.CloseWithError(context.Canceled) // Go's client waits for a body that it reads
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.Address()+loadPath(c)+query, reader)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		response, err := client.Do(request)
		if err != nil {
			_ = reader.CloseWithError(err)
			l.broken <- err
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		_ = reader.CloseWithError(errors.New("the answer is there")) // whoever still writes is told
		if err != nil {
			l.broken <- err
			return
		}
		l.answer <- testworld.Answer{Status: response.StatusCode, Body: string(body)}
	}()
	t.Cleanup(l.cancel)
	return l
}

func (l *slowLoad) send(lines string) { _, _ = io.WriteString(l.body, lines) }

// end sends what is left.
func (l *slowLoad) end(lines string) {
	l.send(lines)
	_ = l.body.Close()
}

// finish sends what is left and gives the answer.
func (l *slowLoad) finish(t *testing.T, lines string) testworld.Answer {
	t.Helper()
	l.end(lines)
	return l.wait(t)
}

func (l *slowLoad) wait(t *testing.T) testworld.Answer {
	t.Helper()
	select {
	case a := <-l.answer:
		return a
	case err := <-l.broken:
		require.NoError(t, err)
		return testworld.Answer{}
	}
}

// copying waits until COPY has stored rows of so many loads: it does so a thousand at a
// time.
func copying(w *testworld.World, loads int) {
	w.Await(fmt.Sprintf("%d loads are copying", loads), func() bool {
		return w.Int(`select count(*) from pg_stat_progress_copy where datname = current_database() and tuples_processed > 1000`) == int64(loads)
	})
}

// noCopy waits until nobody copies, and every transaction has ended.
func noCopy(w *testworld.World) {
	w.Await("the connections are free", func() bool {
		return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`) == 0
	})
}

func TestLoad_ManyAtOnceOnOneDocument(t *testing.T) {
	t.Parallel()
	const loaders, n = 4, 3000
	for _, mode := range []string{"error", "skip", "replace"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c := w.Collection(w.Root)
			d := completed(t, w, c.ID)
			answers := make([]testworld.Answer, loaders)
			w.Race(loaders, func(i int) error {
				lines := linesOf(d, 0, n-1)
				if i%2 == 1 { // the other way round
					parts := strings.SplitAfter(strings.TrimSpace(lines)+"\n", "\n")
					for a, b := 0, n-1; a < b; a, b = a+1, b-1 {
						parts[a], parts[b] = parts[b], parts[a]
					}
					lines = strings.Join(parts, "")
				}
				answers[i] = post(w.In(t), c, "?on_conflict="+mode, lines)
				return nil
			})
			var inserted, other float64
			for _, a := range answers {
				if mode == "error" && a.Status == http.StatusConflict {
					require.Regexp(t, "chunk_exists|loads_collide", a.Body)
					other += n
					continue
				}
				said := counted(t, a)
				require.InDelta(t, n, said[0]+said[1]+said[2], 0)
				inserted += said[0]
				other += said[1] + said[2]
			}
			require.InDelta(t, n, inserted, 0, "each chunk is new once")
			require.InDelta(t, (loaders-1)*n, other, 0)
			require.EqualValues(t, n, w.Document(c.ID, d).ChunkCount)
			require.EqualValues(t, n, w.Read(c.ID).ChunkCount)
			w.Index()
			require.EqualValues(t, n, w.Read(c.ID).VectorCount)
		})
	}
}

// Each of two loads holds what the other needs.
func TestLoad_OfTwoThatWaitForEachOtherOneGoesOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	one, two := begin(t, w, c, "", ""), begin(t, w, c, "", "")
	one.send(longLines(d, 0, aLot))
	two.send(longLines(d, 100_000, 100_000+aLot))
	copying(w, 2)
	go one.end(longLines(d, 100_000, 100_000+aLot))
	go two.end(longLines(d, 0, aLot))
	first, second := one.wait(t), two.wait(t)
	require.ElementsMatch(t, []int{http.StatusCreated, http.StatusConflict}, []int{first.Status, second.Status}, "%s\n%s", first.Body, second.Body)
	require.Contains(t, first.Body+second.Body, "loads_collide")
	require.NotContains(t, first.Body+second.Body, "deadlock")
	require.EqualValues(t, 2*(aLot+1), w.Document(c.ID, d).ChunkCount)
}

// One that copies straight in holds what the other's merge needs, and needs what that
// has merged: the merge is undone, and tried again.
func TestLoad_AMergeThatMeetsAnotherLoadIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"skip", "replace"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c := w.Collection(w.Root)
			d := completed(t, w, c.ID)
			straight := begin(t, w, c, "", "")
			straight.send(longLines(d, 100_000, 100_000+aLot))
			copying(w, 1)
			merged := make(chan testworld.Answer, 1)
			go func() { merged <- post(w, c, "?on_conflict="+mode, longLines(d, 0, 10)+longLines(d, 100_000, 100_010)) }()
			w.Await("the merge waits", func() bool {
				return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%load_stage%'`) == 1
			})
			a := straight.finish(t, longLines(d, 0, 10))
			b := <-merged
			require.Equal(t, http.StatusCreated, b.Status, b.Body)
			require.Contains(t, []int{http.StatusCreated, http.StatusConflict}, a.Status, a.Body)
			if a.Status == http.StatusCreated {
				require.InDelta(t, 0, counted(t, b)[0], 0, "the other was faster with all of them")
			}
			require.Equal(t, w.Int(`select count(*) from chunks`), w.Document(c.ID, d).ChunkCount)
		})
	}
}

func TestLoad_AClientThatVanishesLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"error", "skip"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c := w.Collection(w.Root)
			d := completed(t, w, c.ID)
			token := w.Token(w.Root)
			before := w.Snapshot()
			l := begin(t, w, c, "?on_conflict="+mode, token)
			l.send(longLines(d, 0, aLot))
			copying(w, 1)
			l.cancel()
			require.Error(t, <-l.broken)
			noCopy(w)
			require.Empty(t, before.Changed(w.Snapshot()))
		})
	}
}

func TestLoad_ASilentClientIsCutOff(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("BULK_LOAD_TIMEOUT=1"))
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	token := w.Token(w.Root)
	before := w.Snapshot()
	for name, sent := range map[string]string{"before the first line": "", "in the middle of a line": `{"chunk_index": `, "in the middle of the load": longLines(d, 0, aLot)} {
		t.Run(name, func(t *testing.T) {
			// Go's own client does not look at an answer while it waits for more to send.
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.Address())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", loadPath(c), token)
			require.NoError(t, err)
			if sent != "" {
				_, err = fmt.Fprintf(conn, "%x\r\n%s\r\n", len(sent), sent)
				require.NoError(t, err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusRequestTimeout, response.StatusCode, string(body))
			require.Contains(t, string(body), "load_timeout")
			noCopy(w)
			require.Empty(t, before.Changed(w.Snapshot()))
		})
	}
}

func TestLoad_TheRightIsAskedForAgainAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]struct {
		lose   func(w *testworld.World, c collections.Collection, writer int64)
		status int
	}{
		"the share was withdrawn": {func(w *testworld.World, c collections.Collection, writer int64) {
			w.Exec(`delete from collection_permissions where collection_id = $1 and user_id = $2`, c.ID, writer)
		}, http.StatusNotFound},
		"it may only be read by now": {func(w *testworld.World, c collections.Collection, writer int64) {
			w.Exec(`update collection_permissions set permission = 'read' where collection_id = $1 and user_id = $2`, c.ID, writer)
		}, http.StatusForbidden},
		"the account was deactivated": {func(w *testworld.World, _ collections.Collection, writer int64) {
			w.Exec(`update users set is_active = false where id = $1`, writer)
		}, http.StatusForbidden},
		"the collection was deleted": {func(w *testworld.World, c collections.Collection, _ int64) { w.Delete(c) }, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c := w.Collection(w.Root)
			writer := w.User("writer")
			w.Grant(c, writer, collections.Write)
			d := completed(t, w, c.ID)
			l := begin(t, w, c, "", w.Token(writer))
			l.send(longLines(d, 0, aLot))
			copying(w, 1)
			s.lose(w, c, writer.ID)
			a := l.finish(t, lineOf(d, 1_000_000, "the last"))
			require.Equal(t, s.status, a.Status, a.Body)
			require.Zero(t, w.Int(`select count(*) from chunks`)+w.Int(`select count(*) from chunk_search_backlog`))
		})
	}
}

func TestLoad_OfMoreDocumentsThanFitAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Chunks.KeepSpans(1000)
	const n = 2050
	w.Exec(`insert into documents (id, collection_id, partition_key, file_path, file_name, file_size, content_hash, status)
select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, $1, $2, i || '.txt', i || '.txt', 0, lpad(to_hex(i), 64, '0'), 'completed' from generate_series(1, $3::int) i`,
		c.ID, w.Scope(c.ID).PartitionKey(), n)
	w.Exec(`update collections set document_count = $2 where id = $1`, c.ID, n)
	var b strings.Builder
	for round := range 2 { // each document twice, far from each other
		for i := n; i >= 1; i-- {
			fmt.Fprintf(&b, `{"document_id": "00000000-0000-4000-8000-%012d", "chunk_index": %d, "content": "of %d"}`+"\n", i, round, i)
		}
	}
	require.Equal(t, [4]float64{2 * n, 0, 0, n}, counted(t, post(w, c, "", b.String())))
	require.Zero(t, w.Int(`select count(*) from documents where chunk_count <> 2`))
	require.Equal(t, [4]float64{0, 2 * n, 0, 0}, counted(t, post(w, c, "?on_conflict=skip", b.String())))
	w.Index()
	require.EqualValues(t, 2*n, w.Read(c.ID).VectorCount)
}

func TestLoad_UnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		c := w.Collection(w.Root)
		d := completed(t, w, c.ID)
		for _, mode := range []string{"error", "skip", "replace"} {
			for {
				a := post(w, c, "?on_conflict="+mode, linesOf(d, 0, 500)+`{"chunk_index": 3, "content": "alone"}`)
				if a.Status != http.StatusServiceUnavailable {
					require.Equal(t, http.StatusCreated, a.Status, a.Body)
					break
				}
				// A load is not run again by itself, since its stream is gone; and nothing of
				// one that did not commit is there.
				require.Contains(t, a.Body, "busy")
				if mode == "error" {
					require.Zero(t, w.Int(`select count(*) from chunks`))
				}
			}
		}
		w.Index()
		require.EqualValues(t, 502, w.Read(c.ID).VectorCount)
		require.EqualValues(t, 501, w.Document(c.ID, d).ChunkCount)
	}, testworld.NoWorker())
}

// Wherever a load is broken off, nothing of it is stored.
func TestLoad_BrokenOffAtEachStatementStoresNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	scope := w.As(w.Root)
	for _, mode := range []chunks.OnConflict{chunks.OnConflictError, chunks.OnConflictSkip, chunks.OnConflictReplace} {
		changed := w.FailEach(func() error {
			i := -1
			_, err := w.Chunks.Load(scope, c.ID, chunks.LoadQuery{OnConflict: mode, Interrupt: func() {}, Next: func() (chunks.NewChunk, error) {
				if i++; i == 50 {
					return chunks.NewChunk{}, io.EOF
				}
				return chunks.NewChunk{DocumentID: &d, ChunkIndex: i, Content: sentence(i)}, nil
			}})
			return err
		})
		require.Contains(t, changed, "public.chunks", "by the one that nothing broke off")
		w.Exec(`delete from chunks`)
		w.Exec(`delete from chunk_search_backlog`)
		w.Exec(`update collections set chunk_count = 0`)
		w.Exec(`update documents set chunk_count = 0`)
	}
}
