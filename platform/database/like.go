package database

import "strings"

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// EscapeLike takes the meaning from what a pattern of LIKE would read as more
// than itself, so that what a user looks for is found as it is written.
func EscapeLike(text string) string { return likeEscapes.Replace(text) }
