package collections

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/modules/collections/pipeline"
	"semantik/platform/apperr"
)

// SourceUpload is the type of a source whose documents come over the API. All other
// types are those of the connectors.
const SourceUpload = "upload"

// MaxSourcePath is in bytes.
const MaxSourcePath = 2048

// SourceInput is where documents are to come from.
type SourceInput struct {
	// Type is that of a connector or, for the first source of a new collection,
	// [SourceUpload].
	Type string
	// Path names the source within its collection. A connector finds it in Config,
	// too; of an upload it is "upload" if empty.
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
	source := SourceInput{Type: strings.TrimSpace(valueOr(body.Type, "")), Config: object(body.Config), Path: valueOr(body.Path, "")}
	f.sourcePath("source.source_path", source.Path)
	f.object("source.source_config", body.Config)
	return &source
}

// sourcePath checks a path as far as every source's must be so.
func (f *faults) sourcePath(field, path string) {
	if !utf8.ValidString(path) || len(path) > MaxSourcePath {
		f.addf(field, nil, "must be at most %d bytes of valid UTF-8", MaxSourcePath)
	}
}

// uploadPath is the path of an upload's source as it is stored.
func uploadPath(path string) string {
	path = norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(path, "\x00", "")))
	if path == "" {
		return SourceUpload
	}
	return path
}

// AddSourceInput is a source that is to be added to a collection.
type AddSourceInput struct {
	SourceInput
	// Additional is a JSON object, or nothing: what the operation is told besides.
	Additional json.RawMessage
	// Secrets are stored apart and never given back; no connector takes any yet.
	Secrets map[string]string
}

// Validate reports every field that is wrong in form at once, and [ErrNoSecrets].
// What the connector says comes after.
func (in AddSourceInput) Validate() error {
	var wrong faults
	wrong.sourcePath("source_path", in.Path)
	wrong.object("source_config", in.Config)
	wrong.object("config", in.Additional)
	var within struct { // what new documents of the source are given
		Metadata json.RawMessage `json:"metadata"`
	}
	if json.Unmarshal(in.Additional, &within) == nil {
		wrong.object("config.metadata", within.Metadata)
	}
	if err := apperr.InvalidFields(wrong); err != nil {
		return err
	}
	return checkSecrets(in.Secrets)
}

// UpdateSourceInput changes a source; what is nil stays as it is.
type UpdateSourceInput struct {
	// Config takes the place of the whole configuration but for the path.
	Config json.RawMessage
	// Secrets are as in [AddSourceInput]; an empty one deletes the one that is there.
	Secrets map[string]string
}

// Validate reports every field that is wrong in form at once, and [ErrNoSecrets].
func (in UpdateSourceInput) Validate() error {
	var wrong faults
	wrong.object("source_config", in.Config)
	if err := apperr.InvalidFields(wrong); err != nil {
		return err
	}
	return checkSecrets(in.Secrets)
}

// checkSecrets refuses a secret that nothing would use. One that is empty deletes what
// there is, which is nothing.
func checkSecrets(secrets map[string]string) error {
	for _, secret := range secrets {
		if secret != "" {
			return ErrNoSecrets
		}
	}
	return nil
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
