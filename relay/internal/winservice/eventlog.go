// Package winservice is relay as a service of Windows: started and stopped by it, with a log
// file and the Event Log, its folders closed to other users.
package winservice

import (
	"context"
	"log/slog"
	"strings"
)

// eventLog writes warnings and errors to the Event Log of Windows: message and
// attributes in one line.
type eventLog struct {
	to    eventWriter
	given string // the attributes of With, as written
	group string // the names of WithGroup, each with a dot behind it
}

// eventWriter is the Event Log.
type eventWriter interface {
	Warning(v ...any) error
	Error(v ...any) error
}

// Enabled leaves out what is not worth an operator's look.
func (e eventLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle writes a record.
func (e eventLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(e.given)
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&b, e.group, a)
		return true
	})
	if r.Level >= slog.LevelError {
		return e.to.Error(b.String())
	}
	return e.to.Warning(b.String())
}

// WithAttrs keeps attributes for every record.
func (e eventLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(e.given)
	for _, a := range attrs {
		writeAttr(&b, e.group, a)
	}
	e.given = b.String()
	return e
}

// WithGroup puts name and a dot in front of the keys that follow.
func (e eventLog) WithGroup(name string) slog.Handler {
	if name != "" {
		e.group += name + "."
	}
	return e
}

// writeAttr writes " key=value"; of a group, one for each member.
func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
	case v.Kind() != slog.KindGroup:
		b.WriteString(" " + group + a.Key + "=" + v.String())
	default:
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, m := range v.Group() {
			writeAttr(b, group, m)
		}
	}
}
