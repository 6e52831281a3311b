package directory_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// nobody is an account that owns nothing.
const nobody = 65534

// withoutPrivilege has fn look at files as somebody who may not read everything. What
// root may is taken from the calling thread alone, which fn must not leave.
func withoutPrivilege(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		require.NoError(t, syscall.Setfsuid(nobody))
		defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	}
	fn()
}
