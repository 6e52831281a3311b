package collections

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/modules/collections/pipeline"
)

// Types of sources. Documents come into one of the type upload over the API.
const (
	SourceUpload    = "upload"
	SourceDirectory = "directory"
)

// MaxSourcePath is in bytes.
const MaxSourcePath = 2048

// SourceInput is the first source of a new collection.
type SourceInput struct {
	// Type must be [SourceUpload]: nothing else brings documents yet.
	Type string
	// Path names the source within its collection; "upload" if empty.
	Path string
	// Config is a JSON object, or nothing.
	Config json.RawMessage
}

// source reads a source as a body has it; what is wrong with its form is added
// to the faults.
func (f *faults) source(text json.RawMessage) *SourceInput {
	if object(text) == nil {
		return nil
	}
	var body struct {
		Type   *string         `json:"source_type"`
		Path   *string         `json:"source_path"`
		Config json.RawMessage `json:"source_config"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		f.addf("source", nil, "must be an object with source_type, source_path and source_config")
		return nil
	}
	if body.Type == nil {
		f.addf("source.source_type", nil, "is required")
	}
	source := SourceInput{
		Type: strings.TrimSpace(valueOr(body.Type, "")), Config: object(body.Config),
		Path: norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(valueOr(body.Path, ""), "\x00", ""))),
	}
	if !utf8.ValidString(source.Path) || len(source.Path) > MaxSourcePath {
		f.addf("source.source_path", nil, "must be at most %d bytes of valid UTF-8", MaxSourcePath)
	}
	f.object("source.source_config", body.Config)
	if source.Path == "" {
		source.Path = SourceUpload
	}
	return &source
}

// check reports a type of source that brings no documents here.
func (s *SourceInput) check() error {
	switch {
	case s == nil, s.Type == SourceUpload:
		return nil
	case s.Type == SourceDirectory:
		return ErrDirectorySourcesOff
	default:
		return ErrUnknownSourceType.WithMessagef("The source type %q is not known. Use upload.", s.Type)
	}
}

// sparseIndex checks the configuration of a sparse index, which is accepted and
// has no effect: every collection can be searched by words already.
func (f *faults) sparseIndex(text json.RawMessage) {
	if object(text) == nil {
		return
	}
	f.object("sparse_index_config", text)
	var body struct {
		Enabled  bool            `json:"enabled"`
		PluginID *string         `json:"plugin_id"`
		Config   json.RawMessage `json:"model_config_data"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		f.addf("sparse_index_config", nil, "must be an object with enabled, which is true or false, plugin_id and model_config_data")
		return
	}
	if body.Enabled && strings.TrimSpace(valueOr(body.PluginID, "")) == "" {
		f.addf("sparse_index_config.plugin_id", nil, "is required when enabled is true")
	}
	f.word("sparse_index_config.plugin_id", emptyIsNone(body.PluginID))
	f.object("sparse_index_config.model_config_data", body.Config)
}

// checkPipeline reports the first rule that a pipeline breaks.
func checkPipeline(text json.RawMessage) error {
	if object(text) == nil {
		return nil
	}
	if broken := pipeline.Check(text); broken != nil {
		return ErrBadPipeline.WithMessagef("%s", broken.Message).WithDetail("rule", string(broken.Rule))
	}
	return nil
}
