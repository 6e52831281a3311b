package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/app/ingest"
)

// ingestRules say what is loaded of a folder.
const ingestRules = `What is loaded: every file, under the folder's name and its path within it. Files whose
content the collection has already are not sent again. Left out, and named: hidden files
and folders (--hidden takes them), symbolic links (--follow-links takes those to files;
links to folders are never followed), pipes, sockets, devices, and files that disappear
before they are read. A file that cannot be read, is larger than the server's
MAX_UPLOAD_BYTES, or has a name that is not UTF-8 is listed as failed. Empty and binary
files, and text that is not UTF-8, are taken and listed as holding nothing that can be
searched. Whatever happens to one file, the rest is loaded.`

// addWalk declares the flags that say what of a folder is loaded.
func addWalk(cmd *cobra.Command) *ingest.WalkOptions {
	o := &ingest.WalkOptions{}
	cmd.Flags().BoolVar(&o.Hidden, "hidden", false, "take hidden files and folders too, .git included")
	cmd.Flags().BoolVar(&o.FollowLinks, "follow-links", false, "take files that symbolic links lead to")
	return o
}

// ingestFlags are those of the command.
type ingestFlags struct {
	collection string
	noCreate   bool
	noWait     bool
	parallel   int
	timeout    time.Duration
	json       *bool
	walk       *ingest.WalkOptions
}

func newIngest(s *shell) *cobra.Command {
	f := &ingestFlags{}
	cmd := &cobra.Command{
		Use:   "ingest DIR --collection NAME",
		Short: "Load a folder into a collection",
		Long: "Load a folder into a collection of a running server, several files at once, and wait until it\n" +
			"can be searched. A collection that is not there is made. A server that goes away meanwhile, killed\n" +
			"or not, is waited for, as long as --timeout says, and what it was at is sent again. Broken off, it\n" +
			"goes on where it was when it is run again.\n\n" + ingestRules + "\n\n" + signInRules,
		Example: "  semantik ingest ~/notes --collection notes\n" +
			"  semantik ingest . --collection manual --server https://search.example.com --json",
		Args: oneArgument,
	}
	cmd.Flags().StringVarP(&f.collection, "collection", "c", "", "name or id of the collection (required)")
	cmd.Flags().BoolVar(&f.noCreate, "no-create", false, "fail when there is no such collection")
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "return when all is uploaded, before it can be searched")
	cmd.Flags().IntVar(&f.parallel, "parallel", ingest.DefaultParallel, "uploads that go on at once, 1 to 64")
	addTimeout(cmd, &f.timeout)
	f.json, f.walk = addJSON(cmd), addWalk(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return s.ingest(cmd, args[0], f) }
	return withExitCodes(cmd)
}

func (s *shell) ingest(cmd *cobra.Command, folder string, f *ingestFlags) error {
	switch {
	case f.collection == "":
		return usagef("name the collection with --collection NAME")
	case f.parallel < 1 || f.parallel > 64:
		return usagef("--parallel must be 1 to 64")
	}
	ctx := cmd.Context()
	found, err := ingest.Walk(ctx, folder, *f.walk)
	if err != nil {
		return err
	}
	wait, err := patience(f.timeout)
	if err != nil {
		return err
	}
	progress := &bars{shell: s}
	c, err := s.patientClient(cmd, wait, progress.away)
	if err != nil {
		return err
	}
	defer c.Close()
	collection, made, err := s.collectionFor(ctx, c, f)
	if err != nil {
		return err
	}
	report, err := ingest.Load(ctx, found, ingest.Options{
		Client: c, Collection: collection, FollowLinks: f.walk.FollowLinks, Parallel: f.parallel, NoWait: f.noWait, Progress: progress,
	})
	progress.Close()
	report.Made = made
	if *f.json {
		err = errors.Join(err, s.json(report))
	} else {
		s.showReport(report)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		s.notef("Broken off; run it again to go on.\n")
		return err
	case err != nil:
		return fmt.Errorf("loading %s: %w", folder, err)
	case !report.Complete():
		return errIncomplete
	default:
		return nil
	}
}

func (s *shell) collectionFor(ctx context.Context, c *client.Client, f *ingestFlags) (client.Collection, bool, error) {
	if f.noCreate {
		collection, err := namedCollection(ctx, c, f.collection)
		if err == nil {
			s.noteOwner(ctx, c, collection.Value)
		}
		return collection.Value, false, err
	}
	collection, made, err := ensureCollection(ctx, c, f.collection)
	if err != nil {
		return collection, made, fmt.Errorf("making the collection %q: %w", f.collection, err)
	}
	if made {
		s.notef("Made the collection %q.\n", collection.Name)
	} else {
		s.noteOwner(ctx, c, collection)
	}
	return collection, made, nil
}
