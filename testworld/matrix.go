package testworld

// Asker is who sends a request of the matrix.
type Asker string

// The askers. Those from the reader to the owner ask about a collection that is
// not public; the keys are the owner's, each with the one scope of its name but
// the last, which has all scopes and is confined to another collection.
const (
	Nobody         Asker = "nobody"
	BadToken       Asker = "bad token"
	ExpiredToken   Asker = "expired token"
	InactiveUser   Asker = "inactive user"
	Stranger       Asker = "stranger"
	ReaderByPublic Asker = "reader of a public one"
	Reader         Asker = "reader"
	Writer         Asker = "writer"
	Administrator  Asker = "admin"
	Owner          Asker = "owner"
	Superuser      Asker = "superuser"
	KeyToRead      Asker = "key: read"
	KeyToWrite     Asker = "key: write"
	KeyToAdmin     Asker = "key: admin"
	KeyElsewhere   Asker = "key elsewhere"
)

// Askers lists them in the order of a [Row]'s statuses.
var Askers = []Asker{
	Nobody, BadToken, ExpiredToken, InactiveUser,
	Stranger, ReaderByPublic, Reader, Writer, Administrator, Owner, Superuser,
	KeyToRead, KeyToWrite, KeyToAdmin, KeyElsewhere,
}

// Row says what one route answers to each asker.
type Row struct {
	// Route is the method and the path as the description of the API has it.
	Route string
	// Statuses are in the order of [Askers].
	Statuses [15]int
	// Body is what is sent, made anew for each request; nil for nothing.
	Body func(m Matter) any
	// Query is added to the path.
	Query string
	// Ends is set where a request that is let through uses up what it is about, so
	// that the next asker needs a new one.
	Ends bool
}

// Status is what the route answers to the asker.
func (r Row) Status(a Asker) int {
	for i, asker := range Askers {
		if asker == a {
			return r.Statuses[i]
		}
	}
	return 0
}

// Section is a group of routes.
type Section struct {
	Name string
	Rows []Row
}

// Matrix is who may do what: every route that is about more than the server
// itself, with what it answers to everybody. The tests send each of these
// requests, and docs/permissions.md is made from it.
//
// Whoever has no right to see a thing is told that it does not exist (404);
// whoever may see it but not do this, that they may not (403).
func Matrix() []Section {
	return []Section{
		authRows,
		apiKeyRows,
		collectionRows,
		sharingRows,
		sourceRows,
		documentRows,
		chunkRows,
		partitionRows,
		operationRows,
		auditRows,
		preferenceRows,
		settingRows,
		emptyRows,
		taskRows,
		systemRows,
	}
}

// ForEverybody are the beginnings of the routes about the server itself, which
// anybody may read.
var ForEverybody = []string{"GET /api/health", "GET /api/health/", "GET /health", "GET /api/v2/system/health", "GET /api/v2/system/info"}

var authRows = Section{Name: "Accounts", Rows: []Row{
	//                                             none bad exp inact  str pub read writ adm own super  kr   kw   ka   else
	{Route: "POST /api/auth/register", Statuses: [15]int{201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201}, Body: registration},
	{Route: "POST /api/auth/login", Statuses: [15]int{200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200}, Body: credentialsOfRoot},
	// An empty request: everybody may ask, and is told that the token is missing.
	{Route: "POST /api/auth/refresh", Statuses: [15]int{400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400}},
	{Route: "POST /auth/refresh", Statuses: [15]int{400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400}},
	{Route: "POST /api/auth/logout", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 403, 403, 403, 403}},
	// With a new password that is too short, since a good one would end the session.
	{Route: "POST /api/auth/password", Statuses: [15]int{401, 401, 401, 403, 422, 422, 422, 422, 422, 422, 422, 403, 403, 403, 403}, Body: shortPassword},
	{Route: "GET /api/auth/me", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200}},
	// About the owner's account; the superuser asks about somebody's.
	{Route: "GET /api/v2/users", Statuses: [15]int{401, 401, 401, 403, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403, 403}},
	{Route: "GET /api/v2/users/{user_id}", Statuses: [15]int{401, 401, 401, 403, 404, 404, 404, 404, 404, 200, 200, 200, 403, 403, 200}},
	{Route: "PATCH /api/v2/users/{user_id}", Statuses: [15]int{401, 401, 401, 403, 404, 404, 404, 404, 404, 200, 200, 403, 403, 403, 403}, Body: newFullName},
	{Route: "DELETE /api/v2/users/{user_id}", Statuses: [15]int{401, 401, 401, 403, 403, 403, 403, 403, 403, 403, 204, 403, 403, 403, 403}, Ends: true},
}}

