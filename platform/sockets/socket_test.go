package sockets_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"semantik/platform/sockets"
)

func TestSocket_AFrameHasATimeATypeAndData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	conn, _ := w.dial("/ws/things/begun", nil, "access_token.alice7")
	f := <-w.feeds
	w.hear(f, "second", `{"path":"a<b>&c"}`)
	for _, want := range []string{`"type":"first","data":{"a":1}`, `"type":"second","data":{"path":"a<b>&c"}`} {
		text := w.read(conn)
		require.Contains(t, text, want)
		var frame struct{ Timestamp time.Time }
		require.NoError(t, json.Unmarshal([]byte(text), &frame))
		require.WithinDuration(t, time.Now(), frame.Timestamp, time.Minute)
		require.Regexp(t, `"timestamp":"[0-9T:.-]+Z"`, text)
	}
}

func TestSocket_PingsAreAnsweredAndAllElseIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	conn, _ := w.open("alice7")
	for _, ignored := range []string{"", "hello", "{", `{"type":"subscribe"}`, `{"type":7}`, `["ping"]`, `"ping"`, "null", "pings", strings.Repeat("x", 4000)} {
		w.say(conn, ignored)
	}
	require.NoError(t, conn.Write(t.Context(), websocket.MessageBinary, []byte("ping")))
	for _, ping := range []string{"ping", `{"type":"ping"}`, ` {"type": "ping", "more": 1} `} {
		w.say(conn, ping)
		require.JSONEq(t, `{"type":"pong"}`, w.read(conn))
	}
	for range 50 {
		w.say(conn, "ping")
	}
	for range 50 {
		require.JSONEq(t, `{"type":"pong"}`, w.read(conn))
	}
}

func TestSocket_AMessageThatIsTooLargeEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	conn, f := w.open("alice7")
	// The connection may be cut before all of it is written.
	_ = conn.Write(t.Context(), websocket.MessageText, []byte(strings.Repeat("x", 1<<20)))
	<-f.closed
}

func TestSocket_SaysEverySoOftenThatItLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{PingEvery: 5 * time.Millisecond})
	conn, f := w.open("alice7")
	for range 3 {
		require.JSONEq(t, `{"type":"ping"}`, w.read(conn))
		<-f.checked
	}
}

func TestSocket_WhoseTokenIsGoodNoLongerIsDropped(t *testing.T) {
	t.Parallel()
	t.Run("with the next sign of life", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sockets.Config{PingEvery: 5 * time.Millisecond})
		conn, f := w.open("alice7")
		w.revoke("alice7")
		w.dropped(conn)
		<-f.closed
	})
	t.Run("and gets nothing that happens a second later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sockets.Config{})
		conn, f := w.open("alice7")
		w.revoke("alice7")
		revoked := time.Now()
		for {
			at := time.Now()
			w.hear(f, "event", `{}`)
			select {
			case <-f.closed:
				require.Greater(t, at.Sub(revoked), 500*time.Millisecond, "it was not asked each time")
				w.dropped(conn)
				return
			case <-time.After(10 * time.Millisecond):
				require.Less(t, at.Sub(revoked), 1500*time.Millisecond)
			}
		}
	})
}

func TestSocket_AClientThatDoesNotReadIsDroppedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	large := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	// fill sends until the connection takes no more.
	fill := func(w *world, f *feed) {
		for {
			w.hear(f, "large", large)
			select {
			case <-f.closed:
				return
			default:
			}
		}
	}
	t.Run("by the time that a frame takes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sockets.Config{WriteTimeout: 200 * time.Millisecond})
		_, slow := w.open("alice7")
		quick, other := w.open("alice8")
		fill(w, slow)
		w.hear(other, "event", `{}`)
		require.Contains(t, w.read(quick), `"event"`)
	})
	t.Run("at once when its notices pile up", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sockets.Config{WriteTimeout: time.Hour})
		_, slow := w.open("alice7")
		go func() {
			time.Sleep(200 * time.Millisecond) // by then it is in the middle of a frame
			close(slow.done)
		}()
		fill(w, slow)
	})
}

func TestSocket_AServerThatStopsDropsItWithoutAFarewell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	conn, f := w.open("alice7")
	begun := time.Now()
	w.stop()
	w.dropped(conn)
	<-f.closed
	require.NoError(t, <-w.stopped)
	w.stopped <- nil
	require.Less(t, time.Since(begun), 2*time.Second, "nobody waits for sockets")
}

func TestSocket_AClientThatGoesLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	for _, leave := range []func(*websocket.Conn){
		func(c *websocket.Conn) { _ = c.CloseNow() },
		func(c *websocket.Conn) { _ = c.Close(websocket.StatusNormalClosure, "bye") },
		func(c *websocket.Conn) { _ = c.Close(websocket.StatusGoingAway, "") },
	} {
		conn, f := w.open("alice7")
		leave(conn)
		<-f.closed
	}
}

func TestSocket_IsOneLineInTheLogWithoutItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	conn, _ := w.dial("/ws/things/any?token=alice7", http.Header{})
	f := <-w.feeds
	_ = conn.CloseNow()
	<-f.closed
	w.stop()
	require.NoError(t, <-w.stopped)
	w.stopped <- nil
	require.Contains(t, w.logs.String(), "msg=request method=GET route=/ws/things/:name status=101")
	require.NotContains(t, w.logs.String(), "alice7")
}
