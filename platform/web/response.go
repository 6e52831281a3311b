package web

import (
	"net/http"
	"time"
)

// writeRenewal is how often at the most the deadline of writing is moved on.
const writeRenewal = time.Second

// response counts what is written and gives every write a deadline of its own,
// so that a client that does not read holds nothing for ever, while a long
// answer may take its time.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	renewed time.Time
	status  int // 0 until the header is written
	bytes   int64
	// beforeHeader runs before the header goes out; nil for nothing.
	beforeHeader func()
}

func newResponse(w http.ResponseWriter, timeout time.Duration) *response {
	out := &response{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}
	out.renew()
	return out
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush sends what has been written so far.
func (w *response) Flush() {
	w.begin(http.StatusOK)
	w.renew()
	_ = w.control.Flush()
}

func (w *response) WriteHeader(status int) {
	if status < http.StatusOK {
		if status == http.StatusSwitchingProtocols {
			w.status = status // no other follows
		}
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(data []byte) (int, error) {
	w.begin(http.StatusOK)
	w.renew()
	n, err := w.ResponseWriter.Write(data)
	w.bytes += int64(n)
	return n, err
}

func (w *response) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.beforeHeader != nil {
		w.beforeHeader()
	}
}

func (w *response) renew() {
	now := time.Now()
	if now.Sub(w.renewed) < writeRenewal {
		return
	}
	w.renewed = now
	// A writer without a connection, in a test, has no deadlines.
	_ = w.control.SetWriteDeadline(now.Add(w.timeout))
}

// finish gives the last bytes, which net/http writes after the handler has
// returned, their time, and bounds the reading of what is left of the body.
func (w *response) finish() {
	w.renewed = time.Time{}
	w.renew()
	if w.beforeHeader != nil {
		w.beforeHeader()
	}
}
