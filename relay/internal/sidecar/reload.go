package sidecar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"relay/config"
	"relay/config/watch"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/internal/strictyaml"
	"relay/mapper/rules"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/logging"
	"relay/relay/internal/systemd"
)

// openWatcher watches relay.yaml, the mapping and every file they name.
func (s *Sidecar) openWatcher(cfg *config.Config) {
	s.watcher = watch.New(watch.Options{
		Mode:     cfg.Watch.Mode,
		Poll:     cfg.Watch.Poll,
		OnChange: s.filesChanged,
		Quiet:    s.quietPeriod,
		Logger:   s.log,
	})
	s.watch(cfg)
}

// QuietPeriod is how long a file must be unchanged before it is loaded, if it might be
// only partly written. A program that saves slowly, or a copy over a bad connection, pauses
// for less.
const QuietPeriod = 2 * time.Second

// quietPeriod returns how long a file must be unchanged before the change is loaded.
// Routes are fixed when an event is stored, so half a mapping would lose the routes in the
// other half. Half a relay.yaml could open the intake to everybody or change limits. A
// mapping that only adds routes is loaded at once.
func (s *Sidecar) quietPeriod(c watch.Change) time.Duration {
	switch {
	case c.Path == s.mapping.path():
		if c.Data != nil && rules.OnlyAdds([]byte(s.mapping.State().Text), c.Data) {
			return 0
		}
		return QuietPeriod
	case c.Path == s.path, len(c.Data) == 0: // an empty or missing file might be about to be written
		return QuietPeriod
	}
	return 0
}

func (s *Sidecar) watch(cfg *config.Config) {
	var files []watch.File
	if cfg.Mapping != "" {
		files = append(files, watch.File{Path: cfg.Mapping, Data: []byte(s.mapping.State().Text)})
	}
	for _, f := range cfg.Files {
		switch f {
		case cfg.Mapping:
		case s.path:
			files = append(files, watch.File{Path: f, Data: s.source})
		default:
			files = append(files, watch.File{Path: f})
		}
	}
	s.watcher.Watch(files...)
}

// filesChanged loads the files that the watcher found changed.
func (s *Sidecar) filesChanged(changes []watch.Change) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	configChanged := false
	for _, c := range changes {
		switch {
		case c.Path != s.mapping.path():
			configChanged = true
			if c.Path == s.path {
				s.source = c.Data
				if c.Data != nil {
					s.watcher.SetInUse(c.Path, c.Data)
				}
			}
		case c.Deleted:
			s.mapping.refuse(errors.New("the file no longer exists"), nil)
			s.log.Warn("mapping file is missing, keeping the current mapping", "code", logs.MappingGone, "file", c.Path)
		case c.Err != nil:
			s.mapping.refuse(fmt.Errorf("read mapping: %w", c.Err), nil)
			s.log.Error("mapping file cannot be read, keeping the current mapping", "code", logs.MappingRefused, "file", c.Path, "err", c.Err)
		case s.mapping.refusedAlready(c.Data): // by a reload that came first
		default:
			var r api.ReloadResult
			s.loadMapping(c.Data, &r)
			s.watcher.SetInUse(c.Path, c.Data)
		}
	}
	if configChanged {
		var r api.ReloadResult
		s.loadConfig(&r)
	}
}

// Reload reads config and mapping again, uses them if they are valid, and wakes paused
// lanes. SIGHUP and `relay reload` call it. It does not wait for a quiet period.
func (s *Sidecar) Reload(context.Context) api.ReloadResult {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	r := api.ReloadResult{Success: true, Changed: []string{}}
	systemd.Reloading()
	defer func() {
		refused := ""
		if !r.Success {
			refused = r.Message
		}
		systemd.Reloaded(refused)
	}()
	s.source, _ = config.ReadTrusted(s.path) // loadConfig reads it again and reports the error
	if s.source != nil {
		s.watcher.SetInUse(s.path, s.source)
	}
	s.loadConfig(&r)
	if file := s.mapping.path(); file != "" { // otherwise the mapping is at the hub
		src, err := config.ReadTrusted(file)
		if err != nil {
			err = fmt.Errorf("read mapping: %w", err)
			s.mapping.refuse(err, nil)
			s.mappingRefused(&r, err)
		} else {
			s.loadMapping(src, &r)
			s.watcher.SetInUse(file, src)
		}
	}
	r.Digest = s.mapping.State().Digest
	s.drain.Wake(drain.Reload)
	return r
}

func (s *Sidecar) loadMapping(src []byte, r *api.ReloadResult) {
	changed, err := s.mapping.offer(src)
	if err != nil {
		s.mappingRefused(r, err)
		return
	}
	st := s.mapping.State()
	r.Warnings = append(r.Warnings, st.Warnings...)
	if changed {
		if !slices.Contains(r.Changed, "mapping") { // loadConfig adds it for another path
			r.Changed = append(r.Changed, "mapping")
		}
		s.log.Info("mapping loaded", "code", logs.MappingLoaded, "file", s.mapping.path(), "digest", st.Digest, "warnings", len(st.Warnings))
	}
}

