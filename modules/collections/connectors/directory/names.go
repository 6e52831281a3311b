package directory

import (
	"errors"
	"io"
	"os"
	"slices"
)

const (
	// namesAtOnce is how many names of one folder are in memory at a time: some
	// megabytes. A folder with more is read once for each so many.
	namesAtOnce = 50_000
	// namesInARead is how many names are asked for at once.
	namesInARead = 1024
)

// nextNames gives the names of a folder that come after the given one, in the order of
// their bytes, limit of them at the most, and whether there are more. It reads names
// alone: what they stand for is looked at through the folder's handle.
func nextNames(folder *os.File, after string, limit int) (names []string, more bool, err error) {
	var last string // once there are enough, no name after this one is of interest
	for {
		read, err := folder.Readdirnames(namesInARead)
		for _, name := range read {
			if name <= after || last != "" && name > last {
				more = more || name > after
				continue
			}
			names = append(names, name)
		}
		if len(names) > 2*limit {
			names, more = firstOf(names, limit), true
			last = names[limit-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
	}
	if len(names) > limit {
		return firstOf(names, limit), true, nil
	}
	slices.Sort(names)
	return names, more, nil
}

// firstOf sorts the names and keeps the first.
func firstOf(names []string, limit int) []string {
	slices.Sort(names)
	clear(names[limit:])
	return names[:limit]
}
