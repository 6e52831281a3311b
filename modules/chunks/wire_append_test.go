package chunks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
)

// hostileTexts are hard to write as JSON.
var hostileTexts = []string{
	"", "plain", `"quoted" \ / <b>&amp;</b>`, "line\nfeed\r\n\ttab\b\f", "\x01\x1f\x7f", "\u2028\u2029", "ä 漢 😀 \ufffd \U0010ffff",
	strings.Repeat("x", 100_000), strings.Repeat("ÿ\x7f¢漢😀", 1000), strings.Repeat("\"\\", 33), "1234567\n1234567\"12345678\\",
}

// fullChunk has a value in every column; emptyChunk has none where there may be none.
func fullChunk(content string) chunks.Chunk {
	document, vector := uuid.New(), "vector "+content
	start, end, tokens := int64(0), int64(1<<31-1), 12
	edited := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 3600))
	c := emptyChunk(content)
	c.DocumentID, c.StartOffset, c.EndOffset, c.TokenCount, c.EmbeddingVectorID, c.EditedAt = &document, &start, &end, &tokens, &vector, &edited
	c.Enabled, c.Metadata = true, json.RawMessage(`{"n": 123456789012345678901234567890, "list": [1, {"a": null}], "text": "é\u2028"}`)
	return c
}

func emptyChunk(content string) chunks.Chunk {
	return chunks.Chunk{ID: 1<<63 - 1, CollectionID: uuid.New(), ChunkIndex: 1<<31 - 1, Content: content, CreatedAt: time.Unix(0, 0), UpdatedAt: time.Now()}
}

// What is appended by hand says the same as encoding/json does, in the same order.
func TestAppendJSON_SaysWhatEncodingJSONSays(t *testing.T) {
	t.Parallel()
	total, next := int64(1<<62), `a "cursor"`
	for _, text := range hostileTexts {
		full, empty := fullChunk(text), emptyChunk(text)
		for _, one := range []struct {
			name string
			give func() (chunks.JSON, error)
		}{
			{"a page", func() (chunks.JSON, error) { return chunks.PageJSON([]chunks.Chunk{full, empty}, &total, &next) }},
			{"an empty page", func() (chunks.JSON, error) { return chunks.PageJSON([]chunks.Chunk{}, nil, nil) }},
			{"one chunk", func() (chunks.JSON, error) { return chunks.OneJSON(full, nil) }},
			{"one chunk without anything", func() (chunks.JSON, error) { return chunks.OneJSON(empty, nil) }},
			{"one chunk with neighbours", func() (chunks.JSON, error) { return chunks.OneJSON(full, []chunks.Chunk{empty, full}) }},
		} {
			given, err := one.give()
			require.NoError(t, err)
			require.Equal(t, tokens(t, given.Encoded), tokens(t, given.Appended), "%s with %.20q", one.name, text)
		}
	}
}

// checkPage compares a page with what encoding/json makes of it, and the number of
// characters with that of package utf8.
func checkPage(t *testing.T, text string) {
	t.Helper()
	given, err := chunks.PageJSON([]chunks.Chunk{fullChunk(text)}, nil, &text)
	require.NoError(t, err)
	require.Equal(t, tokens(t, given.Encoded), tokens(t, given.Appended))
	var page struct {
		Chunks []struct {
			Content        string
			CharacterCount int `json:"char_count"`
		}
	}
	require.NoError(t, json.Unmarshal(given.Appended, &page))
	require.Equal(t, text, page.Chunks[0].Content)
	require.Equal(t, utf8.RuneCountInString(text), page.Chunks[0].CharacterCount)
}

// Whatever a word of eight bytes is cut from, and wherever in it a character lies.
func TestAppendJSON_OfEveryCharacterAtEveryPlace(t *testing.T) {
	t.Parallel()
	for _, character := range []string{"\x00", "\x1f", " ", "!", "\"", "#", "[", "\\", "]", "\x7f", "\u0080", "¢", "ÿ", "\u0800", "漢", "\uffff", "😀"} {
		for before := range 17 {
			for after := range 9 {
				checkPage(t, strings.Repeat("a", before)+character+strings.Repeat("é", after))
			}
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkPage(t, strings.ToValidUTF8(text, "?")) // as PostgreSQL has it
	})
}

// tokens are the parts of a JSON text, numbers with all their digits.
func tokens(t *testing.T, text []byte) []json.Token {
	t.Helper()
	require.True(t, json.Valid(text), "%.200s", text)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var all []json.Token
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, token)
	}
}
