package postgres

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	// logLimit is the size at which the log is put aside at a start; one old log
	// is kept.
	logLimit = 10 * megabyte
	// logTail is how much of the log is read for an error.
	logTail = 16 * kilobyte
)

// serverLog is the file that the server's output goes to, from where this start
// began.
type serverLog struct {
	path  string
	start int64
}

// openLog gives the file for the server to write to, which the caller closes
// when the server has it.
func openLog(path string) (*os.File, serverLog, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, serverLog{}, fmt.Errorf("putting the server's log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, serverLog{}, fmt.Errorf("opening the server's log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, serverLog{}, errors.Join(fmt.Errorf("opening the server's log: %w", err), file.Close())
	}
	return file, serverLog{path: path, start: info.Size()}, nil
}

// size is the length of the file now; it grows while the server has something to
// say.
func (l serverLog) size() int64 {
	info, err := os.Stat(l.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail gives the last lines that were written since this start began.
func (l serverLog) tail(lines int) string {
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return fmt.Sprintf("(the log cannot be read: %v)", err)
	}
	defer func() { _ = file.Close() }()
	from := max(l.start, l.size()-logTail)
	b, err := io.ReadAll(io.NewSectionReader(file, from, logTail))
	if err != nil {
		return fmt.Sprintf("(the log cannot be read: %v)", err)
	}
	return lastLines(string(b), lines)
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
