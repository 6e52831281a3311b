package app

import (
	"context"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"semantik/app/client"
)

// showHits says what a search has found.
func (s *shell) showHits(found client.Found) {
	look := s.styleFor(s.stdout)
	for _, warning := range found.Warnings {
		if strings.HasPrefix(warning, "No embedding model") {
			continue // the command asked for a search by words
		}
		s.notef("%s\n", look.yellow(plain(warning)))
	}
	for _, failed := range found.Failed {
		s.notef("%s\n", look.red(plain(failed.Name+" could not be searched: "+failed.Message)))
	}
	if len(found.Results) == 0 {
		s.printf("Nothing was found for %q.\n", plain(found.Query))
		return
	}
	for i, hit := range found.Results {
		name := plain(hit.FilePath)
		if name == "" {
			name = "(no file)"
		}
		s.printf("%2d. %s  %s\n", i+1, look.bold(name), look.dim(scoreText(hit)))
		s.printf("    %s\n", look.snippet(hit.Snippet))
	}
}

var heading = regexp.MustCompile(`(?m)^#{1,6}[ \t]+(.+?)[ \t#]*$`)

// exampleSearch finds something in a collection that a search for it must answer:
// a heading of a document, else its longest words. It is "" for a collection
// without a document that can be searched.
func exampleSearch(ctx context.Context, c *client.Client, collectionID string) (client.Found, string, error) {
	tried := 0
	for document, err := range c.Documents(ctx, collectionID, "completed") {
		if err != nil {
			return client.Found{}, "", err
		}
		if document.ChunkCount == 0 {
			continue
		}
		texts, err := c.ChunkTexts(ctx, collectionID, document.ID)
		if err != nil {
			return client.Found{}, "", err
		}
		if query := exampleQuery(texts); query != "" {
			found, err := c.Search(ctx, []string{collectionID}, query, 1, nil)
			if err != nil || len(found.Results) > 0 {
				return found, query, err
			}
		}
		if tried++; tried == 20 {
			break
		}
	}
	return client.Found{}, "", nil
}

// exampleQuery takes a heading of two to eight words, or the longest words of
// the first text.
func exampleQuery(texts []string) string {
	for _, text := range texts {
		for _, match := range heading.FindAllStringSubmatch(text, -1) {
			words := strings.FieldsFunc(match[1], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' })
			if len(words) >= 2 && len(words) <= 8 {
				return strings.Join(words, " ")
			}
		}
	}
	const most, fewest = 20, 5
	best := ""
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
			if n := utf8.RuneCountInString(word); n >= fewest && n <= most && n > utf8.RuneCountInString(best) {
				best = word
			}
		}
		if best != "" {
			break
		}
	}
	return best
}
