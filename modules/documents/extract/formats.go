package extract

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// textExtensions are the extensions of text formats whose media type says more
// than text/plain.
var textExtensions = map[string]string{
	"txt": plainText, "text": plainText, "log": plainText, "conf": plainText, "cfg": plainText, "ini": plainText,
	"md": markdown, "markdown": markdown, "mdown": markdown, "mkd": markdown, "mdx": markdown, "rmd": markdown, "qmd": markdown,
	"html": htmlPage, "htm": htmlPage, "shtml": htmlPage, "xhtml": xhtmlPage, "xht": xhtmlPage,
	"rst": "text/x-rst", "adoc": "text/asciidoc", "asciidoc": "text/asciidoc", "org": "text/org", "tex": "text/x-tex", "bib": "text/x-bibtex",
	"csv": "text/csv", "tsv": "text/tab-separated-values",
	"json": "application/json", "jsonl": "application/x-ndjson", "ndjson": "application/x-ndjson", "ipynb": "application/x-ipynb+json",
	"yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml", "xml": "application/xml",
	"css": "text/css", "js": "text/javascript", "mjs": "text/javascript", "ts": "text/x-typescript", "sql": "application/sql",
	"go": "text/x-go", "py": "text/x-python", "rb": "text/x-ruby", "rs": "text/x-rust", "java": "text/x-java", "kt": "text/x-kotlin",
	"c": "text/x-c", "h": "text/x-c", "cc": "text/x-c++", "cpp": "text/x-c++", "hpp": "text/x-c++", "cs": "text/x-csharp",
	"php": "text/x-php", "pl": "text/x-perl", "pm": "text/x-perl", "lua": "text/x-lua", "r": "text/x-r", "swift": "text/x-swift", "scala": "text/x-scala",
	"sh": "text/x-shellscript", "bash": "text/x-shellscript", "diff": "text/x-diff", "patch": "text/x-diff",
	"eml": "message/rfc822", "ics": "text/calendar", "vcf": "text/vcard", "srt": "application/x-subrip", "vtt": "text/vtt",
}

// refusedExtensions are the extensions of formats that are not read. Those that
// text files have too (doc, ps, key) are left to the magic numbers.
var refusedExtensions = map[string]string{
	"pdf": "application/pdf", "rtf": "application/rtf", "svg": "image/svg+xml",
	"docx": mimeDocx, "xlsx": mimeXlsx, "pptx": mimePptx, "odt": mimeODT, "ods": mimeODS, "odp": mimeODP,
	"xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint", "epub": "application/epub+zip", "mobi": "application/x-mobipocket-ebook",
	"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp",
	"tif": "image/tiff", "tiff": "image/tiff", "ico": "image/x-icon", "heic": "image/heic", "avif": "image/avif",
	"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "m4a": "audio/mp4",
	"mp4": "video/mp4", "mov": "video/quicktime", "avi": "video/x-msvideo", "mkv": "video/x-matroska", "webm": "video/webm",
	"zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip", "bz2": "application/x-bzip2", "xz": "application/x-xz",
	"zst": "application/zstd", "7z": "application/x-7z-compressed", "rar": "application/vnd.rar", "tar": "application/x-tar", "jar": "application/java-archive",
	"exe": "application/x-msdownload", "dll": "application/x-msdownload", "class": "application/java-vm", "wasm": "application/wasm",
	"sqlite": "application/vnd.sqlite3", "parquet": "application/vnd.apache.parquet", "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf",
}

const (
	openXML  = "application/vnd.openxmlformats-officedocument."
	mimeDocx = openXML + "wordprocessingml.document"
	mimeXlsx = openXML + "spreadsheetml.sheet"
	mimePptx = openXML + "presentationml.presentation"
	openDoc  = "application/vnd.oasis.opendocument."
	mimeODT  = openDoc + "text"
	mimeODS  = openDoc + "spreadsheet"
	mimeODP  = openDoc + "presentation"
	mimeOLE  = "application/x-ole-storage"
)

// refusedNames are what people call the formats that are not read, beside
// images, sounds, videos and fonts.
var refusedNames = map[string]string{
	"application/pdf": "a PDF document", "application/rtf": "an RTF document", "application/postscript": "a PostScript document",
	mimeDocx: "a Word document (docx)", mimeXlsx: "an Excel workbook (xlsx)", mimePptx: "a PowerPoint presentation (pptx)",
	mimeODT: "an OpenDocument text (odt)", mimeODS: "an OpenDocument spreadsheet (ods)", mimeODP: "an OpenDocument presentation (odp)",
	mimeOLE: "an older Microsoft Office document (doc, xls, ppt)", "application/vnd.ms-excel": "an Excel workbook (xls)",
	"application/vnd.ms-powerpoint": "a PowerPoint presentation (ppt)", "application/epub+zip": "an EPUB book", "application/x-mobipocket-ebook": "a Mobipocket book",
	"application/zip": "a ZIP archive", "application/gzip": "compressed with gzip", "application/x-bzip2": "compressed with bzip2",
	"application/x-xz": "compressed with xz", "application/zstd": "compressed with zstd", "application/x-7z-compressed": "a 7z archive",
	"application/vnd.rar": "a RAR archive", "application/x-tar": "a tar archive", "application/java-archive": "a Java archive",
	"application/x-msdownload": "a Windows program", "application/x-executable": "a program", "application/x-mach-binary": "a program",
	"application/java-vm": "a Java class", "application/wasm": "a WebAssembly module", "application/vnd.sqlite3": "an SQLite database",
	"application/vnd.apache.parquet": "a Parquet file", "image/svg+xml": "an SVG image",
}

