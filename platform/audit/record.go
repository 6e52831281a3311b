package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/web"
)

// Entry is what happened.
type Entry struct {
	// Action is "<object type>.<verb>", such as collection.delete.
	Action string
	// ObjectType and ObjectID name what it happened to; the id is as the API
	// shows it.
	ObjectType string
	ObjectID   string
	// Details are what is worth knowing besides, such as what was before and
	// after. Never a secret. They are cut away as a whole beyond
	// [MaxDetailsBytes].
	Details map[string]any
	// UserID and Actor are who did it, where the context has no identity: a login
	// is the doing of somebody whom the request does not speak for yet. Without
	// either it is the system.
	UserID int64
	Actor  string
}

// MaxDetailsBytes bounds the details of an entry, as JSON.
const MaxDetailsBytes = 8 << 10

// System is the actor of what nobody asked for, such as a worker's doing.
const System = "system"

var (
	errInvalidEntry = apperr.New(apperr.Invalid, "audit_entry_invalid",
		"The details of an audit entry must be a JSON object.")
	errBadAPIKeyID = apperr.New(apperr.Malformed, "invalid_api_key_id", "The api_key_id is not a version 4 UUID.")
	errEntryExists = apperr.New(apperr.Conflict, "audit_entry_exists",
		"There is an audit entry with this id already.")
)

// Constraints says what a violation of each constraint of the log means.
var Constraints = database.Constraints{
	"audit_log_pkey":       errEntryExists,
	"ck_audit_log_details": errInvalidEntry,
}

// Log writes and reads the audit log.
type Log struct{ db *database.DB }

// New makes a log on the database.
func New(db *database.DB) *Log { return &Log{db: db} }

const insertEntry = `
insert into audit_log (user_id, api_key_id, actor, action, object_type, object_id, details, ip_address, user_agent)
values (nullif($1, 0), nullif($2, '00000000-0000-0000-0000-000000000000'::uuid), $3, $4, $5, nullif($6, ''), $7, nullif($8, ''), nullif($9, ''))`

// Record writes an entry in the unit of work of the context. Outside of one it is
// [database.ErrMisuse]: an entry that commits by itself may tell what never was.
func (l *Log) Record(ctx context.Context, e Entry) error {
	tx, err := l.db.Tx(ctx)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	details, err := e.details()
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	who, known := auth.FromContext(ctx)
	if !known {
		who = auth.Identity{UserID: e.UserID, Username: e.Actor}
	}
	if who.Username == "" {
		who.Username = System
	}
	client := web.ClientOf(ctx)
	_, err = tx.Exec(ctx, insertEntry, who.UserID, who.APIKeyID, who.Username,
		e.Action, e.ObjectType, e.ObjectID, details, client.Addr, client.UserAgent)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", l.db.Translate(err))
	}
	return nil
}

// details are the entry's as JSON.
func (e Entry) details() ([]byte, error) {
	if len(e.Details) == 0 {
		return []byte("{}"), nil
	}
	encoded, err := json.Marshal(e.Details)
	if err != nil {
		return nil, fmt.Errorf("the details of %s: %w", e.Action, err)
	}
	if len(encoded) > MaxDetailsBytes {
		return []byte(`{"omitted": "too large"}`), nil
	}
	return encoded, nil
}
