package app

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

func newSearch(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "search QUERY --collection NAME",
		Short: "Search collections",
		Long: "Search one or more collections for passages that have the words, English and German ones in\n" +
			"any of their forms, the best first.\n\n" +
			"Words are wanted: what has all of them comes first, then what has some. '\"a phrase\"' is required,\n" +
			"what has a -word is left out, word* stands for all that begin so, and a OR b is one of them.\n" +
			"Put -- before a query that begins with a minus.\n\n" + signInRules,
		Example: "  semantik search \"restore a backup\" --collection notes\n" +
			"  semantik search Haus -c notes -c manual --limit 3 --json\n" +
			"  semantik search '\"point in time\" restor* -mysql' -c notes\n" +
			"  semantik search invoice -c letters --filter '{\"author\": \"ada\", \"year\": {\"$gte\": 2020}}'",
		Args: cobra.MinimumNArgs(1),
	}
	var collections []string
	cmd.Flags().StringArrayVarP(&collections, "collection", "c", nil, "name or id of a collection (required, up to ten times)")
	limit := cmd.Flags().IntP("limit", "k", 10, "how many results, 1 to 250")
	filter := cmd.Flags().String("filter", "", "JSON object that the metadata of chunks or their documents must meet")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := strings.TrimSpace(strings.Join(args, " "))
		switch {
		case len(collections) == 0:
			return usagef("name the collection with --collection NAME")
		case len(collections) > 10:
			return usagef("at most ten collections can be searched at once")
		case *limit < 1 || *limit > 250:
			return usagef("--limit must be 1 to 250")
		case query == "" || !utf8.ValidString(query) || utf8.RuneCountInString(query) > 1000:
			return usagef("the query must have 1 to 1000 characters")
		}
		var conditions json.RawMessage
		if cmd.Flags().Changed("filter") {
			if err := json.Unmarshal([]byte(*filter), &map[string]any{}); err != nil {
				return usagef("--filter must be a JSON object such as '{\"author\": \"ada\"}': %v", err)
			}
			conditions = json.RawMessage(*filter)
		}
		return s.search(cmd, query, collections, *limit, conditions, *asJSON)
	}
	return withExitCodes(cmd)
}

func (s *shell) search(cmd *cobra.Command, query string, names []string, limit int, filter json.RawMessage, asJSON bool) error {
	c, err := s.client(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	ids := make([]string, len(names))
	for i, name := range names {
		collection, err := namedCollection(cmd.Context(), c, name)
		if err != nil {
			return err
		}
		ids[i] = collection.Value.ID
	}
	found, err := c.Search(cmd.Context(), ids, query, limit, filter)
	if err != nil {
		return err
	}
	if asJSON {
		return s.json(found.Raw)
	}
	s.showHits(found)
	return nil
}
