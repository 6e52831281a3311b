package extract

import (
	"context"
	"fmt"
	"strings"
	"unicode"
)

// Result is what was read from a document.
type Result struct {
	// Text is the text, valid UTF-8 without NUL and with at least one character
	// that is not white space.
	Text string
	// MIMEType is the media type that the document was read as, without
	// parameters.
	MIMEType string
	// Same says that Text is byte for byte the content, so that it need not be
	// stored twice.
	Same bool
	// Title is the title of an HTML page, or else its first h1, or the first
	// heading of a Markdown text, on one line; "" where there is none.
	Title string
}

// maxTitle is the most characters of a title; longer ones are cut.
const maxTitle = 300

// headSize is how much of a document is looked at to tell what it is.
const headSize = 8 << 10

// Extract reads the text of a document. name is its file name or path, mimeType
// what whoever sent it calls it ("" when they did not): both are hints, and the
// content overrules them. The content is not changed and not kept.
//
// Errors: [ErrEmpty], [ErrBinary], [ErrInvalidUTF8], [ErrInvalidEncoding],
// [ErrUnsupportedFormat] and [ErrNUL], or the one of a context that ended.
func Extract(ctx context.Context, name, mimeType string, content []byte) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("extracting text: %w", err)
	}
	if len(content) == 0 {
		return Result{}, ErrEmpty
	}
	declared, charset := parseMIME(mimeType)
	kind := resolveMIME(name, declared, content[:min(len(content), headSize)])
	if what, refused := refusedFormat(kind); refused {
		return Result{}, unsupported(kind, what)
	}
	text, err := decode(content, charset, isHTML(kind))
	if err != nil {
		return Result{}, err
	}
	if kind == octetStream {
		kind = plainText // a text with many control characters at its beginning
	}
	res := Result{Text: text, MIMEType: kind}
	switch {
	case isHTML(kind):
		if res.Text, res.Title, err = htmlText(ctx, text, isXHTML(kind, text)); err != nil {
			return Result{}, err
		}
	case kind == markdown:
		res.Title = markdownTitle(text)
	}
	if strings.IndexFunc(res.Text, func(r rune) bool { return !unicode.IsSpace(r) }) < 0 {
		return Result{}, ErrEmpty
	}
	res.Same = res.Text == string(content)
	return res, nil
}
