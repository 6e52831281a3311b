//go:build !unix

package doctor

// diskOf is not known elsewhere.
func diskOf(string) (free, total int64, err error) { return 0, 0, errNotHere }
