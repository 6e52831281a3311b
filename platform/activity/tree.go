package activity

import (
	"cmp"
	"slices"
)

// Branch is a session in the tree of those that wait for one another.
type Branch struct {
	Waiter

	// Depth is 0 for one that waits for nobody who is known.
	Depth int
	// Under is whom it stands under; 0 for nobody.
	Under int
}

// Tree puts each session under one of those that it waits for: under the one that is
// nearest to who waits for nobody, and so has to end first. Of those that wait in a
// circle, which PostgreSQL is about to break, one stands for itself. Each is in the tree
// once, however many it waits for; the work is in proportion to what they wait for.
func Tree(all []Waiter) []Branch {
	f := newForest(all)
	for _, i := range f.ordered {
		if len(f.blockers(i)) == 0 {
			f.place(i)
		}
	}
	f.spread()
	for _, i := range f.ordered {
		if !f.placed[i] {
			f.place(i)
			f.spread()
		}
	}
	return f.branches()
}

// forest is the tree while it grows. Sessions go by their place in all.
type forest struct {
	all     []Waiter
	at      map[int]int // by their numbers
	ordered []int       // the longest first
	waiting [][]int     // who waits for each, the longest first
	placed  []bool
	roots   []int
	under   []int // whom it stands under; -1 for nobody
	below   [][]int
	next    []int // those that others are yet to be put under
}

func newForest(all []Waiter) *forest {
	n := len(all)
	f := &forest{all: all, at: make(map[int]int, n), ordered: make([]int, n), waiting: make([][]int, n), placed: make([]bool, n), under: make([]int, n), below: make([][]int, n)}
	for i, w := range all {
		f.at[w.PID], f.ordered[i], f.under[i] = i, i, -1
	}
	slices.SortStableFunc(f.ordered, func(a, b int) int { return cmp.Compare(all[b].Age, all[a].Age) })
	for _, i := range f.ordered {
		for _, blocker := range f.blockers(i) {
			f.waiting[blocker] = append(f.waiting[blocker], i)
		}
	}
	return f
}

// blockers are those that it waits for and that are known.
func (f *forest) blockers(i int) []int {
	var known []int
	for _, pid := range f.all[i].BlockedBy {
		if at, there := f.at[pid]; there && at != i {
			known = append(known, at)
		}
	}
	return known
}

// place makes it a root.
func (f *forest) place(i int) {
	f.placed[i], f.roots, f.next = true, append(f.roots, i), append(f.next, i)
}

// spread puts whoever waits under those that are placed, level by level.
func (f *forest) spread() {
	for len(f.next) > 0 {
		above := f.next[0]
		f.next = f.next[1:]
		for _, i := range f.waiting[above] {
			if f.placed[i] {
				continue
			}
			f.placed[i], f.under[i] = true, above
			f.below[above], f.next = append(f.below[above], i), append(f.next, i)
		}
	}
}

// branches lists the tree from its roots, each before those below it.
func (f *forest) branches() []Branch {
	tree := make([]Branch, 0, len(f.all))
	var list func(i, depth int)
	list = func(i, depth int) {
		branch := Branch{Waiter: f.all[i], Depth: depth}
		if f.under[i] >= 0 {
			branch.Under = f.all[f.under[i]].PID
		}
		tree = append(tree, branch)
		for _, below := range f.below[i] {
			list(below, depth+1)
		}
	}
	for _, root := range f.roots {
		list(root, 0)
	}
	return tree
}
