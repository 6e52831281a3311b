// Package extract turns the bytes of a document into the text that is split,
// stored and searched.
//
// [Extract] reads plain text in the wide sense (source code, CSV, JSON, YAML,
// logs, reStructuredText: whatever is text), Markdown and HTML. Text and
// Markdown stay as they are, byte for byte, but for a byte order mark and the
// encoding; HTML becomes its visible text, with headings, lists, tables and
// preformatted text written as Markdown writes them, so that a splitter sees
// the structure. [DetectMIME] tells what a file is, by its content first and
// its name second.
//
// Encodings: UTF-8; UTF-16 and UTF-32 with a byte order mark; any encoding that
// the web knows when the content type or the page itself declares it and the
// bytes are not UTF-8 anyway. Text is read exactly or refused: nothing is ever
// replaced by a question mark.
//
// What cannot be read is an error of kind Invalid with one of the codes in
// errors.go. Its message is shown to people as the document's error, and it is
// permanent: the same bytes will fail again. The one other error is that of a
// context that ended.
//
// The package is pure: it reads no file, knows no document and no collection,
// and trusts nothing about its input, neither its size, nor its nesting, nor
// its name, nor what it says about itself. Time and memory are linear in the
// length of the content.
package extract
