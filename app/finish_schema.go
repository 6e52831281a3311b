package app

import "context"

// finishSchema builds what an upgrade has left to be built beside the work: indexes on
// large tables. A program without them is slower and not wrong, so that an error is
// said, and no end.
func (p *program) finishSchema(ctx context.Context) {
	built, err := p.Schema.Finish(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		p.log.ErrorContext(ctx, "an index of the schema was not built; \"semantik schema apply\" goes on with it", "error", err)
	case len(built) > 0:
		p.log.InfoContext(ctx, "indexes of the schema were built while the tables were in use", "indexes", built)
	}
}
