package auth

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode"

	"github.com/ccojocar/zxcvbn-go/data"
)

const (
	// maxAppendix is how many digits and signs at the end of a common password do
	// not make it a good one.
	maxAppendix = 4
	// minCharacters is how many different characters a password has at the least.
	minCharacters = 3
)

// commonPasswords is the list of zxcvbn, in lower case. It is read when it is first
// asked for.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	var file struct {
		List []string `json:"List"`
	}
	if err := json.Unmarshal(data.MustAsset("data/Passwords.json"), &file); err != nil {
		panic(fmt.Sprintf("the list of common passwords: %v", err)) // it is part of the program
	}
	set := make(map[string]struct{}, len(file.List))
	for _, password := range file.List {
		set[strings.ToLower(password)] = struct{}{}
	}
	return set
})

// IsCommonPassword reports whether whoever guesses would try the password early:
// it is on the list of those in use most, in whatever case, or it is one of them
// with a few digits or signs at its end, or made of one or two characters.
func IsCommonPassword(password string) bool {
	if len(password) > MaxPasswordBytes {
		return false
	}
	password = strings.ToLower(password)
	if fewCharacters(password) {
		return true
	}
	set := commonPasswords()
	if _, listed := set[password]; listed {
		return true
	}
	stem := strings.TrimRightFunc(password, func(r rune) bool { return !unicode.IsLetter(r) })
	if len(password)-len(stem) > maxAppendix {
		return false
	}
	_, listed := set[stem]
	return listed
}

func fewCharacters(s string) bool {
	seen := map[rune]struct{}{}
	for _, r := range s {
		if seen[r] = struct{}{}; len(seen) >= minCharacters {
			return false
		}
	}
	return true
}
