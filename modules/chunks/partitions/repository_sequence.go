package partitions

import "context"

// advanceSequence needs no lock: as long as the sequence is behind, whoever takes a number
// from it gets one that is there already, and none beyond. The greatest id of each
// partition is found by its primary key.
const advanceSequence = `
select count(setval(pg_get_serial_sequence('chunks', 'id'), c.greatest))
from (select max(id) as greatest from chunks) c
where c.greatest > coalesce(pg_sequence_last_value(pg_get_serial_sequence('chunks', 'id')::regclass), 0)`

// AdvanceSequence sets the sequence of the chunks' ids to the greatest one, if it is behind,
// and tells whether it was: 1 or 0.
func (r *Repository) AdvanceSequence(ctx context.Context) (n int64, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, advanceSequence).Scan(&n)
	return n, r.db.Translate(err)
}
