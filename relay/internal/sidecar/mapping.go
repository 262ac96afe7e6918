package sidecar

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"relay/config"
	"relay/internal/logs"
	"relay/internal/strictyaml"
	"relay/mapper"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/metrics"
)

// liveMapping is the mapping in use and the state of its file. An invalid source changes
// nothing except that state.
type liveMapping struct {
	history mappingHistory
	log     *slog.Logger
	metrics *metrics.Metrics
	changed func() // called after each swap; nil: nothing to call yet

	current atomic.Pointer[mapper.Mapping]

	mu         sync.Mutex
	file       string
	state      api.FileState
	refusedSum [sha256.Size]byte // of the source in state.Refused
}

// openMapping reads the mapping file. If the file is missing or invalid and the queue has
// stored a valid mapping before, that one is used. Without a file, this relay forwards: its
// mapping is empty.
func openMapping(file string, n mappingNotes, secret []byte, log *slog.Logger, m *metrics.Metrics) (*liveMapping, error) {
	l := &liveMapping{file: file, history: mappingHistory{notes: n, secret: secret}, log: log, metrics: m}
	if file == "" {
		empty, _, err := l.history.parse(file, []byte(noMapping))
		if err != nil {
			return nil, err
		}
		l.current.Store(empty)
		l.state = api.FileState{OK: true}
		l.metrics.MappingLoaded(true, empty.Digest(), time.Now())
		return l, nil
	}
	src, err := config.ReadTrusted(file)
	if err == nil {
		_, err = l.offer(src)
	} else {
		err = fmt.Errorf("read mapping: %w", err)
		l.refuse(err, nil)
	}
	if err == nil {
		return l, nil
	}
	stored, ok := l.history.newest()
	if !ok {
		return nil, exit.BadConfig(err)
	}
	good, _, perr := l.history.parse(file+" (last valid)", stored)
	if perr != nil {
		return nil, exit.BadConfig(errors.Join(err, fmt.Errorf("the last valid mapping cannot be read either: %w", perr)))
	}
	l.swap(good, stored, nil, true)
	log.Error("mapping file refused, using the last valid version", "code", logs.MappingLastGood, "file", file, "digest", good.Digest(), "err", err)
	return l, nil
}

// path returns the mapping file; "": this relay forwards.
func (l *liveMapping) path() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file
}

func (l *liveMapping) setPath(file string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file, l.state.File = file, file
}

// refusedAlready reports whether src is the source that was refused last.
func (l *liveMapping) refusedAlready(src []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Refused != nil && len(src) > 0 && l.refusedSum == sha256.Sum256(src)
}

// Mapping returns the mapping in use.
func (l *liveMapping) Mapping() *mapper.Mapping { return l.current.Load() }

// offer validates a new source and swaps it in, or refuses it with every problem found. It
// reports whether the mapping changed.
func (l *liveMapping) offer(src []byte) (changed bool, err error) {
	err = config.Refusable(l.path())
	var m *mapper.Mapping
	var warnings []strictyaml.Problem
	if err == nil {
		m, warnings, err = l.history.parse(l.path(), src)
	}
	if err != nil {
		l.refuse(err, src)
		return false, err
	}
	if old := l.current.Load(); old != nil && old.Digest() == m.Digest() {
		l.mu.Lock()
		l.state.OK, l.state.FromStore, l.state.Refused, l.state.Warnings = true, false, nil, problems(warnings)
		l.mu.Unlock()
		l.metrics.MappingLoaded(true, m.Digest(), time.Now())
		return false, nil
	}
	if err := l.history.add(m.Digest(), src); err != nil {
		l.log.Warn("the mapping cannot be stored for the next start", "code", logs.MappingNotKept, "err", err)
	}
	l.swap(m, src, warnings, false)
	return true, nil
}

// swap makes m the mapping in use. fromStore: it comes from the notes, not from the file.
func (l *liveMapping) swap(m *mapper.Mapping, src []byte, warnings []strictyaml.Problem, fromStore bool) {
	now := time.Now()
	l.mu.Lock()
	refused := l.state.Refused
	if !fromStore {
		refused = nil
	}
	l.state = api.FileState{
		File: l.file, Digest: m.Digest(), LoadedAt: &now, Generation: l.state.Generation + 1,
		OK: !fromStore, FromStore: fromStore, Text: string(src), Warnings: problems(warnings), Refused: refused,
	}
	l.mu.Unlock()
	l.current.Store(m)
	l.metrics.MappingLoaded(!fromStore, m.Digest(), now)
	for _, w := range warnings {
		l.log.Warn("mapping has a warning", "code", logs.MappingWarning, "at", w.Error())
	}
	if l.changed != nil {
		l.changed()
	}
}

// refuse records that src, or the file, was refused because of err.
func (l *liveMapping) refuse(err error, src []byte) {
	now := time.Now()
	r := &api.Refused{At: now, Message: err.Error()}
	if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
		r.Problems = problems(ps)
	}
	l.mu.Lock()
	l.state.File = l.file
	l.state.OK, l.state.Refused, l.refusedSum = false, r, sha256.Sum256(src)
	l.mu.Unlock()
	digest := ""
	if m := l.current.Load(); m != nil {
		digest = m.Digest()
	}
	l.metrics.MappingLoaded(false, digest, now)
}

// State returns the state of the file.
func (l *liveMapping) State() api.FileState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// ByDigest returns the current or an earlier mapping; nil if it is no longer stored.
func (l *liveMapping) ByDigest(digest string) *mapper.Mapping {
	if m := l.current.Load(); m != nil && m.Digest() == digest {
		return m
	}
	return l.history.mapping(digest)
}

// problems converts problems to their form in the API.
func problems(ps []strictyaml.Problem) []api.Problem {
	out := make([]api.Problem, 0, len(ps))
	for _, p := range ps {
		out = append(out, api.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message, Hint: p.Hint})
	}
	return out
}

// all returns the mapping in use and the earlier ones that are stored.
func (l *liveMapping) all() (out []*mapper.Mapping) {
	if m := l.Mapping(); m != nil {
		out = append(out, m)
	}
	return append(out, l.history.mappings()...)
}
