package chunks_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

func TestSearch_TheLanguageOfQueries(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c,
		testworld.File{Path: "cat-in-hat", Content: "The cat in the hat was reading about databases."},
		testworld.File{Path: "hat-and-cat", Content: "A hat, and far from it on another sofa a cat."},
		testworld.File{Path: "dog", Content: "A dog with a hat likes household tasks."},
		testworld.File{Path: "haus", Content: "Die alten Häuser standen am Ufer, ohne Hund."},
		testworld.File{Path: "sloth", Content: "It's O'Reilly's C:\\path of the sloth's 100% life."},
	)
	for query, expected := range map[string][]string{
		"cat hat":                {"cat-in-hat", "hat-and-cat", "dog"},
		`"cat in the hat"`:       {"cat-in-hat"},
		`"cats in hats"`:         {}, // "in" and "in the" are not as long
		`"alte Haus"`:            {"haus"},
		`"cat in the hat" dog`:   {"cat-in-hat"},
		`"cat"`:                  {"cat-in-hat", "hat-and-cat"},
		"hat -cat":               {"dog"},
		`hat -"cat in the hat"`:  {"dog", "hat-and-cat"},
		"hat -cats -dogs":        {},
		"hat -alten cat":         {"cat-in-hat", "hat-and-cat", "dog"},
		"house*":                 {"dog"},
		"häus*":                  {"haus"},
		"databases*":             {"cat-in-hat"},
		"DATABAS*":               {"cat-in-hat"},
		`"likes househ*"`:        {"dog"},
		"hat -house*":            {"cat-in-hat", "hat-and-cat"},
		`"dog" OR "alte Häuser"`: {"dog", "haus"},
		"dog OR Hund hat":        {"dog", "haus", "cat-in-hat", "hat-and-cat"},
		"-hat":                   {},
		"o'reilly":               {"sloth"},
		`c:\path`:                {"sloth"},
		`"'sloth':* | 'cat'"`:    {},
		"the":                    {"cat-in-hat", "sloth"},
		"in -in":                 {},
	} {
		found := paths(search(t, w, w.Root, query, c.ID))
		if query == "cat hat" || query == "hat -alten cat" {
			slices.Sort(found[:2]) // both have both words
		} else {
			slices.Sort(found)
			slices.Sort(expected)
		}
		require.Equal(t, expected, found, "%s", query)
	}
	t.Run("what has all words comes first and has half a point or more", func(t *testing.T) {
		hits := search(t, w, w.Root, "hat cat sofa", c.ID).Hits
		require.Equal(t, "hat-and-cat", hits[0].FilePath)
		require.GreaterOrEqual(t, hits[0].Score, 0.5)
		require.Less(t, hits[1].Score, 0.5)
		result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "hat cat sofa", K: 10, Threshold: 0.5})
		require.NoError(t, err)
		require.Len(t, result.Hits, 1)
	})
	t.Run("what could not be heeded is said", func(t *testing.T) {
		require.Contains(t, strings.Join(search(t, w, w.Root, "h* cat", c.ID).Warnings, " "), "too short")
		require.Contains(t, strings.Join(search(t, w, w.Root, "-cat", c.ID).Warnings, " "), "leave out")
	})
}

func TestSearch_AllWordsWinOverManyOfOne(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c,
		testworld.File{Path: "one", Content: strings.Repeat("walrus ", 40)},
		testworld.File{Path: "both", Content: strings.Repeat("Some other text that goes on for a long while. ", 15) + "A walrus met a heron."},
	)
	require.Equal(t, []string{"both", "one"}, paths(search(t, w, w.Root, "walrus heron", c.ID)))
}

