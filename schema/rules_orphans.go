package schema

import "fmt"

// Reference is a foreign key whose keeping is checked too: it may have been switched
// off, or left out of a restore.
type Reference struct {
	// Constraint is its name, Table and Column who names what, and Parent and ParentColumn
	// what is named. Where the key has more columns, this one says which row is meant.
	Constraint, Table, Column, Parent, ParentColumn string
	// Row is an expression that names the row.
	Row string
	// Forgets is set where the row outlives what it names, and then names nothing.
	Forgets bool
}

// Key is that of the rule.
func (r Reference) Key() string { return "orphan_" + r.Constraint[len("fk_"):] }

// References are the foreign keys between all tables but those out of chunks and their
// search rows, whose rules stand with the others on these, and that of a document's
// source.
func References() []Reference {
	return []Reference{
		{Constraint: "fk_refresh_tokens_user", Table: "refresh_tokens", Column: "user_id", Parent: "users", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_refresh_tokens_replaced_by", Table: "refresh_tokens", Column: "replaced_by", Parent: "refresh_tokens", ParentColumn: "id", Row: "t.id", Forgets: true},
		{Constraint: "fk_api_keys_user", Table: "api_keys", Column: "user_id", Parent: "users", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_collections_owner", Table: "collections", Column: "owner_id", Parent: "users", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_collection_sources_collection", Table: "collection_sources", Column: "collection_id", Parent: "collections", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_sync_runs_collection", Table: "sync_runs", Column: "collection_id", Parent: "collections", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_collection_permissions_collection", Table: "collection_permissions", Column: "collection_id", Parent: "collections", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_collection_permissions_user", Table: "collection_permissions", Column: "user_id", Parent: "users", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_collection_permissions_api_key", Table: "collection_permissions", Column: "api_key_id", Parent: "api_keys", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_collection_permissions_granted_by", Table: "collection_permissions", Column: "granted_by", Parent: "users", ParentColumn: "id", Row: "t.id", Forgets: true},
		{Constraint: "fk_documents_collection", Table: "documents", Column: "collection_id", Parent: "collections", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_source_copies_source", Table: "source_copies", Column: "source_id", Parent: "collection_sources", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_document_contents_document", Table: "document_contents", Column: "document_id", Parent: "documents", ParentColumn: "id", Row: "format('%s, slice %s', t.kind, t.slice)"},
		{Constraint: "fk_chunk_search_backlog_collection", Table: "chunk_search_backlog", Column: "collection_id", Parent: "collections", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_operations_collection", Table: "operations", Column: "collection_id", Parent: "collections", ParentColumn: "id", Row: "t.uuid"},
		{Constraint: "fk_operations_user", Table: "operations", Column: "user_id", Parent: "users", ParentColumn: "id", Row: "t.uuid", Forgets: true},
		{Constraint: "fk_chunking_configs_user", Table: "chunking_configs", Column: "created_by", Parent: "users", ParentColumn: "id", Row: "t.id"},
		{Constraint: "fk_idempotency_keys_user", Table: "idempotency_keys", Column: "user_id", Parent: "users", ParentColumn: "id", Row: "t.key"},
		{Constraint: "fk_schema_history_rolled_back_by", Table: "schema_history", Column: "rolled_back_by", Parent: "schema_history", ParentColumn: "id", Row: "t.id", Forgets: true},
	}
}

// orphanScan reads nothing: it has the rules on small tables asked in one statement.
var orphanScan = &scan{name: "nothing", read: `select`}

func orphanRules() []Rule {
	references := References()
	rules := make([]Rule, len(references))
	for i, r := range references {
		rules[i] = Rule{
			Key: r.Key(), Severity: SeverityError, scan: orphanScan,
			Name:    fmt.Sprintf("what %s of %s names is there", r.Column, r.Table),
			Meaning: fmt.Sprintf("Rows of %s name something in %s that is gone: foreign keys were switched off, or left out of a restore.", r.Table, r.Parent),
			Remedy:  "semantik doctor --fix --allow-destructive deletes them, as the foreign key would have done.",
			Statement: fmt.Sprintf(`
select format('%%s of %s names %%s', %s, t.%s), 1
from %s t
left join %s parent on parent.%s = t.%s
where t.%s is not null
  and parent.%s is null`, r.Table, r.Row, r.Column, r.Table, r.Parent, r.ParentColumn, r.Column, r.Column, r.ParentColumn),
		}
		switch {
		case r.Forgets:
			rules[i].Severity = SeverityWarning
			rules[i].Remedy = "semantik doctor --fix has them name nothing, as the foreign key would have done."
		case r.Table == "collections":
			rules[i].Remedy = "Give the collections to somebody: update collections set owner_id = … where id = …"
		}
	}
	return rules
}
