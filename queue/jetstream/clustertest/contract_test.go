package clustertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/jetstream"
	"relay/queue/jetstream/clustertest/rig"
	"relay/queue/queuetest"
)

// newCluster starts three servers; sync says whether they sync every write.
type cluster struct{ urls, monitor []string }

func newCluster(t *testing.T, sync bool) *cluster {
	t.Helper()
	c := &cluster{}
	var routes []string
	for range 3 {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", freePort(t)))
	}
	var all []*server.Server
	for i := range 3 {
		o := &server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: -1, HTTPHost: "127.0.0.1", HTTPPort: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 64 << 20, MaxPayload: 8 << 20, SyncAlways: sync,
		}
		o.Cluster.Name, o.Cluster.Host = "c", "127.0.0.1"
		fmt.Sscanf(routes[i], "nats://127.0.0.1:%d", &o.Cluster.Port)
		o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(s.Shutdown)
		all = append(all, s)
	}
	for _, s := range all {
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("a server did not start")
		}
		c.urls = append(c.urls, s.ClientURL())
		c.monitor = append(c.monitor, fmt.Sprintf("http://%s", s.MonitorAddr()))
	}
	for start := time.Now(); !all[0].JetStreamIsCurrent() || all[0].JetStreamClusterPeers() == nil && !all[1].JetStreamIsLeader() && !all[2].JetStreamIsLeader(); {
		if time.Since(start) > 30*time.Second {
			t.Fatal("the servers elected no leader")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return c
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// openLog opens a log as a starting relay does: it retries while the servers elect a leader or one
// of them is down.
func openLog(ctx context.Context, o jetstream.Options) (*jetstream.Log, error) {
	for {
		l, err := jetstream.Open(ctx, o)
		if err == nil || errors.Is(err, jetstream.ErrSetup) || errors.Is(err, seal.ErrKey) || ctx.Err() != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) opener(o jetstream.Options) queuetest.Opener {
	return func(dir string) (queuetest.Log, error) {
		o.URLs, o.Monitor = c.urls, c.monitor
		o.Name = fmt.Sprintf("t%x", sha256.Sum256([]byte(dir)))[:13]
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		l, err := openLog(ctx, o)
		if err != nil {
			return nil, err
		}
		return &adapter{l}, nil
	}
}

// The engine keeps the contract.
func TestContract(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	queuetest.Run(t, queuetest.Engine{
		Open: c.opener(jetstream.Options{MaxSize: 96 << 20, DeadMaxSize: 16 << 20}),
		Full: &queuetest.Full{Open: c.opener(jetstream.Options{MaxSize: 1536 << 10, DeadMaxSize: 16 << 20}), Size: 2 << 20},
	})
}

// Servers that confirm before they sync are rejected, with what to do about it.
func TestRefusesWithoutSync(t *testing.T) {
	c := newCluster(t, false)
	_, err := c.opener(jetstream.Options{MaxSize: 1 << 20})(t.TempDir())
	if !errors.Is(err, jetstream.ErrSetup) || !strings.Contains(err.Error(), "set sync_interval: always") {
		t.Errorf("open: %v", err)
	}
}

type adapter struct{ *jetstream.Log }

func (a *adapter) Read(ctx context.Context, lane string, from queuetest.Position, limit queuetest.Limit) (queuetest.Batch, error) {
	b, err := a.Log.Read(ctx, lane, jetstream.Position(from), jetstream.Limit(limit))
	return queuetest.Batch{Records: b.Records, Covers: b.Covers, Next: queuetest.Position(b.Next), More: b.More}, err
}

func (a *adapter) Settle(ctx context.Context, lane string, s queuetest.Settlement) (queuetest.Revision, error) {
	out := queue.Settlement{ID: s.ID, Revision: s.Revision, Settled: s.Settled, Parts: s.Parts, State: s.State, Counts: make(map[string]int)}
	for k, n := range s.Counts {
		out.Counts[k] = int(n)
	}
	for _, l := range s.Dead {
		r := l.Record
		out.Dead = append(out.Dead, queue.DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: lane, Reason: l.Reason, Message: l.Message, ReceivedAt: r.Received, Flags: r.Flags, Body: r.Body})
	}
	return a.Log.Settle(ctx, lane, out)
}

func (a *adapter) Lanes(ctx context.Context) (out []queuetest.Lane, err error) {
	lanes, err := a.Log.Lanes(ctx)
	for _, l := range lanes {
		out = append(out, queuetest.Lane{Name: l.Name, Revision: l.Revision, Invalidations: l.Invalidations, Pending: l.Pending, Bytes: l.Bytes, Oldest: l.Oldest, State: l.State, Counts: l.Counts})
	}
	return out, err
}

func (a *adapter) Dead(ctx context.Context, after string, n int) (out []queuetest.Letter, err error) {
	letters, err := a.Log.DeadLetters(ctx, after, n)
	for _, d := range letters {
		out = append(out, queuetest.Letter{ID: d.ID, Lane: d.EventSet, Reason: d.Reason, Message: d.Message, Record: queue.Record{ID: d.MessageID, Received: d.ReceivedAt, Flags: d.Flags, Body: d.Body}})
	}
	return out, err
}
