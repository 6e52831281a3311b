package schema_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"ariga.io/atlas/schemahcl"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// testdata/revisions.txt holds a line for each revision: its number and the hash
// of the files.
func TestRevision_is_raised_when_the_schema_changes(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/revisions.txt")
	require.NoError(t, err)
	var number int
	var hash string
	lines := bufio.NewScanner(bytes.NewReader(file))
	for expected := 1; lines.Scan(); expected++ {
		_, err := fmt.Sscanf(lines.Text(), "%d %s", &number, &hash)
		require.NoError(t, err)
		require.Equal(t, expected, number)
	}
	require.NoError(t, lines.Err())

	require.Equal(t, schema.Revision, number)
	require.Equal(t, schema.FilesHash(), hash, `the schema's files have changed. A database must be able to tell by the
revision that it was made by a newer program. When revision %[1]d has been released, raise schema.Revision to %[2]d and append
this line to testdata/revisions.txt:
%[2]d %[3]s
When it has not, let this be the last line:
%[1]d %[3]s`, schema.Revision, schema.Revision+1, schema.FilesHash())
}

func TestHash_changes_with_the_schema(t *testing.T) {
	t.Parallel()
	require.Regexp(t, "^[0-9a-f]{64}$", schema.Hash())
	require.NotEqual(t, schema.Hash(), schema.FilesHash(), "the queue's version counts too")
}

func TestDeclaration_names_every_constraint(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	unnamed := queryOne[[]string](t, pool, `
		select coalesce(array_agg(format('%s on %s', conname, conrelid::regclass)), '{}')
		from pg_constraint c
		join pg_class t on t.oid = c.conrelid
		where c.connamespace = 'public'::regnamespace
		  and not t.relispartition
		  and c.contype in ('p', 'u', 'f', 'c')
		  and c.conname !~ case c.contype
		      when 'p' then '^' || t.relname || '_pkey$'
		      when 'u' then '^uq_' || t.relname || '_'
		      when 'f' then '^fk_' || t.relname || '_'
		      else '^(ck_' || t.relname || '_|check_user_or_api_key$)'
		  end`)
	require.Empty(t, unnamed)
}

func TestDeclaration_has_an_index_under_every_foreign_key(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	// A cascade, or the check when the referred row goes, must not read the whole
	// table. granted_by and rolled_back_by are in tables that stay small.
	bare := queryOne[[]string](t, pool, `
		select coalesce(array_agg(c.conname::text), '{}')
		from pg_constraint c
		join pg_class t on t.oid = c.conrelid
		where c.contype = 'f'
		  and c.connamespace = 'public'::regnamespace
		  and not t.relispartition
		  and c.conname not in ('fk_collection_permissions_granted_by', 'fk_schema_history_rolled_back_by')
		  and not exists (
		      select 1
		      from pg_index i
		      where i.indrelid = c.conrelid
		        and i.indkey[0] = any(c.conkey)
		        and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ 'IS NOT NULL')
		  )`)
	require.Empty(t, bare)
}

func TestAtlasConfiguration_can_be_read_and_names_the_declaration(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "atlas.hcl"))
	require.NoError(t, err)
	require.Contains(t, string(text), `"file://schema/schema.sql"`)

	// getenv is the command line's own, the language is the library's.
	plain := regexp.MustCompile(`getenv\(("\w+")\)`).ReplaceAll(text, []byte("$1"))
	path := filepath.Join(t.TempDir(), "atlas.hcl")
	require.NoError(t, os.WriteFile(path, plain, 0o600))
	var config struct {
		schemahcl.DefaultExtension
	}
	require.NoError(t, schemahcl.New().EvalFiles([]string{path}, &config, nil))
}
