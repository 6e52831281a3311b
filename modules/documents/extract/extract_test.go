package extract_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents/extract"
	"semantik/platform/apperr"
)

func read(t testing.TB, name, mimeType, content string) extract.Result {
	t.Helper()
	res, err := extract.Extract(context.Background(), name, mimeType, []byte(content))
	require.NoError(t, err)
	return res
}

func wide(order binary.AppendByteOrder, text string) string {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func TestExtract_TextStaysByteForByte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, mime, content string }{
		{"notes.txt", "text/plain", "Grüße 👋\r\n\r\n  two  spaces\t\n"},
		{"README", "text/plain", "no extension"},
		{"main.go", "text/x-go", "package main\n"},
		{"data.csv", "text/csv", "a,b\n1,2\n"},
		{"data.json", "application/json", `{"a": [1, 2]}`},
		{"compose.yaml", "application/yaml", "a: 1\n"},
		{"index.rst", "text/x-rst", "Title\n=====\n"},
		{"ls.1", "text/plain", ".TH LS 1\n.SH NAME\n"},
		{"strange.xyz", "text/plain", "any text\x0b\x0c\x1b[0m"},
		{"README.md", "text/markdown", "# Title\n\n<b>html</b> &amp; text\n"},
		{"C:\\docs\\readme.MD", "text/markdown", "text"},
		{"not-html.txt", "text/plain", "<!doctype html><p>shown as it is"},
		{"a.txt", "text/plain", "bel\x07 and del\x7f in a text of some length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res := read(t, c.name, "", c.content)
			require.Equal(t, c.content, res.Text)
			require.True(t, res.Same)
			require.Equal(t, c.mime, res.MIMEType)
		})
	}
}

func TestExtract_Encodings(t *testing.T) {
	t.Parallel()
	latin := "<p>Gr\xfc\xdfe"
	for _, c := range []struct{ what, name, mime, content, want string }{
		{"UTF-8 with BOM", "a.txt", "", "\ufeffGrüße", "Grüße"},
		{"UTF-16 LE with BOM", "a.txt", "", wide(binary.LittleEndian, "Grüße 👋"), "Grüße 👋"},
		{"UTF-16 BE with BOM", "a.md", "", wide(binary.BigEndian, "# Grüße 👋"), "# Grüße 👋"},
		{"UTF-32 LE with BOM", "a.txt", "", "\xff\xfe\x00\x00G\x00\x00\x00\x4b\xf4\x01\x00", "G\U0001f44b"},
		{"UTF-32 BE with BOM", "a.txt", "", "\x00\x00\xfe\xff\x00\x00\x00G", "G"},
		{"HTML in UTF-16", "a.html", "", wide(binary.LittleEndian, "<p>Grüße"), "Grüße"},
		{"a page that declares Latin-1", "a.html", "", `<meta charset="iso-8859-1">` + latin, "Grüße"},
		{"the old way to declare it", "a.html", "", `<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">` + latin, "Grüße"},
		{"an XML declaration", "a.xhtml", "", `<?xml version="1.0" encoding="ISO-8859-1"?>` + latin, "Grüße"},
		{"the content type declares it", "a.html", "text/html; charset=windows-1252", latin + " \x80", "Grüße €"},
		{"the content type of a text", "a.txt", "text/plain; charset=iso-8859-1", "Gr\xfc\xdfe", "Grüße"},
		{"Shift JIS", "a.html", "", "<meta charset=shift_jis>\x93\xfa\x96\x7b", "日本"},
		{"ISO-2022-JP looks like ASCII", "a.html", "", "<meta charset=iso-2022-jp>\x1b$BF|K\\\x1b(B", "日本"},
		{"UTF-8 that declares Latin-1", "a.html", "", `<meta charset="iso-8859-1"><p>Grüße`, "Grüße"},
		{"UTF-8 that declares nonsense", "a.html", "", `<meta charset="nonsense"><p>Grüße`, "Grüße"},
		{"a malformed content type", "a.txt", "text/plain; charset", "\ufeffGrüße", "Grüße"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			res := read(t, c.name, c.mime, c.content)
			require.Equal(t, c.want, res.Text)
			require.False(t, res.Same)
		})
	}
}

