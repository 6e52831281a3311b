package apperr_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
)

func TestError_DerivedCopiesAreTheDeclaredError(t *testing.T) {
	t.Parallel()
	declared := apperr.New(apperr.Conflict, "name_taken", "The name is taken.").WithRetryAfter(time.Second)
	cause := errors.New("duplicate key")
	derived := declared.WithCause(cause).WithMessagef("The name %q is taken.", "a").WithDetail("id", 7)
	wrapped := fmt.Errorf("creating: %w", derived)

	require.ErrorIs(t, wrapped, declared)
	require.ErrorIs(t, wrapped, cause)
	require.NotErrorIs(t, declared, derived, "a copy says more than what it was made from")
	require.NotErrorIs(t, wrapped, apperr.New(apperr.Conflict, "name_taken", "The name is taken."))

	got := apperr.From(wrapped)
	require.Equal(t, apperr.Conflict, got.Kind)
	require.Equal(t, "name_taken", got.Code)
	require.Equal(t, `The name "a" is taken.`, got.Message)
	require.Equal(t, time.Second, got.RetryAfter)
	require.Equal(t, map[string]any{"id": 7}, got.Details)
	require.Nil(t, declared.Details, "the declared error is not changed")
}

func TestFrom_WhatIsNotOursIsInternal(t *testing.T) {
	t.Parallel()
	require.Nil(t, apperr.From(nil))
	require.Equal(t, apperr.Kind(""), apperr.KindOf(nil))
	require.Equal(t, apperr.Internal, apperr.KindOf(errors.New("password=secret")))
	require.NotContains(t, apperr.From(errors.New("password=secret")).Message, "secret")
	require.Equal(t, apperr.Unavailable, apperr.KindOf(fmt.Errorf("reading: %w", context.Canceled)))
}

func TestInvalidFields_NamesTheFirstAndKeepsAll(t *testing.T) {
	t.Parallel()
	require.NoError(t, apperr.InvalidFields(nil))
	err := apperr.InvalidFields([]apperr.Field{
		{Location: "body.name", Message: "is required"},
		{Location: "body.size", Message: "must be at least 100", Value: 3},
	})
	require.Equal(t, apperr.Invalid, apperr.KindOf(err))
	require.Equal(t, "body.name: is required", apperr.From(err).Message)
	require.Len(t, apperr.From(err).Fields, 2)
}

func TestKind_EachHasItsStatus(t *testing.T) {
	t.Parallel()
	for kind, status := range map[apperr.Kind]int{
		apperr.Malformed: 400, apperr.Unauthenticated: 401, apperr.Forbidden: 403, apperr.NotFound: 404,
		apperr.Timeout: 408, apperr.Conflict: 409, apperr.TooLarge: 413, apperr.UnsupportedMediaType: 415,
		apperr.Invalid: 422, apperr.RateLimited: 429, apperr.Internal: 500, apperr.Unavailable: 503, "other": 500,
	} {
		require.Equal(t, status, kind.Status(), kind)
	}
}
