package directory

import (
	"context"
	"encoding/json"

	"semantik/modules/collections/connectors"
)

// Type is the name of the connector.
const Type = "directory"

// PreviewEndpoint is the path of the route that shows what a folder has.
const PreviewEndpoint = "/api/v2/directory-scan/preview"

// Connector reads folders of the server's disk.
type Connector struct {
	roots []string
	// slice is how many names of a folder are in memory at a time.
	slice int
	// opening is called between the look at a file and its opening; for tests.
	opening func()
}

// New makes a connector that reads within these folders, which are absolute; with
// none of them it refuses everything with [ErrOff].
func New(roots []string) *Connector { return &Connector{roots: roots, slice: namesAtOnce} }

var _ connectors.Connector = (*Connector)(nil)

// Describe tells clients what to ask for.
func (*Connector) Describe() connectors.Description {
	return connectors.Description{
		Type: Type, Name: "Folder", Description: "Files in a folder of the server's own disk.", Icon: "folder",
		Fields: []connectors.Field{
			{
				Name: "path", Type: connectors.FieldText, Label: "Path of the folder", Required: true, Placeholder: "/srv/documents",
				Description: "An absolute path on the server, in one of the folders that it may read.",
			},
			{
				Name: "recursive", Type: connectors.FieldBoolean, Label: "Folders within it, too", Default: true,
				Description: "Whether the folders within it are looked into.",
			},
			{
				Name: "include_patterns", Type: connectors.FieldGlobList, Label: "Only these files", Placeholder: "*.md",
				Description: "Patterns as in a .gitignore file; all files if there are none. Hidden files are taken only where a pattern names them.",
			},
			{
				Name: "exclude_patterns", Type: connectors.FieldGlobList, Label: "Without these files", Placeholder: "node_modules/",
				Description: "Patterns of files and folders that are left out.",
			},
		},
		SupportsSync: true, PreviewEndpoint: PreviewEndpoint,
	}
}

// Check reads the configuration of a folder, and looks whether it is there. Besides
// the errors of every connector it returns [ErrOff], [ErrOutside], [ErrNotFound],
// [ErrNotDirectory] and [ErrUnreadable].
func (c *Connector) Check(_ context.Context, path string, config json.RawMessage) (connectors.Config, error) {
	if len(c.roots) == 0 {
		return connectors.Config{}, ErrOff
	}
	s, err := readSettings(path, config)
	if err != nil {
		return connectors.Config{}, err
	}
	source, err := c.open(s.Path)
	if err != nil {
		return connectors.Config{}, err
	}
	defer source.close()
	top, err := source.root.Open(".")
	if err != nil {
		return connectors.Config{}, folderError(err)
	}
	_ = top.Close()
	return s.stored()
}
