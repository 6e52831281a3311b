package web

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// plainRange puts what a request says about ranges (RFC 9110, section 14.2) in the words
// that net/http reads rightly: one range of bytes that is there, or one beyond the end
// for what cannot be satisfied. It is "" where the whole is the answer: there is no
// range, several of them, one in another unit or one that is malformed, the file is
// empty, or the method is not GET.
//
// net/http itself takes "-0" for a range, and a number that does not fit for nonsense.
func plainRange(r *http.Request, size int64) string {
	unit, set, _ := strings.Cut(strings.Join(r.Header.Values("Range"), ","), "=")
	if r.Method != http.MethodGet || size == 0 || !strings.EqualFold(unit, "bytes") {
		return ""
	}
	spec, ok := oneRange(set)
	if !ok {
		return ""
	}
	before, after, _ := strings.Cut(spec, "-")
	first, hasFirst := position(before)
	last, hasLast := position(after)
	switch {
	case before == "" && hasLast: // the last bytes
		first, last = size-min(last, size), size-1
	case hasFirst && after == "":
		last = size - 1
	case !hasFirst || !hasLast || lessDigits(after, before):
		return ""
	}
	if first >= size {
		return fmt.Sprintf("bytes=%d-", size)
	}
	return fmt.Sprintf("bytes=%d-%d", first, min(last, size-1))
}

// oneRange gives the only range of a list, which may have empty elements and space
// around them.
func oneRange(set string) (string, bool) {
	found := ""
	for element := range strings.SplitSeq(set, ",") {
		element = strings.Trim(element, " \t")
		switch {
		case element == "":
		case found != "":
			return "", false
		default:
			found = element
		}
	}
	return found, strings.Contains(found, "-")
}

// position reads digits; a number that does not fit is the largest that does.
func position(digits string) (int64, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

// lessDigits compares two numbers of any length.
func lessDigits(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
