package main

import (
	"context"
	"log/slog"
	"strings"

	"relay/mapper/personal"
)

// fileNames is a log in which names of dropped files are shown as masked views
// show names: whole where they are made of known words, else by their shape. The
// till names its files, and may name them after customers.
type fileNames struct{ slog.Handler }

func (h fileNames) Handle(ctx context.Context, r slog.Record) error {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(withoutFileNames(attrs)...)
	return h.Handler.Handle(ctx, out)
}

func (h fileNames) WithAttrs(attrs []slog.Attr) slog.Handler {
	return fileNames{h.Handler.WithAttrs(withoutFileNames(attrs))}
}

func (h fileNames) WithGroup(name string) slog.Handler {
	return fileNames{h.Handler.WithGroup(name)}
}

// withoutFileNames masks the attribute file, and where its value stands in the
// others: errors of files name them.
func withoutFileNames(attrs []slog.Attr) []slog.Attr {
	name, shown := "", ""
	for _, a := range attrs {
		if a.Key == "file" && a.Value.Kind() == slog.KindString {
			name = a.Value.String()
			shown = personal.ShowName(name)
		}
	}
	if name == shown {
		return attrs
	}
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		if k := a.Value.Kind(); k == slog.KindString || k == slog.KindAny {
			if text := a.Value.String(); strings.Contains(text, name) {
				a.Value = slog.StringValue(strings.ReplaceAll(text, name, shown))
			}
		}
		out[i] = a
	}
	return out
}
