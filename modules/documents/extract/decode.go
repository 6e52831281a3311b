package extract

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
)

var bomUTF8 = []byte{0xef, 0xbb, 0xbf}

// unit is the encoding that a byte order mark names, by the size of its units.
type unit struct {
	name  string
	bytes int
	order binary.ByteOrder
}

// byteOrder finds the byte order mark of UTF-16 or UTF-32 and its length, 0 for
// none.
func byteOrder(head []byte) (unit, int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}):
		return unit{"UTF-32", 4, binary.LittleEndian}, 4
	case bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff}):
		return unit{"UTF-32", 4, binary.BigEndian}, 4
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return unit{"UTF-16", 2, binary.LittleEndian}, 2
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return unit{"UTF-16", 2, binary.BigEndian}, 2
	}
	return unit{}, 0
}

// decode gives content as UTF-8 without byte order mark and without NUL, or the
// reason why it is none. declared is the charset of the content type; a page
// may name one itself.
func decode(content []byte, declared string, page bool) (string, error) {
	if u, n := byteOrder(content); n > 0 {
		return decodeWide(content, n, u)
	}
	body := bytes.TrimPrefix(content, bomUTF8)
	if declared == "" && page && len(body) == len(content) {
		declared = pageCharset(body[:min(len(body), 4096)])
	}
	valid := utf8.Valid(body)
	sample := body[:min(len(body), 8*headSize)]
	nul := bytes.IndexByte(content, 0)
	switch {
	case nul >= 0 && !valid, tooManyControls(sample, valid):
		return "", ErrBinary
	case nul >= 0:
		return "", containsNUL(content, nul)
	case valid && (bytes.IndexByte(body, 0x1b) < 0 || !shifts(declared)):
		return string(body), nil
	case declared != "" && len(body) == len(content):
		return decodeDeclared(content, declared)
	case valid:
		return string(body), nil
	}
	return "", invalidUTF8(content, firstInvalid(content))
}

// shifts reports whether an encoding changes the meaning of ASCII by escape
// sequences, so that being valid UTF-8 proves nothing about a text with them.
func shifts(label string) bool {
	_, name := charset.Lookup(label)
	return name == "iso-2022-jp"
}

// decodeDeclared decodes by the name of a charset. Bytes that have no meaning
// in it are an error, as they are in UTF-8.
func decodeDeclared(content []byte, label string) (string, error) {
	enc, name := charset.Lookup(label)
	switch {
	case name == "utf-8", strings.HasPrefix(name, "utf-16"):
		// Without a byte order mark, with bytes that read as ASCII so far, it
		// can only be meant as UTF-8, and is not.
		return "", invalidUTF8(content, firstInvalid(content))
	case enc == nil, name == "replacement":
		return "", ErrInvalidEncoding.WithMessagef(
			"The text declares the encoding %.40q, which is not known. Save it as UTF-8 and upload it again.", label)
	}
	decoded, err := enc.NewDecoder().Bytes(content)
	if err != nil {
		return "", ErrInvalidEncoding.WithCause(err)
	}
	if i := bytes.IndexRune(decoded, utf8.RuneError); i >= 0 {
		return "", ErrInvalidEncoding.WithMessagef(
			"The text declares the encoding %s, and line %d does not fit it. Save it as UTF-8 and upload it again.", name, lineOf(decoded, i))
	}
	if bytes.ContainsRune(decoded, 0) {
		return "", ErrBinary
	}
	return string(decoded), nil
}

// decodeWide decodes UTF-16 and UTF-32 behind a byte order mark of n bytes.
func decodeWide(content []byte, n int, u unit) (string, error) {
	damaged := func(at int) error {
		return ErrInvalidEncoding.WithMessagef(
			"The text is not valid %s: the character at byte %d is damaged. Save it as UTF-8 and upload it again.", u.name, at).
			WithDetail("byte_offset", at)
	}
	var text strings.Builder
	text.Grow(len(content))
	for at := n; at < len(content); at += u.bytes {
		if at+u.bytes > len(content) {
			return "", damaged(at)
		}
		var r rune
		first := at
		if u.bytes == 4 {
			r = rune(u.order.Uint32(content[at:]))
		} else if r = rune(u.order.Uint16(content[at:])); utf16.IsSurrogate(r) && at+4 <= len(content) {
			at += 2
			r = utf16.DecodeRune(r, rune(u.order.Uint16(content[at:])))
			if r == utf8.RuneError {
				return "", damaged(first)
			}
		}
		if !utf8.ValidRune(r) {
			return "", damaged(first)
		}
		if r == 0 {
			return "", containsNUL(content, first)
		}
		text.WriteRune(r)
	}
	return text.String(), nil
}

// firstInvalid is the offset of the first byte that is not UTF-8.
func firstInvalid(content []byte) int {
	for at := 0; at < len(content); {
		r, n := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return 0
}

// pageCharset is the charset that an HTML page declares in its first bytes, by
// an XML declaration or a meta element; "" for none.
func pageCharset(head []byte) string {
	z := html.NewTokenizer(bytes.NewReader(head))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.CommentToken:
			// The tokenizer takes <?xml … ?> for a comment.
			if decl := string(z.Text()); strings.HasPrefix(decl, "?xml") {
				if label := labelIn(decl, "encoding"); label != "" {
					return label
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			if label := metaCharset(z); label != "" {
				return label
			}
		default:
			// Nothing else declares one.
		}
	}
}

func metaCharset(z *html.Tokenizer) string {
	name, more := z.TagName()
	if string(name) != "meta" {
		return ""
	}
	var label, equiv, content string
	for more {
		var key, val []byte
		key, val, more = z.TagAttr()
		switch string(key) {
		case "charset":
			label = string(val)
		case "http-equiv":
			equiv = string(val)
		case "content":
			content = string(val)
		}
	}
	if label == "" && strings.EqualFold(equiv, "content-type") {
		label = labelIn(content, "charset")
	}
	return strings.TrimSpace(label)
}

// labelIn finds what follows key= in s, with or without quotes.
func labelIn(s, key string) string {
	for len(s) >= len(key) && !strings.EqualFold(s[:len(key)], key) {
		s = s[1:]
	}
	if len(s) < len(key) {
		return ""
	}
	rest, found := strings.CutPrefix(strings.TrimLeft(s[len(key):], " \t\r\n"), "=")
	if !found {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t\r\n\"'")
	if end := strings.IndexAny(rest, "\"'; \t\r\n?>"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}
