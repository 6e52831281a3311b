package app

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// Shell is a command's world, for tests.
type Shell struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
}

// Run runs a command and gives its exit code.
func (s Shell) Run(ctx context.Context, args ...string) int {
	return (&shell{program: "semantik", stdin: s.Stdin, stdout: s.Stdout, stderr: s.Stderr, environ: s.Environ}).run(ctx, args)
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
