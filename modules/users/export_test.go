package users

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Row is the row that the input asks for, as far as the input says.
func (in CreateAPIKeyInput) Row() (APIKey, error) {
	if err := in.Validate(); err != nil {
		return APIKey{}, err
	}
	permissions, err := json.Marshal(in.permissions())
	return APIKey{Name: cleanAPIKeyName(in.Name), Permissions: permissions}, err
}

// Stored is what the input leads to, written and read again.
func (in PreferencesInput) Stored() (Preferences, error) {
	sections, err := in.sections()
	if err != nil {
		return Preferences{}, err
	}
	stored := map[string]json.RawMessage{}
	for name, section := range sections {
		if stored[name], err = json.Marshal(section); err != nil {
			return Preferences{}, err
		}
	}
	return readPreferences(stored), nil
}

// MaxKeyUses bounds what waits to be written.
const MaxKeyUses = maxKeyUses

// Note leaves a note.
func (u *KeyUses) Note(id uuid.UUID, at time.Time) { u.note(id, at) }

// Waiting is how many notes wait.
func (u *KeyUses) Waiting() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.notes)
}
