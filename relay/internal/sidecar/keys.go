package sidecar

import (
	"bytes"
	"fmt"
	"slices"

	"relay/config"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/relay/internal/api"
)

// takeKeys puts the keys of the key file in force when they are others than
// before. Keys that do not fit change nothing.
func (s *Sidecar) takeKeys(cfg *config.Config, r *api.ReloadResult) {
	if file := cfg.Queue.EncryptionKey; file == "" || file != s.started.Queue.EncryptionKey {
		return // another file needs a restart
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
	s.log.Info("encryption keys in force", "code", logs.KeysLoaded, "key", fmt.Sprintf("%08x", s.queue.Stats().EncryptedKeyID))
}
