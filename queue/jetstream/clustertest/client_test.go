package clustertest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// natsClient connects to a server, past the engine, until the test ends.
func natsClient(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// natsStreams is natsClient for the streams of the server.
func natsStreams(t *testing.T, url string, opts ...nats.JSOpt) nats.JetStreamContext {
	t.Helper()
	js, err := natsClient(t, url).JetStream(append([]nats.JSOpt{nats.MaxWait(time.Minute)}, opts...)...) // a busy machine is slow
	if err != nil {
		t.Fatal(err)
	}
	return js
}
