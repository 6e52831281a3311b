package extract_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents/extract"
)

func TestDetectMIME(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, name, head, want string }{
		{"no extension", "README", "text", "text/plain"},
		{"unknown extension", "a.xyz", "text", "text/plain"},
		{"no content", "a.md", "", "text/markdown"},
		{"neither", "", "", "text/plain"},
		{"extension in capitals, path of another system", `C:\x\A.HTML`, "text", "text/html"},
		{"dot file", ".json", "{}", "application/json"},
		{"a name of dots", "..", "x", "text/plain"},
		{"a page by its content", "page", "\n<!-- x -->\n<!DOCTYPE HTML PUBLIC>", "text/html"},
		{"a page with an XML declaration", "page", "\ufeff<?xml version='1.0'?><html>", "text/html"},
		{"Markdown with HTML in it", "README.md", "<html>", "text/markdown"},
		{"a fragment is no page", "README", "<p>text", "text/plain"},
		{"a comment that does not end", "README", "<!-- ", "text/plain"},
		{"Latin-1 is text", "a.txt", "Gr\xfc\xdfe aus K\xf6ln am Rhein", "text/plain"},
		{"UTF-8 cut within a character", "a", "Grüße"[:3], "text/plain"},
		{"UTF-16 with BOM is text", "a.txt", wide(binary.LittleEndian, "abc"), "text/plain"},
		{"NUL is binary, whatever the name", "a.txt", "a\x00b", "application/octet-stream"},
		{"control characters", "a", strings.Repeat("\x01\x02\x03a", 10), "application/octet-stream"},
		{"random bytes", "a.md", "\x8f\x1c\x91\xa2\x02\xf7", "application/octet-stream"},
		{"PDF", "a.txt", "%PDF-1.4", "application/pdf"},
		{"PDF behind other bytes", "a", "\x00junk%PDF-1.4", "application/pdf"},
		{"text about PDF", "a.txt", "The header %PDF-1.4 begins it", "text/plain"},
		{"RTF", "a.doc", `{\rtf1\ansi`, "application/rtf"},
		{"Word 97", "a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"},
		{"doc that is text", "README.doc", "text", "text/plain"},
		{"docx", "a", "PK\x03\x04\x00[Content_Types].xml word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"odt", "a", "PK\x03\x04\x00mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"},
		{"epub", "a", "PK\x03\x04\x00mimetypeapplication/epub+zip", "application/epub+zip"},
		{"zip", "a", "PK\x03\x04\x00hello.txt", "application/zip"},
		{"an empty zip", "a", "PK\x05\x06\x00", "application/zip"},
		{"gzip", "a.txt", "\x1f\x8b\x08\x00", "application/gzip"},
		{"tar", "a", "name" + strings.Repeat("\x00", 253) + "ustar", "application/x-tar"},
		{"PNG", "a", "\x89PNG\r\n\x1a\n", "image/png"},
		{"GIF", "a", "GIF89a\x01\x00", "image/gif"},
		{"text that begins like GIF", "a", "GIF89a is a format", "text/plain"},
		{"text that begins like a bitmap", "a", "BMW is a make", "text/plain"},
		{"WebP", "a", "RIFF\x00\x00\x00\x00WEBP", "image/webp"},
		{"MP4", "a", "\x00\x00\x00\x20ftypisom", "video/mp4"},
		{"HEIC", "a", "\x00\x00\x00\x20ftypheic", "image/heic"},
		{"ELF", "a", "\x7fELF\x02\x01", "application/x-executable"},
		{"SQLite", "a.txt", "SQLite format 3\x00", "application/vnd.sqlite3"},
		{"binary by its extension", "a.mp3", "\x00\x01\x02", "audio/mpeg"},
		{"a stand-in for an image", "a.png", "version https://git-lfs.github.com/spec/v1", "image/png"},
		{"TypeScript", "a.ts", "let a = 1", "text/x-typescript"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, extract.DetectMIME(c.name, []byte(c.head)))
		})
	}
}
