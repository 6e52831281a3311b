package testworld

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
)

// server listens once somebody asks.
type server struct {
	handler http.Handler
	once    sync.Once
	listens *httptest.Server
}

func (s *server) url() string {
	s.once.Do(func() { s.listens = httptest.NewServer(s.handler) })
	return s.listens.URL
}

func (s *server) close() {
	s.once.Do(func() {})
	if s.listens != nil {
		s.listens.CloseClientConnections()
		s.listens.Close()
	}
}

// Scenario is a request with what is expected of its answer.
type Scenario struct {
	Name string
	// As is who asks; nobody if nil. Token goes before it, and is sent as it is.
	As     *users.User
	Token  string
	Method string
	URL    string
	// Body is a [Form], an io.Reader, a string that is sent as it is, or anything
	// else as JSON; nil for none.
	Body    any
	Headers map[string]string

	Status int
	// Has and HasNot are fragments of the answer's body.
	Has, HasNot []string
	// Pure requests leave every table as it was.
	Pure bool
}

// Form is a multipart body: files under the name "file", after the fields.
type Form struct {
	Fields map[string]string
	Files  []File
}

func (f Form) encode() (io.Reader, string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range f.Fields {
		_ = w.WriteField(name, value) // a buffer takes everything
	}
	for _, file := range f.Files {
		part, _ := w.CreateFormFile("file", file.Path)
		_, _ = io.WriteString(part, file.Content)
	}
	_ = w.Close()
	return &body, w.FormDataContentType()
}

// Answer is what a request was answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON reads the body as an object.
func (a Answer) JSON(t testing.TB) map[string]any {
	t.Helper()
	var value map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.Body), &value), a.Body)
	return value
}

// HTTP runs the scenarios one after another, each as a subtest.
func (w *World) HTTP(t *testing.T, scenarios ...Scenario) {
	t.Helper()
	for _, s := range scenarios {
		name := s.Name
		if name == "" {
			name = s.Method + " " + s.URL
		}
		t.Run(name, func(t *testing.T) { w.In(t).Request(s) })
	}
}

// Request sends one request and checks its answer.
func (w *World) Request(s Scenario) Answer {
	w.t.Helper()
	var before Snapshot
	if s.As != nil && s.Token == "" {
		s.Token = "Bearer " + w.Token(*s.As)
	}
	if s.Pure {
		before = w.Snapshot()
	}
	answer := w.send(s)
	require.Equal(w.t, s.Status, answer.Status, "%s %s: %s", s.Method, s.URL, answer.Body)
	for _, fragment := range s.Has {
		require.Contains(w.t, answer.Body, fragment)
	}
	for _, fragment := range s.HasNot {
		require.NotContains(w.t, answer.Body, fragment)
	}
	if s.Pure {
		require.Empty(w.t, before.Changed(w.Snapshot()), "tables that the request changed")
	}
	return answer
}

func (w *World) send(s Scenario) Answer {
	w.t.Helper()
	var body io.Reader
	contentType := ""
	switch b := s.Body.(type) {
	case nil:
	case Form:
		body, contentType = b.encode()
	case io.Reader:
		body = b
	case string:
		body, contentType = strings.NewReader(b), "application/json"
	default:
		encoded, err := json.Marshal(b)
		require.NoError(w.t, err)
		body, contentType = bytes.NewReader(encoded), "application/json"
	}
	request, err := http.NewRequestWithContext(w.t.Context(), s.Method, w.server.url()+s.URL, body)
	require.NoError(w.t, err)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if s.Token != "" {
		request.Header.Set("Authorization", s.Token)
	}
	for name, value := range s.Headers {
		request.Header.Set(name, value)
	}
	response, err := w.server.listens.Client().Do(request)
	require.NoError(w.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(content)}
}
