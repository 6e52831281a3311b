package doctor_test

import (
	"testing"

	"semantik/platform/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
