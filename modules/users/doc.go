// Package users owns people: their accounts, their sessions and how they sign in.
//
// [Service.Authenticate] turns the token of a request into an identity; it reads
// the user each time, so that one who was deactivated is refused at once and not
// when the token expires. What an identity may do with a collection is not
// decided here.
//
// The first user of all becomes superuser, also when two register at once.
//
// The module never returns or logs a password, a hash or a token, but the tokens
// that a login gives out.
package users
