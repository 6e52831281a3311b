package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// signIn makes the account, which is a superuser's as the first one, and gives its
// token.
func (s *server) signIn(ctx context.Context) (string, error) {
	if err := post(ctx, s.url+"/api/auth/register", http.StatusCreated, http.StatusConflict); err != nil {
		return "", err
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	body, err := s.ask(ctx, "", http.MethodPost, "/api/auth/login", account)
	if err == nil {
		err = json.Unmarshal(body, &tokens)
	}
	return tokens.AccessToken, err
}

// ask asks for something that answers 200, and gives the answer.
func (s *server) ask(ctx context.Context, token, method, path, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := loginClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", path, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d: %s", path, response.StatusCode, answer)
	}
	return answer, nil
}
