package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

const (
	// loginStretch is how long each of the runs counts.
	loginStretch = 3 * time.Second
	// leastOfBare is how much of what the machine can hash shall be left.
	leastOfBare = 0.9
)

const account = `{"username": "bench", "email": "bench@example.com", "password": "correct horse battery"}`

// login measures signing in over HTTP with a good password against bare bcrypt of
// the same cost on all processors: at the lowest, where all the rest shows, and at
// the usual one, where bcrypt is nearly all of it.
func (b *bench) login(ctx context.Context) (err error) {
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, given.Stop()) }() //nolint:contextcheck // it must end when the context has
	// In this order, since a hash of a lower cost is replaced and one of a higher is not.
	for _, cost := range []int{bcrypt.MinCost, 12} {
		if err := b.loginAt(ctx, given.URL, cost); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) loginAt(ctx context.Context, url string, cost int) (err error) {
	s, err := b.serve(ctx, filepath.Join(b.work, "login"), "DATABASE_URL="+url, fmt.Sprintf("BCRYPT_COST=%d", cost), "DISABLE_RATE_LIMITING=true")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := post(ctx, s.url+"/api/auth/register", http.StatusCreated, http.StatusConflict); err != nil {
		return err
	}
	// The hash of a lower cost is replaced by the first of these.
	if err := post(ctx, s.url+"/api/auth/login", http.StatusOK); err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), cost)
	if err != nil {
		return fmt.Errorf("hashing: %w", err)
	}
	var bare, ours []float64
	for range b.runs {
		rate, err := perSecond(ctx, runtime.GOMAXPROCS(0), func() error {
			return bcrypt.CompareHashAndPassword(hash, []byte("correct horse battery"))
		})
		if err != nil {
			return err
		}
		bare = append(bare, rate)
		rate, err = perSecond(ctx, 4*runtime.GOMAXPROCS(0), func() error {
			return post(ctx, s.url+"/api/auth/login", http.StatusOK)
		})
		if err != nil {
			return err
		}
		ours = append(ours, rate)
	}
	slices.Sort(bare)
	slices.Sort(ours)
	most, have := bare[len(bare)/2], ours[len(ours)/2]
	linef(fmt.Sprintf("bcrypt alone at cost %d", cost), "%8.1f a second", most)
	linef("logins over HTTP", "%8.1f a second", have)
	if cost == bcrypt.MinCost {
		linef("ratio", "%8.2f", have/most)
		return nil
	}
	goal("share that is not bcrypt", 1-have/most, 1-leastOfBare, "of it")
	return nil
}

// perSecond calls fn from so many goroutines for a while, and gives how often it
// was done in a second.
func perSecond(ctx context.Context, goroutines int, fn func() error) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, loginStretch)
	defer cancel()
	var done atomic.Int64
	errs := make([]error, goroutines)
	began := time.Now()
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				if errs[i] = fn(); errs[i] == nil {
					done.Add(1)
				}
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

// post sends the account, and expects one of the statuses.
func post(ctx context.Context, url string, statuses ...int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(account)))
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := loginClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	if !slices.Contains(statuses, response.StatusCode) {
		return fmt.Errorf("%s answered %d: %s", url, response.StatusCode, body)
	}
	return nil
}

// loginClient keeps a connection for each goroutine.
var loginClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
