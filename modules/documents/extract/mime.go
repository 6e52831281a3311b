package extract

import (
	"bytes"
	"mime"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	plainText   = "text/plain"
	markdown    = "text/markdown"
	htmlPage    = "text/html"
	xhtmlPage   = "application/xhtml+xml"
	octetStream = "application/octet-stream"
)

// DetectMIME tells the media type of a file, without parameters. head is the
// beginning of its content, at best a few kilobytes. Content that is no text is
// known by its magic numbers, whatever the name says; text by the extension of
// its name, and as HTML also by how it begins. Binary content of no known kind
// is application/octet-stream, other text text/plain.
func DetectMIME(name string, head []byte) string {
	if m := byMagic(head); m != "" {
		return m
	}
	ext, known := byExtension(name)
	switch {
	case looksBinary(head):
		if _, refused := refusedFormat(ext); refused {
			return ext
		}
		return octetStream
	case known:
		return ext
	case looksHTML(head):
		return htmlPage
	}
	return plainText
}

// resolveMIME is the media type that a document is read as. What its sender
// calls it counts only for text whose name says nothing.
func resolveMIME(name, declared string, head []byte) string {
	detected := DetectMIME(name, head)
	if _, known := byExtension(name); known || detected != plainText {
		return detected
	}
	if strings.HasPrefix(declared, "text/") || declared == xhtmlPage {
		return canonical(declared)
	}
	return detected
}

// parseMIME splits a Content-Type into the media type, in lower case, and the
// charset that it names. A malformed one says nothing.
func parseMIME(contentType string) (mediaType, charset string) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", ""
	}
	return mediaType, params["charset"]
}

func canonical(mediaType string) string {
	if mediaType == "text/x-markdown" {
		return markdown
	}
	return mediaType
}

func isHTML(mediaType string) bool { return mediaType == htmlPage || mediaType == xhtmlPage }

// isXHTML reports whether a page follows the rules of XML, in which any element
// may close itself.
func isXHTML(mediaType, text string) bool {
	return mediaType == xhtmlPage || strings.HasPrefix(text, "<?xml")
}

// byExtension is the media type that the extension of a name stands for.
func byExtension(name string) (mediaType string, known bool) {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(base), "."))
	if m, ok := textExtensions[ext]; ok {
		return m, true
	}
	m, ok := refusedExtensions[ext]
	return m, ok
}

// looksHTML reports whether text begins like an HTML page: a doctype or an html
// element, behind white space, an XML declaration and comments at most.
func looksHTML(head []byte) bool {
	head = bytes.TrimPrefix(head, bomUTF8)
	for {
		head = bytes.TrimLeft(head, " \t\r\n\f")
		end := "-->"
		switch {
		case hasPrefixFold(head, "<!doctype html"), hasPrefixFold(head, "<html>"), hasPrefixFold(head, "<html "):
			return true
		case hasPrefixFold(head, "<?xml"):
			end = "?>"
		case !hasPrefixFold(head, "<!--"):
			return false
		}
		_, rest, found := bytes.Cut(head, []byte(end))
		if !found {
			return false
		}
		head = rest
	}
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// looksBinary reports whether content is no text in any encoding that is read.
// head may end within a character.
func looksBinary(head []byte) bool {
	if _, n := byteOrder(head); n > 0 {
		return false
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	return tooManyControls(head, utf8.Valid(trimPartialRune(head)))
}

// tooManyControls reports whether so many bytes are control characters that the
// content is no text. A file in an old encoding has next to none, random bytes
// have a tenth; what is valid UTF-8 may have more, such as separators.
func tooManyControls(sample []byte, valid bool) bool {
	controls := 0
	for _, c := range sample {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' && c != '\b' && c != 0x1b || c == 0x7f {
			controls++
		}
	}
	if valid {
		return controls*5 >= len(sample)*2 && controls > 0
	}
	return controls*20 > len(sample)
}

// trimPartialRune cuts an incomplete character off the end.
func trimPartialRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}
