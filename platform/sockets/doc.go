// Package sockets keeps WebSockets open: how many there may be, the keepalive, what
// a client may say, how long a write may take, and how they end.
//
// What a socket carries is a [Feed], which a module makes: it subscribes to a
// topic of the bus, and turns what it hears into frames. One goroutine writes and
// runs the feed, another reads; a client that does not read holds up nobody but
// itself, and not for long.
//
// A socket lasts longer than the right to it may. So a feed asks [Socket.Who] before
// each frame, which proves the token again when that is a second ago, and does the
// same with the right to what the frame is about.
//
// A socket that ends does so by the connection being cut. Clients connect again
// after that; a farewell they take for a wish to be left alone.
//
// What it must never do: know a word of the domain, decide a permission.
package sockets
