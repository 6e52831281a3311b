package config

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes every setting with its value and source, secrets masked: as a
// table, or as a JSON object keyed by variable with members "value" (null when
// not set) and "source".
func (c *Config) Print(w io.Writer, asJSON bool) error {
	if asJSON {
		return c.printJSON(w)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "VARIABLE\tVALUE\tSOURCE")
	for _, s := range c.settings {
		shown := s.Shown()
		if shown == "" {
			shown = "-"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", s.Variable.Name, shown, s.Source)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the settings: %w", err)
	}
	return nil
}

func (c *Config) printJSON(w io.Writer) error {
	type entry struct {
		Value  *string `json:"value"`
		Source Source  `json:"source"`
	}
	object := make(map[string]entry, len(c.settings))
	for _, s := range c.settings {
		e := entry{Source: s.Source}
		if shown := s.Shown(); shown != "" {
			e.Value = &shown
		}
		object[s.Variable.Name] = e
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(object); err != nil {
		return fmt.Errorf("printing the settings: %w", err)
	}
	return nil
}
