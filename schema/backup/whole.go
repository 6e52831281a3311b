package backup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"semantik/schema"
)

// dataFolder is where the rows are.
const dataFolder = "data/"

// wholeFiles looks, without reading the rows, whether all is there that a backup consists
// of, and gives the schema's files that it was made with.
//
// Errors: [ErrDamaged].
func (b *Backup) wholeFiles() (schema.SQLFiles, error) {
	if !b.source.has(markerName) {
		return schema.SQLFiles{}, fmt.Errorf("%w: %s is missing", ErrDamaged, markerName)
	}
	files, err := b.files()
	if err != nil {
		return schema.SQLFiles{}, err
	}
	if missing := b.Manifest.missing(files.TableNames()); len(missing) > 0 {
		return schema.SQLFiles{}, fmt.Errorf("%w: its %s does not tell of %s", ErrDamaged, manifestName, strings.Join(missing, ", "))
	}
	return files, b.compareSizes()
}

// compareSizes looks whether the rows take as many bytes as the manifest says, and
// whether it knows all that there are.
func (b *Backup) compareSizes() error {
	sizes, err := b.source.data()
	if err != nil {
		return err
	}
	for _, t := range b.Manifest.Tables {
		size, there := sizes[t.path()]
		switch {
		case !there:
			return fmt.Errorf("%w: %s is missing", ErrDamaged, t.path())
		case size != t.Stored:
			return fmt.Errorf("%w: %s has %d bytes, and should have %d", ErrDamaged, t.path(), size, t.Stored)
		}
		delete(sizes, t.path())
	}
	for name := range sizes {
		return fmt.Errorf("%w: its %s does not tell of %q, which is there", ErrDamaged, manifestName, name)
	}
	return nil
}

// mostMissing is how many names are given of what is missing.
const mostMissing = 5

var partitionName = regexp.MustCompile(`_p\d+$`)

// missing names tables, of the schema's, and partitions that the manifest does not tell
// of: of a backup of some collections those that each has rows in, or may have.
func (m *Manifest) missing(names []string) []string {
	have := map[string]bool{}
	var keyed []string // tables that are partitioned by key
	for _, t := range m.Tables {
		have[t.family()], have[t.Name] = true, true
		if t.Parent != "" && partitionName.MatchString(t.Name) && !slices.Contains(keyed, t.Parent) {
			keyed = append(keyed, t.Parent)
		}
	}
	var missing []string
	for _, name := range append(slices.Clone(names), queueTables...) {
		if !have[name] && (m.Whole() || slices.Contains(collectionTables, name)) {
			missing = append(missing, name)
		}
	}
	for _, parent := range keyed {
		for key := 0; m.Whole() && key < m.Schema.PartitionCount && len(missing) <= mostMissing; key++ {
			if name := fmt.Sprintf("%s_p%d", parent, key); !have[name] {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) > mostMissing {
		missing = append(missing[:mostMissing], "others")
	}
	return missing
}
