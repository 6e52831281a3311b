package web

import (
	"strings"
	"time"
)

// ETag is the entity tag of a resource that was last changed at that time: the
// time itself, as the API writes it.
func ETag(changed time.Time) string { return `"` + NewTime(changed).String() + `"` }

// IfMatch reads the header of that name: the times of which the resource's last
// change must be one, or nil when any will do, because the header is absent or
// says so. What is no tag of ours, a weak one included, stands for no time.
func IfMatch(header string) []time.Time {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return nil
	}
	changed := []time.Time{}
	for tag := range strings.SplitSeq(header, ",") {
		inner, opened := strings.CutPrefix(strings.TrimSpace(tag), `"`)
		inner, closed := strings.CutSuffix(inner, `"`)
		var t Time
		if opened && closed && t.UnmarshalText([]byte(inner)) == nil {
			changed = append(changed, t.Time)
		}
	}
	return changed
}
