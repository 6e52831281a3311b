package documents_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

// filled makes a document of each path, with the metadata.
func filled(t *testing.T, w *testworld.World, c collections.Collection, metadata map[string]string) {
	t.Helper()
	rows := documents.NewRepository(w.DB)
	for path, meta := range metadata {
		d := row(path, path)
		if meta != "" {
			d.Meta = json.RawMessage(meta)
		}
		require.NoError(t, rows.Create(t.Context(), w.Scope(c.ID), &d))
	}
	count(w, c.ID)
}

// found gives the paths that a list has, sorted, and checks that total counts them.
func found(t *testing.T, w *testworld.World, c uuid.UUID, q documents.ListQuery) []string {
	t.Helper()
	q.Page = database.Page{Limit: 100}
	list, total, err := w.Documents.List(w.As(w.Root), c, q)
	require.NoError(t, err, "%+v", q)
	require.EqualValues(t, len(list), total)
	paths := []string{}
	for _, d := range list {
		paths = append(paths, d.FilePath)
	}
	slices.Sort(paths)
	return paths
}

func TestList_ByWhatTheMetadataHas(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	filled(t, w, c, map[string]string{
		"a": `{"author": "x", "year": 2020, "tags": ["a", "b"], "range": {"in": 5}}`,
		"b": `{"author": "x", "year": 2019, "tags": ["b", "c"]}`,
		"c": `{"author": {"name": "Ada"}, "year": "2020", "tags": "a"}`,
		"d": `{"author": null, "tags": []}`,
		"e": "",
	})
	filled(t, w, w.Collection(w.Root), map[string]string{"z": `{"author": "x", "year": 2020, "tags": ["a"]}`})
	for metadata, expected := range map[string][]string{
		``:   {"a", "b", "c", "d", "e"},
		`{}`: {"a", "b", "c", "d", "e"},
		`{"author":"x","year":{"gte":2020},"tags":{"any":["a"]}}`: {"a"},
		`{"author":"x","year":{"$gte":2020}}`:                     {"a"},
		`{"author":"x"}`:                                          {"a", "b"},
		`{"author":["x",null]}`:                                   {"a", "b", "d"},
		`{"author":{"name":"Ada"}}`:                               {"c"},
		`{"author":{"exists":false}}`:                             {"e"},
		`{"year":{"gt":2018,"lte":2019}}`:                         {"b"},
		`{"year":{"gte":"2000"}}`:                                 {"c"},
		`{"tags":{"any":["a","c"]}}`:                              {"a", "b", "c"},
		`{"tags":{"all":["a","b"]}}`:                              {"a"},
		`{"tags":{"all":["b"],"ne":"a"}}`:                         {"b"},
		`{"tags":{"nin":["a"]}}`:                                  {"b", "d", "e"},
		`{"tags":{"in":[]}}`:                                      {},
		`{"range":{"in":{"eq":5}}}`:                               {"a"},
		`{"range":{"in":[5]}}`:                                    {},
		`{"'; drop table documents; --":"x"}`:                     {},
		`{"author":"?"}`:                                          {},
		`{"author":"@x"}`:                                         {},
	} {
		require.Equal(t, expected, found(t, w, c.ID, documents.ListQuery{Metadata: json.RawMessage(metadata)}), metadata)
	}
	t.Run("with the other conditions", func(t *testing.T) {
		w.Exec(`update documents set status = 'failed' where collection_id = $1 and file_path in ('a', 'e')`, c.ID)
		byAuthor := json.RawMessage(`{"author":"x"}`)
		require.Equal(t, []string{"a"}, found(t, w, c.ID, documents.ListQuery{Status: "failed", Metadata: byAuthor}))
		require.Equal(t, []string{"b"}, found(t, w, c.ID, documents.ListQuery{Status: "pending", Metadata: byAuthor}))
		require.Equal(t, []string{"a"}, found(t, w, c.ID, documents.ListQuery{Text: "2020", Metadata: byAuthor}))
		page, total, err := w.Documents.List(w.As(w.Root), c.ID, documents.ListQuery{Metadata: byAuthor, Page: database.Page{Offset: 1, Limit: 1}})
		require.NoError(t, err)
		require.EqualValues(t, 2, total)
		require.Equal(t, "b", page[0].FilePath, "what failed comes first")
	})
}

// In 200,000 documents the dearest filter that is allowed takes seconds, and the total
// must not double them.
func TestList_AFilterIsAskedOnceOfEachDocument(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	filled(t, w, c, map[string]string{"a": `{"n": 1}`, "b": `{"n": 2}`, "c": `{"n": 3}`})
	asked := 0
	for _, s := range w.Trace.Record(func() {
		page, total, err := w.Documents.List(w.As(w.Root), c.ID, documents.ListQuery{Metadata: json.RawMessage(`{"n":{"gte":2}}`), Page: database.Page{Limit: 1}})
		require.NoError(t, err)
		require.EqualValues(t, 2, total)
		require.Len(t, page, 1)
	}) {
		asked += strings.Count(s.SQL, "jsonb_path_match")
	}
	require.Equal(t, 1, asked)
}

