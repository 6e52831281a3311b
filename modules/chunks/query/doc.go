// Package query reads what somebody types into a search box, and says it again in
// PostgreSQL's language for text search.
//
// [Parse] takes the text apart:
//
//	rusty nails          both words are wanted, neither is required
//	"rusty nails"        the phrase is required
//	-galvanised          what has the word is left out; so it is with -"a phrase"
//	galvan*              any word that begins so, from two characters on
//	nails OR screws      one will do for both; OR and ODER, in capitals
//
// It never fails: what is no operator where it stands is text, as in "C++", "5\" of
// steel" or "--amend". [Query.Plan] then makes the three queries of a search out of
// the lexemes that PostgreSQL has found in each term. Every lexeme is quoted, and
// the queries are bound as parameters, so that nothing in a text can become an
// operator, let alone SQL.
//
// The package does no I/O and knows nothing of collections.
package query