func TestExtract_Refuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, name, mime, content string
		want                      *apperr.Error
		message                   string
		detail                    any
	}{
		{"no bytes", "a.txt", "", "", extract.ErrEmpty, "holds no text", nil},
		{"white space", "a.txt", "", " \r\n\t\u00a0\u2003", extract.ErrEmpty, "holds no text", nil},
		{"a byte order mark alone", "a.txt", "", "\ufeff", extract.ErrEmpty, "holds no text", nil},
		{"a page without visible text", "a.html", "", "<html><script>x</script><img src=y>", extract.ErrEmpty, "holds no text", nil},
		{"a title alone", "a.html", "", "<title>x</title>", extract.ErrEmpty, "holds no text", nil},
		{"invalid UTF-8", "a.txt", "", "one\ntwo \xff", extract.ErrInvalidUTF8, "byte 8, in line 2, is 0xFF", 8},
		{"a text in Latin-1", "a.txt", "", "Gr\xfc\xdfe aus K\xf6ln", extract.ErrInvalidUTF8, "byte 2, in line 1, is 0xFC", 2},
		{"a cut character", "a.txt", "", "Gr\xc3", extract.ErrInvalidUTF8, "byte 2", 2},
		{"a surrogate", "a.txt", "", "\xed\xa0\x80", extract.ErrInvalidUTF8, "byte 0", 0},
		{"UTF-8 with BOM, then not", "a.html", "text/html; charset=latin1", "\ufeff\xff", extract.ErrInvalidUTF8, "byte 3", 3},
		{"a page that declares UTF-8", "a.html", "", "<meta charset=utf-8>\xff", extract.ErrInvalidUTF8, "byte 20", 20},
		{"an unknown charset", "a.html", "", "<meta charset=klingon>\xff", extract.ErrInvalidEncoding, `"klingon"`, nil},
		{"bytes that do not fit", "a.html", "", "<meta charset=euc-jp>\n\xff", extract.ErrInvalidEncoding, "euc-jp, and line 2", nil},
		{"half a UTF-16 character", "a.txt", "", "\xff\xfea\x00b", extract.ErrInvalidEncoding, "UTF-16: the character at byte 4", 4},
		{"half a surrogate pair", "a.txt", "", "\xff\xfe\x3d\xd8a\x00", extract.ErrInvalidEncoding, "byte 2", 2},
		{"a lone surrogate at the end", "a.txt", "", "\xff\xfe\x3d\xd8", extract.ErrInvalidEncoding, "byte 2", 2},
		{"beyond Unicode", "a.txt", "", "\xff\xfe\x00\x00\x00\x00\x11\x00", extract.ErrInvalidEncoding, "UTF-32", 4},
		{"NUL in UTF-16", "a.txt", "", "\xff\xfea\x00\x00\x00b\x00", extract.ErrNUL, "byte 4", 4},
		{"NUL", "a.txt", "", "hello\nwor\x00ld", extract.ErrNUL, "byte 9, in line 2", 9},
		{"NUL in a page", "a.html", "", "<p>hello\x00", extract.ErrNUL, "byte 8", 8},
		{"NUL far into a text", "a.txt", "", strings.Repeat("text ", 20000) + "\x00", extract.ErrNUL, "byte 100000", 100000},
		{"binary data", "a.bin", "", "\x01\x02\x00\xfe\xff\x80abc", extract.ErrBinary, "Plain text", nil},
		{"binary data called text", "a.txt", "text/plain", "\x01\x00\x00\x00\x02\x00\x00\x00", extract.ErrBinary, "Plain text", nil},
		{"UTF-16 without BOM", "a.txt", "", wide(binary.LittleEndian, "some text")[2:], extract.ErrBinary, "Plain text", nil},
		{"PDF", "a.pdf", "application/pdf", "%PDF-1.7\n...", extract.ErrUnsupportedFormat, "a PDF document", "application/pdf"},
		{"PDF called text", "a.txt", "text/plain", "%PDF-1.7\n...", extract.ErrUnsupportedFormat, "a PDF document", "application/pdf"},
		{"text called PDF", "a.pdf", "", "hello", extract.ErrUnsupportedFormat, "a PDF document", "application/pdf"},
		{"docx", "a.docx", "", "PK\x03\x04\x14\x00word/document.xml", extract.ErrUnsupportedFormat, "a Word document", nil},
		{"PNG", "a.png", "", "\x89PNG\r\n\x1a\n\x00", extract.ErrUnsupportedFormat, "an image file (png)", "image/png"},
		{"gzip", "changelog.Debian.gz", "", "\x1f\x8b\x08\x00\x00", extract.ErrUnsupportedFormat, "compressed with gzip", "application/gzip"},
		{"SVG", "a.svg", "", "<svg></svg>", extract.ErrUnsupportedFormat, "an SVG image", "image/svg+xml"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			res, err := extract.Extract(context.Background(), c.name, c.mime, []byte(c.content))
			require.ErrorIs(t, err, c.want)
			require.Zero(t, res)
			e := apperr.From(err)
			require.Equal(t, apperr.Invalid, e.Kind)
			require.Equal(t, c.want.Code, e.Code)
			require.Contains(t, e.Message, c.message)
			require.True(t, strings.HasSuffix(e.Message, "."), "the message is no sentence: %s", e.Message)
			if at, ok := c.detail.(int); ok {
				require.Equal(t, at, e.Details["byte_offset"])
			} else if c.detail != nil {
				require.Equal(t, c.detail, e.Details["mime_type"])
			}
		})
	}
}

