package operations_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/testworld"
)

// uploads starts an operation in each of n new collections of the user.
func uploads(w *testworld.World, as users.User, n, files int) []uuid.UUID {
	var all []uuid.UUID
	for range n {
		_, operation := w.Upload(as, w.Collection(as), several(files)...)
		all = append(all, *operation)
	}
	return all
}

// held counts what waits for a limit.
func held(w *testworld.World) int64 {
	return w.Int(`select count(*) from operations where waits_for = 'limit'`)
}

// watchLimit has the database note when more operations are in hand than may be.
func watchLimit(w *testworld.World, limit int) (exceeded func() int64) {
	w.Exec(`create table exceeded (n bigint)`)
	w.Exec(`
create function note_exceeded() returns trigger language plpgsql as $$
declare n bigint;
begin
  select count(*) into n from operations where status = 'processing' and waits_for is null and type <> 'delete' and user_id = new.user_id;
  if n > tg_argv[0]::bigint then insert into exceeded values (n); end if;
  return null;
end $$`)
	w.Exec(`create trigger note_exceeded after update on operations for each row execute function note_exceeded(` + string(rune('0'+limit)) + `)`)
	return func() int64 { return w.Int(`select count(*) from exceeded`) }
}

// Those who claim at the same instant are told apart by the database.
func TestLimits_OfManyWhoClaimAtOnceAsManyGetInAsMay(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]operations.Limits{
		"a user's": {PerUser: 3}, "everybody's": {Total: 3}, "both": {PerUser: 3, Total: 5}, "the narrower one": {PerUser: 8, Total: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			rows := operations.NewRepository(w.DB)
			all := uploads(w, w.User("alice"), 8, 1)
			in := make([]bool, len(all))
			for round := range 3 {
				for _, err := range w.Race(len(all), func(i int) error {
					return w.DB.InTx(t.Context(), func(ctx context.Context) error {
						o, err := rows.Get(ctx, all[i])
						require.NoError(t, err)
						if in[i], err = rows.Admit(ctx, all[i], o.UserID, limits); err != nil || !in[i] {
							return err
						}
						_, in[i], err = rows.Claim(ctx, all[i], "worker", time.Minute)
						return err
					})
				}) {
					require.NoError(t, err)
				}
				claimed := 0
				for _, ok := range in {
					if ok {
						claimed++
					}
				}
				require.Equal(t, 3, claimed, "round %d", round)
				require.EqualValues(t, 5, held(w))
				w.Exec(`update operations set status = 'pending', worker = null, lease_until = null, attempt = 0 where status = 'processing'`)
				w.Exec(`update operations set waits_for = null`)
			}
		})
	}
}

// Two processes with sixteen places, and nobody who looks around: what waits is rung for
// by what ends.
func TestLimits_OfAUserAreNeverExceededAndAllIsDone(t *testing.T) {
	t.Parallel()
	options := []testworld.Option{
		testworld.NoWorker(), testworld.Setting("OPERATION_LIMIT_PER_USER=2"), testworld.Setting("WORKER_CONCURRENCY=8"),
		testworld.Setting("OPERATION_LEASE_SECONDS=3600"), testworld.Setting("OPERATION_SLICE_SECONDS=0.01"),
	}
	w := testworld.New(t, options...)
	second := testworld.New(t, append(options, testworld.On(w))...)
	all := uploads(w, w.User("alice"), 12, 18)
	exceeded := watchLimit(w, 2)
	require.NoError(t, w.Worker.Start(t.Context()))
	require.NoError(t, second.Worker.Start(t.Context()))
	for _, operation := range all {
		o := w.AwaitOperation(operation)
		require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
		require.EqualValues(t, 18, o.Meta.Progress.Done)
	}
	require.Zero(t, exceeded())
	require.Zero(t, held(w))
}

func TestLimits_OfOneUserKeepNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("OPERATION_LIMIT_PER_USER=1"), testworld.Setting("OPERATION_LEASE_SECONDS=3600"))
	alice, bob := w.User("alice"), w.User("bob")
	a, b, ofBob := w.Collection(alice), w.Collection(alice), w.Collection(bob)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, first := w.Upload(alice, a, several(1)...)
	reached(t, pause)
	_, second := w.Upload(alice, b, several(1)...)
	w.Await("the second one waits", func() bool { return held(w) == 1 })
	o := w.Operation(*second)
	require.Equal(t, operations.StatusPending, o.Status)
	require.Zero(t, o.Attempt)
	_, his := w.Upload(bob, ofBob, several(1)...)
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*his).Status)
	w.CheckRules()
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*first).Status)
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*second).Status)
}

