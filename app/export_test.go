package app

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

// Shell is a command's world, for tests.
type Shell struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
	// Keyring is where the platform keeps passwords; nil for none.
	Keyring Keyring
}

// Keyring is the platform's, or a test's.
type Keyring interface {
	Get(name string) (string, error)
	Set(name, text string) error
	Remove(name string) error
}

// ErrNoSecret is errNoSecret.
var ErrNoSecret = errNoSecret

type keyringOf struct{ Keyring }

func (k keyringOf) get(name string) (string, error) { return k.Get(name) }
func (k keyringOf) set(name, text string) error     { return k.Set(name, text) }
func (k keyringOf) remove(name string) error        { return k.Remove(name) }

// Run runs a command and gives its exit code.
func (s Shell) Run(ctx context.Context, args ...string) int {
	sh := &shell{program: "semantik", stdin: s.Stdin, stdout: s.Stdout, stderr: s.Stderr, environ: s.Environ}
	if s.Keyring != nil {
		sh.keyring = keyringOf{s.Keyring}
	}
	return sh.run(ctx, args)
}

// Commands is the tree of commands.
func Commands() *cobra.Command { return newRoot(systemShell()) }

// UpResult is what "up" prints for programs.
type UpResult = upResult

// QueryFrom is exampleQuery.
func QueryFrom(texts ...string) string { return exampleQuery(texts) }

// CollectionNameFor is collectionNameFor.
func CollectionNameFor(folder string) string { return collectionNameFor(folder) }

// Plain is plain.
func Plain(text string) string { return plain(text) }

// Snippet is a snippet in colours.
func Snippet(snippet string) string { return style{on: true}.snippet(snippet) }

// Quoted is quoted.
func Quoted(word string) string { return quoted(word) }

// Partitions shows the partitions on standard output.
func (s Shell) Partitions(p client.Partitions) { (&shell{stdout: s.Stdout}).showPartitions(p) }

// Explain says an error to the person at the command line.
func Explain(err error) string { return explain(err) }
