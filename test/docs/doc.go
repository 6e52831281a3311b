// Package docs runs what the documents say. Every fenced block of shell in README.md,
// CONTRIBUTING.md and docs/ is run by its tests, or says before the fence why it is not;
// one that does neither fails them.
//
//   - In a block of `console` each line that begins with "$ " is a command, and what
//     follows is what it prints. It must print the same shape: numbers, times, sizes and
//     ids may be others, a 0 must be one, a line of "…" is any number of lines, and "…"
//     within a line is any text.
//   - A block of `sh` or `bash` is run as it stands. No command of it may fail.
//
// The blocks of one document are one session of bash, in an empty folder, with a database,
// a data directory and an address of its own; 127.0.0.1:8080 in a command is that address,
// and /var/lib/semantik that directory. Comments, which no reader sees, direct it:
//
//	<!-- not run: why -->            the block that follows is not run
//	<!-- needs: psql -->             it is run where that program is on the machine
//	<!-- run: commands -->           are run at this place, such as to start a server
//	<!-- run by TestName -->         another test runs the whole document
//
// In those commands `start` is "semantik up" in the background, and `stop` ends it.
//
// There are two programs: `semantik`, and `semantik-next`, which is built from the same
// source with a column and an index more on the chunks, so that upgrades and rollbacks are
// run as well.
package docs
