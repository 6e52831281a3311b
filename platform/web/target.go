package web

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"semantik/platform/apperr"
)

var errBadTarget = apperr.New(apperr.Malformed, "malformed_url", "The address of the request is malformed.")

// checkTarget refuses addresses that would only fail further in, or worse, lose
// a parameter on the way: net/url drops a part of the query that it cannot
// decode, and PostgreSQL takes neither invalid UTF-8 nor NUL.
func checkTarget(u *url.URL) error {
	if !clean(u.Path) {
		return errBadTarget.WithMessagef("The path of the request is not valid UTF-8.")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errBadTarget.WithMessagef("The query of the request is malformed; percent-encode its special characters.")
	}
	for name, list := range values {
		if !clean(name) || !clean(strings.Join(list, "")) {
			return errBadTarget.WithMessagef("The query of the request is not valid UTF-8, or holds a NUL character.")
		}
	}
	return nil
}

func clean(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// routed is the request as the router is to see it: without a trailing slash, a
// HEAD as a GET (net/http drops the body of the answer), and with its parameters
// decoded unless that would move a slash.
func (s *Server) routed(r *http.Request) *http.Request {
	target := *r.URL
	if !strings.Contains(strings.ToLower(target.RawPath), "%2f") {
		target.RawPath = ""
	}
	for len(target.Path) > 1 && strings.HasSuffix(target.Path, "/") {
		target.Path = target.Path[:len(target.Path)-1]
		target.RawPath = strings.TrimSuffix(target.RawPath, "/")
	}
	r.URL = &target
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	return r
}
