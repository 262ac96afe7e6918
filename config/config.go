package config

import "time"

// Config is relay.yaml, checked and with every default filled in. Paths are
// absolute or relative to the working directory (Load has resolved them
// against the file's folder).
type Config struct {
	File    string // the file it was read from
	Listen  string // host:port or unix:/path
	Mapping string // path of the mapping file
	Spool   Spool

	SpoolKeep time.Duration // how long files stay that were taken from Spool.Dir and stored

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
	// they exist or not. They are what a Watcher is to watch.
	Files []string

	source  Secret // the file's text; it may hold tokens
	origins map[string]Origin
	// references are the values that came through ${…}, by key or item of one:
	// what is shown instead.
	references map[string]string
	places     map[string]place
}

// Spool is the directory of dropped files, and what the columns of the tables in it
// mean.
type Spool struct {
	Dir        string // empty: none
	Event      string // name of rows that give none
	Columns    []SpoolColumn
	TimeFormat string
	HeaderRow  int // 0: the first line that is not blank
	GroupBy    string
	ID         string
	Separator  string
	Encoding   string
	Timezone   string
}

// SpoolColumn says what fills a place of the event: a column, or several joined
// with " + ". An empty Path leaves the column out.
type SpoolColumn struct{ Path, From string }

// Forward is the relay that this one hands everything to, in the place of a mapping
// and Meta.
type Forward struct {
	URL string // empty: this relay maps and uploads itself
	Key Secret

	Keep time.Duration // how long copies stay of what was handed over
}

// Admin is the admin listener, and the socket of the commands.
type Admin struct {
	Listen string
	Token  Secret
	Pprof  bool
	Socket AdminSocket
	TLS    TLS
}

// AdminSocket is where the commands reach relay.
type AdminSocket struct {
	Path  string // empty: in the queue's directory
	Group string // whose members may use it too; empty: nobody but the owner and root
}

// Health is the listener for probes and scrapers.
type Health struct {
	Listen string // host:port or unix:/path; empty: none
}

// Auth holds the write keys; none: every local caller may write.
type Auth struct {
	WriteKeys []Secret
	Keys      []Key // keys with an allow-list of event names
}

// Key is a write key that may send only some events, or that is a store's: with that
// another relay may forward what the store sold.
type Key struct {
	Key    Secret // empty: Hash is given
	Hash   string // SHA-256 of the key, 64 hex digits
	Store  string
	Events []string // none: all
}

// Intake bounds what clients may send.
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
	AppendTimeout       time.Duration // how long the disk may take before 503
	UnixSocketMode      uint32
	ShutdownGracePeriod time.Duration
}

// TLS is the certificate of a listener; both empty: plain HTTP.
type TLS struct {
	Cert string
	Key  string
}

// Full says what a full queue does.
type Full string

// The policies of queue.full.
const (
	Reject     Full = "reject"      // 429 until there is room
	DropOldest Full = "drop_oldest" // the oldest waiting events go, counted
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
	NoSync          bool   // only for tests of the tests: 200 no longer means on disk
	NATS            NATS   // in the place of Path
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

// On says whether the queue lies on NATS servers.
func (n *NATS) On() bool { return len(n.URLs) > 0 }

// Lack says why a file gave no secret.
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
	AccessTokenFlaw string // what is wrong with what it holds, and how to put it right: nothing of the text
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

// Batch says how much goes into one request.
type Batch struct {
	MaxEvents int
	MaxBytes  int64
	MaxWait   time.Duration
}

// Retry is the backoff after errors that pass.
type Retry struct {
	MinInterval   time.Duration
	MaxInterval   time.Duration
	ProbeInterval time.Duration // how often a paused event set is tried again
	SplitAfter    int           // answers that settle nothing, after which a request is taken apart
	BreakerAfter  int           // pause after so many permanent refusals in a row
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
	Interval time.Duration // the same alert at most so often
}

// Watch says how file changes are noticed.
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
