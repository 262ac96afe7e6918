// Package logging writes log lines: to a terminal or stream, to a file that is rotated by
// size, and to memory for the support bundle.
package logging

import (
	"bytes"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"relay/config"
	"relay/internal/screen"
)

// New returns a logger that writes to w: text on a terminal, JSON otherwise, unless the
// config sets the format. Changing level changes the level of the logger.
func New(w io.Writer, c config.Log, level *slog.LevelVar) *slog.Logger {
	level.Set(Level(c.Level))
	opts := &slog.HandlerOptions{Level: level}
	format := c.Format
	if format == "" || format == "auto" {
		format = "json"
		if screen.IsTerminal(w) {
			format = "text"
		}
	}
	if format == "text" {
		opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.String(slog.TimeKey, a.Value.Time().Format(time.TimeOnly))
			}
			return a
		}
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// Level parses log.level of the config.
func Level(s string) slog.Level {
	switch strings.ToLower(s) {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// Ring keeps the last log lines for the support bundle.
type Ring struct {
	mu    sync.Mutex
	lines [][]byte
	next  int
}

// keptLines is the most lines of the ring, keptLine the most bytes of a line.
const (
	keptLines = 500
	keptLine  = 2048
)

// Write adds a line.
func (r *Ring) Write(p []byte) (int, error) {
	line := bytes.Clone(p[:min(len(p), keptLine)])
	if len(line) < len(p) {
		line = append(line, '\n')
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < keptLines {
		r.lines = append(r.lines, line)
	} else {
		r.lines[r.next] = line
	}
	r.next = (r.next + 1) % keptLines
	return len(p), nil
}

// Last returns the lines, oldest first.
func (r *Ring) Last() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < keptLines {
		return bytes.Join(r.lines, nil)
	}
	return bytes.Join(append(slices.Clone(r.lines[r.next:]), r.lines[:r.next]...), nil)
}

// Logger returns a logger that writes to log and to the ring.
func (r *Ring) Logger(log *slog.Logger) *slog.Logger {
	keep := slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelInfo})
	return slog.New(slog.NewMultiHandler(log.Handler(), keep))
}
