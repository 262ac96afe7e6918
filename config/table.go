package config

import "strings"

// kind is how a key's text is parsed and shown.
type kind string

const (
	kindText     kind = "text"
	kindPath     kind = "path"    // relative to the file's folder
	kindAddress  kind = "address" // host:port or unix:/path
	kindSecret   kind = "secret"  // never printed
	kindSecrets  kind = "secrets" // a list of them
	kindKeys     kind = "keys"    // auth.keys
	kindTexts    kind = "texts"   // a list of texts
	kindColumns  kind = "columns" // spool.columns
	kindBool     kind = "true or false"
	kindWhole    kind = "number"   // whole
	kindNumber   kind = "decimal"  // with a fraction
	kindDuration kind = "duration" // 2s, 62d
	kindSize     kind = "size"     // 4MiB, 500KB
	kindMode     kind = "mode"     // a file mode in octal digits
	kindURL      kind = "url"      // may hold a password: printed without
	kindWebhook  kind = "webhook"  // a URL whose path is a secret
)

// setting is one key of relay.yaml. The table below is the only place with
// keys, types and defaults: Load, Reference, Schema, Effective and the
// test of relay.yaml's comments all read it.
type setting struct {
	key     string
	kind    kind
	def     string // as it would be written in the file; empty: none
	hot     bool   // a change takes effect while relay runs
	doc     string
	auto    string   // this word stands for 0
	least   string   // smallest value, written like def
	most    string   // largest value
	why     string   // where a bound comes from, for its message
	choices []string // the only values
	short   bool     // its section can be written as this key's value alone
	at      func(*Config) any
}

