package admin

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/track"
)

func queueInfo(st queue.Stats) api.QueueInfo {
	return api.QueueInfo{
		Pending: st.Pending, Opening: st.Opening,
		Bytes: st.DiskBytes, MaxBytes: st.MaxSize, DiskFree: st.VolumeFree, DiskSize: st.VolumeSize, Full: st.Full,
		Segments: st.Segments, Dead: st.Dead, DeadBytes: st.DeadBytes,
		Appended: st.Appended, Duplicates: st.Duplicates, Dropped: maps.Clone(st.Dropped),
		DamagedChunks: st.BadChunks, DamagedFiles: st.BadSegments, LostRecords: st.LostRecords, BadFiles: st.BadFiles, Rebuilt: st.MetaRebuilt,
		Keys:    keyNames(st.KeysInUse),
		SyncP99: st.SyncP99.Seconds(), LastError: st.LastError, LastErrorAt: timePtr(st.LastErrorAt),
	}
}

// keyNames formats ids of keys as logs and errors do.
func keyNames(ids []uint32) (out []string) {
	for _, id := range ids {
		if id == 0 {
			out = append(out, "none")
			continue
		}
		out = append(out, fmt.Sprintf("%08x", id))
	}
	return out
}

func fillFromQueue(l *api.LaneInfo, ls queue.LaneStat) {
	l.Pending, l.Bytes = ls.Pending, ls.Bytes
	l.OldestAt = timePtr(ls.Oldest)
	maps.Copy(l.Counts, ls.Counts)
}

func fillFromDrain(l *api.LaneInfo, w drain.LaneStatus) {
	l.State, l.Failures, l.InFlight, l.Usage = string(w.State), w.Failures, w.InFlight, w.Usage/100
	l.NextAttemptAt, l.LastSuccessAt, l.LastAttemptAt = timePtr(w.NextAttempt), timePtr(w.LastSuccess), timePtr(w.LastAttempt)
	l.AskedAt = timePtr(w.Asked)
	l.Since, l.InDoubt, l.Paused, l.DryRun = timePtr(w.Since), w.InDoubt, w.Paused, w.DryRun
	if e := w.LastError; e != nil {
		l.LastError = &api.LaneError{
			At: e.At, Class: e.Class, HTTPStatus: e.HTTPStatus, Failure: e.Failure, Code: e.Code, Subcode: e.Subcode,
			Message: e.Message, FBTraceID: e.FBTraceID, Advice: e.Advice,
		}
	}
}

// isDeadCount reports whether a counter of a lane counts dead letters, such as
// "dead:expired". Drain names them in queue.Settlement.Counts.
func isDeadCount(key string) bool { return key == "dead" || strings.HasPrefix(key, "dead:") }

// laneWords returns the state of a lane as a headline, and what happens next.
func laneWords(l *api.LaneInfo, now time.Time, lack string, silent bool) (headline, next string) {
	w := advice.Lane{State: l.State, Now: now, Usage: l.Usage, Lack: lack, Told: l.Told(), Silent: silent}
	if l.NextAttemptAt != nil {
		w.Next = *l.NextAttemptAt
	}
	if l.AskedAt != nil {
		w.Asked, w.Hub = *l.AskedAt, l.Lane == queue.LaneForward || track.BecomesLetters(l.Lane)
	}
	if l.DrainSeconds != nil {
		w.Drain = time.Duration(*l.DrainSeconds * float64(time.Second))
	}
	return advice.ForState(w)
}
