package records

import (
	"errors"
	"maps"
	"slices"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/drain/batch"
)

// redriveStep is how many dead letters are redriven in one call, so that a long retry does
// not block the queue, and keeps its progress if it fails.
const redriveStep = 500

// Queue is the part of a queue that Retry and Drop need.
type Queue interface {
	Letters
	DropDead(ids ...string) (int, error)
	Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error)
}

// ErrNoMapping is returned by Retry if there is no mapping.
var ErrNoMapping = errors.New("there is no mapping, so nothing can be retried")

// Retry puts dead letters back into the queue. With a.DryRun it returns what would become
// of them. Repeating it is harmless, because redriven letters are no longer dead letters.
func Retry(q Queue, f batch.Foresight, a api.DeadAction) (api.RetryResult, error) {
	res := api.RetryResult{Success: true, DryRun: a.DryRun, Skip: map[string]int{}, Hold: map[string]int{}}
	if f.Mapping == nil {
		return res, ErrNoMapping
	}
	var ids []string
	made := make(map[string]bool) // conversions, by their keys
	again := func(key string) bool {
		was := made[key]
		made[key] = true
		return was
	}
	err := EachLetter(q, a.DeadFilter, func(d queue.DeadLetter) bool {
		res.Matched++
		if d.Flags&queue.FlagIDConflict != 0 {
			res.OwnIDs++
		}
		if d.Reason == mapper.ReasonUnanswered {
			res.InDoubt++
		}
		switch {
		case d.Cut > 0 || len(f.Lanes(d)) == 0: // a truncated event cannot be sent
			res.Unrouted++
		case a.DryRun:
			foresee(&res, f.Of(d, again))
		default:
			ids = append(ids, d.ID)
		}
		return true
	})
	if err != nil || a.DryRun {
		return res, err
	}
	for chunk := range slices.Chunk(ids, redriveStep) {
		n, err := q.Redrive(chunk, f.Lanes)
		res.Redriven += n
		if err != nil {
			if res.Redriven == 0 {
				return res, err
			}
			res.Success, res.Failed = false, err.Error()
			return res, nil
		}
	}
	return res, nil
}

// foresee counts a letter once, by its worst predicted outcome.
func foresee(res *api.RetryResult, fate batch.Fate) {
	res.Redriven++
	switch {
	case len(fate.Hold) > 0:
		res.Hold[fate.Hold[len(fate.Hold)-1]]++
	case fate.Send > 0:
		res.Pass++
	default:
		for _, reason := range slices.Sorted(maps.Keys(fate.Skip)) {
			res.Skip[reason]++
			break
		}
	}
}

// Drop permanently removes dead letters. With a.DryRun it only counts them.
func Drop(q Queue, a api.DeadAction) (api.DropResult, error) {
	res := api.DropResult{Success: true, DryRun: a.DryRun}
	var ids []string
	err := EachLetter(q, a.DeadFilter, func(d queue.DeadLetter) bool {
		ids = append(ids, d.ID)
		return true
	})
	res.Matched = len(ids)
	if err != nil || a.DryRun {
		return res, err
	}
	for chunk := range slices.Chunk(ids, redriveStep) {
		n, err := q.DropDead(chunk...)
		res.Dropped += n
		if err != nil {
			return res, err
		}
	}
	return res, nil
}