func TestList_WhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, alice := w.Collection(w.Root), w.User("alice")
	list := "/api/v2/collections/" + c.ID.String() + "/documents?"
	for query, want := range map[string]struct {
		status int
		has    string
	}{
		"metadata={":                            {400, "must be a JSON object"},
		"metadata=x":                            {400, "metadata_filter_invalid"},
		"metadata=[]":                           {400, "must be a JSON object"},
		`metadata={"a":1,"a":2}`:                {400, "twice"},
		`metadata={"a":"\ud800"}`:               {400, "surrogate"},
		`metadata={"a":"\u0000"}`:               {400, "NUL"},
		`metadata={"a":{"regex":"x"}}`:          {400, "no operator; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $any, $all"},
		`metadata={"a":{"$size":2}}`:            {400, "no operator"},
		`metadata={"a":{"gte":true}}`:           {400, "must be a number or a string"},
		`metadata={"a":{"any":[]}}`:             {400, "at least one value"},
		`metadata={"$or":[{"a":1}]}`:            {400, "metadata_filter_invalid"},
		"metadata=" + strings.Repeat("[", 1000): {400, "nested deeper"},
		"metadata=" + `{"a":"` + strings.Repeat("x", 17<<10) + `"}`: {400, "at most 16384 bytes"},
		"q=" + strings.Repeat("ä", 1001):                            {422, "query.q"},
		"q=%2D%2D%20...!":                                           {400, "query_without_words"},
		"q=a%00b":                                                   {400, "NUL"},
		"q=%ff":                                                     {400, "UTF-8"},
		"status=done":                                               {400, "unknown_document_status"},
		"q=" + strings.Repeat("ä", 1000):                            {200, `"total":0`},
		"q=" + strings.Repeat("a%20", 500):                          {200, `"total":0`},
		"q=%20%09&metadata=&status=":                                {200, `"total":0`},
		`q=%27%3A*%20%26%20!(%27%20%5C%27a%3AA`:                     {200, `"total":0`},
	} {
		name, value, _ := strings.Cut(query, "=")
		if name == "metadata" && !strings.Contains(query, "&") {
			query = name + "=" + url.QueryEscape(value)
		}
		a := w.Send(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: list + query})
		require.Equal(t, want.status, a.Status, "%.80s: %s", query, a.Body)
		text := a.Body
		if detail, ok := a.JSON(t)["detail"].(string); ok {
			text += detail
		}
		require.Contains(t, text, want.has, "%.80s", query)
	}
	w.HTTP(t, testworld.Scenario{Name: "the right comes before what is asked", As: &alice, Method: http.MethodGet, URL: list + "metadata=x", Status: 404})
	_, _, err := w.Documents.List(w.As(w.Root), c.ID, documents.ListQuery{Text: strings.Repeat("a", documents.MaxQuery+1)})
	require.Equal(t, apperr.Invalid, apperr.From(err).Kind)
}

func TestList_ByWordsOfNamesPathsAndMetadata(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	filled(t, w, c, map[string]string{
		"finance/Quarterly_report-2024.pdf": "",
		"finance/Yearly~report+draft.docx":  `{"author": "Ada Lovelace", "tags": ["budget", {"deep": "O'Hara\\Q"}], "year": 2023, "done": true}`,
		"src/main@v1.2.go":                  `{"note": "first\nsecond\tthird \"quoted\" C:\\new\u0001x", "http": "https://example.org/a?b=c"}`,
		"Übersicht über Häuser.txt":         `{"": ["Größe", 12345678901234567890]}`,
	})
	filled(t, w, w.Collection(w.Root), map[string]string{"quarterly.pdf": ""})
	const report, yearly, source, houses = "finance/Quarterly_report-2024.pdf", "finance/Yearly~report+draft.docx", "src/main@v1.2.go", "Übersicht über Häuser.txt"
	for text, expected := range map[string][]string{
		"quarterly": {report}, "QUARTERLY": {report}, "quart": {report}, "report": {report, yearly}, "2024": {report}, "pdf": {report},
		"Quarterly_report-2024.pdf": {report}, "finance/Quarterly_report-2024.pdf": {report}, "report quarterly": {report}, "pdf docx": {},
		"arterly": {}, "financ": {report, yearly}, "draft": {yearly},
		"lovelace": {yearly}, "ada bud": {yearly}, "o'hara": {yearly}, "2023": {yearly}, "deep": {}, "author": {}, "true": {},
		"main": {source}, "v1.2": {source}, "main@v1": {source}, "second": {source}, "third": {source}, "quoted": {source}, "new": {source},
		"nsecond": {}, "example.org": {source}, "https://example.org/a": {source},
		"übersicht": {houses}, "ubersicht": {}, "U\u0308bersicht": {houses}, "häus": {houses}, "größe": {houses}, "12345678901234567890": {houses},
		"": {report, yearly, source, houses}, "%": nil, "_": nil,
	} {
		if expected == nil {
			_, _, err := w.Documents.List(w.As(w.Root), c.ID, documents.ListQuery{Text: text})
			require.Equal(t, "query_without_words", apperr.From(err).Code, text)
			continue
		}
		slices.Sort(expected)
		require.Equal(t, expected, found(t, w, c.ID, documents.ListQuery{Text: text}), text)
	}
	t.Run("what changes is found as it is now", func(t *testing.T) {
		d := row("new.txt", "new.txt")
		require.NoError(t, documents.NewRepository(w.DB).Create(t.Context(), w.Scope(c.ID), &d))
		count(w, c.ID)
		_, err := documents.NewRepository(w.DB).Update(t.Context(), w.Scope(c.ID), d.ID, map[string]any{"file_path": "renamed.txt", "file_name": "renamed.txt", "meta": `{"a": "walrus"}`})
		require.NoError(t, err)
		require.Equal(t, []string{"renamed.txt"}, found(t, w, c.ID, documents.ListQuery{Text: "walrus"}))
		require.Equal(t, []string{"renamed.txt"}, found(t, w, c.ID, documents.ListQuery{Text: "renamed"}))
	})
}

