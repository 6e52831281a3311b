package users_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestRepository_CreateGetListUpdateDelete(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	ctx, rows := t.Context(), users.NewRepository(w.DB)
	for i := range 5 {
		u := users.User{Username: fmt.Sprintf("User_%d", 4-i), Email: fmt.Sprintf("u%d@example.com", i), HashedPassword: "h", IsActive: true}
		require.NoError(t, rows.Create(ctx, &u))
		require.NotZero(t, u.ID)
		require.False(t, u.CreatedAt.IsZero())
	}
	u, err := rows.GetByLogin(ctx, "uSER_0")
	require.NoError(t, err)
	byEmail, err := rows.GetByLogin(ctx, "U4@EXAMPLE.com")
	require.NoError(t, err)
	require.Equal(t, u, byEmail)
	read, err := rows.Get(ctx, u.ID)
	require.NoError(t, err)
	require.Equal(t, u, read)

	page, total, err := rows.List(ctx, "", database.Page{Offset: 1, Limit: 2})
	require.NoError(t, err)
	require.EqualValues(t, 5, total)
	require.Equal(t, []string{"User_1", "User_2"}, []string{page[0].Username, page[1].Username})

	changed, err := rows.Update(ctx, u.ID, map[string]any{"full_name": "Ann", "is_active": false})
	require.NoError(t, err)
	require.Equal(t, "Ann", *changed.FullName)
	require.False(t, changed.IsActive)
	_, err = rows.Update(ctx, u.ID, map[string]any{"username": "other"})
	require.Error(t, err, "a name stays")
	_, err = rows.Update(ctx, u.ID, map[string]any{"email": "U1@example.com"})
	require.ErrorIs(t, err, users.ErrEmailTaken)
	require.NoError(t, rows.NoteLogin(ctx, u.ID, 0))
	read, err = rows.Get(ctx, u.ID)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), *read.LastLogin, time.Minute)

	require.NoError(t, rows.CreateRefreshToken(ctx, &users.RefreshToken{
		ID: uuid.New(), UserID: u.ID, TokenHash: strings.Repeat("a", 64), Family: uuid.New(), ExpiresAt: time.Now().Add(time.Hour)}))
	require.NoError(t, rows.Delete(ctx, u.ID))
	require.Zero(t, w.Int(`select count(*) from refresh_tokens`), "their sessions went with them")
	require.ErrorIs(t, rows.Delete(ctx, u.ID), users.ErrNotFound)
	_, err = rows.Get(ctx, u.ID)
	require.ErrorIs(t, err, users.ErrNotFound)
	_, err = rows.GetByLogin(ctx, "user_0")
	require.ErrorIs(t, err, users.ErrNotFound)
}

func TestRepository_ViolationsAreInTheCallersTerms(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, rows := t.Context(), users.NewRepository(w.DB)
	create := func(u users.User) string {
		return apperr.CodeOf(rows.Create(ctx, &u))
	}
	require.Equal(t, "username_taken", create(users.User{Username: "ROOT", Email: "a@example.com", HashedPassword: "h"}))
	require.Equal(t, "email_taken", create(users.User{Username: "other", Email: "ROOT@example.com", HashedPassword: "h"}))
	require.Equal(t, "user_invalid", create(users.User{Username: "a b", Email: "a@example.com", HashedPassword: "h"}))
	require.Equal(t, "invalid_text", create(users.User{Username: "abc", Email: "a\x00@example.com", HashedPassword: "h"}))
	token := users.RefreshToken{ID: uuid.New(), UserID: w.Root.ID, TokenHash: strings.Repeat("b", 64), Family: uuid.New(), ExpiresAt: time.Now()}
	require.NoError(t, rows.CreateRefreshToken(ctx, &token))
	token.ID = uuid.New()
	require.Equal(t, "token_exists", apperr.CodeOf(rows.CreateRefreshToken(ctx, &token)))
	token.ID, token.Family, token.UserID, token.TokenHash = uuid.New(), uuid.New(), 4711, strings.Repeat("c", 64)
	require.ErrorIs(t, rows.CreateRefreshToken(ctx, &token), users.ErrNotFound)

	w.Collection(w.Root)
	require.Equal(t, "collection_owner", apperr.CodeOf(rows.Delete(ctx, w.Root.ID)), "whoever owns collections stays")
}
