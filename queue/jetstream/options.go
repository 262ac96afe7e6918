package jetstream

import (
	"log/slog"
	"os"
	"time"

	"relay/queue"
)

// Options configure a log. URLs and Name are required; a zero value in any other field means its
// default.
type Options struct {
	URLs        []string // of all servers: the log connects to each of them
	Name        string   // of the log: the names of its streams and buckets begin with it
	Credentials string   // path of a .creds file
	User        string   // with Password, instead of Credentials
	Password    string
	CAFile      string   // certificates of additional authorities, for tls:// servers
	CertFile    string   // client certificate
	KeyFile     string   // its key
	Holder      string   // name of this process, shown to processes that wait for the lease. Default: the host name
	Monitor     []string // where the servers answer /varz. Default: port 8222 of each server
	AssumeSync  bool     // do not check with /varz that the servers sync every write
	Replicas    int      // default 3; fewer only with AcceptLoss
	AcceptLoss  bool

	MaxSize     int64         // bytes of the three event streams together. Default 4 GiB
	DeadMaxSize int64         // bytes of the dead letters. Default 256 MiB
	DedupWindow time.Duration // how long an id is remembered after its chunk was removed. Default 24 h
	SaleWindow  time.Duration // the same for ids of sales. Default queue.SaleWindow

	Key     []byte   // encrypts what is written (32 bytes, AES-256-GCM)
	OldKeys [][]byte // decrypt what was written with them

	Gone          time.Duration // when a message that no server has counts as lost. Default 30 s: longer than a server that is cut off believes to be the leader
	Lease         time.Duration // after this time without a renewal another process drains. Default 30 s: longer than an election takes
	Hop           time.Duration // when the next stream is tried. Default 400 ms
	AppendTimeout time.Duration // default 10 s
	IOTimeout     time.Duration // limit for Read and Settle. Default 30 s
	MaxWaiting    int64         // bytes of appends waiting for the writer. Default 32 MiB
	Logger        *slog.Logger  // default: discards
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&o.DedupWindow, 24*time.Hour)
	or(&o.SaleWindow, queue.SaleWindow)
	or(&o.Gone, 30*time.Second)
	or(&o.Lease, 30*time.Second)
	or(&o.Hop, 400*time.Millisecond)
	or(&o.AppendTimeout, 10*time.Second)
	or(&o.IOTimeout, 30*time.Second)
	if o.Replicas == 0 {
		o.Replicas = 3
	}
	if o.MaxSize == 0 {
		o.MaxSize = 4 << 30
	}
	if o.DeadMaxSize == 0 {
		o.DeadMaxSize = 256 << 20
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = 32 << 20
	}
	if o.Holder == "" {
		o.Holder, _ = os.Hostname()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
