package postgres_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/postgres"
)

func TestStart_makesADatabaseAndKeepsIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "new", "data")
	o := options(t, dir)
	o.Ephemeral = false
	var told []string
	o.OnProgress = func(message string) { told = append(told, message) }
	s := start(t, o)

	require.Equal(t, dir, s.DataDir())
	require.Equal(t, binaries(t).Version, s.Version())
	require.NoError(t, s.Err())
	require.Len(t, told, 1)
	require.Contains(t, told[0], "Initialising")
	for setting, value := range map[string]string{
		"server_encoding": "UTF8", "data_checksums": "on", "password_encryption": "scram-sha-256",
		"listen_addresses": "", "max_connections": "200", "max_locks_per_transaction": "256",
		"random_page_cost": "1.1", "fsync": "on", "autovacuum": "on", "TimeZone": "UTC",
		"default_text_search_config": "pg_catalog.simple", "cluster_name": "semantik",
	} {
		require.Equal(t, value, query(t, s.URL(), "select current_setting('"+setting+"')"), setting)
	}
	checkNewDatabase(t, s)

	execute(t, s.URL(), "create table kept as select 42 as answer")
	first := s.URL()
	stop(t, s)
	stop(t, s) // twice is fine
	<-s.Done()
	require.NoError(t, s.Err())

	again := start(t, o)
	require.Equal(t, first, again.URL())
	require.Equal(t, "42", query(t, again.URL(), "select answer::text from kept"))
	require.Len(t, told, 1, "nothing is initialised twice")
}

