package batch

import (
	"slices"

	"relay/internal/meta"
)

// order brings the items into the order of their requests and cuts it into
// requests. Those in doubt come first, as they were sent. Old ones come last, the
// youngest first, so that one refusal for age decides all behind it.
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

// Cut cuts the items into requests, as if none of them had been sent yet; but those
// that failed alone come last, each by itself.
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

// FirstOld says once for each group that its youngest may be tried.
func (b *Batch) FirstOld(i int) bool {
	if b.aged == nil {
		b.aged = map[int]bool{}
	}
	g := b.Items[i].Group
	was := b.aged[g]
	b.aged[g] = true
	return !was
}

// limit is how many conversions a request like the one of item i may have.
func (b *Batch) limit(i int) int {
	if b.Items[i].Out.API == meta.Offline {
		return min(b.Limits.Events, meta.MaxOffline)
	}
	return min(b.Limits.Events, meta.MaxEvents)
}

// IsOld says whether an item is older than a week, and so travels with its like alone.
func (b *Batch) IsOld(i int) bool { return b.How.At.Sub(b.Items[i].Out.EventTime) > meta.EventAge }

// Alive lists the items of [lo,hi) whose fate is open.
func (b *Batch) Alive(lo, hi int) []int {
	open := make([]int, 0, hi-lo)
	for i := lo; i < hi; i++ {
		if !b.done.has(b.Items[i].Slot) {
			open = append(open, i)
		}
	}
	return open
}