// settings lists every key in the order of the reference.
func settings() []setting {
	return []setting{
		{
			key: "listen", kind: kindAddress, def: "127.0.0.1:8585", at: func(c *Config) any { return &c.Listen },
			doc: "Address for track calls: `host:port` or `unix:/path`. Anything except loopback or a unix socket needs `auth.write_keys`.",
		},
		{
			key: "mapping", kind: kindPath, def: "mapping.yaml", hot: true, at: func(c *Config) any { return &c.Mapping },
			doc: "The mapping file. relay reloads it when it changes; a version with a mistake changes nothing.",
		},
		{
			key: "spool_keep", kind: kindDuration, def: "7d", at: func(c *Config) any { return &c.SpoolKeep },
			doc: "How long stored files stay in `done/` of `spool.dir`; then relay deletes them. 0: at once. Refused files stay. With `queue.encryption_key` they are encrypted; `relay spool show` opens them.",
		},

		{
			key: "spool.dir", kind: kindPath, short: true, at: func(c *Config) any { return &c.Spool.Dir },
			doc: "A directory from which relay takes dropped files of events: JSON lines, CSV or TSV, each also with `.gz`; none: off. `spool: DIR` is the short form. The keys below correspond to the flags of `relay import`.",
		},
		{
			key: "spool.event", kind: kindText, at: func(c *Config) any { return &c.Spool.Event },
			doc: "Event name of rows without one.",
		},
		{
			key: "spool.columns", kind: kindColumns, at: func(c *Config) any { return &c.Spool.Columns },
			doc: "Which column fills a field of the event: `{timestamp: Date + Time, context.traits.email: E-Mail, properties.products[].price: Line price}`. Headers under the empty name are left out: `{\"\": [Clerk, Note]}`. Every other header is a property of that name.",
		},
		{
			key: "spool.time_format", kind: kindText, at: func(c *Config) any { return &c.Spool.TimeFormat },
			doc: "Format of the times: the moment 2 January 2006, 15:04:05 written in it, such as `02/01/2006 15:04`.",
		},
		{
			key: "spool.header_row", kind: kindWhole, def: "0", least: "0", most: "1000", at: func(c *Config) any { return &c.Spool.HeaderRow },
			doc: "Line number of the header, if other lines are above it; 0: the first line that is not blank.",
		},
		{
			key: "spool.group_by", kind: kindText, at: func(c *Config) any { return &c.Spool.GroupBy },
			doc: "Column with the same value in all rows of one order. These rows become one event, each an item of its `products`.",
		},
		{
			key: "spool.id", kind: kindText, at: func(c *Config) any { return &c.Spool.ID },
			doc: "Identifies the same sale in the next export, such as the order number: a column, or in JSON a property or a path. Each sale is stored once and remembered for 62 days.",
		},
		{
			key: "spool.separator", kind: kindText, at: func(c *Config) any { return &c.Spool.Separator },
			doc: "Separator, if relay does not detect it: one character, or `tab`.",
		},
		{
			key: "spool.encoding", kind: kindText, at: func(c *Config) any { return &c.Spool.Encoding },
			doc: "Encoding of files that are not UTF-8 or UTF-16: `windows-1250`, `windows-1252`, `shift_jis`, `gbk`, `ibm852` and others. None: Windows-1252; files that look like another encoding are refused.",
		},
		{
			key: "spool.timezone", kind: kindText, at: func(c *Config) any { return &c.Spool.Timezone },
			doc: "Time zone of times without one, such as `Europe/Berlin`. None: the mapping's `timezone`.",
		},
		{
			key: "spool.unsent", kind: kindBool, def: "false", at: func(c *Config) any { return &c.Spool.Unsent },
			doc: "Stores a file even if the mapping would send none of its first 1,000 rows because it does not fit (docs/files.md). false: such a file is refused.",
		},

		{
			key: "forward.url", kind: kindURL, at: func(c *Config) any { return &c.Forward.URL },
			doc: "Another relay, such as `https://hub.example.com`, that receives everything from this one and maps and uploads it. Only that relay then needs `mapping` and `graph`. relay appends `/v1/forward` to this address; a path in it is for a proxy in front of the other relay. Plain http only to loopback. None: this relay maps and uploads itself.",
		},
		{
			key: "forward.key", kind: kindSecret, hot: true, at: func(c *Config) any { return &c.Forward.Key },
			doc: "The key for that relay, which has it in `auth.keys` with the name of the store.",
		},
		{
			key: "forward.keep", kind: kindDuration, def: "0", hot: true, at: func(c *Config) any { return &c.Forward.Keep },
			doc: "How long a copy of each forwarded event stays here, for `relay forward replay` if the other relay loses its disk. When space is short, copies are dropped first. 0: none.",
		},

		{
			key: "admin.listen", kind: kindAddress, def: "127.0.0.1:8586", at: func(c *Config) any { return &c.Admin.Listen },
			doc: "Address of status page, API, health and metrics: TCP, or `unix:/path` for relay's own user. Anything except loopback needs `admin.token` and `admin.tls`. The commands do not use it.",
		},
		{
			key: "admin.token", kind: kindSecret, at: func(c *Config) any { return &c.Admin.Token },
			doc: "Bearer token for programs that read contents or change state over TCP; at least 16 characters. None: they cannot. The commands and `relay page` do not need it.",
		},
		{
			key: "admin.pprof", kind: kindBool, def: "false", at: func(c *Config) any { return &c.Admin.Pprof },
			doc: "Serve Go's profiles under `/debug/pprof/` to callers that can see contents.",
		},
		{
			key: "admin.socket.path", kind: kindPath, at: func(c *Config) any { return &c.Admin.Socket.Path },
			doc: "Unix socket between the commands and relay, for relay's own user and root. None: `admin.sock` in the queue's directory, or a short path below `/tmp` if that is too long for a socket. On Windows a named pipe is derived from it.",
		},
		{
			key: "admin.socket.group", kind: kindText, at: func(c *Config) any { return &c.Admin.Socket.Group },
			doc: "Group whose members can use that socket too, by name or number. They can do everything the commands can.",
		},
		{
			key: "admin.tls.cert", kind: kindPath, at: func(c *Config) any { return &c.Admin.TLS.Cert },
			doc: "Certificate chain in PEM; makes `admin.listen` https. The file is read again when it changes.",
		},
		{
			key: "admin.tls.key", kind: kindPath, at: func(c *Config) any { return &c.Admin.TLS.Key },
			doc: "Its private key in PEM, also read again when it changes.",
		},

		{
			key: "health.listen", kind: kindAddress, at: func(c *Config) any { return &c.Health.Listen },
			doc: "Another address, plain http, for an orchestrator's probes and Prometheus. It serves only `/livez`, `/readyz`, `/healthz` and `/metrics`. None: off.",
		},

		{
			key: "auth.write_keys", kind: kindSecrets, hot: true, at: func(c *Config) any { return &c.Auth.WriteKeys },
			doc: "Write keys of clients that can send events; several for rotation. Empty ones are ignored; none: every local caller can.",
		},
		{
			key: "auth.keys", kind: kindKeys, hot: true, at: func(c *Config) any { return &c.Auth.Keys },
			doc: "Further write keys, each limited to some event names (`events`), or for the store whose relay forwards with it (`store`), or both: `[{key: …, events: [Order Completed]}, {key_hash: sha256:…, store: \"0042\"}]`. `key_hash` replaces `key`: `sha256:` and the hex digits of `printf %s KEY | sha256sum`. A store can have two keys, so that one can be replaced after the other.",
		},

		{
			key: "intake.allowed_origins", kind: kindTexts, at: func(c *Config) any { return &c.Intake.AllowedOrigins },
			doc: "Web origins whose pages can post events (browser tills), such as `https://till.example.com`.",
		},
		{
			key: "intake.allowed_hosts", kind: kindTexts, at: func(c *Config) any { return &c.Intake.AllowedHosts },
			doc: "Host names besides loopback under which clients can call relay when there are no write keys.",
		},
		{
			key: "intake.max_request_bytes", kind: kindSize, def: "4MiB", least: "500KB", most: "1GiB", why: "Segment's own limit is 500KB", at: func(c *Config) any { return &c.Intake.MaxRequestBytes },
			doc: "Largest request, compressed and decompressed. A batch's context, merged into its events, can add up to four times this limit and 64 times the request's size.",
		},
		{
			key: "intake.max_event_bytes", kind: kindSize, def: "256KiB", least: "32KB", most: "16MiB", why: "Segment's own limit is 32KB", at: func(c *Config) any { return &c.Intake.MaxEventBytes },
			doc: "Largest event; a larger one becomes a dead letter (`too_large`).",
		},
		{
			key: "intake.max_batch_events", kind: kindWhole, def: "2500", least: "2500", most: "100000", why: "Segment's own limit is 2500", at: func(c *Config) any { return &c.Intake.MaxBatchEvents },
			doc: "Largest number of events in one request.",
		},
		{
			key: "intake.requests_per_second", kind: kindNumber, def: "0", least: "0", at: func(c *Config) any { return &c.Intake.RequestsPerSecond },
			doc: "Limit on incoming requests; above it the answer is 429. 0: none.",
		},
		{
			key: "intake.burst", kind: kindWhole, def: "100", least: "1", most: "1000000", at: func(c *Config) any { return &c.Intake.Burst },
			doc: "Number of requests that can come at once under that limit.",
		},
		{
			key: "intake.max_connections", kind: kindWhole, def: "1024", least: "1", most: "1000000", at: func(c *Config) any { return &c.Intake.MaxConnections },
			doc: "Limit on open connections; lower where the process may open few files. When all are in use, relay closes the longest idle one, otherwise the one with the slowest body (below 4 KiB a second), otherwise it answers 429.",
		},
		{
			key: "intake.read_timeout", kind: kindDuration, def: "30s", least: "1s", most: "10m", at: func(c *Config) any { return &c.Intake.ReadTimeout },
			doc: "How long a client can take to send a request.",
		},
		{
			key: "intake.append_timeout", kind: kindDuration, def: "10s", least: "100ms", most: "5m", at: func(c *Config) any { return &c.Intake.AppendTimeout },
			doc: "How long the disk can take before the answer is 503.",
		},
		{
			key: "intake.unix_socket_mode", kind: kindMode, def: "0660", at: func(c *Config) any { return &c.Intake.UnixSocketMode },
			doc: "File mode of a unix socket.",
		},
		{
			key: "intake.shutdown_grace_period", kind: kindDuration, def: "20s", most: "1h", at: func(c *Config) any { return &c.Intake.ShutdownGracePeriod },
			doc: "How long requests in progress can take when relay stops.",
		},

		{
			key: "tls.cert", kind: kindPath, at: func(c *Config) any { return &c.TLS.Cert },
			doc: "Certificate chain in PEM; makes `listen` https. The file is read again when it changes.",
		},
		{
			key: "tls.key", kind: kindPath, at: func(c *Config) any { return &c.TLS.Key },
			doc: "Its private key in PEM, also read again when it changes.",
		},

		{
			key: "queue.path", kind: kindPath, def: "data", at: func(c *Config) any { return &c.Queue.Path },
			doc: "Directory of the queue.",
		},
		{
			key: "queue.max_size", kind: kindSize, def: "auto", auto: "auto", least: "1MiB", at: func(c *Config) any { return &c.Queue.MaxSize },
			doc: "Size limit of the directory, all files of the queue together, to within 5 % or 256 KiB. `auto`: the smaller of 4 GiB and 80 % of the volume. More than the volume's size is refused at start. At most a quarter of it is for dead letters and an eighth for remembered messageIds (24 bytes each); a segment is at most a 16th. At the limit relay first rewrites files to their pending events, then drops and counts unmapped events, then deletes quarantined files; then `queue.full` decides. No event set loses events to another: `relay lane drop` frees what one keeps. When other files fill the volume, relay refuses events and drops nothing.",
		},
		{
			key: "queue.max_age", kind: kindDuration, def: "62d", least: "1m", at: func(c *Config) any { return &c.Queue.MaxAge },
			doc: "Age at which a pending event becomes a dead letter (`expired`).",
		},
		{
			key: "queue.full", kind: kindText, def: "reject", choices: []string{"reject", "drop_oldest"}, at: func(c *Config) any { return &c.Queue.Full },
			doc: "What a full queue does. `reject` answers 429 and drops no mapped event. `drop_oldest` drops and counts the oldest events of the event set with most pending events (one that is being sent can also count as delivered). It applies only to `queue.max_size`: if other files fill the volume, the answer is 429.",
		},
		{
			key: "queue.segment_size", kind: kindSize, def: "64MiB", least: "64KiB", most: "1GiB", at: func(c *Config) any { return &c.Queue.SegmentSize },
			doc: "Size at which a new segment file is started; disk space is freed in such pieces.",
		},
		{
			key: "queue.keep_unmapped", kind: kindDuration, def: "24h", at: func(c *Config) any { return &c.Queue.KeepUnmapped },
			doc: "How long unmapped events are kept for a later mapping. 0: they are dropped once the mapping in force has been applied.",
		},
		{
			key: "queue.dedup_window", kind: kindDuration, def: "24h", least: "1m", at: func(c *Config) any { return &c.Queue.DedupWindow },
			doc: "How long a messageId is remembered at least; usually a quarter longer.",
		},
		{
			key: "queue.dedup_ids", kind: kindWhole, def: "1000000", least: "1000", most: "1000000000", at: func(c *Config) any { return &c.Queue.DedupIDs },
			doc: "How many messageIds are remembered at least, unless they are older than the window.",
		},
		{
			key: "queue.dead_max_size", kind: kindSize, def: "256MiB", least: "1MiB", at: func(c *Config) any { return &c.Queue.DeadMaxSize },
			doc: "Size limit of the dead letters on disk; at most a quarter of it is for `id_conflict`.",
		},
		{
			key: "queue.dead_max_age", kind: kindDuration, def: "0", at: func(c *Config) any { return &c.Queue.DeadMaxAge },
			doc: "Age at which dead letters are removed and counted; 0: never. It is measured by a clock that Meta's answers or NTP confirm, otherwise by relay's running time, so that a wrong clock removes nothing.",
		},
		{
			key: "queue.dead_full", kind: kindText, def: "reject", choices: []string{"reject", "drop_oldest"}, at: func(c *Config) any { return &c.Queue.DeadFull },
			doc: "What happens when there is no space for a dead letter: `reject` stops the lane, `drop_oldest` removes the oldest.",
		},
		{
			key: "queue.receipts_max_size", kind: kindSize, def: "64MiB", least: "0", at: func(c *Config) any { return &c.Queue.ReceiptsMaxSize },
			doc: "Size limit of the receipts of delivered events on disk, in addition to `queue.max_size`; the oldest are deleted first. 0: no receipts.",
		},
		{
			key: "queue.encryption_key", kind: kindPath, at: func(c *Config) any { return &c.Queue.EncryptionKey },
			doc: "File with the keys that encrypt everything on disk (AES-256-GCM), 64 hex digits a line. The first one encrypts; the others decrypt older data. Read again on reload; `relay queue stats` shows which are still needed. None: not encrypted.",
		},
		{
			key: "queue.no_sync", kind: kindBool, def: "false", at: func(c *Config) any { return &c.Queue.NoSync },
			doc: "Only for measurements: do not wait for the disk. A 200 then promises nothing.",
		},

		{
			key: "queue.nats.urls", kind: kindTexts, at: func(c *Config) any { return &c.Queue.NATS.URLs },
			doc: "NATS servers, 2.15 or newer with JetStream, that hold the queue instead of `queue.path`. List all of them, such as `[tls://nats-0:4222, tls://nats-1:4222, tls://nats-2:4222]`. Several relays share one queue: all accept events, one delivers, and another takes over. See docs/nats.md. None: the queue is in `queue.path`.",
		},
		{
			key: "queue.nats.name", kind: kindText, def: "relay", at: func(c *Config) any { return &c.Queue.NATS.Name },
			doc: "Name of the queue; the names of its streams and bucket begin with it. Relays with the same name share it.",
		},
		{
			key: "queue.nats.credentials", kind: kindPath, at: func(c *Config) any { return &c.Queue.NATS.Credentials },
			doc: "A `.creds` file for the servers, of a user that can use JetStream.",
		},
		{
			key: "queue.nats.user", kind: kindText, at: func(c *Config) any { return &c.Queue.NATS.User },
			doc: "A user for the servers, instead of `credentials`.",
		},
		{
			key: "queue.nats.password", kind: kindSecret, at: func(c *Config) any { return &c.Queue.NATS.Password },
			doc: "The password of that user.",
		},
		{
			key: "queue.nats.ca_file", kind: kindPath, at: func(c *Config) any { return &c.Queue.NATS.CAFile },
			doc: "Certificate authorities in PEM for `tls://` servers, instead of the system's.",
		},
		{
			key: "queue.nats.cert", kind: kindPath, at: func(c *Config) any { return &c.Queue.NATS.Cert },
			doc: "Certificate in PEM that this relay presents to servers that require one.",
		},
		{
			key: "queue.nats.key", kind: kindPath, at: func(c *Config) any { return &c.Queue.NATS.Key },
			doc: "Its private key in PEM.",
		},
		{
			key: "queue.nats.monitor", kind: kindTexts, at: func(c *Config) any { return &c.Queue.NATS.Monitor },
			doc: "Where each server answers `/varz`, in the order of `urls`, such as `http://nats-0:8222`; relay checks there that the server syncs. None: port 8222 of each.",
		},
		{
			key: "queue.nats.sync", kind: kindText, def: "checked", choices: []string{"checked", "assumed"}, at: func(c *Config) any { return &c.Queue.NATS.Sync },
			doc: "`checked`: servers without `sync_interval: always` are refused, because a power cut loses what they confirmed. `assumed`: not checked; only if `/varz` is closed and you have verified it yourself.",
		},
		{
			key: "queue.nats.replicas", kind: kindWhole, def: "3", least: "1", most: "5", at: func(c *Config) any { return &c.Queue.NATS.Replicas },
			doc: "How many servers hold each event: 3 or 5; 1 only with `i_accept_loss`.",
		},
		{
			key: "queue.nats.i_accept_loss", kind: kindBool, def: "false", at: func(c *Config) any { return &c.Queue.NATS.AcceptLoss },
			doc: "Allow one replica: every pending event is lost with its server.",
		},
		{
			key: "queue.nats.lease", kind: kindDuration, def: "30s", least: "15s", most: "10m", why: "the servers can take 9s to elect a leader", at: func(c *Config) any { return &c.Queue.NATS.Lease },
			doc: "How long after the last sign of life of the delivering relay another one takes over. It must be the same for all relays of one queue.",
		},

		{
			key: "graph.endpoint", kind: kindURL, def: "https://graph.facebook.com", at: func(c *Config) any { return &c.Graph.Endpoint },
			doc: "The Graph API. Plain http only to loopback.",
		},
		{
			key: "graph.version", kind: kindText, def: "v26.0", at: func(c *Config) any { return &c.Graph.Version },
			doc: "Graph API version for `api: conversions`.",
		},
		{
			key: "graph.offline_version", kind: kindText, def: "v16.0", at: func(c *Config) any { return &c.Graph.OfflineVersion },
			doc: "Graph API version for `api: offline`; v16.0 was the last that accepted it.",
		},
		{
			key: "graph.access_token", kind: kindSecret, hot: true, at: func(c *Config) any { return &c.Graph.AccessToken },
			doc: "Access token. None: relay accepts and keeps events, and uploads nothing.",
		},
		{
			key: "graph.access_token_file", kind: kindPath, hot: true, at: func(c *Config) any { return &c.Graph.AccessTokenFile },
			doc: "File with the access token instead, read again when it changes: the bare token on one line. A byte order mark and trailing line ends are ignored. Quotes, a name before the token (`NAME=`), spaces, invisible characters and further lines are refused; `relay check` and `relay doctor` name the problem and its position.",
		},
		{
			key: "graph.app_secret", kind: kindSecret, hot: true, at: func(c *Config) any { return &c.Graph.AppSecret },
			doc: "App secret; with it, requests carry `appsecret_proof`.",
		},
		{
			key: "graph.app_secret_file", kind: kindPath, hot: true, at: func(c *Config) any { return &c.Graph.AppSecretFile },
			doc: "File with the app secret instead, read again when it changes.",
		},
		{
			key: "graph.dry_run", kind: kindBool, def: "false", hot: true, at: func(c *Config) any { return &c.Graph.DryRun },
			doc: "Map, check and report, but send nothing and keep everything.",
		},
		{
			key: "graph.proxy", kind: kindURL, at: func(c *Config) any { return &c.Graph.Proxy },
			doc: "Proxy for uploads and for forwarding (forward.url), such as `http://proxy.example.com:3128`. `none`: direct. Unset: HTTPS_PROXY and NO_PROXY of the environment.",
		},
		{
			key: "graph.ca_file", kind: kindPath, at: func(c *Config) any { return &c.Graph.CAFile },
			doc: "Additional certificate authorities in PEM: that of a proxy that inspects TLS, or the one that signed the hub's certificate (forward.url).",
		},
		{
			key: "graph.timeout", kind: kindDuration, def: "60s", least: "1s", most: "10m", at: func(c *Config) any { return &c.Graph.Timeout },
			doc: "How long an upload can make no progress, and how long Meta can take to answer it. A slow upload that makes progress can take 10 minutes.",
		},
		{
			key: "graph.partner_agent", kind: kindText, at: func(c *Config) any { return &c.Graph.PartnerAgent },
			doc: "Sent as `partner_agent`: who sends on behalf of whom, at most 22 characters.",
		},

		{
			key: "rate.requests_per_second", kind: kindNumber, def: "2", least: "0", most: "10000", hot: true, at: func(c *Config) any { return &c.Rate.RequestsPerSecond },
			doc: "Requests a second to the Graph API, per access token; 0: upload nothing.",
		},
		{
			key: "rate.burst", kind: kindWhole, def: "4", least: "1", most: "10000", hot: true, at: func(c *Config) any { return &c.Rate.Burst },
			doc: "Number of requests that can be sent at once after a pause.",
		},

		{
			key: "batch.max_events", kind: kindWhole, def: "1000", least: "1", most: "1000", why: "Meta accepts at most 1000 events a request", hot: true, at: func(c *Config) any { return &c.Batch.MaxEvents },
			doc: "Largest number of conversions in one request.",
		},
		{
			key: "batch.max_bytes", kind: kindSize, def: "4MiB", least: "64KiB", most: "64MiB", hot: true, at: func(c *Config) any { return &c.Batch.MaxBytes },
			doc: "Largest size of one request; on a connection too slow for it relay sends smaller ones.",
		},
		{
			key: "batch.max_wait", kind: kindDuration, def: "2s", most: "1h", hot: true, at: func(c *Config) any { return &c.Batch.MaxWait },
			doc: "How long a batch that is not full waits for more events.",
		},

		{
			key: "retry.min_interval", kind: kindDuration, def: "1s", least: "10ms", most: "1h", hot: true, at: func(c *Config) any { return &c.Retry.MinInterval },
			doc: "Backoff after the first temporary error; it doubles, with jitter.",
		},
		{
			key: "retry.max_interval", kind: kindDuration, def: "30s", least: "10ms", most: "24h", hot: true, at: func(c *Config) any { return &c.Retry.MaxInterval },
			doc: "Longest backoff.",
		},
		{
			key: "retry.probe_interval", kind: kindDuration, def: "10m", least: "1s", most: "7d", hot: true, at: func(c *Config) any { return &c.Retry.ProbeInterval },
			doc: "How often a paused event set is tried again.",
		},
		{
			key: "retry.split_after", kind: kindWhole, def: "3", least: "1", most: "1000", hot: true, at: func(c *Config) any { return &c.Retry.SplitAfter },
			doc: "After this many answers that are not Meta's, or missing ones, a request is sent in parts, because one event may cause them.",
		},
		{
			key: "retry.breaker_after", kind: kindWhole, def: "20", least: "1", most: "1000000", hot: true, at: func(c *Config) any { return &c.Retry.BreakerAfter },
			doc: "After this many refusals in a row an event set pauses, instead of turning its whole queue into dead letters.",
		},

		{
			key: "log.level", kind: kindText, def: "info", choices: []string{"debug", "info", "warn", "error"}, hot: true, at: func(c *Config) any { return &c.Log.Level },
			doc: "Lowest level that is logged.",
		},
		{
			key: "log.format", kind: kindText, def: "auto", choices: []string{"auto", "text", "json"}, at: func(c *Config) any { return &c.Log.Format },
			doc: "`auto`: text on a terminal, JSON otherwise.",
		},

		{
			key: "alerts.webhook", kind: kindWebhook, hot: true, at: func(c *Config) any { return &c.Alerts.Webhook },
			doc: "URL that receives alerts as JSON.",
		},
		{
			key: "alerts.command", kind: kindTexts, hot: true, at: func(c *Config) any { return &c.Alerts.Command },
			doc: "Program and arguments that receive alerts as JSON on standard input; no shell.",
		},
		{
			key: "alerts.interval", kind: kindDuration, def: "1h", least: "1s", hot: true, at: func(c *Config) any { return &c.Alerts.Interval },
			doc: "The same alert is sent at most this often.",
		},

		{
			key: "watch.mode", kind: kindText, def: "auto", choices: []string{"auto", "poll", "off"}, at: func(c *Config) any { return &c.Watch.Mode },
			doc: "How relay notices changed files. `auto`: through the system, with a slow poll in addition. `poll`: polling only (NFS). `off`: only SIGHUP and `relay reload`. relay takes a changed file once it has not changed for 250 ms; relay.yaml, and a mapping that does more than add routes, for 2 s.",
		},
		{
			key: "watch.poll", kind: kindDuration, def: "30s", least: "100ms", most: "24h", at: func(c *Config) any { return &c.Watch.Poll },
			doc: "Interval of that poll.",
		},
	}
}

// section returns the part before the last dot and the rest; a key at the top
// has no section. A section can be inside another one: admin.socket.
func (s setting) section() (section, name string) {
	if i := strings.LastIndexByte(s.key, '.'); i >= 0 {
		return s.key[:i], s.key[i+1:]
	}
	return "", s.key
}

// shortOf returns the key whose value alone can be written for a section; "": none.
func shortOf(section string) string {
	for _, s := range settings() {
		if sec, _ := s.section(); sec == section && s.short {
			return s.key
		}
	}
	return ""
}
