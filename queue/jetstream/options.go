package jetstream

import (
	"log/slog"
	"os"
	"time"

	"relay/queue"
)

// Options say where a log lies; the zero value of each other field means its default.
type Options struct {
	URLs        []string // of the servers, all of them: there is a connection to each
	Name        string   // of the log: streams and buckets begin with it
	Credentials string   // path of a .creds file
	User        string   // or a user with a password
	Password    string
	CAFile      string   // of further authorities, for tls:// servers
	CertFile    string   // of a client's certificate
	KeyFile     string   // of its key
	Holder      string   // names this process to those that wait for the lease. Default: the machine's name
	Monitor     []string // where the servers answer /varz. Default: port 8222 of each
	AssumeSync  bool     // do not ask /varz whether the servers sync always
	Replicas    int      // default 3; fewer only with AcceptLoss
	AcceptLoss  bool

	MaxSize     int64         // bytes of the three streams together. Default 4 GiB
	DeadMaxSize int64         // bytes of the letters. Default 256 MiB
	DedupWindow time.Duration // for how long an id is remembered after its chunk is gone. Default 24 h
	SaleWindow  time.Duration // the same of ids of sales. Default queue.SaleWindow

	Key     []byte   // encrypts what is written (32 bytes, AES-256-GCM)
	OldKeys [][]byte // still open what was written with them

	Gone          time.Duration // after which what no server shows is gone. Default 30 s: longer than one that is cut off takes itself for a leader
	Lease         time.Duration // after which another process drains when one is gone. Default 30 s: longer than an election takes
	Hop           time.Duration // after which the next stream is tried. Default 400 ms
	AppendTimeout time.Duration // default 10 s
	IOTimeout     time.Duration // of Read and Settle. Default 30 s
	MaxWaiting    int64         // bytes of appends that wait for the writer. Default 32 MiB
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