func TestSearch_FiltersByMetadata(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	for path, metadata := range map[string]string{
		"a": `{"lang": "de", "year": 2020, "tags": ["x", "y"], "author": {"name": "Ada"}}`,
		"b": `{"lang": "en", "year": 2021.5, "tags": [], "done": true, "nothing": null}`,
		"c": `{"lang": "DE", "year": "2022", "n": 12345678901234567890}`,
		"d": `{}`,
	} {
		w.AddDocuments(c, testworld.File{Path: path, Content: "walrus " + path})
		w.Exec(`update documents set meta = $2 where collection_id = $1 and file_path = $3`, c.ID, metadata, path)
	}
	// A chunk's own metadata stand before its document's.
	w.Exec(`update chunks set metadata = '{"year": 1999, "page": 7}' where collection_id = $1 and content like '%d'`, c.ID)
	found := func(filter string) []string {
		result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus seal", K: 50, Filter: json.RawMessage(filter)})
		require.NoError(t, err, filter)
		names := paths(result)
		slices.Sort(names)
		return names
	}
	for filter, expected := range map[string][]string{
		`{}`:                                   {"a", "b", "c", "d"},
		`{"lang": "de"}`:                       {"a"},
		`{"lang": ["de", "en", 1]}`:            {"a", "b"},
		`{"lang": {"$ne": "de"}}`:              {"b", "c", "d"},
		`{"lang": {"$nin": ["de", "en"]}}`:     {"c", "d"},
		`{"lang": {"$in": []}}`:                {},
		`{"lang": {"$nin": []}}`:               {"a", "b", "c", "d"},
		`{"year": 2020.0}`:                     {"a"},
		`{"year": "2020"}`:                     {},
		`{"year": {"$gte": 2020}}`:             {"a", "b"},
		`{"year": {"$gt": 1999, "$lt": 2021}}`: {"a"},
		`{"year": {"$lte": 1999}}`:             {"d"},
		`{"year": {"$gt": "2021"}}`:            {"c"},
		`{"page": 7}`:                          {"d"},
		`{"tags": "x"}`:                        {"a"},
		`{"tags": {"$exists": true}}`:          {"a", "b"},
		`{"tags": {"$exists": false}}`:         {"c", "d"},
		`{"tags": {"$ne": "x"}}`:               {"b", "c", "d"},
		`{"tags": {"$gt": "x", "$lt": "y"}}`:   {},
		`{"author": {"name": "Ada"}}`:          {"a"},
		`{"author": {"name": {"$ne": "Ada"}}}`: {"b", "c", "d"},
		`{"done": true, "lang": "en"}`:         {"b"},
		`{"done": false}`:                      {},
		`{"nothing": null}`:                    {"b"},
		`{"year": {"gte": 2020}}`:              {"a", "b"},
		`{"year": {"gt": 1999, "$lt": 2021}}`:  {"a"},
		`{"lang": {"any": ["de", "en"]}}`:      {"a", "b"},
		`{"tags": {"all": ["x"]}}`:             {"a"},
		`{"author": {"name": {"eq": "Ada"}}}`:  {"a"},
		`{"n": 12345678901234567890}`:          {"c"},
		`{"n": 12345678901234567891}`:          {},
		`{"a\" || 1 == 1 || \"": 1}`:           {},
		`{"": {"$exists": false}}`:             {"a", "b", "c", "d"},
	} {
		require.Equal(t, expected, found(filter), filter)
	}
}

func TestSearch_ShowsTheMetadataThatAFilterGoesBy(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a", Content: "walrus a"}, testworld.File{Path: "b", Content: "walrus b"})
	w.Exec(`update documents set meta = '{"year": 2020, "lang": "de"}' where collection_id = $1`, c.ID)
	w.Exec(`update chunks set metadata = '{"year": 1999, "page": 7}' where collection_id = $1 and content like '%b'`, c.ID)
	t.Run("what it goes by is shown", func(t *testing.T) {
		result := search(t, w, w.Root, `"walrus b"`, c.ID)
		require.JSONEq(t, `{"year": 1999, "page": 7, "lang": "de"}`, string(result.Hits[0].Metadata))
	})
	t.Run("it comes before the limit", func(t *testing.T) {
		result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus", K: 1, Filter: json.RawMessage(`{"page": {"$exists": true}}`)})
		require.NoError(t, err)
		require.Equal(t, []string{"b"}, paths(result))
	})
}

// FuzzSearch_NoQueryIsAnError sends whatever there is through PostgreSQL.
func FuzzSearch_NoQueryIsAnError(f *testing.F) {
	w := testworld.New(f)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a", Content: "It's a walrus, isn't it?"})
	for _, seed := range []string{`walrus`, `"it's a wal*" -b OR c`, `'':* | !('`, `{"a": {"$gt": "\\"}}`, `{"\"": [1, null]}`} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, filter string) {
		if len(text) == 0 || len(text) > 1000 || strings.ToValidUTF8(text, "") != text || strings.Contains(text, "\x00") {
			return
		}
		as := w.In(t).As(w.Root)
		_, err := w.Chunks.Search(as, chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: text, K: 5})
		require.NoError(t, err)
		_, err = w.Chunks.Search(as, chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus", K: 5, Filter: json.RawMessage(strings.ToValidUTF8(filter, ""))})
		if err != nil {
			require.ErrorContains(t, err, "The metadata_filter cannot be used: ")
		}
	})
}
