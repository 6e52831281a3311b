// Package ingest loads a folder into a collection over the API.
//
// [Walk] finds the files, [Load] uploads those that the collection lacks, several
// at once, and waits until the collection can be searched. Whatever is in the
// folder, each entry has one outcome, and what cannot be loaded never keeps the
// rest out:
//
//   - a file is uploaded under the folder's name and its path within it, so that
//     two folders with a README.md each do not take it from one another;
//   - one whose content the collection has already is not sent, or, where asking
//     costs more than sending, is told apart by the server;
//   - hidden files and folders, symbolic links, pipes, sockets and devices are
//     left out and named; links to files can be asked for, links to folders are
//     never followed, so that no folder is walked in a circle;
//   - a file that disappears before it is read is left out and named;
//   - one that cannot be read, or that the server does not take because of its
//     name or its size, has failed, with the reason;
//   - one that was taken and holds no text that can be read (empty, binary, not
//     UTF-8) is a document that failed, with the server's reason.
//
// The package never prints and never decides on exit codes.
package ingest
