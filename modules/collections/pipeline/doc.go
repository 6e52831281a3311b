// Package pipeline checks the configuration of a pipeline: a graph of steps that
// the files of a source would take, from the parser to the embedder, as the wizard
// of the web interface draws it.
//
// A graph is kept with its collection and, for now, only checked: what is done with
// a document is decided elsewhere. What it must keep to are the constants of [Rule], and [Check] names
// the first one that a graph breaks.
//
// The package has no I/O and knows nothing of collections. A graph may be as large
// as its text may be long; the time that it takes grows with its edges alone, and
// nothing is recursive.
package pipeline
