// Package auth holds the mechanisms of signing in: who a request speaks for
// ([Identity], carried by the context), passwords ([Hasher]), signed tokens
// ([Tokens]) and API keys ([GenerateAPIKey]).
//
// It knows no user, no table and no route, and it decides nothing: whether a
// user exists, is active or may do something is for the modules to say.
//
// # Passwords
//
// A new hash is "{hmac-sha256}" followed by the bcrypt hash of
// base64(HMAC-SHA256(password)). bcrypt reads 72 bytes and no more; with the
// digest in between, every byte of a password of any length counts, and no two
// long passwords are one. The HMAC's fixed key keeps digests that leaked
// elsewhere from being tried against it. A bare bcrypt hash ($2a$, $2b$, $2y$), as
// the first implementation of this API wrote them, is still verified, and
// [Hasher.Verify] then says that it should be replaced.
//
// # Tokens
//
// Access and refresh tokens are JSON Web Tokens signed with HMAC-SHA-256 and
// nothing else: a token that names another algorithm is refused before its
// signature is looked at. The header's "kid" names the key, so that keys can be
// changed without ending sessions: the first key signs, all verify.
//
// Opaque secrets (API keys, refresh tokens) are stored as [HashToken]. They hold
// 256 random bits, so a plain digest is enough; a password never goes there.
package auth
