// Package users owns people: their accounts, their sessions and how they sign in.
//
// [Service.Authenticate] turns the token of a request into an identity; it reads
// the user each time, so that one who was deactivated is refused at once and not
// when the token expires. What an identity may do with a collection is not
// decided here.
//
// A session is a family of refresh tokens, of which one is good; [Service.Refresh]
// exchanges it. Whoever changes an account or a session holds the user's row, and
// ending all sessions of a user raises the generation that access tokens carry.
//
// The first user of all becomes superuser, also when two register at once, and the
// last active one stays, also when two take each other away. What a deleted user
// owned is for others to know: see [Estate].
//
// The module never returns or logs a password, a hash or a token, but the tokens
// that a login gives out.
package users
