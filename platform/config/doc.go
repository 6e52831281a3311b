// Package config reads everything an operator can set, once, at the start.
//
// A setting comes from, in order of weight: a command-line flag, the
// environment, a .env file, the default. An empty value counts as not set. The
// one table in [Variables] declares each variable with its default, its allowed
// values and its description; parsing, the help text, the documentation and the
// masked print-out are all made from it, so they cannot disagree.
//
// [Load] reports every wrong value at once, each with the variable's name, where
// the value came from, the value itself (masked when it is secret) and what is
// allowed. What is legal but probably not meant (a misspelt variable, a database
// reached without encryption) is in [Config.Warnings].
//
// Numbers without a unit are seconds, minutes or days as the variable says; a Go
// duration such as "1m30s" is accepted too. Sizes are bytes, or "100MiB".
//
// The package never connects to anything, never writes a log line, and never
// lets a password out: an error or a print-out shows a secret as "********", and
// a database URL without its password.
package config