func checkNewDatabase(t *testing.T, s *postgres.Server) {
	t.Helper()
	t.Run("the role owns the database", func(t *testing.T) {
		require.Equal(t, "semantik of semantik", query(t, s.URL(),
			"select current_database() || ' of ' || pg_get_userbyid(datdba) from pg_database where datname = current_database()"))
	})
	t.Run("letters of all languages are folded and sorted by code point", func(t *testing.T) {
		require.Equal(t, "äöü é 'apfel':1", query(t, s.URL(), "select lower('ÄÖÜ É') || ' ' || to_tsvector('german', 'ÄPFEL')::text"))
		require.Equal(t, "Z,a,z,ä", query(t, s.URL(), "select string_agg(x, ',' order by x) from unnest(array['ä','z','a','Z']) x"))
	})
	t.Run("statistics of statements are loaded", func(t *testing.T) {
		execute(t, s.URL(), "create extension pg_stat_statements")
		query(t, s.URL(), "select count(*)::text from pg_stat_statements")
	})
	t.Run("nobody else may read the password or reach the socket", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(s.DataDir(), "postgres.password"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		info, err = os.Stat(filepath.Join(s.DataDir(), "run"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	})
	t.Run("a wrong password is refused", func(t *testing.T) {
		u, err := url.Parse(s.URL())
		require.NoError(t, err)
		u.User = url.UserPassword("semantik", "wrong")
		_, err = pgx.Connect(t.Context(), u.String())
		require.ErrorContains(t, err, "28P01")
	})
	t.Run("psql takes the URL", func(t *testing.T) {
		psql, err := exec.LookPath("psql")
		if err != nil {
			t.Skip("psql is not installed, and the fetched binaries do not have it")
		}
		out, err := exec.Command(psql, "-XAtc", "select 'seen by psql'", s.URL()).Output()
		require.NoError(t, err)
		require.Equal(t, "seen by psql\n", string(out))
	})
}

func TestStart_runsAsAnUnprivilegedAccount(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	s := start(t, options(t, dir))
	server := ownerOf(t, filepath.Join(dir, "postgres"))
	require.Equal(t, server.Uid, ownerOf(t, filepath.Join(dir, "run")).Uid)
	require.Equal(t, uint32(os.Geteuid()), ownerOf(t, filepath.Join(dir, "postgres.password")).Uid)
	require.Equal(t, int(server.Uid), userOf(t, s.PID()))
	require.NotZero(t, userOf(t, s.PID()))
	stop(t, s)

	if os.Geteuid() != 0 {
		require.Equal(t, uint32(os.Geteuid()), server.Uid, "a plain user stays who they are")
		return
	}
	t.Run("the owner of a cluster keeps it", func(t *testing.T) {
		const other = 54321
		giveAway(t, filepath.Join(dir, "postgres"), other)
		s := start(t, options(t, dir))
		require.Equal(t, other, userOf(t, s.PID()))
		stop(t, s)
	})
	t.Run("a cluster left to root, as by a restore, is given to the account", func(t *testing.T) {
		giveAway(t, filepath.Join(dir, "postgres"), 0)
		start(t, options(t, dir))
		require.Equal(t, server.Uid, ownerOf(t, filepath.Join(dir, "postgres", "PG_VERSION")).Uid)
	})
	t.Run("a directory closed to the account is refused with the culprit's name", func(t *testing.T) {
		closed := filepath.Join(tempDir(t), "closed")
		require.NoError(t, os.Mkdir(closed, 0o700))
		_, err := postgres.Start(t.Context(), options(t, filepath.Join(closed, "data")))
		require.ErrorIs(t, err, postgres.ErrDataDirectory)
		require.ErrorContains(t, err, "may not enter "+closed+",")
		require.ErrorContains(t, err, "chmod o+x "+closed)
	})
}

func giveAway(t *testing.T, dir string, uid int) {
	t.Helper()
	out, err := exec.Command("chown", "-R", itoa(uid)+":"+itoa(uid), dir).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestStart_takesAnyPath(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"spaces, quotes, commas and letters beyond ASCII": `my "data", it's 50% größer & 漢字`,
		"longer than a socket's path may be":              strings.Repeat("long/", 25) + "data",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(dataDir(t), path)
			s := start(t, options(t, dir))
			sockets := query(t, s.URL(), "select current_setting('unix_socket_directories')")
			require.Less(t, len(strings.Trim(sockets, `"`))+len("/.s.PGSQL.5432"), 107)
			require.Equal(t, filepath.Join(dir, "postgres"), query(t, s.URL(), "select current_setting('data_directory')"))
			running, err := postgres.FindRunning(t.Context(), dir)
			require.NoError(t, err)
			require.Equal(t, s.URL(), running.URL)
			stop(t, s)
			if len(path) > 107 {
				require.NoDirExists(t, sockets, "the short folder goes with the server")
			}
		})
	}
}

func TestStart_heedsNoEnvironment(t *testing.T) {
	// Not parallel: it changes the environment.
	for name, value := range map[string]string{
		"LANG": "de_DE.ISO-8859-1", "LC_ALL": "de_DE.ISO-8859-1", "LC_CTYPE": "tr_TR.ISO-8859-9", "LANGUAGE": "de",
		"TZ": "Asia/Kathmandu", "PGPORT": "1", "PGDATA": "/nowhere", "PGHOST": "/nowhere", "PGUSER": "nobody", "PGDATABASE": "nothing",
	} {
		t.Setenv(name, value)
	}
	s := start(t, options(t, dataDir(t)))
	require.Equal(t, "UTF8", query(t, s.URL(), "select current_setting('server_encoding')"))
	require.Equal(t, "UTC", query(t, s.URL(), "select current_setting('TimeZone')"))
	require.Equal(t, "äöüıß", query(t, s.URL(), "select lower('ÄÖÜıß')"))
	require.NotContains(t, query(t, s.URL(), "select current_setting('lc_messages') || datcollate || datctype from pg_database where datname = 'semantik'"), "de_DE")
}

