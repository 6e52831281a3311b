// Package app is the composition root: the one place where the pieces are made
// and joined. The program, every command and every test's world use [Build], so
// that what is tested is what runs.
//
// It holds wiring and life cycle, and no rule of the domain.
package app
