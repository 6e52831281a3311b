package testworld

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/platform/auth"
)

// Secret is a word of every document of a [Cast], which nobody may read who may
// not read the document.
const Secret = "walrus"

// signingKey signs the tokens of a cast.
const signingKey = "the key that signs the tokens of the cast"

// newcomer is somebody whom nothing is shared with, and bystander somebody whom
// everything is shared with, and who asks for nothing.
const (
	newcomer  = "newcomer"
	bystander = "bystander"
)

// Cast is a world with everybody of the matrix in it, and what they ask about.
type Cast struct {
	*World

	// People are the askers who have an account, by their part.
	People map[Asker]users.User

	tokens    map[Asker]string
	bystander users.User
	private   Matter
	public    Matter
	// spare is the id of somebody whom nobody needs.
	spare int64
	// folder is one that sources may read.
	folder string
}

// NewCast makes a cast.
func NewCast(t *testing.T) *Cast {
	t.Helper()
	folder := t.TempDir()
	c := &Cast{
		World:  New(t, Setting("JWT_SECRET_KEY="+signingKey), Setting("DOCUMENT_ROOTS="+folder)),
		People: map[Asker]users.User{}, tokens: map[Asker]string{}, folder: folder,
	}
	c.People[Superuser] = c.Root
	for _, a := range []Asker{InactiveUser, Stranger, ReaderByPublic, Reader, Writer, Administrator, Owner} {
		c.People[a] = c.User(strings.ReplaceAll(string(a), " ", "_"))
	}
	c.User(newcomer)
	c.bystander = c.User(bystander)
	for a, u := range c.People {
		c.tokens[a] = c.Token(u)
	}
	c.tokens[BadToken] = c.tokens[Owner] + "x"
	c.tokens[ExpiredToken] = c.expired(c.People[Owner])
	c.Exec(`update users set is_active = false where id = $1`, c.People[InactiveUser].ID)

	c.public = c.Furnish(c.People[Owner], Public())
	c.private = c.Furnish(c.People[Owner])
	c.share(c.private)
	c.spare = c.User(unusedName()).ID
	// What the stranger may do elsewhere does not help here.
	c.Grant(c.Collection(c.People[Owner]), c.People[Stranger], collections.Admin)
	c.Furnish(c.People[Stranger])

	elsewhere := c.Collection(c.People[Owner])
	c.tokens[KeyToRead] = c.Key(c.People[Owner], nil, auth.ScopeRead)
	c.tokens[KeyToWrite] = c.Key(c.People[Owner], nil, auth.ScopeWrite)
	c.tokens[KeyToAdmin] = c.Key(c.People[Owner], nil, auth.ScopeAdmin)
	c.tokens[KeyElsewhere] = c.Key(c.People[Owner], []uuid.UUID{elsewhere.ID}, auth.ScopeRead, auth.ScopeWrite, auth.ScopeAdmin)
	return c
}

// In gives the same cast to a subtest.
func (c *Cast) In(t testing.TB) *Cast {
	t.Helper()
	inner := *c
	inner.World = c.World.In(t)
	return &inner
}

// expired is a token of the user's that has lived its life.
func (c *Cast) expired(u users.User) string {
	c.t.Helper()
	past := func() time.Time { return time.Now().Add(-time.Hour) }
	tokens, err := auth.NewTokens([]string{signingKey}, past, time.Minute, time.Minute)
	require.NoError(c.t, err)
	token, err := tokens.IssueAccess(u.Username, u.ID, auth.Session{})
	require.NoError(c.t, err)
	return token
}

// share gives the collection to those who have a part in it.
func (c *Cast) share(m Matter) {
	c.t.Helper()
	collection := c.Read(m.Collection)
	c.Grant(collection, c.People[Reader], collections.Read)
	c.Grant(collection, c.People[Writer], collections.Write)
	c.Grant(collection, c.People[Administrator], collections.Admin)
}

// Renew gives the askers something new to ask about.
func (c *Cast) Renew() {
	c.t.Helper()
	c.public = c.Furnish(c.People[Owner], Public())
	c.private = c.Furnish(c.People[Owner])
	c.share(c.private)
	c.spare = c.User(unusedName()).ID
}

// Furnish makes a collection with a document in it, shared with the bystander.
func (c *Cast) Furnish(owner users.User, options ...CollectionOption) Matter {
	c.t.Helper()
	made := c.Collection(owner, options...)
	c.Grant(made, c.bystander, collections.Read)
	d := c.AddDocuments(made, File{Path: "secret.txt", Content: "The " + Secret + " is a secret of " + made.Name})[0]
	key, _ := c.NewKey(owner, nil, auth.ScopeRead)
	c.Exec(`update api_keys set is_active = false where id = $1`, key)
	return Matter{
		Collection: made.ID, Document: d.ID, APIKey: key, User: c.People[Owner].ID,
		Chunk:      c.Int(`select id from chunks where collection_id = $1`, made.ID),
		Operation:  Value[uuid.UUID](c.World, `select uuid from operations where collection_id = $1 and type = 'append'`, made.ID),
		Permission: c.Int(`select id from collection_permissions where collection_id = $1`, made.ID),
		Source:     c.Int(`select id from collection_sources where collection_id = $1`, made.ID), Folder: c.folder,
	}
}

// Key is an API key of the user's, made beside the program; within confines it
// unless it is nil.
func (w *World) Key(of users.User, within []uuid.UUID, scopes ...auth.Scope) string {
	w.t.Helper()
	_, secret := w.NewKey(of, within, scopes...)
	return secret
}

// NewKey is [World.Key] with the key's id.
func (w *World) NewKey(of users.User, within []uuid.UUID, scopes ...auth.Scope) (uuid.UUID, string) {
	w.t.Helper()
	id := uuid.New()
	secret, prefix, hash := auth.GenerateAPIKey(id)
	permissions, err := json.Marshal(map[string]any{"scopes": scopes, "collections": within})
	require.NoError(w.t, err)
	w.Exec(`insert into api_keys (id, user_id, name, prefix, key_hash, permissions) values ($1, $2, $3, $4, $5, $6)`,
		id, of.ID, "key "+id.String(), prefix, hash, permissions)
	return id, secret
}

// Matter is what the asker asks about.
func (c *Cast) Matter(a Asker) Matter {
	m := c.private
	if a == ReaderByPublic {
		m = c.public
	}
	if a == Superuser {
		m.User = c.spare
	}
	m.Name = unusedName()
	return m
}

func unusedName() string { return "n" + strings.ReplaceAll(uuid.NewString(), "-", "") }

// Scenario is the asker's request to the route, about the matter.
func (c *Cast) Scenario(r Row, a Asker, m Matter) Scenario {
	method, path, _ := strings.Cut(r.Route, " ")
	s := Scenario{Name: string(a), Method: method, URL: m.path(path + r.Query), Status: r.Status(a)}
	if token, ok := c.tokens[a]; ok {
		s.Token = "Bearer " + token
	}
	if r.Body != nil {
		s.Body = r.Body(m)
	}
	if s.Status >= http.StatusBadRequest {
		s.HasNot = []string{Secret}
	}
	return s
}

// AwaitQuiet waits until neither the worker nor the indexer has anything to do.
func (w *World) AwaitQuiet() {
	w.t.Helper()
	w.Await("all is done", func() bool {
		return w.Int(`select (select count(*) from operations where status in ('pending', 'processing')) + (select count(*) from chunk_search_backlog)`) == 0
	})
}
