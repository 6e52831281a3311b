// Package directory is the connector for folders of the server's own disk.
//
// It reads within the configured roots and nowhere else. A path is taken apart and
// followed name by name inside an open handle of its root, so that a link that leads
// out is seen, and what it leads to is never touched; and it is opened through that
// handle, so that a name which becomes a link between the look and the opening leads
// out no more than before.
//
// Of a source it lists the regular files. A link to a file counts as one where the
// file is in the source, too; a link to a folder is not followed, since it could lead
// in a circle. A link whose target is an absolute path is followed if that lies in
// the source under the name by which the source is known. Pipes, sockets and devices
// are never opened, as far as they are seen: a file that becomes a pipe in the instant
// after is opened without waiting for a writer, and found to be none.
package directory
