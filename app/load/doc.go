// Package load sends a file of chunks, a chunk a line, to a server: in parts, several
// at once, so that it can be broken off at any moment and gone on with.
//
// A file is cut into parts by its content alone, always in the same way, and each part
// is one request, which the server stores as a whole or not at all. A [Record] on the
// disk says which parts the server has acknowledged and which were begun. What was begun
// and not acknowledged, because somebody pulled a plug, is sent again so that what may be
// there already is passed over: each chunk is there once in the end.
package load
