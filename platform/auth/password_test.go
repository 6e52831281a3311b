package auth_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

func hasher(t *testing.T, cost int) *auth.Hasher {
	t.Helper()
	h, err := auth.NewHasher(cost)
	require.NoError(t, err)
	return h
}

func TestHasher_everyByteOfAPasswordCounts(t *testing.T) {
	t.Parallel()
	h := hasher(t, bcrypt.MinCost)
	for _, password := range []string{
		"short pass", "", strings.Repeat("a", 72), strings.Repeat("a", 73), strings.Repeat("ü", 500),
		"nul\x00byte", "\xff\xfe not UTF-8", strings.Repeat("x", auth.MaxPasswordBytes),
	} {
		hash, err := h.Hash(t.Context(), password)
		require.NoError(t, err)
		require.Regexp(t, `^\{hmac-sha256\}\$2[ab]\$04\$`, hash)

		ok, rehash, err := h.Verify(t.Context(), hash, password)
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, rehash)

		for _, wrong := range []string{password + "x", "x" + password, strings.TrimSuffix(password, "a") + "b"} {
			ok, _, err = h.Verify(t.Context(), hash, wrong)
			require.NoError(t, err)
			require.False(t, ok, "%.20q for %.20q", wrong, password)
		}
	}
	hash, err := h.Hash(t.Context(), "nul\x00byte")
	require.NoError(t, err)
	ok, _, err := h.Verify(t.Context(), hash, "nul\x00other")
	require.NoError(t, err)
	require.False(t, ok, "a NUL byte does not end a password")
}

func TestHasher_hugePasswordIsRefused(t *testing.T) {
	t.Parallel()
	h := hasher(t, bcrypt.MinCost)
	huge := strings.Repeat("x", auth.MaxPasswordBytes+1)
	_, err := h.Hash(t.Context(), huge)
	require.ErrorIs(t, err, auth.ErrPasswordTooLong)
	require.Equal(t, apperr.Invalid, apperr.KindOf(err))

	hash, err := h.Hash(t.Context(), huge[:auth.MaxPasswordBytes])
	require.NoError(t, err)
	ok, _, err := h.Verify(t.Context(), hash, huge)
	require.NoError(t, err)
	require.False(t, ok)
}

func TestHasher_verifiesPlainBcrypt(t *testing.T) {
	t.Parallel()
	h := hasher(t, bcrypt.MinCost)
	plain, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	require.NoError(t, err)
	for _, version := range []string{"$2a$", "$2b$", "$2y$"} {
		hash := version + strings.TrimPrefix(string(plain), "$2a$")
		ok, rehash, err := h.Verify(t.Context(), hash, "correct horse")
		require.NoError(t, err)
		require.True(t, ok)
		require.True(t, rehash, "the older form should be replaced")
		ok, rehash, err = h.Verify(t.Context(), hash, "wrong horse")
		require.NoError(t, err)
		require.False(t, ok)
		require.False(t, rehash)
	}

	// The first implementation cut at 72 bytes; its users must still get in.
	cut, err := bcrypt.GenerateFromPassword([]byte(strings.Repeat("a", 72)), bcrypt.MinCost)
	require.NoError(t, err)
	ok, rehash, err := h.Verify(t.Context(), string(cut), strings.Repeat("a", 80))
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash)
}

func TestHasher_anotherCostIsReplaced(t *testing.T) {
	t.Parallel()
	hash, err := hasher(t, bcrypt.MinCost).Hash(t.Context(), "password")
	require.NoError(t, err)
	ok, rehash, err := hasher(t, bcrypt.MinCost+1).Verify(t.Context(), hash, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash)
}

func TestHasher_aHigherCostStays(t *testing.T) {
	t.Parallel()
	hash, err := hasher(t, bcrypt.MinCost+1).Hash(t.Context(), "password")
	require.NoError(t, err)
	ok, rehash, err := hasher(t, bcrypt.MinCost).Verify(t.Context(), hash, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, rehash)
}

// A wrong password costs as much for a hash of a lower cost, and for what is no
// hash, as for nobody. Without that it would be a sixteenth or nothing, so that
// there is room for a busy machine.
func TestHasher_aWrongPasswordCostsTheSameWhateverIsStored(t *testing.T) {
	t.Parallel()
	const cost = 8
	h := hasher(t, cost)
	low, err := hasher(t, bcrypt.MinCost).Hash(t.Context(), "password")
	require.NoError(t, err)
	same, err := h.Hash(t.Context(), "password")
	require.NoError(t, err)
	stored := map[string]string{"of a low cost": low, "of the cost": same, "broken": "x", "broken within": "$2a$08$" + strings.Repeat("!", 53)}
	fastest := map[string]time.Duration{}
	for range 10 {
		begun := time.Now()
		require.NoError(t, h.VerifyUnknown(t.Context(), "wrong"))
		unknown := time.Since(begun)
		fastest["nobody"] = min(cmp.Or(fastest["nobody"], unknown), unknown)
		for name, hash := range stored {
			begun := time.Now()
			ok, _, _ := h.Verify(t.Context(), hash, "wrong")
			took := time.Since(begun)
			require.False(t, ok)
			fastest[name] = min(cmp.Or(fastest[name], took), took)
		}
	}
	for name, took := range fastest {
		require.Greater(t, took, fastest["nobody"]/4, name)
		require.Less(t, took, fastest["nobody"]*4, name)
	}
}

func TestHasher_noHash(t *testing.T) {
	t.Parallel()
	h := hasher(t, bcrypt.MinCost)
	for _, hash := range []string{"", "plaintext", "{hmac-sha256}", "$2b$12$short", "{sha512}$2b$04$" + strings.Repeat("a", 53)} {
		ok, _, err := h.Verify(t.Context(), hash, "plaintext")
		require.ErrorIs(t, err, auth.ErrHashBroken, hash)
		require.False(t, ok)
	}
}

func TestNewHasher_refusesACostOutOfRange(t *testing.T) {
	t.Parallel()
	for _, cost := range []int{-1, 0, 3, 32} {
		_, err := auth.NewHasher(cost)
		require.Error(t, err)
	}
}
