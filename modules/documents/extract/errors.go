package extract

import (
	"bytes"

	"semantik/platform/apperr"
)

// readFormats ends the messages about what cannot be read.
const readFormats = "Plain text (source code, CSV, JSON, YAML and logs included), Markdown and HTML are read."

// The reasons why a document cannot be read, all permanent.
var (
	// ErrEmpty is a document without a single character that is not white
	// space; in HTML, without visible text.
	ErrEmpty = apperr.New(apperr.Invalid, "document_empty",
		"The document is empty: it holds no text.")

	// ErrBinary is content that is no text and of no format that is known.
	ErrBinary = apperr.New(apperr.Invalid, "document_binary",
		"The document is binary data of no known format, not text. "+readFormats)

	// ErrInvalidUTF8 is text with bytes that are not UTF-8; detail byte_offset
	// is the first of them.
	ErrInvalidUTF8 = apperr.New(apperr.Invalid, "document_invalid_utf8",
		"The text is not valid UTF-8. Save it as UTF-8 and upload it again.")

	// ErrInvalidEncoding is text whose bytes do not fit the encoding that it
	// declares, by a byte order mark or by name, or whose encoding is not known.
	ErrInvalidEncoding = apperr.New(apperr.Invalid, "document_invalid_encoding",
		"The text does not fit the encoding that it declares. Save it as UTF-8 and upload it again.")

	// ErrUnsupportedFormat is a format that is recognised and not read; detail
	// mime_type names it.
	ErrUnsupportedFormat = apperr.New(apperr.Invalid, "document_unsupported_format",
		"The format of the document is not read. "+readFormats)

	// ErrNUL is text with NUL characters, which no text file has and the
	// database cannot store; detail byte_offset is the first of them.
	ErrNUL = apperr.New(apperr.Invalid, "document_nul",
		"The text contains NUL characters. Remove them and upload it again.")
)

func unsupported(mimeType, what string) error {
	return ErrUnsupportedFormat.
		WithMessagef("The document is %s, and that format is not read. %s", what, readFormats).
		WithDetail("mime_type", mimeType)
}

func invalidUTF8(content []byte, offset int) error {
	return ErrInvalidUTF8.
		WithMessagef("The text is not valid UTF-8: byte %d, in line %d, is 0x%02X. Save it as UTF-8 and upload it again.",
			offset, lineOf(content, offset), content[offset]).
		WithDetail("byte_offset", offset)
}

func containsNUL(content []byte, offset int) error {
	return ErrNUL.
		WithMessagef("The text contains a NUL character: at byte %d, in line %d. Remove it and upload the document again.",
			offset, lineOf(content, offset)).
		WithDetail("byte_offset", offset)
}

// lineOf is the number, from 1, of the line that holds the byte at offset.
func lineOf(content []byte, offset int) int {
	return bytes.Count(content[:offset], []byte{'\n'}) + 1
}
