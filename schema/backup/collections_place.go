package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// checkPlace looks whether there is a place for the collection: nobody has its id or its
// name, and its owner is there. What is left of it after a deletion that is through is
// taken away.
func (r *collectionRestore) checkPlace(ctx context.Context) error {
	if err := r.clearTombstone(ctx); err != nil {
		return err
	}
	r.name = r.collection.Name
	if r.o.As != "" {
		r.name = r.o.As
	}
	var taken bool
	const nameTaken = "select exists (select 1 from collections where name = $1 and deleted_at is null)"
	if err := r.conn.QueryRow(ctx, nameTaken, r.name).Scan(&taken); err != nil {
		return fmt.Errorf("looking for the name: %w", err)
	}
	if taken {
		return &CollectionError{Name: r.name, Reason: "is there already, as another one; give it another name with --as"}
	}
	return r.findOwner(ctx)
}

// A deleted collection's row stays until its operations are archived; $1 is its id.
const tombstoneSQL = `
select c.deleted_at is not null,
       exists (select 1 from operations where collection_id = c.id and type = 'delete' and status = 'completed')
from collections c
where c.id = $1
for update`

func (r *collectionRestore) clearTombstone(ctx context.Context) error {
	var deleted, purged bool
	err := r.conn.QueryRow(ctx, tombstoneSQL, r.collection.ID).Scan(&deleted, &purged)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("looking for the collection: %w", err)
	case !deleted:
		return &CollectionError{Name: r.collection.Name, Reason: "is there still; delete it before, and wait until that is through"}
	case !purged:
		return &CollectionError{Name: r.collection.Name, Reason: "is being deleted; wait until that is through"}
	}
	// Its operations go with it, as they would in the end.
	if _, err := r.conn.Exec(ctx, "delete from collections where id = $1", r.collection.ID); err != nil {
		return fmt.Errorf("removing the row of the deleted collection: %w", err)
	}
	return nil
}

// findOwner finds the user whom the collection will belong to.
func (r *collectionRestore) findOwner(ctx context.Context) error {
	name := r.o.Owner
	if name == "" {
		var err error
		if name, err = r.ownerInBackup(ctx); err != nil {
			return err
		}
	}
	err := r.conn.QueryRow(ctx, "select id from users where lower(username) = lower($1)", name).Scan(&r.owner)
	if errors.Is(err, pgx.ErrNoRows) {
		return &CollectionError{Name: r.collection.Name, Reason: fmt.Sprintf("belongs to %q, and there is no such user; say with --owner whom it shall belong to", name)}
	}
	if err != nil {
		return fmt.Errorf("looking for the owner: %w", err)
	}
	r.collection.Owner = name
	return nil
}

// ownerInBackup is the name of the collection's owner as of the backup.
func (r *collectionRestore) ownerInBackup(ctx context.Context) (string, error) {
	for _, c := range r.backup.Manifest.Collections {
		if c.ID == r.collection.ID {
			return c.Owner, nil
		}
	}
	for _, table := range []string{"users", "collections"} {
		if err := r.loadAside(ctx, table, nil); err != nil {
			return "", err
		}
	}
	var name string
	const owner = "select u.username from restored_collections c join restored_users u on u.id = c.owner_id where c.id = $1"
	if err := r.conn.QueryRow(ctx, owner, r.collection.ID).Scan(&name); err != nil {
		return "", fmt.Errorf("looking for the owner in the backup: %w", err)
	}
	return name, script(ctx, r.conn, "drop table restored_users, restored_collections")
}