// Nothing polls for what waits: it has no job until there is room, and then one of it has.
func TestLimits_WhatWaitsHasNoJobUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("OPERATION_LIMIT_PER_USER=2"))
	alice := w.User("alice")
	all := uploads(w, alice, 6, 1)
	rows := operations.NewRepository(w.DB)
	for _, operation := range all[:2] {
		_, claimed, err := rows.Claim(t.Context(), operation, "another process", time.Hour)
		require.NoError(t, err)
		require.True(t, claimed)
	}
	w.Exec(`delete from river.river_job`)
	w.Exec(`update operations set created_at = created_at - interval '1 hour'`)
	for _, operation := range all[2:] {
		require.NoError(t, w.Worker.Answer(t.Context(), operation))
	}
	require.EqualValues(t, 4, held(w))
	bells := func() int64 { return w.Int(`select count(*) from river.river_job`) }
	for range 3 {
		require.NoError(t, w.Worker.Look(t.Context()))
	}
	require.Zero(t, bells())

	t.Run("a look finds room that nobody has told of", func(t *testing.T) {
		w.In(t).Exec(`update operations set lease_until = now() - interval '1 second' where uuid = $1`, all[0])
		w.Exec(`update operations set waits_for = 'turn' where uuid = $1`, all[0])
		require.NoError(t, w.Worker.Look(t.Context()))
		require.EqualValues(t, 3, held(w))
		require.EqualValues(t, 2, bells(), "that of the one that let go, and the next one's")
		require.Nil(t, w.Operation(all[2]).WaitsFor, "the oldest is next")
	})
	t.Run("one that waits can be cancelled", func(t *testing.T) {
		o, err := w.Operations.Cancel(w.As(alice), all[5])
		require.NoError(t, err)
		require.Equal(t, operations.StatusCancelled, o.Status)
		require.Nil(t, o.WaitsFor)
	})
	t.Run("an end rings for the next", func(t *testing.T) {
		require.NoError(t, w.Worker.Answer(t.Context(), all[2]))
		require.Equal(t, operations.StatusCompleted, w.Operation(all[2]).Status)
		require.Nil(t, w.Operation(all[3]).WaitsFor)
		require.EqualValues(t, 1, held(w))
	})
	t.Run("what a lost worker had is known to be lost", func(t *testing.T) {
		w.Exec(`update operations set lease_until = now() - interval '1 second' where uuid = $1`, all[1])
		for _, operation := range all[3:5] {
			_, _, err := rows.Claim(t.Context(), operation, "another process", time.Hour)
			require.NoError(t, err)
		}
		require.NoError(t, w.Worker.Answer(t.Context(), all[1]))
		require.Nil(t, w.Operation(all[1]).WaitsFor)
		require.Equal(t, 1, w.Operation(all[1]).Attempt)
	})
}

func TestLimits_DeletionsDoNotCount(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("OPERATION_LIMIT_PER_USER=1"), testworld.Setting("OPERATION_LIMIT=1"))
	gone, also, busy := small(w), w.Collection(w.Root), w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, upload := w.Upload(w.Root, busy, several(1)...)
	reached(t, pause)
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(w.Delete(gone)).Status)
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*upload).Status)
	w.AddDocuments(also, several(1)...)
}

// With everybody's limit it is the turn of who has least in hand.
func TestLimits_InAllAreSharedByTheUsers(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("OPERATION_LIMIT=2"), testworld.Setting("OPERATION_LIMIT_PER_USER=0"))
	hers, his := uploads(w, w.User("alice"), 4, 1), uploads(w, w.User("bob"), 1, 1)
	rows := operations.NewRepository(w.DB)
	for _, operation := range hers[:2] {
		_, _, err := rows.Claim(t.Context(), operation, "another process", time.Hour)
		require.NoError(t, err)
	}
	for _, operation := range append(hers[2:], his...) {
		require.NoError(t, w.Worker.Answer(t.Context(), operation))
	}
	require.EqualValues(t, 3, held(w))
	w.Exec(`update operations set waits_for = 'turn' where uuid = $1`, hers[0])
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		next, err := rows.NextHeld(ctx, nil, operations.Limits{Total: 2}, 1)
		require.Len(t, next, 1)
		require.Equal(t, his[0], next[0].UUID)
		return err
	}))
}
