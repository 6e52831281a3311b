package directory

// NamesAtOnce has folders read so many names at a time.
func (c *Connector) NamesAtOnce(n int) { c.slice = n }

// BeforeOpening has fn called between the look at a file and its opening.
func (c *Connector) BeforeOpening(fn func()) { c.opening = fn }

// MaxDepth is how many folders may stand in one another.
const MaxDepth = maxDepth
