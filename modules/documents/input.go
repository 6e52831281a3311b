package documents

import (
	"encoding/json"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

// cleanPath is a client's path as it is stored: with forward slashes, relative,
// without "." and "..", in the composed form of Unicode. It names a document
// within its collection and is never used to open a file.
func cleanPath(raw string) string {
	p := norm.NFC.String(strings.ReplaceAll(strings.ReplaceAll(raw, "\x00", ""), `\`, "/"))
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}

// cleanSourcePath is a source's path as it is stored: in the composed form of
// Unicode.
func cleanSourcePath(raw string) string {
	return norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(raw, "\x00", "")))
}

// checkSourcePath reports what is wrong with a cleaned source path.
func checkSourcePath(p string) error {
	if !utf8.ValidString(p) || len(p) > MaxSourcePathBytes {
		return apperr.InvalidFields([]apperr.Field{{Location: "body.source_path", Message: "must be at most 2048 bytes of valid UTF-8"}})
	}
	return nil
}

// checkPath reports what is wrong with a cleaned path, as an invalid field.
func checkPath(p string) error {
	name := path.Base(p)
	switch {
	case p == "" || name == "." || name == "/":
		return invalidFile("must have a file name")
	case !utf8.ValidString(p):
		return invalidFile("must have a name in valid UTF-8")
	case utf8.RuneCountInString(name) > MaxName:
		return invalidFile("has a name longer than 255 characters")
	case utf8.RuneCountInString(p) > MaxPath:
		return invalidFile("has a path longer than 4096 characters")
	default:
		return nil
	}
}

func invalidFile(message string) error {
	return apperr.InvalidFields([]apperr.Field{{Location: "body.file", Message: message}})
}

// checkMetadata reports what is wrong with a document's metadata.
func checkMetadata(metadata json.RawMessage) error {
	if problem := database.ObjectProblem(metadata, MaxMetadataBytes); problem != "" {
		return apperr.InvalidFields([]apperr.Field{{Location: "body.metadata", Message: problem}})
	}
	return nil
}
