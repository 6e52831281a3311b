package split

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestStands_AgreesWithUnicode(t *testing.T) {
	t.Parallel()
	// One of each kind of rune that stands: whatever stands must not join any.
	kinds := []rune{'x', '!', 'é', 'я', 'ع', 'क', 'ก', '漢', 'か', '한', '가', '！', '😀', '⛔'}
	for r := rune(0x20); r <= unicode.MaxRune; r++ {
		if !stands(r) || !utf8.ValidRune(r) {
			continue
		}
		for _, k := range append(kinds, r) {
			if stands(k) && (uniseg.GraphemeClusterCount(string([]rune{r, k})) != 2 || uniseg.GraphemeClusterCount(string([]rune{k, r})) != 2) {
				t.Errorf("%U and %U are one cluster", r, k)
			}
		}
	}
}

func TestJoinsLeft_KnowsWhatExtendsACluster(t *testing.T) {
	t.Parallel()
	for r := rune(0x300); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) && !joinsLeft(r) && uniseg.GraphemeClusterCount("x"+string(r)) == 1 {
			t.Errorf("%U joins the rune before it", r)
		}
	}
}
