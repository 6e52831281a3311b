package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const nameDocumentRoots = "DOCUMENT_ROOTS"

func sourceVariables() []Variable {
	return []Variable{
		{Name: nameDocumentRoots,
			Description: "Folders of this machine that sources may read, with all that is in them, separated by commas. Without any, no source reads a folder. Who may add a source can read every file in them that the server can.",
			kind:        folders(func(c *Config) *[]string { return &c.Sources.DocumentRoots })},
	}
}

// folders takes absolute paths. The root of the file system is none of them: it would
// give away the keys of the machine.
func folders(field func(*Config) *[]string) kind {
	return kind{
		allowed: "absolute paths of folders, separated by commas; / is not accepted",
		set: func(c *Config, raw string) error {
			for item := range strings.SplitSeq(raw, ",") {
				item = strings.TrimSpace(item)
				if item == "" {
					continue
				}
				if !filepath.IsAbs(item) || !utf8.ValidString(item) || strings.ContainsRune(item, 0) {
					return fmt.Errorf("%q is not an absolute path", item)
				}
				folder := filepath.Clean(item)
				if folder == filepath.Dir(folder) {
					return fmt.Errorf("%q is everything", item)
				}
				if !slices.Contains(*field(c), folder) {
					*field(c) = append(*field(c), folder)
				}
			}
			return nil
		},
	}
}

// checkDocumentRoots refuses a folder from which the server's own files could be read:
// the key that signs tokens is one of them.
func (c *Config) checkDocumentRoots() []Problem {
	var problems []Problem
	for _, root := range c.Sources.DocumentRoots {
		if isWithin(root, c.Store.DataDir) || isWithin(c.Store.DataDir, root) {
			problems = append(problems, Problem{
				Variable: nameDocumentRoots, Value: root,
				Message: "a folder of documents must not contain SEMANTIK_DATA or be in it, since the server keeps its keys there",
			})
		}
	}
	return problems
}

// isWithin reports whether a path is the folder or in it, links followed where they
// can be.
func isWithin(folder, path string) bool {
	relative, err := filepath.Rel(withoutLinks(folder), withoutLinks(path))
	return err == nil && filepath.IsLocal(relative)
}

// withoutLinks follows the links of the part of a path that exists.
func withoutLinks(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(withoutLinks(parent), filepath.Base(path))
	}
	return path
}
