package chunks

import (
	"errors"
	"io"
)

// KeepSpans sets how many documents a load keeps in memory.
func (s *Service) KeepSpans(n int) { s.spansAtOnce = n }

// CountLines reads chunks as a load does, and counts them.
func CountLines(body io.Reader) (n int, err error) {
	next := (&Service{config: Config{MaxCharacters: MaxContent}}).lines(body)
	for {
		if _, err = next(); err != nil {
			break
		}
		n++
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
