package testworld

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/auth"
)

// User makes an account with this name.
func (w *World) User(name string) users.User {
	w.t.Helper()
	u, err := w.Users.Register(w.t.Context(), users.RegisterInput{
		Username: name, Email: name + "@example.com", Password: Password,
	})
	require.NoError(w.t, err)
	return u
}

// As is a context in which the user acts.
func (w *World) As(u users.User) context.Context {
	return auth.WithIdentity(w.t.Context(), identity(u))
}

func identity(u users.User) auth.Identity {
	return auth.Identity{
		UserID: u.ID, Username: u.Username, IsSuperuser: u.IsSuperuser, Session: auth.Session{Generation: u.SessionGeneration},
	}
}

// Token is an access token of the user's.
func (w *World) Token(u users.User) string {
	w.t.Helper()
	pair, err := w.Users.Login(w.t.Context(), u.Username, Password, users.ClientInfo{})
	require.NoError(w.t, err)
	return pair.Access
}

// CollectionOption changes what a collection is made from.
type CollectionOption func(*collections.CreateInput)

// Public lets everybody read a collection.
func Public() CollectionOption {
	return func(in *collections.CreateInput) { in.IsPublic = true }
}

// ChunkSize sets the characters of a chunk, without an overlap.
func ChunkSize(characters int) CollectionOption {
	return func(in *collections.CreateInput) {
		overlap := 0
		in.ChunkSize, in.ChunkOverlap = &characters, &overlap
	}
}

// Named gives a collection a name; without, it has one that nobody else has.
func Named(name string) CollectionOption {
	return func(in *collections.CreateInput) { in.Name = name }
}

// NewCollection makes a collection as its owner does, and gives the id of the
// operation that makes it ready.
func (w *World) NewCollection(owner users.User, options ...CollectionOption) collections.Created {
	w.t.Helper()
	in := collections.CreateInput{Name: "Collection " + uuid.NewString()}
	for _, o := range options {
		o(&in)
	}
	created, err := w.Collections.Create(w.As(owner), in)
	require.NoError(w.t, err)
	return created
}

// Collection makes a collection and waits until it is ready; without a worker it
// is made ready by hand.
func (w *World) Collection(owner users.User, options ...CollectionOption) collections.Collection {
	w.t.Helper()
	created := w.NewCollection(owner, options...)
	w.Finish(created.InitialOperationID)
	return w.Read(created.ID)
}

// Finish waits for an operation to end, or, where no worker runs, ends it and
// makes its collection ready as if a worker had found nothing to do.
func (w *World) Finish(operation uuid.UUID) {
	w.t.Helper()
	if !w.noWorker {
		w.AwaitOperation(operation)
		return
	}
	w.Exec(`update operations set status = 'completed', completed_at = now(), attempt = 1 where uuid = $1`, operation)
	w.Exec(`update collections set status = 'ready' where id = (select collection_id from operations where uuid = $1)`, operation)
}

// Read gives a collection as it is now.
func (w *World) Read(id uuid.UUID) collections.Collection {
	w.t.Helper()
	return w.Scope(id).Collection()
}

// Scope is a proof of every right on a collection.
func (w *World) Scope(id uuid.UUID) collections.Scope {
	w.t.Helper()
	ctx := auth.WithIdentity(w.t.Context(), auth.Identity{UserID: -1, IsSuperuser: true})
	scope, err := w.Collections.Authorize(ctx, id, collections.Admin)
	require.NoError(w.t, err)
	return scope
}

// Grant shares a collection: read, write or admin.
func (w *World) Grant(c collections.Collection, to users.User, permission collections.Permission) {
	w.t.Helper()
	w.Exec(`insert into collection_permissions (collection_id, user_id, permission, granted_by) values ($1, $2, $3, $4)`,
		c.ID, to.ID, permission.String(), c.OwnerID)
}

// File is a file of [World.Upload].
type File struct {
	Path    string
	Content string
}

// Upload uploads files as the user does, and gives what became of each and the
// operation that works on them.
func (w *World) Upload(as users.User, c collections.Collection, files ...File) ([]documents.Result, *uuid.UUID) {
	w.t.Helper()
	results, operation, err := w.Documents.Upload(w.As(as), c.ID, documents.Upload{Next: Sequence(files...)})
	require.NoError(w.t, err)
	return results, operation
}

// Sequence gives the files one after another.
func Sequence(files ...File) func() (documents.File, error) {
	return func() (documents.File, error) {
		if len(files) == 0 {
			return documents.File{}, io.EOF
		}
		f := files[0]
		files = files[1:]
		return documents.File{Path: f.Path, Content: strings.NewReader(f.Content)}, nil
	}
}

// AddDocuments uploads files as the collection's owner, waits until they are
// worked on, and gives them as they are then, in the same order.
func (w *World) AddDocuments(c collections.Collection, files ...File) []documents.Document {
	w.t.Helper()
	owner := users.User{ID: c.OwnerID}
	results, operation := w.Upload(owner, c, files...)
	if operation != nil {
		w.AwaitOperation(*operation)
	}
	found := make([]documents.Document, len(results))
	for i, r := range results {
		require.NoError(w.t, r.Err, r.Path)
		found[i] = w.Document(c.ID, r.Document.ID)
	}
	return found
}

// Document gives a document as it is now.
func (w *World) Document(collection, id uuid.UUID) documents.Document {
	w.t.Helper()
	d, err := documents.NewRepository(w.DB).Get(w.t.Context(), w.Scope(collection), id)
	require.NoError(w.t, err)
	return d
}

// Operation gives an operation as it is now.
func (w *World) Operation(id uuid.UUID) operations.Operation {
	w.t.Helper()
	o, err := operations.NewRepository(w.DB).Get(w.t.Context(), id)
	require.NoError(w.t, err)
	return o
}

// AwaitOperation waits for an operation to end and gives it.
func (w *World) AwaitOperation(id uuid.UUID) operations.Operation {
	w.t.Helper()
	var o operations.Operation
	w.Await("the operation has ended", func() bool {
		o = w.Operation(id)
		return !o.Status.Active()
	})
	return o
}

// Content gives what is stored of a document.
func (w *World) Content(d documents.Document, kind documents.ContentKind) []byte {
	w.t.Helper()
	content, err := documents.NewRepository(w.DB).ReadContent(w.t.Context(), w.Scope(d.CollectionID), d, kind)
	require.NoError(w.t, err)
	return content
}

// ErrBroken is what a [Broken] reader ends with.
var ErrBroken = errors.New("the connection broke (injected by a test)")

// Broken gives the text and then fails.
func Broken(text string) io.Reader {
	return io.MultiReader(bytes.NewReader([]byte(text)), failing{})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, ErrBroken }
