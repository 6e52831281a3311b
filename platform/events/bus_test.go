package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/database"
	"semantik/platform/events"
	"semantik/platform/pgtest"
)

const patience = 30 * time.Second

func open(t *testing.T, url string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: url, MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// listening is a bus that hears, of a process of its own.
func listening(t *testing.T, url string, config events.Config) (*events.Bus, *database.DB) {
	t.Helper()
	db := open(t, url)
	bus := events.NewBus(db, config)
	s := bus.Subscribe()
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		bus.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	require.True(t, next(t, s).Missed, "what was before may have been missed")
	return bus, db
}

func next(t *testing.T, s *events.Subscription) *events.Notice {
	t.Helper()
	select {
	case n := <-s.Notices():
		return n
	case <-time.After(patience):
		require.FailNow(t, "waited in vain for a notice")
		return nil
	}
}

func numbered(n int, topics ...string) events.Event {
	return events.Event{Topics: topics, Type: strconv.Itoa(n), Data: map[string]any{"n": n}}
}

func TestBus_EveryProcessHearsWhatIsCommittedInItsOrderAndNothingElse(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	one, db := listening(t, url, events.Config{})
	two, _ := listening(t, url, events.Config{})
	heard := []*events.Subscription{one.Subscribe("a", "b"), two.Subscribe("b")}
	deaf := two.Subscribe("c")
	abort := errors.New("abort")
	require.ErrorIs(t, db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, events.Publish(ctx, db, numbered(1, "a", "b", "c")))
		return abort
	}), abort)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, events.Publish(ctx, db, numbered(2, "a", "b"), numbered(3, "b")))
		for _, s := range heard {
			require.Empty(t, s.Notices(), "before the commit")
		}
		return events.Publish(ctx, db, numbered(4, "b"))
	}))
	require.NoError(t, events.Publish(t.Context(), db, numbered(5, "b"), numbered(6, "c")))
	for _, s := range heard {
		for n := 2; n <= 5; n++ {
			notice := next(t, s)
			require.Equal(t, strconv.Itoa(n), notice.Type, "once each, although of two topics")
			require.JSONEq(t, fmt.Sprintf(`{"n":%d}`, n), string(notice.Data))
			require.WithinDuration(t, time.Now(), notice.At, time.Minute)
		}
	}
	require.Equal(t, "6", next(t, deaf).Type)
	require.Empty(t, deaf.Notices())
}

func TestBus_WhatIsNoMessageIsNothing(t *testing.T) {
	t.Parallel()
	bus, db := listening(t, pgtest.Empty(t), events.Config{})
	s := bus.Subscribe("a")
	for _, payload := range []string{"", "nonsense", "{", "null", "[]", `"a"`, `{"topics":["a"]}`, `{"topics":"a","type":"x"}`, `{"topics":["a"],"type":7}`} {
		_, err := db.Querier(t.Context()).Exec(t.Context(), "select pg_notify('semantik_events', $1)", payload)
		require.NoError(t, err)
	}
	require.NoError(t, events.Publish(t.Context(), db))
	require.NoError(t, events.Publish(t.Context(), db, numbered(1, "a")))
	require.Equal(t, "1", next(t, s).Type)
}

func TestBus_WhatIsTooLongIsShortenedAndStillTold(t *testing.T) {
	t.Parallel()
	bus, db := listening(t, pgtest.Empty(t), events.Config{})
	s := bus.Subscribe("a")
	many := map[string]any{}
	for i := range 2000 {
		many[strconv.Itoa(i)] = i
	}
	for name, data := range map[string]map[string]any{
		"a path":            {"id": 9007199254740993, "path": "begin/" + strings.Repeat("x", 9000) + "/end.txt"},
		"what takes escape": {"id": 9007199254740993, "path": "begin/" + strings.Repeat("\x01", 4000) + "/end.txt"},
		"of other letters":  {"id": 9007199254740993, "path": "begin/" + strings.Repeat("日", 4000) + "/end.txt"},
		"signs of a page":   {"id": 9007199254740993, "path": "begin/" + strings.Repeat("<&>", 3000) + "/end.txt"},
		"invalid":           {"id": 9007199254740993, "path": "begin/" + strings.Repeat("\xff", 4000) + "/end.txt"},
		"deep down":         {"id": 9007199254740993, "path": "begin/end.txt", "deep": []any{map[string]any{"text": strings.Repeat("y", 9000)}}},
		"many members":      {"id": 9007199254740993, "path": "begin/end.txt", "many": many},
	} {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			return events.Publish(ctx, db, events.Event{Topics: []string{"a"}, Type: "long", Data: data})
		}), name)
		var told struct {
			ID   json.Number
			Path string
		}
		require.NoError(t, json.Unmarshal(next(t, s).Data, &told), name)
		require.Equal(t, "9007199254740993", told.ID.String(), name)
		require.True(t, strings.HasPrefix(told.Path, "begin/") && strings.HasSuffix(told.Path, "/end.txt"), name)
	}
}

func TestBus_ASubscriberThatDoesNotKeepUpIsDroppedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	bus, db := listening(t, pgtest.Empty(t), events.Config{Buffer: 4})
	slow, quick := bus.Subscribe("a"), bus.Subscribe("a")
	for n := range 20 {
		require.NoError(t, events.Publish(t.Context(), db, numbered(n, "a")))
		require.Equal(t, strconv.Itoa(n), next(t, quick).Type)
	}
	<-slow.Done()
	require.Len(t, slow.Notices(), 4)
	select {
	case <-quick.Done():
		require.Fail(t, "the quick one was dropped too")
	default:
	}
	slow.Close()
	quick.Close()
	quick.Close()
	<-quick.Done()
}

const killListeners = `
select count(pg_terminate_backend(pid))
from pg_stat_activity
where datname = current_database()
  and query like 'listen%'`

func TestBus_AfterTheConnectionWasLostItConnectsAgainAndSaysSo(t *testing.T) {
	t.Parallel()
	bus, db := listening(t, pgtest.Empty(t), events.Config{RetryFirst: time.Millisecond})
	s := bus.Subscribe("a")
	for n := range 3 {
		var killed int
		require.NoError(t, db.Querier(t.Context()).QueryRow(t.Context(), killListeners).Scan(&killed))
		require.Equal(t, 1, killed)
		require.True(t, next(t, s).Missed)
		require.NoError(t, events.Publish(t.Context(), db, numbered(n, "a")))
		require.Equal(t, strconv.Itoa(n), next(t, s).Type)
	}
}

func TestBus_AConnectionThatBreaksWithoutAWordIsNoticed(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	proxy := pgtest.NewProxy(t, url)
	bus, _ := listening(t, proxy.URL, events.Config{Heartbeat: 20 * time.Millisecond, RetryFirst: time.Millisecond})
	s := bus.Subscribe("a")
	proxy.CutAfter("ping", 1) // the heartbeat's
	require.True(t, next(t, s).Missed)
	require.NoError(t, events.Publish(t.Context(), open(t, url), numbered(1, "a")))
	require.Equal(t, "1", next(t, s).Type)
}

func TestBus_TakesNoConnectionOfThePool(t *testing.T) {
	t.Parallel()
	_, db := listening(t, pgtest.Empty(t), events.Config{})
	require.Zero(t, db.Health(t.Context()).InUse)
}
