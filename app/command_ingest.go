package app

import (
	"github.com/spf13/cobra"

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
