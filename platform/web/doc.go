// Package web is the HTTP server that the modules register their routes with:
// Echo routes, Huma describes and validates, and everything around them is
// decided here once, so that no route has to think of it.
//
// Every answer carries a correlation id and the security headers. Every error is
// problem JSON (RFC 9457), whoever made it: a module ([apperr]), the validation,
// the router, a panic. A 5xx is logged once, with its cause, here; a module
// returns its errors and logs nothing. Nothing of the inside reaches a client.
//
// # Writing a route
//
// [Register] takes a huma.Operation and a handler. The input's fields are
// parameters by their tags; a field Body is a JSON body. Set Security to [Bearer]
// where an identity is needed, to [OptionalBearer] where one is welcome; without
// it the route is public and looks at no token. The identity is in the handler's
// context (auth.Require), as are [CorrelationID] and [ClientOf].
//
//   - A member of a body is required unless its tag says omitempty or
//     required:"false"; it may be null when the field is a pointer.
//   - Unknown members are refused with 422. Where they are to be ignored, the
//     body type has a field _ struct{} `additionalProperties:"true"`.
//   - A slice in an answer is never null: a nil one becomes []. A list that may
//     be null is a pointer to a slice. (Slices inside maps, and inside types that
//     marshal themselves, are theirs to care for.)
//   - Instants are [Time], ids [UUID], pages [Page], [Window] and [Cursor].
//   - Free-form JSON is json.RawMessage: decoded into any, a large integer loses
//     its last digits.
//   - Two types with the same name in different packages cannot both be bodies:
//     registering the second panics, at the start. Name them after their module.
//   - A large body that is not JSON embeds [Stream] and is read as it comes.
//
// # What it must never do
//
// Know a word of the domain, decide a permission, hold a transaction.
package web
