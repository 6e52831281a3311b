package chunks

import (
	"math/bits"
	"unicode/utf8"
)

// Contents are by far the most of what is sent, and both functions here read them eight
// bytes at a time, where byte by byte they are a quarter of the work for a page. The
// tricks with words are those of Sean Eron Anderson's Bit Twiddling Hacks, "Determine if
// a word has a byte less than n".

const (
	eachByte = 0x0101010101010101 // times a byte: that byte in all eight
	highBits = 0x80 * eachByte
)

// word reads eight bytes, the first of them lowest.
func word(text string, i int) uint64 {
	_ = text[i+7]
	return uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
		uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
}

// countCharacters counts the characters of a text that is valid UTF-8: all bytes but
// those that continue one.
func countCharacters(text string) int {
	n, i := 0, 0
	for ; i+8 <= len(text); i += 8 {
		w := word(text, i)
		n += 8 - bits.OnesCount64(w&^(w<<1)&highBits)
	}
	for ; i < len(text); i++ {
		if utf8.RuneStart(text[i]) {
			n++
		}
	}
	return n
}

// appendQuoted appends a text that is valid UTF-8, as all is that PostgreSQL gives, as
// a JSON string.
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	for {
		n := plainPrefix(text)
		b = append(b, text[:n]...)
		if n == len(text) {
			return append(b, '"')
		}
		b = appendEscaped(b, text[n])
		text = text[n+1:]
	}
}

// plainPrefix is how many bytes there are before the first that a JSON string has to
// escape: a control character, a quotation mark or a backslash.
func plainPrefix(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := word(text, i)
		quote, backslash := w^'"'*eachByte, w^'\\'*eachByte
		found := (w-' '*eachByte)&^w | (quote-eachByte)&^quote | (backslash-eachByte)&^backslash
		if found &= highBits; found != 0 {
			return i + bits.TrailingZeros64(found)/8 // the lowest is always a true one
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

func appendEscaped(b []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	default:
		return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
}
