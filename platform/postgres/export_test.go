package postgres

// WithRelease has FindBinaries fetch an archive of the test's own.
func WithRelease(o BinaryOptions, version, sum string) BinaryOptions {
	o.releases = []release{{version: version, major: leadingNumber(version), sums: map[string]string{platform(): sum}}}
	return o
}

// UnpackedName is the folder of a version in the cache.
func UnpackedName(version string) string { return unpackedName(version) }

// PinnedVersion is what a new machine fetches.
func PinnedVersion() string { return releases()[0].version }

// ServerMark is what a server of ours is known by.
const ServerMark = serverMark
