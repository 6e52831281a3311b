package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// CollectionOptions say which collections of a backup come back, and how.
type CollectionOptions struct {
	RestoreOptions

	// Names are those to bring back, by name or id; empty: all that the backup was
	// narrowed to.
	Names []string
	// As is the name that the one collection gets; "" is that of the backup.
	As string
	// Owner is the name of the user whom they belong to; "" is that of the backup.
	Owner string
}

// RestoredCollection is one that was brought back.
type RestoredCollection struct {
	Collection

	Documents int64 `json:"documents"`
	Chunks    int64 `json:"chunks"`
	// Unfinished are documents that were being processed when the backup was made, and
	// that have failed now.
	Unfinished int64 `json:"unfinished"`
}

// RestoreCollections brings collections of a backup back into a database that is in use,
// beside what it holds. They keep their ids. Each comes in a transaction of its own.
// They belong to whom they belonged to, are shared with nobody, and have no history of
// operations.
//
// Errors: [CollectionError] where one is there still, its name is taken, or its owner is
// not there; [SchemaError] for a backup of another schema; [ErrKeys], [ErrDamaged].
func RestoreCollections(ctx context.Context, url string, b *Backup, o CollectionOptions) ([]RestoredCollection, error) {
	o.complete()
	if _, err := b.wholeFiles(); err != nil {
		return nil, err
	}
	if err := b.sameSchema(ctx, url, o.QueueSchema); err != nil {
		return nil, err
	}
	conn, err := connect(ctx, url, RestoreApplicationName)
	if err != nil {
		return nil, err
	}
	defer func() { _ = disconnect(ctx, conn) }()
	// Several may be brought back at once, and none while all of the database is replaced.
	var shared bool
	if err := conn.QueryRow(ctx, "select pg_try_advisory_lock_shared($1)", restoreLock).Scan(&shared); err != nil {
		return nil, fmt.Errorf("asking for the restore's lock: %w", err)
	}
	if !shared {
		return nil, fmt.Errorf("%w: all of it is being restored", ErrInUse)
	}
	keys, err := partitionKeys(ctx, conn, b.Manifest.Schema.PartitionCount)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(keys, b.Manifest.Keys) {
		return nil, ErrKeys
	}
	found, err := b.findCollections(ctx, conn, o.Names)
	if err != nil {
		return nil, err
	}
	if o.As != "" && len(found) != 1 {
		return nil, &CollectionError{Name: o.As, Reason: fmt.Sprintf("can be the name of one collection, and %d are to be restored", len(found))}
	}
	restored := []RestoredCollection{}
	for _, c := range found {
		one := &collectionRestore{backup: b, conn: conn, o: o, collection: c}
		var done RestoredCollection
		err := inTx(ctx, conn, func(ctx context.Context) (err error) {
			done, err = one.run(ctx)
			return err
		})
		if err != nil {
			return restored, fmt.Errorf("restoring the collection %q: %w", c.Name, err)
		}
		restored = append(restored, done)
	}
	return restored, nil
}

// sameSchema refuses a backup whose rows were made for another schema than the
// database's: there is nothing that would bring single rows up to date.
func (b *Backup) sameSchema(ctx context.Context, url, queueSchema string) error {
	files, partitions, err := currentSchema(ctx, url, queueSchema)
	if err != nil {
		return err
	}
	m := b.Manifest.Schema
	if m.Revision > files.Revision {
		return &NewerError{Version: b.Manifest.Version, What: fmt.Sprintf("its schema has revision %d, and the database %d", m.Revision, files.Revision)}
	}
	if m.Hash != files.Hash() || m.PartitionCount != partitions {
		return errors.New("the backup was made with another schema than the database has: restore it as a whole into an empty database, " +
			"which brings it up to date, back the collections up there, and restore them from that backup")
	}
	return nil
}

