package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"semantik/platform/apperr"
)

const (
	// hashScheme marks a hash whose bcrypt input is a digest of the password.
	hashScheme = "{hmac-sha256}"
	// hashKey separates these digests from all others; it is no secret.
	hashKey = "semantik password v1"
	// MaxPasswordBytes bounds the work that a password makes before it is
	// refused.
	MaxPasswordBytes = 4096
)

// ErrHashBroken is returned for a stored hash that is none.
var ErrHashBroken = errors.New("the stored password hash cannot be read")

// ErrPasswordTooLong is returned for a password over [MaxPasswordBytes].
var ErrPasswordTooLong = apperr.Newf(apperr.Invalid, "password_too_long", "A password may have %d bytes at the most.", MaxPasswordBytes)

// Hasher makes and checks password hashes. It is safe for concurrent use, and
// runs as many bcrypt computations at once as there are processors: the others
// wait, up to a bound, so that a flood of log-ins slows log-ins only.
type Hasher struct {
	cost  int
	turns *turns
}

// NewHasher makes a Hasher with the given bcrypt cost (4 to 31; each step doubles
// the work, 12 is about a quarter of a second).
func NewHasher(cost int) (*Hasher, error) {
	if cost < bcrypt.MinCost || cost > bcrypt.MaxCost {
		return nil, fmt.Errorf("a bcrypt cost of %d is not from %d to %d", cost, bcrypt.MinCost, bcrypt.MaxCost)
	}
	return &Hasher{cost: cost, turns: newTurns()}, nil
}

// Hash gives the form in which a password is stored. The errors are
// [ErrPasswordTooLong], [ErrPasswordsBusy] and that of the context, while it waits
// for its turn.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > MaxPasswordBytes {
		return "", ErrPasswordTooLong
	}
	release, err := h.turns.take(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	hash, err := bcrypt.GenerateFromPassword(digest(password), h.cost)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return hashScheme + string(hash), nil
}

// Verify reports whether the password is that of the hash, and whether the hash
// is of an older form or a lower cost and should be replaced by a new one of the
// same password. The error is [ErrPasswordsBusy], that of the context, while it
// waits for its turn, or [ErrHashBroken].
//
// A wrong password makes the same work as [Hasher.VerifyUnknown], also where the
// hash is of a lower cost or broken, so that the time of an answer does not tell
// whose account it is. A hash of a higher cost takes longer.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, needsRehash bool, err error) {
	if len(password) > MaxPasswordBytes {
		return false, false, h.VerifyUnknown(ctx, "")
	}
	stored, current := strings.CutPrefix(hash, hashScheme)
	input := digest(password)
	if !current {
		// bcrypt reads 72 bytes, and so did whoever made this hash.
		input = []byte(password)
	}
	cost, err := bcrypt.Cost([]byte(stored))
	if err != nil {
		return false, false, h.broken(ctx, err)
	}
	release, err := h.turns.take(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	err = bcrypt.CompareHashAndPassword([]byte(stored), input)
	if err == nil {
		return true, !current || cost < h.cost, nil
	}
	if !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		h.compareUnknown(h.cost, password)
		return false, false, fmt.Errorf("%w: %w", ErrHashBroken, err)
	}
	// One more of the same cost, and one of each up to our own, add up to it.
	for ; cost < h.cost; cost++ {
		h.compareUnknown(cost, password)
	}
	return false, false, nil
}

// broken does the work that a hash in order would have made.
func (h *Hasher) broken(ctx context.Context, why error) error {
	if err := h.VerifyUnknown(ctx, ""); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrHashBroken, why)
}

// VerifyUnknown does the work of [Hasher.Verify] for a user who does not exist,
// so that the time of an answer does not tell which names do. The error is
// [ErrPasswordsBusy] or that of the context.
func (h *Hasher) VerifyUnknown(ctx context.Context, password string) error {
	release, err := h.turns.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	h.compareUnknown(h.cost, password)
	return nil
}

// compareUnknown compares with a hash in form, of no password: the salt and the
// digest are made up.
func (*Hasher) compareUnknown(cost int, password string) {
	if len(password) > MaxPasswordBytes {
		password = ""
	}
	_ = bcrypt.CompareHashAndPassword([]byte(unknownHash(cost)), digest(password))
}

func unknownHash(cost int) string {
	return fmt.Sprintf("$2a$%02d$%s%s", cost, strings.Repeat("k", 21)+"u", strings.Repeat("m", 31))
}

// GeneratePassword makes a password of 26 letters and digits that nobody guesses.
func GeneratePassword() string { return strings.ToLower(rand.Text()) }

// digest is 44 characters without a NUL byte, which bcrypt reads whole.
func digest(password string) []byte {
	mac := hmac.New(sha256.New, []byte(hashKey))
	mac.Write([]byte(password))
	return []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
