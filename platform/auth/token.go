package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	typeAccess  = "access"
	typeRefresh = "refresh"

	// MaxTokenBytes bounds a token; a longer one is refused unread.
	MaxTokenBytes = 8 << 10
	// minKeyBytes is the length of the digest that the key is used with.
	minKeyBytes = 32
	// clockLeeway is how far the clock that issued a token may be ahead.
	clockLeeway = 60 * time.Second
)

// Session is the sign-in that an access token belongs to.
type Session struct {
	// Family is that of the refresh tokens which the sign-in has led to; the nil
	// UUID where there are none.
	Family uuid.UUID
	// Generation is the user's at the time of the sign-in: how often all sessions
	// of the user had been ended by then.
	Generation int64
}

// AccessClaims is what an access token says.
type AccessClaims struct {
	Username  string
	UserID    int64
	Session   Session
	ID        string // jti
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// RefreshClaims is what a refresh token says.
type RefreshClaims struct {
	Username  string
	ID        string // jti
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// claims is the wire form of both. Tokens of the first implementation have no
// generation, which is 0, and no family.
type claims struct {
	Subject    string           `json:"sub"`
	UserID     int64            `json:"user_id,omitempty"`
	Family     uuid.UUID        `json:"sid,omitzero"`
	Generation int64            `json:"gen,omitempty"`
	ExpiresAt  *jwt.NumericDate `json:"exp"`
	IssuedAt   *jwt.NumericDate `json:"iat"`
	ID         string           `json:"jti"`
	Type       string           `json:"type"`
}

// The methods of jwt.Claims. Only the algorithm and the signature are left to
// the library; what the claims must say is checked in [Tokens.parse].
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c *claims) GetIssuer() (string, error)                   { return "", nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

type signingKey struct {
	id     string
	secret []byte
}

// Tokens issues and reads tokens. It is safe for concurrent use.
type Tokens struct {
	keys       []signingKey
	now        func() time.Time
	accessTTL  time.Duration
	refreshTTL time.Duration
	parser     *jwt.Parser
}

// NewTokens makes a Tokens. The first key signs, all verify; each has at least 32
// bytes. Lives are longer than zero.
func NewTokens(keys []string, now func() time.Time, accessTTL, refreshTTL time.Duration) (*Tokens, error) {
	if len(keys) == 0 {
		return nil, errors.New("there is no key to sign tokens with")
	}
	if accessTTL <= 0 || refreshTTL <= 0 {
		return nil, errors.New("a token's life must be longer than zero")
	}
	t := &Tokens{
		// A token counts in whole seconds.
		now: now, accessTTL: accessTTL, refreshTTL: max(refreshTTL.Truncate(time.Second), time.Second),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding()),
	}
	for i, key := range keys {
		if len(key) < minKeyBytes {
			return nil, fmt.Errorf("key %d that signs tokens has %d bytes and needs %d", i+1, len(key), minKeyBytes)
		}
		t.keys = append(t.keys, signingKey{id: keyID(key), secret: []byte(key)})
	}
	return t, nil
}

// keyID names a key without telling it.
func keyID(key string) string {
	sum := sha256.Sum256([]byte("semantik key id\x00" + key))
	return hex.EncodeToString(sum[:8])
}

// IssueAccess makes an access token for the user.
func (t *Tokens) IssueAccess(username string, userID int64, session Session) (string, error) {
	now := t.now()
	return t.sign(&claims{
		Subject: username, UserID: userID, Type: typeAccess, ID: uuid.NewString(),
		Family: session.Family, Generation: session.Generation,
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(t.accessTTL)),
	})
}

// IssueRefresh makes a refresh token for the user. id is its jti and expires the
// instant from which it is refused, a whole second.
func (t *Tokens) IssueRefresh(username string) (token, id string, expires time.Time, err error) {
	now := t.now().Truncate(time.Second)
	refresh := RefreshClaims{Username: username, ID: uuid.NewString(), IssuedAt: now, ExpiresAt: now.Add(t.refreshTTL)}
	token, err = t.SignRefresh(refresh)
	return token, refresh.ID, refresh.ExpiresAt, err
}

// SignRefresh makes the refresh token that says just this. The same claims give
// the same token as long as the signing key is the same, so that a token can be
// made again of which only the hash was kept.
func (t *Tokens) SignRefresh(refresh RefreshClaims) (string, error) {
	return t.sign(&claims{
		Subject: refresh.Username, Type: typeRefresh, ID: refresh.ID,
		IssuedAt: jwt.NewNumericDate(refresh.IssuedAt), ExpiresAt: jwt.NewNumericDate(refresh.ExpiresAt),
	})
}

