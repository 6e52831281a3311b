package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// CollectionError says why a collection cannot be backed up or brought back.
type CollectionError struct {
	Name   string // or id, as it was given
	Reason string
}

func (e *CollectionError) Error() string {
	return fmt.Sprintf("the collection %q %s", e.Name, e.Reason)
}

// keyed is a collection with the key of its partition.
type keyed struct {
	Collection
	Key int
}

const findCollectionsSQL = `
select c.id::text, c.name, coalesce(u.username, ''), c.partition_key
from collections c
left join users u on u.id = c.owner_id
where c.deleted_at is null
  and (c.name = any ($1) or c.id::text = any ($1))
order by c.name`

// narrow selects what belongs to some collections. Users, rights, operations and the
// audit log do not: they are the database's that they come from.
func (s *snapshot) narrow(ctx context.Context, tables []listed, wanted []string) ([]selection, []Collection, error) {
	rows, err := s.conn.Query(ctx, findCollectionsSQL, wanted)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for the collections: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[keyed])
	if err != nil {
		return nil, nil, fmt.Errorf("looking for the collections: %w", err)
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(found, func(k keyed) bool { return k.Name == name || k.ID == name }) {
			return nil, nil, &CollectionError{Name: name, Reason: "is not there"}
		}
	}
	var selections []selection
	for _, t := range tables {
		if condition := belongs(t.Table, found); condition != "" {
			query := fmt.Sprintf("select %s from %s where %s", columnList(t.Columns), t.identifier(), condition)
			selections = append(selections, selection{table: t, query: query})
		}
	}
	collections := make([]Collection, len(found))
	for i, k := range found {
		collections[i] = k.Collection
	}
	return selections, collections, nil
}

// collectionTables are those that have what belongs to a collection.
var collectionTables = []string{
	"collections", "collection_sources", "sync_runs", "documents", "source_copies", "document_contents", "chunks", "chunk_search", "chunk_search_backlog",
}

// belongs is the condition that a table's rows belong to one of the collections, and ""
// where none can. The ids come from the database and are written as they are, since a
// COPY takes no parameters.
func belongs(t Table, collections []keyed) string {
	var ids []string
	for _, c := range collections {
		if t.Parent == "" || t.Name == fmt.Sprintf("%s_p%d", t.Parent, c.Key) {
			ids = append(ids, "'"+c.ID+"'")
		}
	}
	if len(ids) == 0 || t.Schema != publicSchema {
		return ""
	}
	list := "(" + strings.Join(ids, ", ") + ")"
	switch t.family() {
	case "collections":
		return "id in " + list
	case "collection_sources", "sync_runs", "documents", "chunks", "chunk_search", "chunk_search_backlog":
		return "collection_id in " + list
	case "document_contents":
		return "document_id in (select id from documents where collection_id in " + list + ")"
	case "source_copies":
		return "source_id in (select id from collection_sources where collection_id in " + list + ")"
	default:
		return ""
	}
}

// family is the name of the table, or of the one that it is a partition of.
func (t Table) family() string {
	if t.Parent != "" {
		return t.Parent
	}
	return t.Name
}
