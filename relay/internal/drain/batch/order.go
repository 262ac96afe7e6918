package batch

import (
	"slices"

	"relay/internal/meta"
)

// order sorts the items and cuts them into requests. Items in doubt come first, in the order
// in which they were sent. Old items come last, the youngest first, so that one refusal for
// age decides all items behind it.
func (b *Batch) order(keys []groupKey) {
	rank := make([]int, len(keys))
	for i, k := range keys { // the groups in doubt are the first
		rank[i] = i
		if k.old {
			rank[i] += len(keys)
		}
	}
	if len(keys) > 1 || len(keys) == 1 && keys[0].old {
		slices.SortStableFunc(b.Items, func(x, y Item) int {
			if d := rank[x.Group] - rank[y.Group]; d != 0 {
				return d
			}
			if keys[x.Group].old {
				return y.Out.EventTime.Compare(x.Out.EventTime)
			}
			return 0
		})
	}
	b.Cut()
}

// Cut cuts the items into requests as if none had been sent yet, except that items that failed
// alone come last, each in a request of its own.
func (b *Batch) Cut() {
	var cuts, lone []span
	size := int64(0)
	for i := range b.Items {
		it := &b.Items[i]
		if it.lone {
			if !b.done.has(it.Slot) {
				lone = append(lone, span{lo: i, hi: i + 1})
			}
			continue
		}
		n := int64(len(it.Out.Conversion)) + 1
		if last := len(cuts) - 1; last < 0 || cuts[last].hi != i || b.Items[cuts[last].lo].Group != it.Group || i-cuts[last].lo >= b.limit(i) || size+n > b.Limits.Bytes {
			cuts, size = append(cuts, span{lo: i, hi: i}), 0
		}
		cuts[len(cuts)-1].hi = i + 1
		size += n
	}
	b.stack = append(cuts, lone...)
	slices.Reverse(b.stack) // its end is its top
}

// FirstOld reports, once for each group, that its youngest item can be tried.
func (b *Batch) FirstOld(i int) bool {
	if b.aged == nil {
		b.aged = map[int]bool{}
	}
	g := b.Items[i].Group
	was := b.aged[g]
	b.aged[g] = true
	return !was
}

// limit returns the most conversions that the request of item i can have.
func (b *Batch) limit(i int) int {
	if b.Items[i].Out.API == meta.Offline {
		return min(b.Limits.Events, meta.MaxOffline)
	}
	return min(b.Limits.Events, meta.MaxEvents)
}

// IsOld reports whether an item is older than a week. Such items have requests of their own.
func (b *Batch) IsOld(i int) bool { return b.How.At.Sub(b.Items[i].Out.EventTime) > meta.EventAge }

// Alive returns the undecided items of [lo,hi).
func (b *Batch) Alive(lo, hi int) []int {
	open := make([]int, 0, hi-lo)
	for i := lo; i < hi; i++ {
		if !b.done.has(b.Items[i].Slot) {
			open = append(open, i)
		}
	}
	return open
}
