package testworld

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/web"
)

// server is the program's own HTTP server, which listens once somebody asks.
type server struct {
	web     *web.Server
	once    sync.Once
	address string
	client  *http.Client
	stop    func() error
}

func (s *server) start(t testing.TB) {
	t.Helper()
	s.once.Do(func() {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s.address = listener.Addr().String()
		transport := &http.Transport{}
		s.client = &http.Client{Transport: transport}
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.web.Serve(ctx, listener) }()
		s.stop = sync.OnceValue(func() error {
			transport.CloseIdleConnections()
			cancel()
			return <-served
		})
	})
}

// close ends the server, if it was ever started.
func (s *server) close() error {
	s.once.Do(func() {})
	if s.stop == nil {
		return nil
	}
	return s.stop()
}

// StopServing ends the HTTP server, as it ends with the program.
func (w *World) StopServing() {
	w.t.Helper()
	require.NoError(w.t, w.server.close())
}

// Address is where the program's HTTP server listens.
func (w *World) Address() string {
	w.t.Helper()
	w.server.start(w.t)
	return w.server.address
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
		s.Token = "Bearer " + w.Token(*s.As) // before the tables are looked at: it is a session
	}
	if s.Pure {
		before = w.Snapshot()
	}
	answer := w.Send(s)
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

// Send sends one request and gives its answer, whatever it is.
func (w *World) Send(s Scenario) Answer {
	w.t.Helper()
	if s.As != nil && s.Token == "" {
		s.Token = "Bearer " + w.Token(*s.As)
	}
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
	request, err := http.NewRequestWithContext(w.t.Context(), s.Method, "http://"+w.Address()+s.URL, body)
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
	response, err := w.server.client.Do(request)
	require.NoError(w.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(content)}
}
