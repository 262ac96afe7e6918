package sidecar

import (
	"errors"

	"relay/config"
	"relay/queue"
	"relay/relay/internal/alert"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/spool"
)

// openAlerts sets up the alerts.
func (s *Sidecar) openAlerts() {
	s.alerts = alert.New(alert.Options{
		Look: func() alert.Snapshot {
			snap := alertSnapshot(s.admin.Status())
			err := s.queue.CanAppend()
			snap.Refuses = errors.Is(err, queue.ErrStalled) || errors.Is(err, queue.ErrUnavailable)
			return snap
		},
		Settings: func() alert.Settings { return AlertSettings(s.settings.Load()) },
		Notes:    s.queue,
		Logger:   s.log,
		Version:  Build().Version,
	})
}

// alertSnapshot returns the part of the status that alerts are made from.
func alertSnapshot(st api.Status) alert.Snapshot {
	q := st.Queue
	out := alert.Snapshot{
		Now: st.Now, Pending: q.Pending, DeadNow: q.Dead, OnServers: st.Delivers != nil,
		QueueBytes: q.Bytes, QueueMax: q.MaxBytes, DiskFree: q.DiskFree, DiskSize: q.DiskSize, Full: q.Full,
	}
	here := st.Delivers == nil || st.Delivers.Here // otherwise the relay that delivers sends the alert
	for _, n := range st.Totals.Dead {
		if here {
			out.Dead += n
		}
	}
	out.IDConflicts = st.Totals.Received[api.ReceivedIDConflict]
	out.Dropped = q.Dropped[queue.DropMaxSize]
	out.Damaged, out.Lost, out.Quarantined, out.Opening = q.DamagedFiles+q.DamagedChunks, q.LostRecords, q.BadFiles, q.Opening
	for _, l := range st.Lanes {
		if !here {
			l = api.LaneInfo{Lane: l.Lane, State: string(drain.Standby), Pending: l.Pending, OldestAt: l.OldestAt}
		}
		todo, told := l.Todo()
		a := alert.Lane{ID: l.Lane, State: l.State, Headline: l.Headline, Todo: todo, Told: told, Pending: l.Pending}
		if l.LastSuccessAt != nil {
			a.Delivered = *l.LastSuccessAt
		}
		if e := l.LastError; e != nil && e.Code != 0 {
			a.MetaError, a.ErrorAt = e.Class, e.At
		}
		out.Lanes = append(out.Lanes, a)
		if l.Pending > 0 && l.OldestAt != nil && (out.Oldest.IsZero() || l.OldestAt.Before(out.Oldest)) {
			out.Oldest = *l.OldestAt
		}
	}
	if st.Spool != nil {
		for _, say := range st.Spool.Says {
			if say.About != spool.AboutRefused {
				out.Spool = append(out.Spool, alert.SpoolProblem{What: say.What, Todo: say.Todo})
			}
		}
		out.RefusedFiles = st.Spool.RefusedFiles
	}
	for _, f := range []struct {
		what string
		st   api.FileState
	}{{"mapping", st.Mapping}, {"config", st.Config}} {
		r := f.st.Refused
		if r == nil {
			continue
		}
		x := alert.Refused{What: f.what, File: f.st.File}
		if len(r.Problems) > 0 {
			x.Line, x.Column = r.Problems[0].Line, r.Problems[0].Column
			if r.Problems[0].File != "" {
				x.File = r.Problems[0].File
			}
		}
		out.Refused = append(out.Refused, x)
	}
	return out
}

// AlertSettings returns the settings of alerts in a config.
func AlertSettings(c *config.Config) alert.Settings {
	return alert.Settings{
		Webhook: c.Alerts.Webhook, Command: c.Alerts.Command, Interval: c.Alerts.Interval,
		Proxy: c.Graph.Proxy, CAFile: c.Graph.CAFile,
	}
}
