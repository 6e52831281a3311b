package schema

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// plainIdentifier is a name that SQL understands as it stands, keywords left out of account.
var plainIdentifier = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// quoteIdentifier writes a name so that SQL understands it, whatever is in it, and a
// terminal too.
func quoteIdentifier(name string) string {
	if plainIdentifier.MatchString(name) && !reserved[name] {
		return name
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		var b strings.Builder
		b.WriteString(`U&"`)
		for _, r := range name {
			switch {
			case r == '\\' || r == '"':
				b.WriteRune(r)
				b.WriteRune(r)
			case unicode.IsPrint(r):
				b.WriteRune(r)
			default:
				fmt.Fprintf(&b, `\+%06x`, r)
			}
		}
		b.WriteByte('"')
		return b.String()
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// cutIdentifier takes the name off the front of a text that begins with one.
func cutIdentifier(text string) (name, rest string) {
	quoted := false
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// reserved are the words that are no names, by pg_get_keywords.
var reserved = func() map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(reservedWords) {
		all[word] = true
	}
	return all
}()

const reservedWords = `
all analyse analyze and any array as asc asymmetric authorization between bigint binary
bit boolean both case cast char character check coalesce collate collation column
concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user dec decimal default deferrable
desc distinct do else end except exists extract false fetch float for foreign freeze from
full grant greatest group grouping having ilike in initially inner inout int integer
intersect interval into is isnull join lateral leading least left like limit localtime
localtimestamp national natural nchar none normalize not notnull null nullif numeric
offset on only or order out outer overlaps overlay placing position precision primary
real references returning right row select session_user setof similar smallint some
substring symmetric table tablesample then time timestamp to trailing treat trim true
union unique user using values varchar variadic verbose when where window with
xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
xmlroot xmlserialize xmltable`
