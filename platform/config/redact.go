package config

import (
	"regexp"
	"strings"
)

// mask stands where a secret was.
const mask = "********"

var (
	// secretParameter is password=… or sslpassword=… in a query or in a
	// key=value connection string, the value quoted or not.
	secretParameter = regexp.MustCompile(`(?i)\b((?:ssl)?password|passwd|pwd|token|secret)(\s*=\s*)('(?:[^'\\]|\\.)*'?|[^&\s]*)`)
	urlStart        = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://`)
	// bareUserinfo is user:password@ of a URL that has lost its scheme.
	bareUserinfo = regexp.MustCompile(`([^\s:@/=]+):\S*@`)
)

// RedactURL hides the password in a connection string: "********" takes its
// place. It works on URLs that do not parse (those are the ones that end up in
// error messages), on key=value strings, and on text around them. When in doubt
// it hides too much.
func RedactURL(s string) string {
	var out strings.Builder
	for {
		at := urlStart.FindStringIndex(s)
		if at == nil {
			break
		}
		out.WriteString(redactBare(s[:at[0]]))
		out.WriteString(s[at[0]:at[1]])
		s = s[at[1]:]
		end := urlEnd(s)
		out.WriteString(redactUserinfo(s[:end]))
		s = s[end:]
	}
	out.WriteString(redactBare(s))
	return secretParameter.ReplaceAllString(out.String(), "${1}${2}"+mask)
}

func redactBare(s string) string {
	return bareUserinfo.ReplaceAllString(s, "${1}:"+mask+"@")
}

// urlEnd finds where the URL in a text ends: at white space or a quote, unless
// an @ comes later and none before, as with a password that has a space in it.
func urlEnd(s string) int {
	stop := len(s)
	if next := urlStart.FindStringIndex(s); next != nil {
		stop = next[0]
	}
	from := max(0, strings.IndexByte(s[:stop], '@'))
	if end := strings.IndexAny(s[from:stop], " \t\n\"`"); end >= 0 {
		return from + end
	}
	return stop
}

// redactUserinfo takes what follows "scheme://". The last @ ends the user info:
// an @ that should have been escaped is part of the password.
func redactUserinfo(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	user, _, hasPassword := strings.Cut(s[:at], ":")
	if !hasPassword {
		return s
	}
	return user + ":" + mask + s[at:]
}