func TestExtract_DeclaredTypeCountsWhereTheNameSaysNothing(t *testing.T) {
	t.Parallel()
	page := "<p>a</p><p>b</p>"
	require.Equal(t, "a\n\nb", read(t, "page", "text/html; charset=utf-8", page).Text)
	require.Equal(t, "a\n\nb", read(t, "page", "application/xhtml+xml", page).Text)
	require.Equal(t, page, read(t, "page", "", page).Text)
	require.Equal(t, page, read(t, "page.txt", "text/html", page).Text, "the name is more specific")
	require.Equal(t, "text/markdown", read(t, "notes", "text/x-markdown", page).MIMEType)
	require.Equal(t, "text/plain", read(t, "notes", "application/pdf", page).MIMEType, "the content is no PDF")
	require.Equal(t, "text/plain", read(t, "notes", "application/octet-stream", page).MIMEType)
	require.Equal(t, "text/html", read(t, "notes", "text/plain", "<!DOCTYPE html><p>a").MIMEType, "the content is a page")
}

func TestExtract_MarkdownTitle(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"# One\n# Two":                           "One",
		"text\n\n## Below ##\n":                  "Below",
		"Setext\n======\n":                       "Setext",
		"```\n# code\n```\n# Real":               "Real",
		"---\ntitle: \"Front\"\n---\n# Other":    "Front",
		"---\nauthor: x\n---\n# Other":           "Other",
		"# [Link](x) `code` **bold** ![i](y)":    "Link code bold",
		"# <img src=x> Name":                     "Name",
		"no heading":                             "",
		"#\n# \n####### seven\n":                 "",
		"#hashtag":                               "",
		"# " + strings.Repeat("ü", 1000):         strings.Repeat("ü", 300),
		"\r\n# Windows\r\n":                      "Windows",
		strings.Repeat("a\n", 5000) + "# beyond": "",
	} {
		require.Equal(t, want, read(t, "a.md", "", text+"\nx").Title, "%.40q", text)
	}
	require.Empty(t, read(t, "a.txt", "", "# One").Title)
}

func TestExtract_LeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	content := []byte("<P CLASS=X>A&amp;B</P>\r\n")
	before := bytes.Clone(content)
	_, err := extract.Extract(context.Background(), "a.html", "", content)
	require.NoError(t, err)
	require.Equal(t, before, content)
}

// countdown is a context that ends after it was asked so many times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestExtract_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	page := []byte(strings.Repeat("<p>a", 100_000))
	for left := range 3 {
		_, err := extract.Extract(&countdown{context.Background(), left}, "a.html", "", page)
		require.ErrorIs(t, err, context.Canceled)
		require.NotEqual(t, apperr.Invalid, apperr.KindOf(err), "an interruption is not permanent")
	}
}

func FuzzExtract(f *testing.F) {
	for _, h := range hostilePages {
		f.Add("a.html", "", []byte(strings.Repeat(h.unit, 3)))
	}
	for _, s := range []string{
		"", "\ufeffa", "\xff\xfea\x00", "\x00\x00\xfe\xff\x00\x00\x00a", "a\x00", "\xff", "%PDF-", "PK\x03\x04word/", "---\ntitle: x\n---\n# y\n",
		"<meta charset=shift_jis>\x93\xfa", "<meta charset=utf-7>+AGE-\xff", "<table><tr><td><h1>a<td><pre>b</pre><td><ul><li>c</table>d",
	} {
		for _, name := range []string{"a.html", "a.md", "a.xhtml", ""} {
			f.Add(name, "text/html; charset=iso-8859-1", []byte(s))
			f.Add(name, "", []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, name, mimeType string, content []byte) {
		before := bytes.Clone(content)
		res, err := extract.Extract(context.Background(), name, mimeType, content)
		require.Equal(t, before, content)
		if err != nil {
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			return
		}
		requireText(t, res, content)
		again, err := extract.Extract(context.Background(), name, mimeType, content)
		require.NoError(t, err)
		require.Equal(t, res, again)
	})
}
