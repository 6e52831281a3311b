package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// compare waits for the end of a run over the sources of the collection and looks, in the
// middle of the storm, whether it has left of this client's folder exactly what is on the
// disk: the last run, when all is quiet, would mend what this one has missed.
func (c *client) compare(in *collection, run int64) {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		conn, err := pgx.Connect(c.t.Context(), c.url)
		if err != nil {
			continue // PostgreSQL is down
		}
		ended, err := c.compareOn(conn, in, run)
		_ = conn.Close(context.WithoutCancel(c.t.Context()))
		if err == nil && ended {
			return
		}
	}
	c.count("runs that did not end while they were waited for")
}

// compareOn reports whether the run has ended.
func (c *client) compareOn(conn *pgx.Conn, in *collection, run int64) (ended bool, err error) {
	var status string
	err = conn.QueryRow(c.t.Context(), `select status from sync_runs where id = $1 and collection_id = $2`, run, in.id).Scan(&status)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if c.estate.fate(in) == alive {
			c.t.Errorf("client %d: run %d of %s was acknowledged and is not there", c.number, run, in.name)
		}
		return true, nil
	case err != nil || status == "running":
		return false, err
	case status != "success": // it was cancelled
		return true, nil
	}
	f := c.folders[in]
	rows, err := conn.Query(c.t.Context(), `
select d.content_hash, array_agg(d.file_path)
from documents d
join collection_sources s on s.id = d.source_id
where s.collection_id = $1 and s.source_path = $2 and d.status <> 'deleted'
group by 1`, in.id, f.path)
	if err != nil {
		return false, err
	}
	there := map[string][]string{}
	var hash string
	var paths []string
	if _, err := pgx.ForEachRow(rows, []any{&hash, &paths}, func() error {
		there[hash] = paths
		return nil
	}); err != nil {
		return false, err
	}
	if c.estate.fate(in) == alive {
		c.count("runs whose documents were compared with the disk")
		c.compareWith(f, run, there)
	}
	return true, nil
}

// compareWith compares the paths of documents, by their contents, with the disk.
func (c *client) compareWith(f *folder, run int64, there map[string][]string) {
	for name, content := range f.files {
		if paths := there[content.hash]; len(paths) != 1 || !f.has(paths[0], content) {
			c.t.Errorf("client %d: after run %d, which was a success, %s of %s is there as %v", c.number, run, name, f.path, paths)
		}
	}
	for hash, paths := range there {
		if len(f.having(content{hash: hash})) == 0 {
			c.t.Errorf("client %d: after run %d, which was a success, there is %v, and no such file in %s", c.number, run, paths, f.path)
		}
	}
}

// runOf is the id of the run that an answer is about.
func runOf(a answer) (id int64) {
	var told struct {
		ID int64 `json:"id"`
	}
	_ = json.Unmarshal(a.body, &told)
	return told.ID
}
