package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

const (
	internalScheme    = "internal"
	headerInternalKey = "X-Internal-Api-Key"
)

// BearerOrInternal is the Security of an operation that serves those who say who
// they are, and a monitor that has Config.InternalKey. A token that is sent must be
// good here too, whatever key is beside it.
func BearerOrInternal() []map[string][]string {
	return []map[string][]string{{bearerScheme: {}}, {internalScheme: {}}}
}

// showsInternalKey reports whether the request has the internal key. Without one
// configured nobody has it. The digests are compared, so that the time tells
// neither a character of the key nor its length; several headers have none, since
// a proxy may have looked at another.
func (s *Server) showsInternalKey(h http.Header) bool {
	values := h.Values(headerInternalKey)
	if s.config.InternalKey == "" || len(values) != 1 {
		return false
	}
	shown, expected := sha256.Sum256([]byte(values[0])), sha256.Sum256([]byte(s.config.InternalKey))
	return subtle.ConstantTimeCompare(shown[:], expected[:]) == 1
}
