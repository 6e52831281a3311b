package backup

// Progress hears how far a backup or a restore is. Its methods are called by several
// goroutines at once.
type Progress interface {
	// Phase begins a phase of so many bytes, or of so many steps.
	Phase(name string, total int64, bytes bool)
	// Add says that so much more of the phase is done.
	Add(n int64)
}

// silent is the progress of nobody.
type silent struct{}

func (silent) Phase(string, int64, bool) {}
func (silent) Add(int64)                 {}

// share adds up what is done of one thing whose size is an estimate: never more than
// that, and at its end just that.
type share struct {
	progress Progress
	size     int64
	told     int64
}

func (s *share) add(n int64) {
	n = min(n, s.size-s.told)
	if n > 0 {
		s.told += n
		s.progress.Add(n)
	}
}

func (s *share) end() { s.add(s.size) }
