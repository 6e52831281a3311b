// Package users owns people: their accounts, their sessions and how they sign in,
// their API keys and their preferences.
//
// [Service.Authenticate] turns the token of a request into an identity; it reads
// the user each time, so that one who was deactivated is refused at once and not
// when the token expires. What an identity may do with a collection is not
// decided here.
//
// The same goes for an API key, which speaks for its owner without a superuser's
// rights, within its scopes and collections. When a key was last used is noted in
// memory and written by [KeyUses], so that no request waits for it.
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
// that a login gives out, and an API key in the answer that makes it.
package users
