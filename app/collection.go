package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/app/client"
)

var looksLikeID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// errNoCollection means that the user sees no such collection.
var errNoCollection = errors.New("there is no such collection")

// findCollection finds a collection by its id, or by its name. What may be an id is
// one first: somebody else could give theirs another's id for a name, and share it.
func findCollection(ctx context.Context, c *client.Client, name string) (client.Listed[client.Collection], error) {
	name = norm.NFC.String(strings.TrimSpace(name)) // as the server keeps it
	if looksLikeID.MatchString(name) {
		collection, err := c.Collection(ctx, strings.ToLower(name))
		var p *client.Problem
		if !errors.As(err, &p) || (p.Status != http.StatusNotFound && p.Status != http.StatusUnprocessableEntity) {
			return collection, err
		}
	}
	collection, err := collectionCalled(ctx, c, name, false)
	if !errors.Is(err, errNoCollection) {
		return collection, err
	}
	// A superuser may see those of others, which are not among theirs.
	if collection, err := collectionCalled(ctx, c, name, true); err == nil {
		return collection, nil
	}
	return collection, errNoCollection
}

// maxFilter is the longest text that the server filters by, in characters.
const maxFilter = 255

// collectionCalled finds a collection by its name alone, among the user's or among
// all.
func collectionCalled(ctx context.Context, c *client.Client, name string, all bool) (client.Listed[client.Collection], error) {
	if name == "" || utf8.RuneCountInString(name) > maxFilter {
		return client.Listed[client.Collection]{}, errNoCollection // no collection is called so
	}
	for collection, err := range c.Collections(ctx, client.CollectionFilter{Text: name, All: all}) {
		if err != nil || collection.Value.Name == name {
			return collection, err
		}
	}
	return client.Listed[client.Collection]{}, errNoCollection
}

// namedCollection is [findCollection] for one that must be there.
func namedCollection(ctx context.Context, c *client.Client, name string) (client.Listed[client.Collection], error) {
	collection, err := findCollection(ctx, c, name)
	if errors.Is(err, errNoCollection) {
		err = fmt.Errorf("there is no collection %q that you may see; \"semantik collections list\" lists those", name)
	}
	return collection, err
}

// ensureCollection finds a collection, and makes it where there is none.
func ensureCollection(ctx context.Context, c *client.Client, name string) (collection client.Collection, made bool, err error) {
	found, err := findCollection(ctx, c, name)
	if !errors.Is(err, errNoCollection) {
		return found.Value, false, err
	}
	found, err = c.CreateCollection(ctx, client.NewCollection{Name: name})
	return found.Value, err == nil, err
}

// noteOwner says that documents are about to go into somebody else's collection,
// which its name does not tell.
func (s *shell) noteOwner(ctx context.Context, c *client.Client, collection client.Collection) {
	if me, err := c.Me(ctx); err == nil && me.ID != collection.OwnerID {
		s.notef("The collection %q is another user's (id %d).\n", collection.Name, collection.OwnerID)
	}
}

// collectionNameFor is a folder's name as a collection may have it.
func collectionNameFor(folder string) string {
	name := filepath.Base(folder)
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\*?<>|:"`, r) || r == utf8.RuneError {
			return '-'
		}
		return r
	}, name)
	name = strings.Trim(name, " -")
	if name == "" {
		return "files"
	}
	runes := []rune(name)
	return string(runes[:min(len(runes), 255)])
}
