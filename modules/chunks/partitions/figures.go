package partitions

import (
	"context"

	"semantik/platform/database"
	"semantik/platform/metrics"
)

// Figures declares what is read of all partitions. There is no figure for each, which
// would be hundreds: the largest says when one is too large, and GET
// /api/v2/partitions/health which.
func Figures(f *metrics.Figures, db *database.DB) {
	count := f.Gauge("semantik_partitions", "Partitions of the chunks.")
	rows := f.Gauge("semantik_partition_rows", "Rows of the chunks, as PostgreSQL estimates them: of all partitions, and of the largest.", "which")
	dead := f.Gauge("semantik_partition_dead_rows", "Dead rows of the chunks: of all partitions, and of that with the most.", "which")
	bytes := f.Gauge("semantik_partition_bytes", "Bytes of the chunks with their search rows and indexes, estimated: of all partitions, and of the largest.", "which")
	repository := NewRepository(db)
	f.From(func(ctx context.Context, emit metrics.Emit) error {
		all, err := repository.Partitions(ctx, 0)
		if err != nil {
			return err
		}
		var sum, largest Table
		for _, p := range all {
			sum.Rows, largest.Rows = sum.Rows+p.Chunks.Rows, max(largest.Rows, p.Chunks.Rows)
			sum.DeadRows, largest.DeadRows = sum.DeadRows+p.Chunks.DeadRows, max(largest.DeadRows, p.Chunks.DeadRows)
			size := p.Chunks.Bytes + p.Search.Bytes
			sum.Bytes, largest.Bytes = sum.Bytes+size, max(largest.Bytes, size)
		}
		emit(count, float64(len(all)))
		for which, t := range map[string]Table{"all": sum, "largest": largest} {
			emit(rows, float64(t.Rows), which)
			emit(dead, float64(t.DeadRows), which)
			emit(bytes, float64(t.Bytes), which)
		}
		return nil
	})
}
