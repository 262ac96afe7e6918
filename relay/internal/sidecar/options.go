package sidecar

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"relay/config"
	"relay/internal/seal"
	"relay/queue/local"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
)

// This file derives the options of each part from relay.yaml.

// queueOptions returns the options of the local queue. clock returns the time of the
// drain and whether it is trusted; nil: it is not.
func queueOptions(cfg *config.Config, clock func() (time.Time, bool), log *slog.Logger) (local.Options, error) {
	c := cfg.Queue
	o := local.Options{
		SegmentSize:    c.SegmentSize,
		MaxSize:        c.MaxSize,
		DedupWindow:    c.DedupWindow,
		DedupIDs:       c.DedupIDs,
		DropOldest:     c.Full == config.DropOldest,
		DeadMaxSize:    c.DeadMaxSize,
		DeadMaxAge:     c.DeadMaxAge,
		DeadDropOldest: c.DeadFull == config.DropOldest,
		AppendTimeout:  cfg.Intake.AppendTimeout,
		NoSync:         c.NoSync,
		Clock:          clock,
		Logger:         log,
	}
	keys, err := QueueKeys(c.EncryptionKey)
	if err != nil {
		return o, exit.BadConfig(err)
	}
	if len(keys) > 0 {
		o.Key, o.OldKeys = keys[0], keys[1:]
	}
	return o, nil
}

// QueueKeys reads the encryption keys of a file; without a file it returns none.
func QueueKeys(file string) ([][]byte, error) {
	if file == "" {
		return nil, nil
	}
	keys, err := seal.ReadKeys(file)
	if err != nil {
		return nil, fmt.Errorf("queue.encryption_key: %w", err)
	}
	return keys, nil
}

// GraphOptions returns the options of the client of the Graph API.
func GraphOptions(cfg *config.Config, t *tokens) graph.Options {
	g := cfg.Graph
	return graph.Options{
		Endpoint:       g.Endpoint,
		Version:        g.Version,
		OfflineVersion: g.OfflineVersion,
		Token:          t.token,
		AppSecret:      t.secret,
		PartnerAgent:   g.PartnerAgent,
		Proxy:          g.Proxy,
		CAFile:         g.CAFile,
		Timeout:        g.Timeout,
		UserAgent:      "relay/" + Build().Version,
	}
}

func drainSettings(cfg *config.Config) drain.Settings {
	return drain.Settings{
		RequestsPerSecond: cfg.Rate.RequestsPerSecond,
		Burst:             cfg.Rate.Burst,
		MaxEvents:         cfg.Batch.MaxEvents,
		MaxBytes:          cfg.Batch.MaxBytes,
		MaxWait:           cfg.Batch.MaxWait,
		MinInterval:       cfg.Retry.MinInterval,
		MaxInterval:       cfg.Retry.MaxInterval,
		ProbeInterval:     cfg.Retry.ProbeInterval,
		SplitAfter:        cfg.Retry.SplitAfter,
		BreakerAfter:      cfg.Retry.BreakerAfter,
		DryRun:            cfg.Graph.DryRun,
		MaxAge:            cfg.Queue.MaxAge,
		KeepHanded:        cfg.Forward.Keep,
		KeepUnmapped:      cfg.Queue.KeepUnmapped,
	}
}

func writeKeys(a config.Auth) []ingest.Key {
	var keys []ingest.Key
	for _, k := range a.WriteKeys {
		keys = append(keys, ingest.Key{Key: k.Reveal()})
	}
	for _, k := range a.Keys {
		sum, _ := hex.DecodeString(k.Hash) // config has validated it
		keys = append(keys, ingest.Key{Key: k.Key.Reveal(), Sum: sum, Store: k.Store, Events: k.Events})
	}
	return keys
}

func fileMode(m uint32) fs.FileMode { return fs.FileMode(m) & fs.ModePerm }
