package app

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"semantik/app/client"
)

var looksLikeID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// errNoCollection means that the user sees no such collection.
var errNoCollection = errors.New("there is no such collection")

// findCollection finds a collection by its name, or by its id.
func findCollection(ctx context.Context, c *client.Client, name string) (client.Collection, error) {
	name = strings.TrimSpace(name)
	for collection, err := range c.Collections(ctx) {
		if err != nil {
			return client.Collection{}, err
		}
		if collection.Name == name {
			return collection, nil
		}
	}
	if !looksLikeID.MatchString(name) {
		return client.Collection{}, errNoCollection
	}
	collection, err := c.Collection(ctx, strings.ToLower(name))
	var p *client.Problem
	if errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusUnprocessableEntity) {
		return collection, errNoCollection
	}
	return collection, err
}

// ensureCollection finds a collection, and makes it where there is none.
func ensureCollection(ctx context.Context, c *client.Client, name string) (collection client.Collection, made bool, err error) {
	collection, err = findCollection(ctx, c, name)
	if !errors.Is(err, errNoCollection) {
		return collection, false, err
	}
	collection, err = c.CreateCollection(ctx, name)
	return collection, err == nil, err
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
