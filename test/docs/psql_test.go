package docs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

// asPsql has this program do what the documents use of psql, for machines that lack it:
// `psql URL -c STATEMENT …`, printed as psql does.
const asPsql = "SEMANTIK_TEST_AS_PSQL"

func TestMain(m *testing.M) {
	if os.Getenv(asPsql) != "" {
		if err := psql(context.Background(), os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

// ownPsql puts it into the folder, if the machine has none.
func ownPsql(t *testing.T, bin string) {
	t.Helper()
	if _, err := exec.LookPath("psql"); err == nil {
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "psql"), []byte("#!/bin/sh\n"+asPsql+"=1 exec "+self+" \"$@\"\n"), 0o700))
}

func psql(ctx context.Context, args []string, to io.Writer) (err error) {
	if len(args) == 0 {
		return errors.New("psql: the database is not named")
	}
	conn, err := pgx.Connect(ctx, args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for i := 1; i < len(args); i += 2 {
		if args[i] != "-c" || i+1 == len(args) {
			return fmt.Errorf("psql: %q is not known here", args[i])
		}
		if err := statement(ctx, conn, args[i+1], to); err != nil {
			return err
		}
	}
	return nil
}

func statement(ctx context.Context, conn *pgx.Conn, sql string, to io.Writer) error {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return err
	}
	for _, r := range results {
		if len(r.FieldDescriptions) == 0 {
			_, _ = fmt.Fprintln(to, r.CommandTag)
			continue
		}
		table := [][]string{{}}
		for _, f := range r.FieldDescriptions {
			table[0] = append(table[0], f.Name)
		}
		for _, row := range r.Rows {
			var cells []string
			for _, cell := range row {
				cells = append(cells, string(cell))
			}
			table = append(table, cells)
		}
		printTable(table, to)
		_, _ = fmt.Fprintf(to, "(%d rows)\n\n", len(r.Rows))
	}
	return nil
}

func printTable(table [][]string, to io.Writer) {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range table {
		var cells, rules []string
		for i, cell := range row {
			cells = append(cells, fmt.Sprintf(" %-*s ", widths[i], cell))
			rules = append(rules, strings.Repeat("-", widths[i]+2))
		}
		_, _ = fmt.Fprintln(to, strings.Join(cells, "|"))
		if n == 0 {
			_, _ = fmt.Fprintln(to, strings.Join(rules, "+"))
		}
	}
}

func TestPsql_PrintsAsPsqlDoes(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	require.NoError(t, psql(t.Context(), []string{pgtest.Empty(t), "-c", "create table birds (name text, fish int)",
		"-c", "insert into birds values ('penguin', 2), ('gull', 11)", "-c", "select * from birds order by fish"}, &printed))
	require.Equal(t, "CREATE TABLE\nINSERT 0 2\n name    | fish \n---------+------\n penguin | 2    \n gull    | 11   \n(2 rows)\n\n", printed.String())
}
