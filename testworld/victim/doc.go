// Package victim is what tests kill: the program in a process of its own, and a
// PostgreSQL that is one test's alone. Both are ended with kill -9, in the middle of
// whatever they do, and started again on what they have left.
//
// The program is the test's own binary, which therefore runs the program where
// [AsProgram] is set:
//
//	func TestMain(m *testing.M) {
//		if os.Getenv(victim.AsProgram) != "" {
//			os.Exit(app.Main(os.Args[1:]))
//		}
//		pgtest.Main(m)
//	}
//
// Only processes that were started here are killed, by their number.
package victim
