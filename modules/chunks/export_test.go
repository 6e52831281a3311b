package chunks

// KeepSpans sets how many documents a load keeps in memory.
func (s *Service) KeepSpans(n int) { s.spansAtOnce = n }
