package operations

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
)

// explosive makes whoever looks at it panic, as a fault in reading a document
// would.
type explosive struct{ context.Context }

func (explosive) Err() error { panic("a fault that nobody thought of") }

func TestPrepare_AContentThatMakesTheReadingPanicIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := prepare(explosive{t.Context()}, collections.Collection{ChunkSize: 100}, documents.Document{FilePath: "a.txt"}, []byte("text"))
	require.ErrorContains(t, err, "panicked")
}
