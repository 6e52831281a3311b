// Package documents owns documents and their contents: what was uploaded, what
// became of it, and the bytes themselves.
//
// A document and its content commit together, in the database: the content lies
// in slices of [SliceBytes] in document_contents, so that neither an upload nor a
// download needs more than a slice in memory, a backup of the database is
// complete, and a worker on another machine needs no shared folder.
//
// Within a collection a content exists once. [Service.Upload] answers for each
// file what became of it: created, a duplicate of a document that is there, or
// the new content of the document with the same path; the old content's chunks
// stay readable until the worker has the new ones.
//
// What is extracted from a content, and how, is in the package extract; cutting
// it into chunks, and the chunks, belong to the module of chunks.
//
// Every statement carries the partition key of its [collections.Scope], because
// the keys into and out of documents do.
package documents
