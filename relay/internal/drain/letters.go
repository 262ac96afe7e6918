package drain

import (
	"context"
	"time"

	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/track"
)

// runRefused makes dead letters of messages that can never become a conversion, and of
// imported dead letters of another relay, at once and without the network.
func (l *lane) runRefused(ctx context.Context) {
	for ctx.Err() == nil {
		l.handleWakeups()
		if l.State.Manual {
			l.show(ManuallyPaused, time.Time{})
			l.sleep(ctx, -1, nil)
			continue
		}
		if l.position != 0 || l.forgetRunning() { // decisions are not stored yet, or the records might be removed
			l.sleep(ctx, forgetPoll, nil)
			continue
		}
		set := l.settings()
		found, ok := l.readOrWait(ctx, l.position, set.MaxEvents, set.MaxBytes, Idle)
		if !ok {
			continue
		}
		l.show(Sending, time.Time{})
		l.makeLetters(found)
		l.sleep(ctx, 0, nil)
	}
	l.flush()
}

func (l *lane) makeLetters(found queue.Batch) {
	n := 0
	for _, d := range l.lettersOf(found) {
		if !l.HasRoomFor(&d) {
			break
		}
		l.Letter(d)
		if !d.ReleaseAt.IsZero() {
			l.s.releases.Due(d.ReleaseAt)
		}
		n++
	}
	l.settleAll(found.RangesExcept(func(i int) bool { return i >= n }), found.Next)
}

func (l *lane) lettersOf(found queue.Batch) []queue.DeadLetter {
	if l.name == queue.LaneLetters {
		return track.LettersOf(found.Records)
	}
	return batch.Unusable(l.name, found, l.recipe())
}
