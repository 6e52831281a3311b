package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"semantik/app"
	"semantik/platform/config"
	"semantik/platform/database"
	"semantik/platform/web"
)

// cursor is the position after a chunk as the API writes it.
func cursor(index int, id int64) string {
	return web.EncodeCursor(struct {
		Index int   `json:"i"`
		ID    int64 `json:"id"`
	}{index, id})
}

// record makes the request in this process, and writes a script of those of its
// statements that are compared with.
func (r *reading) record(ctx context.Context, kind readKind) (pgbenchScript, error) {
	c, err := config.Load(config.Options{NoEnvFile: true, Environ: []string{"DATABASE_URL=" + r.url, "SEMANTIK_DATA=" + filepath.Join(r.work, "record")}})
	if err != nil {
		return pgbenchScript{}, fmt.Errorf("reading the configuration: %w", err)
	}
	sent := &recorder{}
	a, err := app.Build(ctx, c, app.Options{
		Version: "bench", Logger: slog.New(slog.DiscardHandler), Quick: true, Database: func(c *database.Config) { c.Tracer = sent },
	})
	if err != nil {
		return pgbenchScript{}, fmt.Errorf("building the program: %w", err)
	}
	defer a.Close()
	ask := func(method, path, token, body string) (*httptest.ResponseRecorder, error) {
		request := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		answer := httptest.NewRecorder()
		a.Server.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			return nil, fmt.Errorf("%s answered %d: %s", path, answer.Code, answer.Body)
		}
		return answer, nil
	}
	signedIn, err := ask(http.MethodPost, "/api/auth/login", "", account)
	if err != nil {
		return pgbenchScript{}, err
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(signedIn.Body.Bytes(), &tokens); err != nil {
		return pgbenchScript{}, fmt.Errorf("reading a token: %w", err)
	}
	sent.sent = nil
	if _, err := ask(http.MethodGet, kind.path, tokens.AccessToken, ""); err != nil {
		return pgbenchScript{}, err
	}
	var kept []pgx.TraceQueryStartData
	for _, s := range sent.sent {
		if kind.statements(s.SQL) {
			kept = append(kept, s)
		}
	}
	linef(kind.name, "%d statements", len(kept))
	return writeScript(filepath.Join(r.work, strings.ReplaceAll(kind.name, " ", "_")+".sql"), kept)
}