// loadConfig validates relay.yaml and applies the keys that can change without a restart
// (config.Reloaded). An invalid config changes nothing. It uses s.source, the last complete content, because
// another file might change while relay.yaml is being written. If the path of the mapping
// changes, the watcher reports the new file.
func (s *Sidecar) loadConfig(r *api.ReloadResult) {
	cfg, warnings, err := config.Load(s.path, config.Options{Source: s.source})
	if err != nil {
		s.noteConfig(s.read, warnings, err, false)
		s.configRefused(r, err)
		return
	}
	r.Warnings = append(r.Warnings, problems(warnings)...)
	before := s.settings.Load()
	inForce := before.Reloaded(cfg)
	hot, _ := config.Changed(before, inForce)
	_, waiting := config.Changed(s.read, cfg)
	_, restart := config.Changed(s.started, cfg) // including changes of earlier reloads
	r.Changed = append(r.Changed, hot...)
	r.NeedRestart = append(r.NeedRestart, restart...)
	s.noteConfig(cfg, warnings, nil, len(hot)+len(waiting) > 0)
	s.read = cfg
	s.settings.Store(inForce)
	s.watch(inForce)
	if len(waiting) > 0 && len(restart) > 0 {
		s.log.Warn("these settings need a restart", "code", logs.ConfigNeedsRestart, "keys", restart)
	}
	s.loadKeys(inForce, r)
	if s.tokens.set(inForce.Graph) {
		s.drain.Wake(drain.NewToken)
		s.warnNoToken()
	}
	if len(hot) == 0 {
		return
	}
	s.level.Set(logging.Level(inForce.Log.Level))
	s.drain.SetSettings(drainSettings(inForce))
	if err := s.intake.SetKeys(writeKeys(inForce.Auth)); err != nil {
		s.configRefused(r, err)
	}
	if inForce.Mapping != s.mapping.path() && !s.forwards() {
		s.mapping.setPath(inForce.Mapping)
	}
	s.log.Info("config loaded", "code", logs.ConfigLoaded, "file", s.path, "changed", hot)
}

func (s *Sidecar) configRefused(r *api.ReloadResult, err error) {
	refuse(r, logs.ConfigRefused, err)
	s.log.Error("config refused, keeping the current one", "code", logs.ConfigRefused, "err", err)
}

func (s *Sidecar) mappingRefused(r *api.ReloadResult, err error) {
	refuse(r, logs.MappingRefused, err)
	s.log.Error("mapping refused, keeping the current one", "code", logs.MappingRefused, "err", err)
}

// refuse puts the reason and the place of a refusal into r.
func refuse(r *api.ReloadResult, code logs.Code, err error) {
	r.Success, r.Code, r.Message = false, string(code), err.Error()
	if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
		r.Problems = append(r.Problems, problems(ps)...)
	}
}

// noteConfig records the state of relay.yaml for status and metrics.
func (s *Sidecar) noteConfig(cfg *config.Config, warnings []strictyaml.Problem, err error, changed bool) {
	now := time.Now()
	st := api.FileState{File: s.path}
	if old := s.confState.Load(); old != nil {
		st = *old
	}
	st.Warnings = problems(warnings)
	if err == nil {
		st.OK, st.Refused, st.File = true, nil, cfg.File
		_, st.NeedRestart = config.Changed(s.started, cfg)
		if changed {
			st.LoadedAt = &now
			st.Generation++
		}
	} else {
		st.OK = false
		st.Refused = &api.Refused{At: now, Message: err.Error()}
		if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
			st.Refused.Problems = problems(ps)
		}
	}
	s.confState.Store(&st)
	s.metrics.ConfigLoaded(err == nil, now)
}

// loadKeys reads the key file and applies changed keys. Keys that do not fit the queue
// change nothing.
func (s *Sidecar) loadKeys(cfg *config.Config, r *api.ReloadResult) {
	if cfg.Queue.EncryptionKey == "" {
		return
	}
	keys, err := QueueKeys(cfg.Queue.EncryptionKey)
	if err == nil && slices.EqualFunc(keys, s.keys, bytes.Equal) {
		return
	}
	if err == nil {
		err = s.queue.SetKeys(keys[0], keys[1:]...)
	}
	if err == nil && s.receipts != nil {
		err = s.receipts.SetKeys(keys[0], keys[1:]...)
	}
	if err == nil && s.sealing != nil {
		var k *seal.Keys
		if k, err = seal.NewKeys(keys[0], keys[1:]...); err == nil {
			s.sealing.Use(k)
		}
	}
	if err != nil {
		s.configRefused(r, fmt.Errorf("queue.encryption_key: %w", err))
		return
	}
	s.keys = keys
	r.Changed = append(r.Changed, "queue.encryption_key")
	s.log.Info("encryption keys loaded", "code", logs.KeysLoaded, "key", fmt.Sprintf("%08x", s.queue.Stats().EncryptedKeyID))
}