// findCollections looks for the collections in the backup. One of the whole database has
// them in its rows alone.
func (b *Backup) findCollections(ctx context.Context, conn *pgx.Conn, names []string) ([]keyed, error) {
	if len(names) == 0 && b.Manifest.Whole() {
		return nil, errors.New("the backup is of a whole database: say which collections of it are to be restored")
	}
	var all []keyed
	err := inTx(ctx, conn, func(ctx context.Context) (err error) {
		r := &collectionRestore{backup: b, conn: conn}
		if err := r.loadAside(ctx, "collections", nil); err != nil {
			return err
		}
		rows, err := conn.Query(ctx, `
select id::text, name, '', (abs(hashtext(id::text)::bigint) % $1)::integer
from restored_collections
where deleted_at is null
order by name`, b.Manifest.Schema.PartitionCount)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[keyed])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the collections of the backup: %w", err)
	}
	if len(names) == 0 {
		return all, nil
	}
	var found []keyed
	for _, name := range names {
		i := slices.IndexFunc(all, func(k keyed) bool { return k.Name == name || k.ID == name })
		if i < 0 {
			return nil, &CollectionError{Name: name, Reason: "is not in the backup"}
		}
		found = append(found, all[i])
	}
	return found, nil
}

// collectionRestore brings one collection back, in the transaction of its session.
type collectionRestore struct {
	backup     *Backup
	conn       *pgx.Conn
	o          CollectionOptions
	collection keyed
	name       string // that it gets
	owner      int64
}

func (r *collectionRestore) run(ctx context.Context) (RestoredCollection, error) {
	done := RestoredCollection{Collection: r.collection.Collection}
	if err := r.checkPlace(ctx); err != nil {
		return done, err
	}
	id := uuid.MustParse(r.collection.ID)
	own := map[string]bool{string(id[:]): true}
	r.o.Progress.Phase("Restoring "+shown(r.name), r.size(), true)
	begun := time.Now()
	for _, step := range []func(ctx context.Context, own map[string]bool) error{
		r.restoreCollection, r.restoreSources, r.restoreDocuments, r.restoreChunks,
	} {
		if err := step(ctx, own); err != nil {
			return done, err
		}
	}
	if err := r.settle(ctx, &done); err != nil {
		return done, err
	}
	r.o.Logger.DebugContext(ctx, "restored a collection", "collection_id", r.collection.ID, "seconds", time.Since(begun).Seconds())
	return done, nil
}

// size is how many bytes of the backup are read for it.
func (r *collectionRestore) size() int64 {
	var n int64
	for _, t := range r.backup.Manifest.Tables {
		if belongs(t, []keyed{r.collection}) != "" {
			n += t.Bytes
		}
	}
	return n
}

// table gives the backup's table of a name, or of the collection's partition.
func (r *collectionRestore) table(name string) (Table, bool) {
	i := slices.IndexFunc(r.backup.Manifest.Tables, func(t Table) bool {
		return t.Schema == publicSchema && (t.Name == name || t.Parent == name && t.Name == fmt.Sprintf("%s_p%d", name, r.collection.Key))
	})
	if i < 0 {
		return Table{}, false
	}
	return r.backup.Manifest.Tables[i], true
}

// loadAside loads the picked rows of a table into a temporary one, restored_<table>.
// Without values all rows are.
func (r *collectionRestore) loadAside(ctx context.Context, name string, p *picker) error {
	t, ok := r.table(name)
	if !ok {
		return fmt.Errorf("%w: it has no table %s", ErrDamaged, name)
	}
	create := fmt.Sprintf("create temporary table restored_%[1]s on commit drop as select %[2]s from %[1]s with no data", name, columnList(t.Columns))
	if err := script(ctx, r.conn, create); err != nil {
		return fmt.Errorf("making room for %s: %w", name, err)
	}
	return r.copyIn(ctx, t, "restored_"+name, p)
}

// copyIn copies the picked rows of a table of the backup into one of the database.
func (r *collectionRestore) copyIn(ctx context.Context, t Table, into string, p *picker) (err error) {
	rows, err := r.backup.rows(t)
	if p != nil {
		if err == nil {
			err = rows.Close()
		}
		if err == nil {
			rows, err = r.backup.picked(t, *p, nil)
		}
	}
	if err != nil {
		return err
	}
	from := &feed{rows: rows, each: func(n int64) {
		if r.o.Progress != nil {
			r.o.Progress.Add(n)
		}
	}}
	defer func() { err = errors.Join(err, from.Close()) }()
	_, err = from.load(ctx, r.conn, t, fmt.Sprintf("copy %s (%s) from stdin (format binary)", into, columnList(t.Columns)))
	return err
}
