package chaos_test

import (
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// checkFolder compares a folder with what its source has brought, and takes that out of
// what is there: each content is one document, with the path of a file that has it.
func (c *chaos) checkFolder(in *collection, f *folder, there map[[2]string][]row) {
	brought := map[string][]row{}
	for key, rows := range there {
		if key[0] == in.id && strings.HasPrefix(key[1], f.path+"/") {
			for _, d := range rows {
				brought[d.Hash] = append(brought[d.Hash], d)
			}
			delete(there, key)
		}
	}
	if !f.gone {
		c.checkContents(in, f, brought)
	}
	for _, rows := range brought {
		c.t.Errorf("%s has documents of %s without a file: %+v", in.name, f.path, rows)
	}
	for _, past := range f.past {
		if found := c.search(in, past.first); past.readable && len(found) > 0 {
			c.t.Errorf("a search for %s in %s finds %v, which was in %s once", past.first, in.name, found, f.path)
		}
	}
}

// checkContents takes what is as it should be out of what was brought.
func (c *chaos) checkContents(in *collection, f *folder, brought map[string][]row) {
	seen := map[string]bool{}
	for name, content := range f.files {
		if seen[content.hash] {
			continue
		}
		seen[content.hash] = true
		rows := brought[content.hash]
		delete(brought, content.hash)
		if len(rows) != 1 {
			c.t.Errorf("%s of %s is there %d times in %s: %+v", name, f.path, len(rows), in.name, rows)
			continue
		}
		c.count("documents of folders left: " + rows[0].Status)
		if !f.has(rows[0].Path, content) {
			c.t.Errorf("%s has the content of %v, in %s", rows[0].Path, f.having(content), in.name)
		}
		if len(seen) > searched {
			c.checkStatus(in, f.path+"/"+name, content, rows[0])
			continue
		}
		c.checkDocument(in, f.path+"/"+name, content, rows[0])
	}
}

// checkSources looks whether there are exactly the sources that should be, with their
// counters, and whether each run over them has ended.
func (c *chaos) checkSources(conn *pgx.Conn, all []*client) {
	var wanted []string
	for _, in := range c.estate.left() {
		for _, owner := range all {
			if f := owner.folders[in]; f != nil && !f.gone {
				wanted = append(wanted, in.id+" "+f.path)
			}
		}
	}
	found := query[string](c, conn, `select collection_id::text || ' ' || source_path from collection_sources where source_type = 'directory'`)
	require.ElementsMatch(c.t, wanted, found, "there are the sources that were added and not removed, and no others")
	for _, wrong := range query[string](c, conn, `
select s.source_path || ': ' || coalesce(s.last_run_status, 'never') || coalesce(', ' || s.last_error, '')
from collection_sources s
where s.source_type = 'directory'
  and (s.scan_requested_at is not null or s.last_run_status is distinct from 'success'
       or s.document_count <> (select count(*) from documents d where d.source_id = s.id and d.status <> 'deleted'))`) {
		c.t.Errorf("a source is not as its last run should have left it: %s", wrong)
	}
	for _, wrong := range query[string](c, conn, `
select collection_id::text || ' ' || id || ' ' || status
from sync_runs
where status = 'running' or completed_at is null`) {
		c.t.Errorf("a run over the sources of a collection has no end: %s", wrong)
	}
	for _, n := range query[string](c, conn, `select 'sync runs left: ' || triggered_by || ' ' || status from sync_runs`) {
		c.count(n)
	}
}
