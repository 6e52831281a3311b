package upkeep

import (
	"context"
	"fmt"
	"time"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/platform/archive"
)

// fileSlices is how many slices of rows go into one file of the archive at the most,
// whose ids are in memory until they are deleted.
const fileSlices = 20

// archiveEnded looks for the next operations that are to be removed, as many as go into
// one file, and archives them. They may be deleted once it has returned, and not before.
// Broken off after that, the ones that are left are archived again the next time.
func (u *upkeep) archiveEnded(ctx context.Context, at operations.Key, f *forgotten) (ids []int64, next operations.Key, more bool, err error) {
	err = u.inFile(f, func(file *archive.File) error {
		for more = true; more && len(ids) < fileSlices*u.config.Rows; {
			var found []int64
			found, at, more, err = u.OperationRows.ListEnded(ctx, u.config.Operations, newestOperations, at, u.config.Rows)
			if err != nil {
				return err
			}
			ids = append(ids, found...)
			if file == nil {
				return nil
			}
			if err := u.OperationRows.ReadRows(ctx, found, file.Add); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, at, more, err
}

// archiveAll archives the operations of collections that were purged.
func (u *upkeep) archiveAll(ctx context.Context, purged []collections.Scope, f *forgotten) error {
	if len(purged) == 0 {
		return nil
	}
	err := u.inFile(f, func(file *archive.File) error {
		if file == nil {
			return nil
		}
		for _, scope := range purged {
			at, more := operations.Key{CreatedAt: time.Unix(0, 0)}, true
			for more {
				var err error
				if at, more, err = u.OperationRows.ReadRowsOf(ctx, scope, at, u.config.Rows, file.Add); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("archiving the operations of deleted collections: %w", err)
	}
	return nil
}

// inFile has a file of the archive filled, nil where nothing is archived, and sees to it
// that it is on the disk.
func (u *upkeep) inFile(f *forgotten, fill func(file *archive.File) error) error {
	if !u.config.Archive.On() {
		return fill(nil)
	}
	file, err := u.config.Archive.Begin()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := fill(file); err != nil {
		return err
	}
	kept, err := file.Commit("operations-" + time.Now().UTC().Format("2006-01-02T150405Z"))
	f.archived.Add(kept)
	return err
}
