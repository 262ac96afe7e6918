package config

import "time"

// Config is a checked relay.yaml with every default filled in. Paths are
// absolute or relative to the working directory (Load has resolved them
// against the file's directory).
type Config struct {
	File    string // the file it was read from
	Listen  string // host:port or unix:/path
	Mapping string // path of the mapping file
	Spool   Spool

	SpoolKeep time.Duration // how long stored files of Spool.Dir are kept

	Forward Forward

	Admin  Admin
	Health Health
	Auth   Auth
	Intake Intake
	TLS    TLS
	Queue  Queue
	Graph  Graph
	Rate   Rate
	Batch  Batch
	Retry  Retry
	Log    Log
	Alerts Alerts
	Watch  Watch

	// Files lists every file this configuration was made from or names: itself,
	// the mapping, token files, ${file:…}, ${cred:…}, TLS and CA files, whether
	// they exist or not. A Watcher watches them.
	Files []string

	source  Secret // the file's text; it can contain tokens
	origins map[string]Origin
	// references has the text to show instead of each value that came through ${…},
	// by key or by item of one.
	references map[string]string
	places     map[string]place
}

// Spool is the directory of dropped files, and the meaning of the columns of its
// tables.
type Spool struct {
	Dir        string // empty: none
	Event      string // name of rows without one
	Columns    []SpoolColumn
	TimeFormat string
	HeaderRow  int // 0: the first line that is not blank
	GroupBy    string
	ID         string
	Separator  string
	Encoding   string
	Timezone   string
	Unsent     bool // store files to which the mapping does not fit
}

// SpoolColumn is the column that fills a field of the event, or several joined
// with " + ". An empty Path leaves the column out.
type SpoolColumn struct{ Path, From string }

// Forward is the relay to which this one forwards everything, instead of mapping and
// uploading itself.
type Forward struct {
	URL string // empty: this relay maps and uploads itself
	Key Secret

	Keep time.Duration // how long copies of forwarded events are kept
}

// Admin is the admin listener, and the socket of the commands.
type Admin struct {
	Listen string
	Token  Secret
	Pprof  bool
	Socket AdminSocket
	TLS    TLS
}

// AdminSocket is the socket of the commands.
type AdminSocket struct {
	Path  string // empty: in the queue's directory
	Group string // whose members can use it too; empty: only the owner and root
}

// Health is the listener for probes and scrapers.
type Health struct {
	Listen string // host:port or unix:/path; empty: none
}

// Auth has the write keys; none: every local caller can write.
type Auth struct {
	WriteKeys []Secret
	Keys      []Key // keys with an allow-list of event names
}

// Key is a write key that can send only some events, or that belongs to a store, whose
// relay forwards with it.
type Key struct {
	Key    Secret // empty: Hash is given
	Hash   string // SHA-256 of the key, 64 hex digits
	Store  string
	Events []string // none: all
}

// Intake limits what clients can send.
type Intake struct {
	AllowedOrigins      []string
	AllowedHosts        []string
	MaxRequestBytes     int64 // compressed and decompressed, each
	MaxEventBytes       int64
	MaxBatchEvents      int
	RequestsPerSecond   float64 // 0: no limit
	Burst               int
	MaxConnections      int
	ReadTimeout         time.Duration // the whole request
	AppendTimeout       time.Duration // how long the disk can take before 503
	UnixSocketMode      uint32
	ShutdownGracePeriod time.Duration
}

// TLS is the certificate of a listener; both empty: plain HTTP.
type TLS struct {
	Cert string
	Key  string
}

// Full is the policy of a full queue.
type Full string

// The policies of queue.full.
const (
	Reject     Full = "reject"      // 429 until there is space
	DropOldest Full = "drop_oldest" // drop and count the oldest pending events
)

// Queue is the local queue.
type Queue struct {
	Path            string
	MaxSize         int64 // bytes; 0: the smaller of 4 GiB and 80 % of the volume
	MaxAge          time.Duration
	Full            Full
	SegmentSize     int64
	KeepUnmapped    time.Duration
	DedupWindow     time.Duration
	DedupIDs        int64
	DeadMaxSize     int64
	DeadMaxAge      time.Duration
	DeadFull        Full
	ReceiptsMaxSize int64  // bytes; 0: no receipts are kept
	EncryptionKey   string // path of the key file; empty: not encrypted
	NoSync          bool   // only for measurements: 200 no longer means on disk
	NATS            NATS   // instead of Path
}

// NATS are the servers that hold the queue of a relay of several.
type NATS struct {
	URLs        []string // none: the queue is in Queue.Path
	Name        string
	Credentials string // path of a .creds file
	User        string
	Password    Secret
	CAFile      string
	Cert, Key   string // of this client
	Monitor     []string
	Sync        string // checked or assumed
	Replicas    int
	AcceptLoss  bool
	Lease       time.Duration
}

// On reports whether the queue is on NATS servers.
func (n *NATS) On() bool { return len(n.URLs) > 0 }

// Lack is the reason why a file gave no secret.
type Lack string

// The lacks; the zero value: the file gave one, or none is named.
const (
	FileMissing    Lack = "file_missing"
	FileUnreadable Lack = "file_unreadable"
	FileEmpty      Lack = "file_empty"
	FileMalformed  Lack = "file_malformed" // not one line of plain text
)

// Graph is Meta's Graph API.
type Graph struct {
	Endpoint        string
	Version         string
	OfflineVersion  string // for api: offline
	AccessToken     Secret
	AccessTokenFile string // re-read when it changes
	AccessTokenLack Lack   // why that file gave none
	AccessTokenFlaw string // what is wrong with its content, and the fix; contains nothing of the text
	AppSecret       Secret
	AppSecretFile   string
	DryRun          bool
	Proxy           string // empty: from the environment; "none": direct
	CAFile          string
	Timeout         time.Duration
	PartnerAgent    string
}

// Rate is the limit on requests to the Graph API, per access token.
type Rate struct {
	RequestsPerSecond float64 // 0: upload nothing
	Burst             int
}

// Batch limits the size of one request.
type Batch struct {
	MaxEvents int
	MaxBytes  int64
	MaxWait   time.Duration
}

// Retry is the backoff after temporary errors.
type Retry struct {
	MinInterval   time.Duration
	MaxInterval   time.Duration
	ProbeInterval time.Duration // how often a paused event set is tried again
	SplitAfter    int           // unclear answers after which a request is sent in parts
	BreakerAfter  int           // pause after this many permanent refusals in a row
}

// Log is the log on standard error.
type Log struct {
	Level  string // debug info warn error
	Format string // auto text json
}

// Alerts are sent without Prometheus.
type Alerts struct {
	Webhook  string
	Command  []string
	Interval time.Duration // minimum time between two alerts about the same fault
}

// Watch is how file changes are detected.
type Watch struct {
	Mode string // auto (fsnotify and a slow poll), poll, off
	Poll time.Duration
}

// Source is the text of the file that c was read from; nil: of none.
func (c *Config) Source() []byte {
	if c.source.IsEmpty() {
		return nil
	}
	return []byte(c.source.Reveal())
}
