// Package split cuts a text into chunks that a search can return one by one.
//
// [Recursive] and [Stream] look for the strongest place to cut that leaves a
// chunk reasonably full, and fall back step by step: a heading (Markdown ATX
// and setext, the underlined titles of reStructuredText), blank lines, a list
// item, a line, the end of a sentence, a word, a grapheme cluster, a rune.
// Small neighbours share a chunk up to the size; two big top-level sections do
// not. A heading stays with the text that follows it, and a fenced code block
// is cut inside only when it is longer than a chunk.
//
// Sizes, overlaps and offsets count characters, which are Unicode code points:
// what Go calls runes and what len counts in Python. For every chunk,
// []rune(text)[Start:End] is exactly Content. The chunks together hold every
// character of the text but white space between them.
//
// The package is pure: no I/O, no clock, no randomness, the same text and
// options always give the same chunks. Content shares the memory of the text.
// Time is linear in the length of what is returned, and beside the text only a
// window of about three chunks is held. It must never know what a document, a
// collection or a database is.
package split
