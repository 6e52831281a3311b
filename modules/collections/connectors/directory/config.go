package directory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"semantik/modules/collections/connectors"
	"semantik/platform/apperr"
)

// MaxPath is the longest path of a source, in bytes.
const MaxPath = 2048

// settings are the configuration of a source.
type settings struct {
	Path      string   `json:"path"`
	Recursive bool     `json:"recursive"`
	Include   []string `json:"include_patterns"`
	Exclude   []string `json:"exclude_patterns"`

	patterns connectors.Patterns
}

// readSettings reads a configuration. Members that are not known are left out of what
// is stored.
func readSettings(path string, config json.RawMessage) (settings, error) {
	s := settings{Recursive: true, Include: []string{}, Exclude: []string{}}
	var members map[string]json.RawMessage
	if config = bytes.TrimSpace(config); len(config) > 0 {
		if err := json.Unmarshal(config, &members); err != nil {
			return s, apperr.InvalidFields([]apperr.Field{{Location: "path", Message: "must be a member of an object"}})
		}
	}
	var wrong []apperr.Field
	read := func(name, allowed string, into any) {
		text, given := members[name]
		if !given || string(text) == "null" {
			return
		}
		if err := json.Unmarshal(text, into); err != nil {
			wrong = append(wrong, apperr.Field{Location: name, Message: "must be " + allowed})
		}
	}
	var inside string
	read("path", "the path of a folder", &inside)
	read("recursive", "true or false", &s.Recursive)
	read("include_patterns", "a list of patterns", &s.Include)
	read("exclude_patterns", "a list of patterns", &s.Exclude)
	var badPath string
	if s.Path, badPath = readPath(inside, path); badPath != "" {
		wrong = append(wrong, apperr.Field{Location: "path", Message: badPath})
	}
	patterns, bad := connectors.NewPatterns(s.Include, s.Exclude)
	s.patterns = patterns
	if err := apperr.InvalidFields(append(wrong, bad...)); err != nil {
		return s, err
	}
	if s.Path == "" {
		return s, connectors.ErrNoPath
	}
	return s, nil
}

// readPath is the path of the folder from the two places where it may stand, and what
// is wrong with it.
func readPath(inside, beside string) (path, problem string) {
	path = strings.TrimSpace(inside)
	beside = strings.TrimSpace(beside)
	switch {
	case path == "":
		path = beside
	case beside != "" && filepath.Clean(beside) != filepath.Clean(path):
		return "", "is another one than source_path; give one of the two"
	}
	switch {
	case path == "":
		return "", ""
	case !utf8.ValidString(path) || strings.Contains(path, "\x00"):
		return "", "must be valid UTF-8 without NUL characters"
	case len(path) > MaxPath:
		return "", fmt.Sprintf("may be at most %d bytes long", MaxPath)
	case !filepath.IsAbs(path):
		return "", "must be an absolute path on the server, such as /srv/documents"
	default:
		return filepath.Clean(path), ""
	}
}

// stored is the configuration as it is kept.
func (s settings) stored() (connectors.Config, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return connectors.Config{}, fmt.Errorf("writing the configuration of a folder: %w", err)
	}
	return connectors.Config{Path: s.Path, Config: text}, nil
}