// refusedFormat reports whether a media type is known and not read, and what
// people call it.
func refusedFormat(mediaType string) (what string, refused bool) {
	if what, refused = refusedNames[mediaType]; refused {
		return what, true
	}
	group, kind, _ := strings.Cut(mediaType, "/")
	kind = strings.TrimPrefix(kind, "x-")
	switch group {
	case "image", "audio":
		return "an " + group + " file (" + kind + ")", true
	case "video":
		return "a video (" + kind + ")", true
	case "font":
		return "a font (" + kind + ")", true
	}
	return "", false
}

// magics are what binary formats begin with. Those of letters alone are weak:
// text may begin with them too, so that they count only for content that is no
// text.
var magics = []struct {
	at    int
	bytes string
	mime  string
	weak  bool
}{
	{0, "%PDF-", "application/pdf", false}, {0, `{\rtf`, "application/rtf", false}, {0, "%!PS", "application/postscript", false},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", mimeOLE, false},
	{0, "\x89PNG\r\n\x1a\n", "image/png", false}, {0, "\xff\xd8\xff", "image/jpeg", false}, {0, "GIF87a", "image/gif", true}, {0, "GIF89a", "image/gif", true},
	{0, "II*\x00", "image/tiff", false}, {0, "MM\x00*", "image/tiff", false}, {0, "BM", "image/bmp", true}, {0, "\x00\x00\x01\x00", "image/x-icon", false},
	{8, "WEBP", "image/webp", true}, {8, "WAVE", "audio/wav", true}, {8, "AVI ", "video/x-msvideo", true},
	{4, "ftypheic", "image/heic", true}, {4, "ftypavif", "image/avif", true}, {4, "ftypqt", "video/quicktime", true}, {4, "ftypM4A", "audio/mp4", true}, {4, "ftyp", "video/mp4", true},
	{0, "ID3", "audio/mpeg", true}, {0, "\xff\xfb", "audio/mpeg", true}, {0, "fLaC", "audio/flac", true}, {0, "OggS", "audio/ogg", true}, {0, "\x1a\x45\xdf\xa3", "video/x-matroska", false},
	{0, "\x1f\x8b\x08", "application/gzip", false}, {0, "BZh", "application/x-bzip2", true}, {0, "\xfd7zXZ\x00", "application/x-xz", false},
	{0, "\x28\xb5\x2f\xfd", "application/zstd", false}, {0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", false}, {0, "Rar!\x1a\x07", "application/vnd.rar", false},
	{257, "ustar", "application/x-tar", true},
	{0, "\x7fELF", "application/x-executable", false}, {0, "MZ", "application/x-msdownload", true}, {0, "\xca\xfe\xba\xbe", "application/java-vm", false},
	{0, "\xcf\xfa\xed\xfe", "application/x-mach-binary", false}, {0, "\x00asm", "application/wasm", false}, {0, "SQLite format 3\x00", "application/vnd.sqlite3", false},
	{0, "PAR1", "application/vnd.apache.parquet", true}, {0, "wOFF", "font/woff", true}, {0, "wOF2", "font/woff2", true}, {0, "\x00\x01\x00\x00\x00", "font/ttf", true},
}

// byMagic is the media type that the first bytes stand for; "" for none.
func byMagic(head []byte) string {
	for _, m := range magics {
		if len(head) >= m.at+len(m.bytes) && string(head[m.at:m.at+len(m.bytes)]) == m.bytes && (!m.weak || noText(head)) {
			return m.mime
		}
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")) {
		return zipContent(head)
	}
	// A PDF file may begin with some other bytes.
	if i := bytes.Index(head[:min(len(head), 1024)], []byte("%PDF-")); i > 0 && noText(head) {
		return "application/pdf"
	}
	return ""
}

// noText reports whether content is surely no text in UTF-8.
func noText(head []byte) bool {
	return bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(trimPartialRune(head))
}

// zipContent tells the formats apart that are ZIP archives inside: by the names
// of their first members.
func zipContent(head []byte) string {
	for _, c := range []struct{ mark, mime string }{
		{"mimetypeapplication/epub+zip", "application/epub+zip"},
		{"mimetype" + mimeODT, mimeODT}, {"mimetype" + mimeODS, mimeODS}, {"mimetype" + mimeODP, mimeODP},
		{"word/", mimeDocx}, {"xl/", mimeXlsx}, {"ppt/", mimePptx}, {"META-INF/MANIFEST.MF", "application/java-archive"},
	} {
		if bytes.Contains(head, []byte(c.mark)) {
			return c.mime
		}
	}
	return "application/zip"
}