// RemakeRefresh makes a refresh token again of which [HashToken] was kept: with
// the key that signs, or with one that did before. ok is false when it was made
// otherwise, with a key that is not in use any more or with another life.
func (t *Tokens) RemakeRefresh(username, id string, expires time.Time, hash string) (token string, ok bool) {
	c := &claims{
		Subject: username, Type: typeRefresh, ID: id,
		IssuedAt: jwt.NewNumericDate(expires.Add(-t.refreshTTL)), ExpiresAt: jwt.NewNumericDate(expires),
	}
	for _, key := range t.keys {
		token, err := signWith(key, c)
		if err == nil && HashToken(token) == hash {
			return token, true
		}
	}
	return "", false
}

func (t *Tokens) sign(c *claims) (string, error) { return signWith(t.keys[0], c) }

func signWith(key signingKey, c *claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	token.Header["kid"] = key.id
	signed, err := token.SignedString(key.secret)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed, nil
}

// ParseAccess reads an access token. The errors are [ErrTokenInvalid] and
// [ErrTokenExpired].
func (t *Tokens) ParseAccess(token string) (AccessClaims, error) {
	c, err := t.parse(token, typeAccess)
	if err != nil {
		return AccessClaims{}, err
	}
	if c.UserID <= 0 || c.Generation < 0 {
		return AccessClaims{}, ErrTokenInvalid
	}
	return AccessClaims{
		Username: c.Subject, UserID: c.UserID, Session: Session{Family: c.Family, Generation: c.Generation},
		ID: c.ID, IssuedAt: c.IssuedAt.Time, ExpiresAt: c.ExpiresAt.Time,
	}, nil
}

// ParseRefresh reads a refresh token. The errors are [ErrTokenInvalid] and
// [ErrTokenExpired].
func (t *Tokens) ParseRefresh(token string) (RefreshClaims, error) {
	c, err := t.parse(token, typeRefresh)
	if err != nil {
		return RefreshClaims{}, err
	}
	return RefreshClaims{Username: c.Subject, ID: c.ID, IssuedAt: c.IssuedAt.Time, ExpiresAt: c.ExpiresAt.Time}, nil
}

func (t *Tokens) parse(token, tokenType string) (*claims, error) {
	if len(token) > MaxTokenBytes || strings.ContainsFunc(token, foreign) {
		return nil, ErrTokenInvalid
	}
	c := &claims{}
	if _, err := t.parser.ParseWithClaims(token, c, t.keysFor); err != nil {
		return nil, ErrTokenInvalid.WithCause(err)
	}
	if header, rest, _ := strings.Cut(token, "."); !namesOnce(header) || !namesOnce(rest[:strings.IndexByte(rest, '.')]) {
		return nil, ErrTokenInvalid
	}
	now := t.now()
	switch {
	case c.Type != tokenType, c.Subject == "", c.ID == "", c.ExpiresAt == nil, c.IssuedAt == nil,
		c.IssuedAt.After(now.Add(clockLeeway)):
		return nil, ErrTokenInvalid
	case !now.Before(c.ExpiresAt.Time):
		return nil, ErrTokenExpired
	}
	return c, nil
}

// foreign reports what no token holds. The base64 decoder skips line breaks, and
// one token would then have many spellings, each with another hash.
func foreign(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// namesOnce reports whether no member of the object stands twice in it, in
// whatever case. The decoder takes the last one, and others may take the first.
func namesOnce(encoded string) bool {
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data))
	if first, err := decoder.ReadToken(); err != nil || first.Kind() != '{' {
		return false
	}
	var names []string
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return false
		}
		text := name.String()
		if slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, text) }) {
			return false
		}
		names = append(names, text)
		if err := decoder.SkipValue(); err != nil {
			return false
		}
	}
	return true
}

// keysFor gives the key that the header names, or all when it names none, as
// tokens of the first implementation do not.
func (t *Tokens) keysFor(token *jwt.Token) (any, error) {
	kid, named := token.Header["kid"]
	if !named {
		var set jwt.VerificationKeySet
		for _, key := range t.keys {
			set.Keys = append(set.Keys, key.secret)
		}
		return set, nil
	}
	i := slices.IndexFunc(t.keys, func(k signingKey) bool { return k.id == kid })
	if i < 0 {
		return nil, errors.New("the token names a key that is not in use")
	}
	return t.keys[i].secret, nil
}
