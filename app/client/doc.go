// Package client speaks the HTTP API of Semantik for the command line: it signs
// in, uploads, waits and searches.
//
// A [Client] is made for one server. It repeats what may be repeated: a call that
// changes nothing, or an upload, which the server tells apart by its content,
// waits and tries again after a 429, a 503 or a broken connection, as long as the
// server asks for within reason. Making something anew is never repeated.
//
// What a server says about a failure arrives as a [Problem], and a server that
// does not answer as an [UnreachableError].
//
// The package has types of its own for what it reads: it must not import a
// module, since it talks to servers of other versions too. It never prints,
// never logs a token, and never reads a setting.
package client