// The largest metadata that is taken is taken by the index as well, whatever is in it.
func TestList_NoMetadataIsTooMuchForTheIndex(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	var many strings.Builder
	for i := 0; many.Len() < documents.MaxMetadataBytes-100; i++ {
		fmt.Fprintf(&many, "%x ", i)
	}
	for name, value := range map[string]string{
		"many words": many.String(), "one word": strings.Repeat("x", documents.MaxMetadataBytes-100), "paths": strings.Repeat("~/", documents.MaxMetadataBytes/2-100),
		"joints": strings.Repeat("a_", documents.MaxMetadataBytes/2-100), "numbers": strings.Repeat("1.", documents.MaxMetadataBytes/2-100),
		"signs": strings.Repeat("-1e", documents.MaxMetadataBytes/3-100), "entities": strings.Repeat("&a;", documents.MaxMetadataBytes/3-100),
		"whales": strings.Repeat("🐋", documents.MaxMetadataBytes/4-100),
	} {
		d := row(name, name)
		d.Meta = json.RawMessage(`{"a": "` + value + `"}`)
		require.NoError(t, documents.NewRepository(w.DB).Create(t.Context(), w.Scope(c.ID), &d), name)
	}
	deep := row("deep", "deep")
	deep.Meta = json.RawMessage(strings.Repeat(`{"a":[`, 49) + `"walrus"` + strings.Repeat("]}", 49))
	require.NoError(t, documents.NewRepository(w.DB).Create(t.Context(), w.Scope(c.ID), &deep))
	long := row(strings.Repeat("ä/", 2047)+"ä", "long")
	long.FileName = "long"
	require.NoError(t, documents.NewRepository(w.DB).Create(t.Context(), w.Scope(c.ID), &long))
	count(w, c.ID)
	require.Equal(t, []string{"deep"}, found(t, w, c.ID, documents.ListQuery{Text: "walrus"}))
	require.Equal(t, []string{"many words"}, found(t, w, c.ID, documents.ListQuery{Text: "2af0"}))
}

// With documents enough, words are looked for in the index that is there for them, for
// the page and for the total.
func TestList_WordsAreLookedForInTheirIndex(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	for _, id := range []uuid.UUID{c.ID, other.ID} {
		w.Exec(`
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status)
select c.id, c.partition_key, 'folder/report-' || md5(i::text) || '.pdf', 'report-' || md5(i::text) || '.pdf', 0, lpad(to_hex(i), 64, '0'), 'completed'
from collections c
cross join generate_series(1, 5000) i
where c.id = $1`, id)
		count(w, id)
	}
	// What waits to be put into the index makes it dear to the planner.
	w.Exec(`select gin_clean_pending_list('ix_documents_search')`)
	w.Exec(`analyze documents`)
	as := w.As(w.Root)
	for text, want := range map[string]int64{"report-c4ca4238": 1, "c4c": 1} {
		statements := w.Trace.Record(func() {
			_, total, err := w.Documents.List(as, c.ID, documents.ListQuery{Text: text, Page: database.Page{Limit: 50}})
			require.NoError(t, err)
			require.GreaterOrEqual(t, total, want)
		})
		explained := 0
		for _, s := range statements {
			if !strings.Contains(s.SQL, "documents.search @@") {
				continue
			}
			explained++
			require.NotContains(t, s.SQL, `"documents"."search"`, "the words themselves are not read")
			plan := testworld.Value[string](w, "explain (format json) "+s.SQL, s.Args...)
			require.Contains(t, plan, "ix_documents_search", s.SQL)
			require.Regexp(t, `"Index Cond": ".*collection_id = .*search @@`, plan)
		}
		require.Equal(t, 2, explained)
	}
}
