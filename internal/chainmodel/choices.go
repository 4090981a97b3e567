package chainmodel

// choices walks the tree of all runs depth first. A run is a function of its list of choices, so the next run is the
// last one with its last choice that can be raised by one.
type choices struct {
	taken, among []int
	at           int
}

// Pick repeats the choice of the path being followed, or takes the first branch beyond its end.
func (c *choices) Pick(n int) int {
	if c.at == len(c.taken) {
		c.taken = append(c.taken, 0)
		c.among = append(c.among, n)
	}
	k := c.taken[c.at]
	c.among[c.at] = n
	c.at++
	return k
}

// next turns to the following path. It reports false after the last.
func (c *choices) next() bool {
	c.taken, c.among = c.taken[:c.at], c.among[:c.at]
	c.at = 0
	for j := len(c.taken) - 1; j >= 0; j-- {
		if c.taken[j]+1 < c.among[j] {
			c.taken[j]++
			c.taken, c.among = c.taken[:j+1], c.among[:j+1]
			return true
		}
	}
	return false
}
