package collections

import (
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound is the same for a collection that does not exist and for one
	// that the caller has no right to see.
	ErrNotFound = apperr.New(apperr.NotFound, "collection_not_found",
		"There is no collection with this id that you may see.")

	// ErrForbidden is for those who may read the collection, but not do this.
	ErrForbidden = apperr.New(apperr.Forbidden, "collection_forbidden",
		"You may read this collection, but not change it. Its owner can share it with you.")

	// ErrNameTaken means that another collection has the name; names are unique
	// across all users.
	ErrNameTaken = apperr.New(apperr.Conflict, "collection_name_taken",
		"A collection with this name exists already. Choose another name.")

	// ErrWrongStatus means that the collection's state does not allow this.
	ErrWrongStatus = apperr.New(apperr.Conflict, "collection_wrong_status",
		"The collection is not in a state that allows this. Wait until its operation has ended, and try again.")

	// ErrChanged means that the collection is not any more as the caller has seen it.
	ErrChanged = apperr.New(apperr.PreconditionFailed, "collection_changed",
		"The collection has changed since you read it. Read it again, and make your change to what it is now.")

	// ErrNoSyncInterval means that a collection is to be synchronised continuously,
	// and nothing says how often.
	ErrNoSyncInterval = apperr.New(apperr.Malformed, "sync_interval_missing",
		"A collection that is synchronised continuously needs sync_interval_minutes, 15 or more.")

	// ErrNotContinuous means that a collection is not synchronised by itself.
	ErrNotContinuous = apperr.New(apperr.Malformed, "sync_not_continuous",
		"The collection is not synchronised by itself: its sync_mode is one_time. Set it to continuous first.")

	// ErrNoSources means that a collection has nothing that could be looked through again.
	ErrNoSources = apperr.New(apperr.Conflict, "no_sources",
		"The collection has no source that can be looked through again. Add a directory; uploads come by themselves.")

	// ErrUnknownStrategy means that the chunking strategy is not one of those on
	// offer.
	ErrUnknownStrategy = apperr.New(apperr.Malformed, "unknown_chunking_strategy",
		"The chunking strategy is not known.")

	// ErrBadChunkingConfig means that the documents cannot be cut as it is said.
	ErrBadChunkingConfig = apperr.New(apperr.Malformed, "bad_chunking_config",
		"The chunking_config is not valid.")

	// ErrBadPipeline means that a pipeline breaks a rule, which the error names.
	ErrBadPipeline = apperr.New(apperr.Malformed, "bad_pipeline_config",
		"The pipeline_config breaks a rule.")

	// ErrSourceNotFound means that the collection has no source with this id, or none
	// with this path.
	ErrSourceNotFound = apperr.New(apperr.NotFound, "source_not_found",
		"The collection has no such source.")

	// ErrSourcePathTaken means that the path is that of a source of another type:
	// documents that are uploaded do not go into a folder's source, which would lose
	// them the next time that it is looked at.
	ErrSourcePathTaken = apperr.New(apperr.Conflict, "source_path_taken",
		"The collection has a source of another type with this path. Choose another path, or remove that source first.")

	// ErrNoSecrets means that nothing would use a secret that was given, so that it is
	// not kept.
	ErrNoSecrets = apperr.New(apperr.Malformed, "source_secrets_not_taken",
		"A source of this type takes no secrets. Leave them out.")

	errUnknownStatus = apperr.New(apperr.Malformed, "unknown_collection_status", "Invalid status.")
	errUnknownSort   = apperr.New(apperr.Malformed, "unknown_collection_sort", "Invalid sort.")

	// A user who owns collections cannot go, and one who is gone cannot own any.
	errOwner = apperr.New(apperr.Conflict, "collection_owner",
		"A collection needs its owner: the user is not there any more, or still owns collections.")
	errExists = apperr.New(apperr.Conflict, "collection_exists",
		"There is a collection with this id already.")
	errInvalidRow = apperr.New(apperr.Invalid, "collection_invalid",
		"A value of the collection is not among those allowed.")

	errSourceExists = apperr.New(apperr.Conflict, "source_exists",
		"The collection has this source already.")
	errInvalidSource = apperr.New(apperr.Invalid, "source_invalid",
		"A value of the source is not among those allowed.")
	errRunExists = apperr.New(apperr.Conflict, "sync_run_exists",
		"There is a sync run with this id already.")
	errInvalidRun = apperr.New(apperr.Invalid, "sync_run_invalid",
		"A value of the sync run is not among those allowed.")

	// ErrPermissionNotFound means that the collection has no permission with this id.
	ErrPermissionNotFound = apperr.New(apperr.NotFound, "permission_not_found",
		"The collection has no permission with this id.")

	// ErrPermissionExists means that the collection is shared with them already.
	ErrPermissionExists = apperr.New(apperr.Conflict, "permission_exists",
		"The collection is shared with them already. Change the permission that they have.")

	// ErrGranteeNotFound means that nobody with this name or id can sign in, whether
	// or not there is such an account.
	ErrGranteeNotFound = apperr.New(apperr.NotFound, "grantee_not_found",
		"There is no such user or API key that the collection could be shared with.")

	// ErrGranteeIsOwner means that the owner needs no permission.
	ErrGranteeIsOwner = apperr.New(apperr.Conflict, "grantee_is_owner",
		"The owner of a collection may do everything with it already.")

	errGranterGone = apperr.New(apperr.Conflict, "granter_gone",
		"The account that shares the collection does not exist any more.")
	errInvalidPermission = apperr.New(apperr.Invalid, "permission_invalid",
		"A permission is read, write or admin, for either a user or an API key.")
)

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"collections_pkey":                     errExists,
	"uq_collections_id_partition_key":      errExists,
	"uq_collections_vector_store_name":     errExists,
	"ix_collections_name":                  ErrNameTaken,
	"fk_collections_owner":                 errOwner,
	"ck_collections_owner_id":              errOwner,
	"ck_collections_name":                  errInvalidRow,
	"ck_collections_quantization":          errInvalidRow,
	"ck_collections_chunk_size":            errInvalidRow,
	"ck_collections_chunk_overlap":         errInvalidRow,
	"ck_collections_status":                errInvalidRow,
	"ck_collections_sync_mode":             errInvalidRow,
	"ck_collections_sync_interval_minutes": errInvalidRow,
	"ck_collections_sync_last_run_status":  errInvalidRow,

	"collection_sources_pkey":                         errSourceExists,
	"uq_collection_sources_id_collection_id":          errSourceExists,
	"uq_collection_sources_collection_id_source_path": errSourceExists,
	"fk_collection_sources_collection":                ErrNotFound,
	"ck_collection_sources_source_type":               errInvalidSource,
	"ck_collection_sources_source_path":               errInvalidSource,
	"ck_collection_sources_source_config":             errInvalidSource,
	"ck_collection_sources_secrets":                   errInvalidSource,
	"ck_collection_sources_scan_config":               errInvalidSource,
	"ck_collection_sources_last_run_status":           errInvalidSource,

	"sync_runs_pkey":            errRunExists,
	"fk_sync_runs_collection":   ErrNotFound,
	"ck_sync_runs_triggered_by": errInvalidRun,
	"ck_sync_runs_status":       errInvalidRun,

	"collection_permissions_pkey":                        ErrPermissionExists,
	"uq_collection_permissions_user_id_collection_id":    ErrPermissionExists,
	"uq_collection_permissions_api_key_id_collection_id": ErrPermissionExists,
	"fk_collection_permissions_collection":               ErrNotFound,
	"fk_collection_permissions_user":                     ErrGranteeNotFound,
	"fk_collection_permissions_api_key":                  ErrGranteeNotFound,
	"fk_collection_permissions_granted_by":               errGranterGone,
	"check_user_or_api_key":                              errInvalidPermission,
	"ck_collection_permissions_permission":               errInvalidPermission,
}
