package main

import "slices"

// series holds one figure for each round.
type series []float64

// median returns the middle of s, and 0 of none.
func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	t := slices.Sorted(slices.Values(s))
	n := len(t)
	return (t[(n-1)/2] + t[n/2]) / 2
}

// middle returns the bounds of the middle half of s.
func (s series) middle() (low, high float64) {
	if len(s) == 0 {
		return 0, 0
	}
	t := slices.Sorted(slices.Values(s))
	cut := len(t) / 4
	return t[cut], t[len(t)-1-cut]
}

// over returns the ratios s to other, round by round.
func (s series) over(other series) series {
	out := make(series, min(len(s), len(other)))
	for i := range out {
		out[i] = s[i] / other[i]
	}
	return out
}

// turn returns the numbers 0 to n-1, begun elsewhere in each round, so that
// nothing always runs right after the same neighbour's garbage.
func turn(n, round int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = (i + round) % n
	}
	return out
}
