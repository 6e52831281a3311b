//go:build !linux

package directory_test

import (
	"os"
	"testing"
)

// withoutPrivilege has fn look at files as somebody who may not read everything.
func withoutPrivilege(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything, and only Linux lets a thread give that up")
	}
	fn()
}
