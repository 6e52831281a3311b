// Package archive keeps rows that are going to be dropped in files, for whoever asks
// years later: a line of JSON for each row, compressed with zstd, in one folder.
//
// A file gets its name only when all of it is on the disk, and its rows may go only
// then. Whoever is killed in between has rows in the archive that are still in the
// database, and archives them again: a row may stand there twice, and each has its id to
// tell by, but none is lost.
//
// Nothing here reads a file again, or removes one: how long an archive is kept is its
// owner's to say.
package archive
