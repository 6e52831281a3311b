package chaos_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/postgres"
	"semantik/testworld/victim"
)

const (
	// envKills says how many processes are killed; envSeed, what is drawn.
	envKills = "SEMANTIK_TEST_KILLS"
	envSeed  = "SEMANTIK_TEST_SEED"

	defaultKills = 10
	clients      = 4
	password     = "correct horse"
)

func number[N int | uint64](t *testing.T, variable string, otherwise N) N {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, variable)
	return N(n)
}

// chaos is all that takes part.
type chaos struct {
	t      *testing.T
	seed   uint64
	long   bool   // a storm of more kills than every test run has
	folder string // of PostgreSQL
	// database is replaced by the killer alone; url stays.
	database *postgres.Server
	url      string
	// processes are killed, and servers, which are among them, asked. cast says which there
	// are.
	processes []process
	servers   []*victim.Program
	cast      string
	// http is how the clients and the watchers ask, key what they sign in with, and token
	// where that has to be a person.
	http       *http.Client
	key, token string
	// root is the folder in which sources may lie.
	root string

	estate  estate
	watched watched

	mu    sync.Mutex
	tally map[string]int
}

// count adds to the figures that are shown at the end.
func (c *chaos) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[what]++
}

// figures lists them.
func (c *chaos) figures() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.tally)) {
		fmt.Fprintf(&b, "\n%7d %s", c.tally[what], what)
	}
	return b.String()
}

// random gives somebody a stream of their own, so that what one draws does not depend
// on what others do.
func (c *chaos) random(who uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, who)) }

// newChaos starts everything, as the first user.
func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{
		t: t, seed: seed, folder: victim.Folder(t), tally: map[string]int{},
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}
	c.watched.operations = map[string]*operation{}
	t.Cleanup(c.http.CloseIdleConnections)
	c.database = victim.StartPostgres(t, c.folder)
	c.url = c.database.URL()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	c.root = root
	c.startProcesses()
	first := &client{chaos: c, random: c.random(0)}
	c.token = first.made(http.MethodPost, "/api/auth/login", map[string]any{"username": "admin", "password": password}, "access_token")
	c.key = c.token
	c.key = first.made(http.MethodPost, "/api/v2/api-keys", map[string]any{
		"name": "chaos", "permissions": map[string]any{"scopes": []string{"read", "write", "admin"}},
	}, "api_key")
	return c
}

func TestChaos_WhatWasAcknowledgedIsThereOnceHoweverOftenTheyAreKilled(t *testing.T) {
	t.Parallel()
	kills, seed := number(t, envKills, defaultKills), number(t, envSeed, rand.Uint64())
	t.Logf("%s=%d draws the same again", envSeed, seed)
	c := newChaos(t, seed)
	c.long = kills > defaultKills
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var working, watching sync.WaitGroup
	all := make([]*client, clients)
	for i := range all {
		all[i] = &client{chaos: c, number: i, random: c.random(uint64(1 + i)), files: map[*collection]map[string]*file{}, folders: map[*collection]*folder{}}
		working.Go(func() { all[i].run(ctx) })
	}
	looking, enough := context.WithCancel(t.Context())
	defer enough()
	var idle longest
	watching.Go(func() { idle.look(looking, c.url) })

	c.killThem(kills)
	restarted := time.Now()
	stop()
	working.Wait()
	c.awaitQuiet(restarted.Add(quietTimeout))
	t.Logf("%s=%d: quiet %v after the last restart", envSeed, seed, time.Since(restarted).Round(time.Millisecond))
	c.settle(all)
	c.watched.await(t)
	enough()
	watching.Wait()
	c.check(all)
	t.Logf("%s=%d, %d kills, %s%s\n%7v is the longest that an operation was seen without an owner", envSeed, seed, kills, c.cast, c.figures(), idle.time.Round(time.Millisecond))
}
