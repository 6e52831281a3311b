package doctor

import (
	"context"
	"fmt"
	"maps"
	"time"

	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Mended is what was done about findings.
type Mended struct {
	// Keys are those of the checks that had found something.
	Keys []string `json:"keys"`
	// What was done, and to how many.
	What  string `json:"what"`
	Count int64  `json:"count"`
	// Details are what there is to say of each, such as what is lost.
	Details []string `json:"details,omitempty"`
	// Error is why the rest was not; "" when all was.
	Error string `json:"error,omitempty"`
}

// MendOptions say how far mending goes.
type MendOptions struct {
	// AllowDestructive has rows deleted that no read can reach.
	AllowDestructive bool
}

// need is what a way of mending judges by: it would take for lost what is only hidden.
type need int

const (
	nothing   need = iota
	allRows        // all rows of all tables, but for chunks and search rows
	allChunks      // these as well
)

// saidKey is the detail of a note that is for whoever has it mended, too.
const saidKey = "said"

// mend is one way of mending.
type mend struct {
	// keys are the checks whose findings it mends.
	keys []string
	// what it does, for people.
	what string
	// destructive is set where rows are deleted.
	destructive bool
	// needs says what must be there for it to judge by.
	needs need
	// do mends, and tells how much. What a transaction of it changes it notes in the same.
	do func(ctx context.Context, d *Doctor, note note) (int64, error)
}

// note writes a line into the audit log, in the unit of work of the context.
type note func(ctx context.Context, n int64, details map[string]any) error

// Mend does what can be done about the findings, in an order in which nothing undoes what
// was done before. What one way of mending cannot do keeps none of the others from being
// tried. It is for administrators: see [auth.RequireAdmin].
func (d *Doctor) Mend(ctx context.Context, r Report, o MendOptions, progress Progress) ([]Mended, error) {
	if err := auth.RequireAdmin(ctx); err != nil {
		return nil, err
	}
	all := []Mended{}
	ways := mends()
	for i, m := range ways {
		if !r.has(m.keys...) || m.destructive && !o.AllowDestructive {
			continue
		}
		if progress != nil {
			progress(i, len(ways), m.what)
		}
		done := Mended{What: m.what}
		err := d.blocked(ctx, m)
		if err == nil {
			done.Count, err = m.do(ctx, d, d.noteOf(m, &done.Details))
		}
		if ctx.Err() != nil {
			return all, fmt.Errorf("mending: %w", ctx.Err())
		}
		for _, f := range r.Findings {
			for _, key := range m.keys {
				if f.Key == key {
					done.Keys = append(done.Keys, key)
				}
			}
		}
		if err != nil {
			done.Error = err.Error()
			d.config.Logger.WarnContext(ctx, "something could not be mended", "what", m.what, "error", err)
		}
		all = append(all, done)
	}
	return all, nil
}

// noteOf writes down what a way of mending does, and keeps what is said of it.
func (d *Doctor) noteOf(m mend, said *[]string) note {
	return func(ctx context.Context, n int64, details map[string]any) error {
		if n == 0 {
			return nil
		}
		entry := map[string]any{"what": m.what, "count": n}
		maps.Copy(entry, details)
		if text, ok := details[saidKey].(string); ok {
			d.DB.AfterCommit(ctx, func(context.Context) { *said = append(*said, text) })
		}
		return d.Audit.Record(ctx, audit.Entry{Action: "doctor.fix", ObjectType: "database", ObjectID: m.keys[0], Details: entry})
	}
}

// inSlices calls slice until it changes nothing, each time in a transaction of its own,
// with a pause between two.
func (d *Doctor) inSlices(ctx context.Context, note note, details map[string]any, slice func(ctx context.Context) (int64, error)) (total int64, err error) {
	for {
		var n int64
		err := d.DB.InTx(ctx, func(ctx context.Context) (err error) {
			if err := d.repository.bePatient(ctx); err != nil {
				return err
			}
			if n, err = slice(ctx); err != nil {
				return err
			}
			return note(ctx, n, details)
		})
		if err != nil || n == 0 {
			return total, err
		}
		total += n
		if err := d.pause(ctx); err != nil {
			return total, err
		}
	}
}

// pause leaves the database to others for a while.
func (d *Doctor) pause(ctx context.Context) error {
	timer := time.NewTimer(d.config.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