var collectionRows = Section{Name: "Collections", Rows: []Row{
	{Route: "POST /api/v2/collections", Statuses: [15]int{401, 401, 401, 403, 201, 201, 201, 201, 201, 201, 201, 403, 201, 403, 403}, Body: newCollection},
	{Route: "GET /api/v2/collections", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200}},
	{Route: "GET /api/v2/collections/{collection_id}", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "PUT /api/v2/collections/{collection_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 403, 200, 200, 200, 403, 403, 200, 404}, Body: newCollection},
	{Route: "DELETE /api/v2/collections/{collection_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 403, 204, 204, 204, 403, 403, 204, 404}, Ends: true},
}}

var sharingRows = Section{Name: "Sharing", Rows: []Row{
	{Route: "GET /api/v2/collections/{collection_id}/permissions", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 403, 200, 200, 200, 403, 403, 200, 404}},
	{Route: "POST /api/v2/collections/{collection_id}/permissions", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 403, 201, 201, 201, 403, 403, 201, 404}, Body: newPermission, Ends: true},
	{Route: "PATCH /api/v2/collections/{collection_id}/permissions/{permission_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 403, 200, 200, 200, 403, 403, 200, 404}, Body: otherPermission},
	{Route: "DELETE /api/v2/collections/{collection_id}/permissions/{permission_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 403, 204, 204, 204, 403, 403, 204, 404}, Ends: true},
}}

var documentRows = Section{Name: "Documents", Rows: []Row{
	{Route: "POST /api/v2/collections/{collection_id}/documents", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 202, 202, 202, 202, 403, 202, 403, 404}, Body: newFile},
	{Route: "GET /api/v2/collections/{collection_id}/documents", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "GET /api/v2/collections/{collection_id}/documents/failed/count", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "GET /api/v2/collections/{collection_id}/documents/{document_id}/content", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "GET /api/v2/collections/{collection_id}/documents/{document_id}", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	// One that has not failed: whoever may retry is told so.
	{Route: "POST /api/v2/collections/{collection_id}/documents/{document_id}/retry", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 400, 400, 400, 400, 403, 400, 403, 404}},
	{Route: "POST /api/v2/collections/{collection_id}/documents/retry-failed", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}},
	// One that is not in the bin: whoever may restore is told so.
	{Route: "POST /api/v2/collections/{collection_id}/documents/{document_id}/restore", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 409, 409, 409, 409, 403, 409, 403, 404}},
	{Route: "DELETE /api/v2/collections/{collection_id}/documents/{document_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 204, 204, 204, 204, 403, 204, 403, 404}, Ends: true},
}}

var chunkRows = Section{Name: "Chunks and search", Rows: []Row{
	{Route: "GET /api/v2/chunking/collections/{collection_id}/chunks", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "POST /api/v2/chunking/collections/{collection_id}/chunks", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 201, 201, 201, 201, 403, 201, 403, 404}, Body: newChunk},
	{Route: "GET /api/v2/chunking/collections/{collection_id}/chunks/export", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "GET /api/v2/chunking/collections/{collection_id}/chunking-stats", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "PATCH /api/v2/chunking/collections/{collection_id}/chunks/embeddings", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}, Body: newVector},
	{Route: "GET /api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "PATCH /api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}, Body: newMetadata},
	{Route: "POST /api/v2/search", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}, Body: aSearch},
	{Route: "POST /api/v2/search/single", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}, Body: aSingleSearch},
	{Route: "DELETE /api/v2/chunking/collections/{collection_id}/chunks", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 200, 200, 200, 200, 403, 200, 403, 404}, Query: "?document_id={document_id}"},
}}

var operationRows = Section{Name: "Operations", Rows: []Row{
	{Route: "GET /api/v2/operations", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200}},
	{Route: "GET /api/v2/collections/{collection_id}/operations", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	{Route: "POST /api/v2/collections/{collection_id}/reindex", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 422, 422, 422, 422, 403, 422, 403, 404}, Body: badReindex},
	{Route: "GET /api/v2/operations/{operation_id}", Statuses: [15]int{401, 401, 401, 403, 404, 200, 200, 200, 200, 200, 200, 200, 403, 403, 404}},
	// One that has ended: whoever may cancel is told so.
	{Route: "DELETE /api/v2/operations/{operation_id}", Statuses: [15]int{401, 401, 401, 403, 404, 403, 403, 400, 400, 400, 400, 403, 400, 403, 404}},
}}

var auditRows = Section{Name: "Audit log", Rows: []Row{
	{Route: "GET /api/v2/audit-log", Statuses: [15]int{401, 401, 401, 403, 200, 200, 200, 200, 200, 200, 200, 403, 403, 200, 403}},
}}
