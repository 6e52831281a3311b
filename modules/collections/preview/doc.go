// Package preview shows what a source has before it is added: the files of a folder,
// as they would be taken, with the hash of each content as far as there is time for it.
//
// A preview is bounded in what it lists, reads and takes of the clock, stores nothing,
// and ends with the request that asked for it. What was cut short is told in its
// warnings; its totals are those of all files that were seen.
package preview
