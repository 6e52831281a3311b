package collections

import (
	"encoding/json"

	"semantik/modules/collections/connectors"
	"semantik/platform/web"
)

// sourceBody is a source on the wire. Every key is always there.
type sourceBody struct {
	ID                 int64           `json:"id"`
	CollectionID       web.UUID        `json:"collection_id"`
	SourceType         string          `json:"source_type"`
	SourcePath         string          `json:"source_path" doc:"Names the source within its collection."`
	SourceConfig       json.RawMessage `json:"source_config"`
	DocumentCount      int64           `json:"document_count"`
	SizeBytes          int64           `json:"size_bytes"`
	LastRunStartedAt   *web.Time       `json:"last_run_started_at"`
	LastRunCompletedAt *web.Time       `json:"last_run_completed_at"`
	LastRunStatus      *string         `json:"last_run_status" doc:"running, success, failed or partial."`
	LastError          *string         `json:"last_error"`
	LastIndexedAt      *web.Time       `json:"last_indexed_at"`
	CreatedAt          web.Time        `json:"created_at"`
	UpdatedAt          web.Time        `json:"updated_at"`
	// No connector takes a secret yet, so there is none.
	HasPassword      bool `json:"has_password"`
	HasToken         bool `json:"has_token"`
	HasSSHKey        bool `json:"has_ssh_key"`
	HasSSHPassphrase bool `json:"has_ssh_passphrase"`
}

func newSourceBody(s Source) sourceBody {
	return sourceBody{
		ID: s.ID, CollectionID: web.NewUUID(s.CollectionID), SourceType: s.SourceType, SourcePath: s.SourcePath, SourceConfig: s.SourceConfig,
		DocumentCount: s.DocumentCount, SizeBytes: s.SizeBytes,
		LastRunStartedAt: web.NewTimePointer(s.LastRunStartedAt), LastRunCompletedAt: web.NewTimePointer(s.LastRunCompletedAt),
		LastRunStatus: s.LastRunStatus, LastError: s.LastError, LastIndexedAt: web.NewTimePointer(s.LastIndexedAt),
		CreatedAt: web.NewTime(s.CreatedAt), UpdatedAt: web.NewTime(s.UpdatedAt),
	}
}

// updateSourceBody is validated by [UpdateSourceInput.Validate]. Members that are not
// known are ignored.
type updateSourceBody struct {
	_       struct{}          `additionalProperties:"true"`
	Config  json.RawMessage   `json:"source_config,omitempty" doc:"An object with the fields that GET /api/v2/connectors lists; what is absent has its default. Null or absent leaves it as it is."`
	Secrets map[string]string `json:"secrets,omitempty" doc:"Never given back; an empty one deletes the one that is there. No type of source takes any yet."`
}

// connectorsBody lists the kinds of sources by their type.
type connectorsBody struct {
	Connectors map[string]connectorBody `json:"connectors"`
}

// connectorBody is what a client needs for a form in which a source is added.
type connectorBody struct {
	Name            string               `json:"name"`
	Description     string               `json:"description"`
	Icon            string               `json:"icon"`
	Fields          []connectorFieldBody `json:"fields"`
	Secrets         []connectorFieldBody `json:"secrets"`
	SupportsSync    bool                 `json:"supports_sync"`
	PreviewEndpoint string               `json:"preview_endpoint" doc:"The route that shows what a source has before it is added; empty if there is none."`
}

type connectorFieldBody struct {
	Name        string `json:"name"`
	Type        string `json:"type" doc:"text, boolean or glob_list."`
	Label       string `json:"label"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Default     any    `json:"default,omitempty"`
	Placeholder string `json:"placeholder,omitempty"`
}

func newConnectorsBody(all []connectors.Description) connectorsBody {
	body := connectorsBody{Connectors: map[string]connectorBody{}}
	for _, d := range all {
		body.Connectors[d.Type] = connectorBody{
			Name: d.Name, Description: d.Description, Icon: d.Icon, Fields: newFieldBodies(d.Fields), Secrets: newFieldBodies(d.Secrets),
			SupportsSync: d.SupportsSync, PreviewEndpoint: d.PreviewEndpoint,
		}
	}
	return body
}

func newFieldBodies(fields []connectors.Field) []connectorFieldBody {
	bodies := make([]connectorFieldBody, len(fields))
	for i, f := range fields {
		bodies[i] = connectorFieldBody(f)
	}
	return bodies
}
