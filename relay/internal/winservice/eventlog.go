// Package winservice runs relay as a Windows service, with a log file and the Event Log, and
// restricts its folders to the service.
package winservice

import (
	"context"
	"log/slog"
	"strings"
)

// eventLog is a slog.Handler that writes warnings and errors to the Windows Event Log, each
// as one line with its attributes.
type eventLog struct {
	to    eventWriter
	given string // formatted attributes of With
	group string // names of WithGroup, each followed by a dot
}

// eventWriter is the Event Log.
type eventWriter interface {
	Warning(v ...any) error
	Error(v ...any) error
}

// Enabled accepts warnings and errors.
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

// WithAttrs adds attributes to every record.
func (e eventLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(e.given)
	for _, a := range attrs {
		writeAttr(&b, e.group, a)
	}
	e.given = b.String()
	return e
}

// WithGroup prefixes the following keys with name and a dot.
func (e eventLog) WithGroup(name string) slog.Handler {
	if name != "" {
		e.group += name + "."
	}
	return e
}

// writeAttr writes " key=value", or one for each member of a group.
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