func TestStart_settings(t *testing.T) {
	t.Parallel()
	o := options(t, usedDir(t))
	strange := "it's 50% \\ \"x\", größer\nand more #"
	o.Settings = map[string]string{"Max_Connections": "77", "semantik.note": strange, "work_mem": "3MB"}
	s := start(t, o)
	require.Equal(t, "77", query(t, s.URL(), "select current_setting('max_connections')"))
	require.Equal(t, "3MB", query(t, s.URL(), "select current_setting('work_mem')"))
	require.Equal(t, strange, query(t, s.URL(), "select current_setting('semantik.note')"))
	require.Equal(t, "off", query(t, s.URL(), "select current_setting('fsync')"), "the ephemeral ones hold below")
	stop(t, s)

	t.Run("what PostgreSQL does not know is said in its words, and the next start is right again", func(t *testing.T) {
		o.Settings = map[string]string{"work_memm": "1MB"}
		_, err := postgres.Start(t.Context(), o)
		require.ErrorIs(t, err, postgres.ErrStart)
		require.ErrorContains(t, err, `unrecognized configuration parameter "work_memm"`)
		o.Settings = map[string]string{"max_connections": "many"}
		_, err = postgres.Start(t.Context(), o)
		require.ErrorIs(t, err, postgres.ErrStart)
		require.ErrorContains(t, err, `invalid value for parameter "max_connections": "many"`)
		o.Settings = nil
		s := start(t, o)
		require.Equal(t, "400", query(t, s.URL(), "select current_setting('max_connections')"))
		stop(t, s)
	})
	t.Run("another port is part of the URL", func(t *testing.T) {
		o.Settings = map[string]string{"port": "6543"}
		s := start(t, o)
		require.Contains(t, s.URL(), "port=6543")
		require.Equal(t, "1", query(t, s.URL(), "select '1'"))
		stop(t, s)
	})
	for name, value := range map[string]string{
		"unix_socket_directories": "/tmp", "data_directory": "/tmp", "port": "http",
		"a = 'b'\nfsync": "off", "": "x", "work_mem": "1\x00",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			o := o
			o.Settings = map[string]string{name: value}
			_, err := postgres.Start(t.Context(), o)
			require.ErrorIs(t, err, postgres.ErrSetting)
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
		})
	}
}

func TestStart_givesUpWithTheContext(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := postgres.Start(ctx, options(t, dir))
	require.ErrorIs(t, err, context.Canceled)
	require.NoDirExists(t, filepath.Join(dir, "postgres"))
	require.NoDirExists(t, filepath.Join(dir, "postgres.initialising"))
	start(t, options(t, dir))
}

func TestStop_isBounded(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	s := start(t, options(t, dir))

	t.Run("sessions do not hold it up", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), s.URL())
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		began := time.Now()
		stop(t, s)
		require.Less(t, time.Since(began), 5*time.Second)
	})
	t.Run("without time it ends at once, and nothing committed is lost", func(t *testing.T) {
		o := options(t, dir)
		o.Settings = map[string]string{"synchronous_commit": "on"}
		s := start(t, o)
		execute(t, s.URL(), "create table kept as select 42 as answer")
		// A main process that is stopped cannot answer the first signal.
		require.NoError(t, syscall.Kill(s.PID(), syscall.SIGSTOP))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, s.Stop(ctx), postgres.ErrUncleanStop)
		<-s.Done()
		require.NoError(t, s.Err(), "it was asked for")

		s = start(t, options(t, dir))
		require.Equal(t, "42", query(t, s.URL(), "select answer::text from kept"))
	})
}

func TestStart_putsALongLogAside(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	log := filepath.Join(dir, "postgres.log")
	require.NoError(t, os.WriteFile(log, make([]byte, 11<<20), 0o600))
	start(t, options(t, dir))
	old, err := os.Stat(log + ".1")
	require.NoError(t, err)
	require.EqualValues(t, 11<<20, old.Size())
	now, err := os.Stat(log)
	require.NoError(t, err)
	require.Less(t, now.Size(), int64(1<<20))
	require.Equal(t, os.FileMode(0o600), now.Mode().Perm())
}
