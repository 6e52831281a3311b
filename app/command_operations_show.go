package app

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newOperationsShow(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show an operation, and what to do about it",
		Long: "Show an operation: how far it is, how fast, what came of it, which documents of its collection have\n" +
			"failed and why, and what can be done. " + operationRules + "\n\n" + signInRules,
		Example: "  semantik operations show 5b0c1f3e\n  semantik operations show 5b0c1f3e-8d0a-4c37-9c55-0f6f3d1f9a11 --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withOperation(cmd, args[0], func(ctx context.Context, c *client.Client, id string) error {
			shown, err := readOperation(ctx, c, id)
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(shown)
			}
			s.showOperation(shown, paceText(shown.Operation.Value, c.Now()))
			return nil
		})
	}
	return withExitCodes(cmd)
}

// withOperation does something with an operation, by its id, for the command.
func (s *shell) withOperation(cmd *cobra.Command, given string, do func(ctx context.Context, c *client.Client, id string) error) error {
	return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
		id, err := operationID(ctx, c, given)
		if err != nil {
			return err
		}
		return do(ctx, c, id)
	})
}

// shownOperation is an operation with what belongs to it.
type shownOperation struct {
	Operation  client.Listed[client.Operation] `json:"operation"`
	Collection string                          `json:"collection_name"`
	// PerSecond and SecondsLeft are nil where nothing is known.
	PerSecond   *float64 `json:"documents_per_second"`
	SecondsLeft *float64 `json:"seconds_left"`
	// Failed are the documents of the collection that failed, the first of them.
	Failed *client.Listed[client.DocumentPage] `json:"failed_documents"`
}

func readOperation(ctx context.Context, c *client.Client, id string) (shownOperation, error) {
	o, err := c.Operation(ctx, id)
	if err != nil {
		return shownOperation{}, err
	}
	shown := shownOperation{Operation: o}
	if shown.Collection, err = (collectionNames{client: c, known: map[string]string{}}).of(ctx, o.Value); err != nil {
		return shown, err
	}
	if perSecond, left, known := o.Value.Pace(c.Now()); known {
		shown.PerSecond = &perSecond
		if seconds := left.Seconds(); !o.Value.Ended() && o.Value.Progress.Total > 0 {
			shown.SecondsLeft = &seconds
		}
	}
	if o.Value.Type == client.TypeDelete {
		return shown, nil
	}
	failed, err := c.FailedDocuments(ctx, o.Value.CollectionID)
	p, refused := errors.AsType[*client.Problem](err)
	switch {
	case err == nil:
		shown.Failed = &failed
	case !refused || p.Status != http.StatusNotFound: // the collection may be deleted by now
		return shown, err
	}
	return shown, nil
}

func (s *shell) showOperation(shown shownOperation, pace string) {
	row := func(name, text string) {
		if text != "" {
			s.printf("%-12s %s\n", name, plain(text))
		}
	}
	o := shown.Operation.Value
	row("id", o.ID)
	row("type", o.Type)
	row("collection", shown.Collection)
	row("status", o.Status)
	row("progress", progressText(o))
	row("pace", pace)
	if o.Progress != nil {
		if o.Progress.Chunks > 0 {
			row("passages", grouped(o.Progress.Chunks))
		}
		if !o.Ended() {
			row("at", o.Progress.Message)
		}
	}
	row("made", when(&o.CreatedAt))
	if o.StartedAt != nil {
		row("taken up", when(o.StartedAt))
	}
	if o.CompletedAt != nil {
		row("ended", when(o.CompletedAt))
	}
	row("error", valueOr(o.ErrorMessage, ""))
	for _, name := range slices.Sorted(maps.Keys(o.Result)) {
		row("result", name+": "+cutText(string(o.Result[name]), maxValue))
	}
	s.showFailedDocuments(shown)
	s.adviseOn(shown)
}

const (
	// maxValue and maxReason bound what is shown of a value and of a reason, in characters.
	maxValue  = 300
	maxReason = 100
	// shownFailed is how many documents are shown that failed.
	shownFailed = 10
)

func (s *shell) showFailedDocuments(shown shownOperation) {
	if shown.Failed == nil || len(shown.Failed.Value.Documents) == 0 {
		return
	}
	page := shown.Failed.Value
	look := s.styleFor(s.stdout)
	s.printf("\n%s\n", look.yellow(counted(page.Total, "document", "documents")+" of the collection failed"))
	rows := make([][]string, 0, shownFailed)
	for _, d := range page.Documents[:min(shownFailed, len(page.Documents))] {
		rows = append(rows, []string{d.FilePath, valueOr(d.ErrorCategory, "unknown"), cutText(valueOr(d.ErrorMessage, "the server gives no reason"), maxReason)})
	}
	s.table([]string{"DOCUMENT", "CATEGORY", "REASON"}, rows)
	if rest := page.Total - int64(len(rows)); rest > 0 {
		s.printf("… and %s\n", counted(rest, "further document", "further documents"))
	}
}

// adviseOn says what can be done.
func (s *shell) adviseOn(shown shownOperation) {
	o, name := shown.Operation.Value, quoted(shown.Collection)
	if !o.Ended() {
		s.printf("\nWatch it:   %s operations watch %s\n", s.program, o.ID)
		if o.Type != client.TypeDelete {
			s.printf("Cancel it:  %s operations cancel %s\n", s.program, o.ID)
		}
		return
	}
	if shown.Failed == nil || shown.Failed.Value.Total == 0 {
		return
	}
	passes := slices.ContainsFunc(shown.Failed.Value.Documents, func(d client.Document) bool { return !d.Final() })
	if passes || shown.Failed.Value.Total > int64(len(shown.Failed.Value.Documents)) {
		s.printf("\nHave those worked on again whose reason may pass:  %s collections retry-failed %s\n", s.program, name)
	}
	if !passes {
		s.printf("\nWhat is permanent fails again until the file is another one: mend it, and load it again.\n")
	}
}

// cutText is the beginning of a text that is longer than so many characters.
func cutText(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
