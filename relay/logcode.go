package main

import (
	"context"
	"log/slog"
	"strings"
)

// codedHandler sees to it that every line has a code that scripts can match:
// the one its author gave, else one made of the message, which is constant.
// It also gives errors one name: parts of relay call them "err" or "error".
type codedHandler struct{ slog.Handler }

// Handle adds what is missing.
func (h codedHandler) Handle(ctx context.Context, r slog.Record) error {
	coded, renamed := false, false
	r.Attrs(func(a slog.Attr) bool {
		coded = coded || a.Key == "code"
		renamed = renamed || a.Key == "error"
		return true
	})
	if coded && !renamed {
		return h.Handler.Handle(ctx, r)
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	if !coded {
		out.AddAttrs(slog.String("code", messageCode(r.Message)))
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			a.Key = "err"
		}
		out.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs and WithGroup keep the wrapping.
func (h codedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return codedHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the wrapping.
func (h codedHandler) WithGroup(name string) slog.Handler {
	return codedHandler{h.Handler.WithGroup(name)}
}

// messageCode is the first clause of a message in snake_case.
func messageCode(msg string) string {
	if part, rest, ok := strings.Cut(msg, ": "); ok && !strings.Contains(part, " ") {
		msg = part + " " + rest // "intake: certificate loaded": the part in front is where it comes from
	}
	if i := strings.IndexAny(msg, ":;,"); i > 0 {
		msg = msg[:i]
	}
	var b strings.Builder
	for _, r := range strings.ToLower(msg) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_") && r != '\'':
			b.WriteByte('_')
		}
	}
	return strings.TrimSuffix(b.String(), "_")
}
