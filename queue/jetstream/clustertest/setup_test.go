package clustertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"relay/queue/jetstream"
)

// startOne starts a single server.
func startOne(t *testing.T, change func(o *server.Options)) *cluster {
	t.Helper()
	o := &server.Options{
		ServerName: "alone", Host: "127.0.0.1", Port: -1, HTTPHost: "127.0.0.1", HTTPPort: -1, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30, MaxPayload: 8 << 20, SyncAlways: true,
	}
	change(o)
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server did not start")
	}
	return &cluster{urls: []string{s.ClientURL()}, monitor: []string{fmt.Sprintf("http://%s", s.MonitorAddr())}}
}

// Unsuitable servers are rejected, each with what to do about it.
func TestBadServers(t *testing.T) {
	one := func(o *jetstream.Options) { o.Replicas, o.AcceptLoss = 1, true }
	for _, c := range []struct {
		name    string
		server  func(o *server.Options)
		options func(o *jetstream.Options)
		want    string
	}{
		{"wrong credentials", func(o *server.Options) { o.Username, o.Password = "relay", "secret" }, one, "refuses the credentials"},
		{"small messages", func(o *server.Options) { o.MaxPayload = 1 << 20 }, one, "set max_payload: 8MB"},
		{"JetStream off", func(o *server.Options) { o.JetStream = false }, one, "has JetStream switched off"},
		{"no sync", func(o *server.Options) { o.SyncAlways = false }, one, "set sync_interval: always"},
		{"too few servers", func(*server.Options) {}, func(*jetstream.Options) {}, "with 3 replicas: "},
		{"one replica", func(*server.Options) {}, func(o *jetstream.Options) { o.Replicas = 1 }, "i_accept_loss: true"},
		{"monitoring closed", func(o *server.Options) { o.HTTPPort = 0 }, func(o *jetstream.Options) { one(o); o.Monitor = []string{"http://127.0.0.1:1"} }, "or set sync: assumed"},
		{"no room", func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 }, one, "with 1 replicas: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startOne(t, c.server)
			o := jetstream.Options{URLs: s.urls, Monitor: s.monitor, Name: "bad", MaxSize: 48 << 20, DeadMaxSize: 8 << 20}
			c.options(&o)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			l, err := jetstream.Open(ctx, o)
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, jetstream.ErrSetup) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want it to contain %q", err, c.want)
			}
		})
	}
	t.Run("a stream of another program", func(t *testing.T) {
		s := startOne(t, func(*server.Options) {})
		js := natsStreams(t, s.urls[0])
		if _, err := js.AddStream(&nats.StreamConfig{Name: "bad-1", Subjects: []string{"orders"}}); err != nil {
			t.Fatal(err)
		}
		_, err := jetstream.Open(t.Context(), jetstream.Options{URLs: s.urls, Monitor: s.monitor, Name: "bad", MaxSize: 48 << 20, DeadMaxSize: 8 << 20, Replicas: 1, AcceptLoss: true})
		if !errors.Is(err, jetstream.ErrSetup) || !strings.Contains(err.Error(), "stream bad-1 exists and is not relay's") {
			t.Errorf("open: %v", err)
		}
	})
	t.Run("no server", func(t *testing.T) {
		_, err := jetstream.Open(t.Context(), jetstream.Options{URLs: []string{"nats://127.0.0.1:1"}, Name: "bad"})
		if err == nil || !strings.Contains(err.Error(), "no server of nats://127.0.0.1:1 can be reached") {
			t.Errorf("open: %v", err)
		}
	})
}
