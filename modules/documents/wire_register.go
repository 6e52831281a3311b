package documents

import (
	"encoding/json"
	"io"
	"strings"

	"semantik/platform/apperr"
	"semantik/platform/web"
)

// maxRegistration bounds the JSON that registers a document, in bytes: its metadata,
// and names of which every character is escaped.
const maxRegistration = MaxMetadataBytes + 64<<10

var (
	errRegistrationTooLarge = apperr.Newf(apperr.TooLarge, "body_too_large",
		"The JSON that registers a document may have at most %d KiB.", maxRegistration>>10)
	errRegistrationMalformed = apperr.New(apperr.Malformed, "malformed_json",
		"The body is not valid JSON. It must be an object that names a file.")
)

// registrationBody registers a document whose content is not stored here.
type registrationBody struct {
	FileName    string          `json:"file_name" minLength:"1" maxLength:"255"`
	FilePath    *string         `json:"file_path,omitempty" maxLength:"4096" doc:"The file's path; its name if absent. A collection has each path once."`
	FileSize    int64           `json:"file_size" minimum:"0" maximum:"1099511627776" doc:"In bytes."`
	ContentHash string          `json:"content_hash" pattern:"^[0-9a-fA-F]{64}$" doc:"SHA-256 of the bytes in hexadecimal. A collection has each once."`
	MimeType    *string         `json:"mime_type,omitempty" maxLength:"255"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"An object of at most 64 KiB."`
}

// readRegistration reads the JSON. Whatever is wrong with it is named, every field at
// once; only what a rule has to say is left to the service.
func readRegistration(body io.Reader) (Registration, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxRegistration+1))
	if err != nil {
		return Registration{}, err
	}
	if len(data) > maxRegistration {
		return Registration{}, errRegistrationTooLarge
	}
	if err := web.CheckJSON(data); err != nil {
		return Registration{}, err
	}
	if !json.Valid(data) {
		return Registration{}, errRegistrationMalformed
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return Registration{}, apperr.InvalidFields([]apperr.Field{{Location: "body", Message: "must be a JSON object"}})
	}
	var r Registration
	var wrong []apperr.Field
	add := func(name, message string) {
		wrong = append(wrong, apperr.Field{Location: "body." + name, Message: message})
	}
	read := func(name, what string, required bool, into any) {
		value, there := members[name]
		delete(members, name)
		switch {
		case there && string(value) != "null":
			if json.Unmarshal(value, into) != nil {
				add(name, "must be "+what)
			}
		case required:
			add(name, "is missing")
		}
	}
	read("file_name", "a string", true, &r.FileName)
	read("file_path", "a string", false, &r.FilePath)
	read("file_size", "a whole number", true, &r.FileSize)
	read("content_hash", "a string", true, &r.ContentHash)
	read("mime_type", "a string", false, &r.MIMEType)
	read("metadata", "a JSON object", false, &r.Metadata)
	for name := range members {
		add(strings.ToValidUTF8(name[:min(len(name), 64)], ""), "is not known; known are file_name, file_path, file_size, content_hash, mime_type, metadata")
	}
	return r, apperr.InvalidFields(wrong)
}
