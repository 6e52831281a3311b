package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/web"
)

type accountInput struct {
	Body struct {
		Name     string   `json:"name" minLength:"3" maxLength:"10"`
		Password string   `json:"password" minLength:"8"`
		Age      int64    `json:"age,omitempty" minimum:"0"`
		Nick     *string  `json:"nick,omitempty"`
		Tags     []string `json:"tags,omitempty" maxItems:"2"`
		Kind     string   `json:"kind,omitempty" enum:"a,b"`
		Address  struct {
			City string `json:"city"`
		} `json:"address,omitzero"`
	}
}

type openInput struct {
	Body struct {
		_    struct{} `additionalProperties:"true"`
		Name string   `json:"name" minLength:"3"`
	}
}

type thingOutput struct {
	Body thing
}

type thing struct {
	ID       web.UUID  `json:"id"`
	Text     string    `json:"text"`
	At       web.Time  `json:"at"`
	Gone     *web.Time `json:"gone"`
	Tags     []string  `json:"tags"`
	Parts    []part    `json:"parts"`
	Nothing  *[]string `json:"nothing"`
	Bytes    []byte    `json:"bytes"`
	Optional []string  `json:"optional,omitempty"`
}

type part struct {
	Names []string `json:"names"`
	Inner *part    `json:"inner,omitempty"`
}

type textOutput struct {
	Body struct {
		Text string `json:"text"`
	}
}

func said(format string, args ...any) *textOutput {
	out := &textOutput{}
	out.Body.Text = fmt.Sprintf(format, args...)
	return out
}

var errTaken = apperr.New(apperr.Conflict, "thing_taken", "The name is taken.")

// failures are the errors that /fail/{name} answers with.
var failures = map[string]error{
	"conflict":    fmt.Errorf("creating: %w", errTaken.WithDetail("existing_id", "42").WithDetail("status", 1).WithCause(errors.New("sql: secret cause"))),
	"notfound":    apperr.New(apperr.NotFound, "thing_not_found", "There is no such thing <&>."),
	"forbidden":   apperr.New(apperr.Forbidden, "thing_forbidden", "It is not yours."),
	"unauth":      auth.ErrTokenExpired,
	"unavailable": apperr.New(apperr.Unavailable, "database_busy", "Too much to do.").WithRetryAfter(1500 * time.Millisecond).WithCause(errors.New("pool: secret cause")),
	"down":        apperr.New(apperr.Unavailable, "database_down", "The database is away."),
	"limited":     apperr.New(apperr.RateLimited, "rate_limit_exceeded", "Too many requests.").WithRetryAfter(30*time.Second).WithDetail("limit", "10 per minute"),
	"unknown":     errors.New("pq: secret cause at 10.0.0.1"),
	"deadline":    fmt.Errorf("querying: %w", context.DeadlineExceeded),
	"large":       apperr.New(apperr.TooLarge, "thing_too_large", "It is too large."),
	"fields": apperr.InvalidFields([]apperr.Field{
		{Location: "body.name", Message: "must not be empty", Value: ""},
		{Location: "body.new_password", Message: "is too common", Value: "hunter2"},
	}),
	"unmarshalable": apperr.New(apperr.Conflict, "odd", "Odd.").WithDetail("channel", make(chan int)),
}

// routes are what the scenarios of this package call.
func routes(api huma.API) {
	web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/accounts", DefaultStatus: http.StatusCreated},
		func(_ context.Context, in *accountInput) (*textOutput, error) {
			return said("%s %d", in.Body.Name, in.Body.Age), nil
		})
	web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/open"},
		func(_ context.Context, in *openInput) (*textOutput, error) { return said("%s", in.Body.Name), nil })
	web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/optional"},
		func(_ context.Context, in *struct {
			Body *struct {
				Token *string `json:"token,omitempty"`
			}
		}) (*textOutput, error) {
			return said("%v", in.Body == nil), nil
		})
	web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/small", MaxBodyBytes: 20},
		func(_ context.Context, in *openInput) (*textOutput, error) { return said("%s", in.Body.Name), nil })
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/things/{id}"},
		func(_ context.Context, in *struct {
			ID web.UUID `path:"id"`
		}) (*thingOutput, error) {
			return &thingOutput{Body: thing{ID: in.ID, At: web.NewTime(time.Date(2025, 7, 15, 12, 0, 0, 120_000_999, time.FixedZone("", 7200))),
				Parts: []part{{}, {Inner: &part{}}}}}, nil
		})
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/list"},
		func(context.Context, *struct{}) (*struct{ Body []thing }, error) {
			return &struct{ Body []thing }{}, nil
		})
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/names/{name}"},
		func(_ context.Context, in *struct {
			Name  string   `path:"name" maxLength:"40"`
			Since web.Time `query:"since"`
		}) (*textOutput, error) {
			return said("%s %s", in.Name, in.Since), nil
		})
	web.Register(api, huma.Operation{Method: http.MethodDelete, Path: "/names/{name}"},
		func(context.Context, *struct {
			Name string `path:"name"`
		}) (*struct{}, error) {
			return nil, nil
		})
	identityRoutes(api)
	pagingRoutes(api)
}

func identityRoutes(api huma.API) {
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/fail/{how}"},
		func(_ context.Context, in *struct {
			How string `path:"how"`
		}) (*textOutput, error) {
			return nil, failures[in.How]
		})
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/panic"},
		func(context.Context, *struct{}) (*textOutput, error) { panic("secret reason") })
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/me", Security: web.Bearer()},
		func(ctx context.Context, _ *struct{}) (*textOutput, error) {
			id, err := auth.Require(ctx)
			return said("%s %s", id.Username, web.ClientOf(ctx).Addr), err
		})
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/maybe", Security: web.OptionalBearer()},
		func(ctx context.Context, _ *struct{}) (*textOutput, error) {
			id, ok := auth.FromContext(ctx)
			return said("%v %s", ok, id.Username), nil
		})
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/public"},
		func(ctx context.Context, _ *struct{}) (*textOutput, error) {
			_, ok := auth.FromContext(ctx)
			return said("%v", ok), nil
		})
}

func pagingRoutes(api huma.API) {
	type pageOut struct {
		Body struct {
			Things []string `json:"things"`
			web.PageInfo
		}
	}
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/paged"},
		func(_ context.Context, in *struct{ web.Page }) (*pageOut, error) {
			out := &pageOut{}
			out.Body.PageInfo = in.Info(int64(in.Offset()))
			return out, nil
		})
	type windowOut struct{ Body web.Items[string] }
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/windowed"},
		func(_ context.Context, in *struct{ web.Window }) (*windowOut, error) {
			return &windowOut{web.NewItems[string](nil, 3, in.Window)}, nil
		})
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/keyed"},
		func(_ context.Context, in *struct {
			web.Cursor
			DocumentID string `query:"document_id"`
		}) (*textOutput, error) {
			var key struct{ Index, ID int64 }
			if in.ByKey() {
				if err := web.DecodeCursor(in.After, &key); err != nil {
					return nil, err
				}
			}
			return said("%v %d %d %d", in.ByKey(), in.Offset(), in.Size(), key.ID), nil
		})
}
