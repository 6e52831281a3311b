package operations

import (
	"encoding/json"
	"strings"

	"semantik/modules/collections"
	"semantik/platform/web"
)

// defaultSourceType is what a source is that says nothing about it.
const defaultSourceType = "directory"

// addSourceBody is validated by [collections.Service.AddSource]. Members that are not
// known are ignored.
type addSourceBody struct {
	_            struct{}          `additionalProperties:"true"`
	SourceType   *string           `json:"source_type,omitempty" doc:"One of those that GET /api/v2/connectors lists; directory if absent."`
	SourceConfig json.RawMessage   `json:"source_config,omitempty" doc:"An object with the fields that GET /api/v2/connectors lists for the type."`
	SourcePath   *string           `json:"source_path,omitempty" doc:"The path, where source_config does not have it."`
	Config       json.RawMessage   `json:"config,omitempty" doc:"An object that the operation is told besides."`
	Secrets      map[string]string `json:"secrets,omitempty" doc:"Never given back. No type of source takes any yet."`

	TypeAlias   *string         `json:"sourceType,omitempty" doc:"Another name for source_type, which goes before it."`
	ConfigAlias json.RawMessage `json:"sourceConfig,omitempty" doc:"Another name for source_config, which goes before it."`
	PathAlias   *string         `json:"sourcePath,omitempty" doc:"Another name for source_path, which goes before it."`
}

func (b addSourceBody) input() collections.AddSourceInput {
	in := collections.AddSourceInput{Additional: b.Config, Secrets: b.Secrets, SourceInput: collections.SourceInput{
		Type: strings.TrimSpace(firstText(b.SourceType, b.TypeAlias)), Path: firstText(b.SourcePath, b.PathAlias), Config: b.SourceConfig,
	}}
	if in.Type == "" {
		in.Type = defaultSourceType
	}
	if len(in.Config) == 0 || string(in.Config) == "null" {
		in.Config = b.ConfigAlias
	}
	return in
}

// removeSourceBody is what some clients send in place of the query.
type removeSourceBody struct {
	_          struct{} `additionalProperties:"true"`
	SourcePath *string  `json:"source_path,omitempty"`
	PathAlias  *string  `json:"sourcePath,omitempty" doc:"Another name for source_path, which goes before it."`
}

func (b removeSourceBody) path() string { return firstText(b.SourcePath, b.PathAlias) }

// firstText is the first of the texts that is there, and "" without any.
func firstText(texts ...*string) string {
	for _, text := range texts {
		if text != nil {
			return *text
		}
	}
	return ""
}

// removalBody names an operation as clients know it that remove a source by its id.
type removalBody struct {
	ID     int64    `json:"id" doc:"The number of the operation's row; elsewhere an operation is named by its uuid."`
	UUID   web.UUID `json:"uuid"`
	Type   Type     `json:"type"`
	Status Status   `json:"status" enum:"pending,processing,completed,failed,cancelled"`
}
