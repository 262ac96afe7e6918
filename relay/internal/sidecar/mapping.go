package sidecar

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// Notes of the queue directory under which mappings are kept. The last good
// one carries relay over a restart with a broken file; the others rebuild a
// request whose fate was unknown when relay stopped.
const (
	noteMappings = "mappings" // digests, newest first
	noteMapping  = "mapping/" // + digest: the source
	keepMappings = 16
)

// notes is what liveMapping needs of the queue.
type notes interface {
	SetNote(key string, val []byte) error
	Note(key string) []byte
}

// liveMapping is the mapping in force and what is known of its file. A source
// that does not check out changes nothing but what refused says.
type liveMapping struct {
	notes   notes
	secret  []byte // of the installation, for mapper.Outcome.People
	log     *slog.Logger
	metrics *metrics.Metrics
	changed func(*mapper.Mapping) // called after each swap

	current atomic.Pointer[mapper.Mapping]

	mu         sync.Mutex
	file       string
	state      api.FileState
	refusedSum [sha256.Size]byte // of the source that state.Refused is about
}

// openMapping reads the mapping file. When it is missing or wrong and the
// queue directory knows a last good one, that one is in force.
func openMapping(file string, n notes, secret []byte, log *slog.Logger, m *metrics.Metrics) (*liveMapping, error) {
	l := &liveMapping{file: file, notes: n, secret: secret, log: log, metrics: m}
	if file == "" { // this relay forwards
		m, _, err := l.parse(file, []byte(noMapping))
		if err == nil {
			l.put(m, nil, nil, false)
		}
		return l, err
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
	digests := l.digests()
	if len(digests) == 0 {
		return nil, exit.BadConfig(err)
	}
	good, _, perr := l.parse(file+" (last good)", n.Note(noteMapping+digests[0]))
	if perr != nil {
		return nil, exit.BadConfig(errors.Join(err, fmt.Errorf("the last good mapping cannot be read either: %w", perr)))
	}
	l.put(good, n.Note(noteMapping+digests[0]), nil, true)
	log.Error("mapping file refused, the last good one is in force", "code", logs.MappingLastGood, "file", file, "digest", good.Digest(), "err", err)
	return l, nil
}

// parse reads a mapping that drains: its outcomes say whom they are about.
func (l *liveMapping) parse(file string, src []byte) (*mapper.Mapping, []strictyaml.Problem, error) {
	return mapper.Parse(file, src, mapper.WithSecret(l.secret))
}

// path is the file the mapping is read from.
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

// refusedAlready says that this very source was the last one refused.
func (l *liveMapping) refusedAlready(src []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Refused != nil && len(src) > 0 && l.refusedSum == sha256.Sum256(src)
}

// Mapping is the mapping in force.
func (l *liveMapping) Mapping() *mapper.Mapping { return l.current.Load() }

// offer checks a new source and puts it in force, or refuses it with every
// problem found. It reports whether the mapping changed.
func (l *liveMapping) offer(src []byte) (changed bool, err error) {
	err = config.Refusable(l.path())
	var m *mapper.Mapping
	var warnings []strictyaml.Problem
	if err == nil {
		m, warnings, err = l.parse(l.path(), src)
	}
	if err != nil {
		l.refuse(err, src)
		return false, err
	}
	if old := l.current.Load(); old != nil && old.Digest() == m.Digest() {
		l.mu.Lock()
		l.state.OK, l.state.Refused = true, nil
		l.mu.Unlock()
		l.metrics.MappingLoaded(true, m.Digest(), time.Now())
		return false, nil
	}
	if err := l.keep(m.Digest(), src); err != nil {
		l.log.Warn("the mapping cannot be saved for the next start", "code", logs.MappingNotKept, "err", err)
	}
	l.put(m, src, warnings, false)
	return true, nil
}

func (l *liveMapping) put(m *mapper.Mapping, src []byte, warnings []strictyaml.Problem, fromStore bool) {
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
		l.changed(m)
	}
}

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

// State is what is known of the file.
func (l *liveMapping) State() api.FileState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// ByDigest returns a mapping that was in force before, nil when it is not
// kept any more.
func (l *liveMapping) ByDigest(digest string) *mapper.Mapping {
	if m := l.current.Load(); m != nil && m.Digest() == digest {
		return m
	}
	src := l.notes.Note(noteMapping + digest)
	if src == nil {
		return nil
	}
	m, _, err := l.parse(l.path(), src)
	if err != nil {
		return nil
	}
	return m
}

func (l *liveMapping) digests() []string {
	var ds []string
	if json.Unmarshal(l.notes.Note(noteMappings), &ds) != nil {
		return nil
	}
	return ds
}

// keep stores a source as the last good one and forgets the oldest.
func (l *liveMapping) keep(digest string, src []byte) error {
	ds := l.digests()
	if len(ds) > 0 && ds[0] == digest {
		return nil
	}
	if err := l.notes.SetNote(noteMapping+digest, src); err != nil {
		return fmt.Errorf("keep mapping: %w", err)
	}
	ds = slices.DeleteFunc(ds, func(d string) bool { return d == digest })
	ds = slices.Insert(ds, 0, digest)
	var old []string
	if len(ds) > keepMappings {
		old, ds = ds[keepMappings:], ds[:keepMappings]
	}
	list, err := json.Marshal(ds)
	if err != nil {
		return fmt.Errorf("keep mapping: %w", err)
	}
	if err := l.notes.SetNote(noteMappings, list); err != nil {
		return fmt.Errorf("keep mapping: %w", err)
	}
	for _, d := range old {
		if err := l.notes.SetNote(noteMapping+d, nil); err != nil {
			return fmt.Errorf("forget mapping: %w", err)
		}
	}
	return nil
}

// problems turns findings into their form on the admin side.
func problems(ps []strictyaml.Problem) []api.Problem {
	out := make([]api.Problem, 0, len(ps))
	for _, p := range ps {
		out = append(out, api.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message, Hint: p.Hint})
	}
	return out
}

// all returns the mapping in force and the earlier ones that are kept.
func (l *liveMapping) all() (out []*mapper.Mapping) {
	if m := l.Mapping(); m != nil {
		out = append(out, m)
	}
	for _, digest := range l.digests() {
		if m := l.ByDigest(digest); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// sources are those of the mapping in force and of those before.
func (l *liveMapping) sources() (out []string) {
	for _, digest := range l.digests() {
		if src := l.notes.Note(noteMapping + digest); src != nil {
			out = append(out, string(src))
		}
	}
	return out
}
