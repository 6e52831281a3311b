package chaos_test

import (
	"os"
	"testing"

	"semantik/app"
	"semantik/platform/pgtest"
	"semantik/testworld/victim"
)

func TestMain(m *testing.M) {
	if os.Getenv(victim.AsProgram) != "" {
		os.Exit(app.Main(os.Args[1:]))
	}
	pgtest.Main(m)
}
