package logs

import "log/slog"

// Code identifies the subject of a log line. It stays the same when the line's text changes, so
// that scripts and alerts can match it.
type Code string

// Row is a code's entry in docs/logs.md.
type Row struct {
	Code  Code
	Level slog.Level // of every line with this code
	Means string
	Do    string // what to do about it
}

// Section is a chapter of docs/logs.md.
type Section struct {
	Title string
	About string // a paragraph before the rows, or ""
	Rows  []Row
}

// The codes, in the order of Sections.
const (
	TokenPaused      Code = "token_paused"
	PermissionPaused Code = "permission_paused"
	ConfigPaused     Code = "config_paused"
	BreakerOpen      Code = "breaker_open"
	TokenResumed     Code = "token_resumed"
	LaneRecovered    Code = "lane_recovered"
	BreakerClosed    Code = "breaker_closed"
	NoToken          Code = "no_token"
	DryRun           Code = "dry_run"
	DryRunCounted    Code = "dry_run_counted"
	FirstUpload      Code = "first_upload"
	Rejected         Code = "rejected"
	Expired          Code = "expired"
	MetaWarning      Code = "meta_warning"
	ManyUploadTags   Code = "many_upload_tags"
	Suspect          Code = "suspect"
	Retrying         Code = "retrying"
	Recovered        Code = "recovered"
	Throttled        Code = "throttled"
	AmbiguousResend  Code = "ambiguous_resend"
	DoubtRebuilt     Code = "doubt_rebuilt"
	RebuildMismatch  Code = "rebuild_mismatch"
	DoubtExpired     Code = "doubt_expired"
	Unanswered       Code = "unanswered"
	MapPanic         Code = "map_panic"
	ClockSkew        Code = "clock_skew"
	ClockNotNoted    Code = "clock_not_noted"
	ClockBelieved    Code = "clock_believed"
	LocalTimes       Code = "local_times"
	DeadFull         Code = "dead_full"
	SettleFailed     Code = "settle_failed"
	SettleOK         Code = "settle_ok"
	QueueFailed      Code = "queue_failed"
	Released         Code = "released"
	ReleaseFailed    Code = "release_failed"
	Rerouted         Code = "rerouted"
	UnmappedExpired  Code = "unmapped_expired"
	KeptExpired      Code = "kept_expired"
	StateUnreadable  Code = "state_unreadable"

	QueueFull           Code = "queue_full"
	QueueOK             Code = "queue_ok"
	VolumeFull          Code = "volume_full"
	ReserveUsed         Code = "reserve_used"
	ReserveMissing      Code = "reserve_missing"
	VolumeUnknown       Code = "volume_unknown"
	RecordsDropped      Code = "records_dropped"
	DropFailed          Code = "drop_failed"
	DeadDroppedOldest   Code = "dead_dropped_oldest"
	DeadCut             Code = "dead_cut"
	DeadNotExpired      Code = "dead_not_expired"
	QueueRestored       Code = "queue_restored"
	RunTimeNotNoted     Code = "run_time_not_noted"
	ConnectionsBounded  Code = "connections_bounded"
	CommitFailed        Code = "commit_failed"
	QueueGone           Code = "queue_gone"
	QueueBack           Code = "queue_back"
	SegmentDamaged      Code = "segment_damaged"
	SegmentMissing      Code = "segment_missing"
	DeadDamaged         Code = "dead_damaged"
	MetaDamaged         Code = "meta_damaged"
	MetaMissing         Code = "meta_missing"
	MetaRowsDamaged     Code = "meta_rows_damaged"
	DamagedRemoved      Code = "damaged_removed"
	DamagedNotRemoved   Code = "damaged_not_removed"
	SegmentNotOpened    Code = "segment_not_opened"
	DeadNotOpened       Code = "dead_not_opened"
	DeadNotCompacted    Code = "dead_not_compacted"
	SegmentNotStarted   Code = "segment_not_started"
	SegmentNotCleaned   Code = "segment_not_cleaned"
	SegmentNotRemoved   Code = "segment_not_removed"
	SegmentNotSealed    Code = "segment_not_sealed"
	SegmentNotCounted   Code = "segment_not_counted"
	SegmentNotRewritten Code = "segment_not_rewritten"
	SegmentRewritten    Code = "segment_rewritten"
	IDsDamaged          Code = "ids_damaged"
	IDsNotSearched      Code = "ids_not_searched"
	IDsNotLoaded        Code = "ids_not_loaded"
	IDsNotWritten       Code = "ids_not_written"
	IDsNotMerged        Code = "ids_not_merged"
	IDsOfLostRecords    Code = "ids_of_lost_records"
	StreamRemade        Code = "stream_remade"
	ChunkLost           Code = "chunk_lost"
	ServersUnsafe       Code = "servers_unsafe"
	ServersSlow         Code = "servers_slow"
	LeaderMoved         Code = "leader_moved"
	KeyMissing          Code = "key_missing"
	LeaseTaken          Code = "lease_taken"
	LeaseLost           Code = "lease_lost"
	LeaseUnknown        Code = "lease_unknown"
	KeysLoaded          Code = "keys_loaded"
	Resealed            Code = "resealed"
	ResealFailed        Code = "reseal_failed"
	ReceiptsFailed      Code = "receipts_failed"
	ReceiptsOK          Code = "receipts_ok"
	ReceiptsTorn        Code = "receipts_torn"
	ReceiptsUnread      Code = "receipts_unread"
	SecretReplaced      Code = "secret_replaced"

	ConfigLoaded       Code = "config_loaded"
	ConfigWarning      Code = "config_warning"
	ConfigRefused      Code = "config_refused"
	ConfigNeedsRestart Code = "config_needs_restart"
	MappingLoaded      Code = "mapping_loaded"
	MappingWarning     Code = "mapping_warning"
	MappingRefused     Code = "mapping_refused"
	MappingLastGood    Code = "mapping_last_good"
	MappingGone        Code = "mapping_gone"
	MappingNotKept     Code = "mapping_not_kept"
	PollingOnly        Code = "polling_only"
	WatchFailed        Code = "watch_failed"
	FileRestless       Code = "file_restless"

	IntakeRefuses         Code = "intake_refuses"
	IntakeOK              Code = "intake_ok"
	IntakeCutOff          Code = "intake_cut_off"
	CertificateLoaded     Code = "certificate_loaded"
	CertificateRefused    Code = "certificate_refused"
	SpoolFileStored       Code = "spool_file_stored"
	SpoolFileRefused      Code = "spool_file_refused"
	SpoolRowsRefused      Code = "spool_rows_refused"
	SpoolWaits            Code = "spool_waits"
	SpoolUnreadable       Code = "spool_unreadable"
	SpoolUnusable         Code = "spool_unusable"
	SpoolKeeps            Code = "spool_keeps"
	SpoolNotTaken         Code = "spool_not_taken"
	SpoolNotDeleted       Code = "spool_not_deleted"
	SpoolSealed           Code = "spool_sealed"
	SpoolNotSealed        Code = "spool_not_sealed"
	SpoolQuarantined      Code = "spool_quarantined"
	SpoolFileNotTaken     Code = "spool_file_not_taken"
	SpoolFileNotFound     Code = "spool_file_not_found"
	SpoolFileNotStored    Code = "spool_file_not_stored"
	SpoolReportNotWritten Code = "spool_report_not_written"
	SpoolFileNotMoved     Code = "spool_file_not_moved"
	SpoolClaimNotRemoved  Code = "spool_claim_not_removed"
	ImportWaits           Code = "import_waits"
	Request               Code = "request"
	HTTPServer            Code = "http_server"

	Listening         Code = "listening"
	Stopped           Code = "stopped"
	Ended             Code = "ended"
	Alert             Code = "alert"
	AlertResolved     Code = "alert_resolved"
	AlertFailed       Code = "alert_failed"
	AlertTimesNotKept Code = "alert_times_not_kept"
	LanePaused        Code = "lane_paused"
	LaneResumed       Code = "lane_resumed"
	LaneSteered       Code = "lane_steered"
	LaneDropped       Code = "lane_dropped"
	LaneMoved         Code = "lane_moved"
	DeadDropped       Code = "dead_dropped"
	DeadRedriven      Code = "dead_redriven"
	Replayed          Code = "replayed"
	ForgetNotTold     Code = "forget_not_told"
	ForgetNotDone     Code = "forget_not_done"
	ForgottenNotTaken Code = "forgotten_not_taken"
	PersonForgotten   Code = "person_forgotten"
	BackupSent        Code = "backup_sent"
	BackupFailed      Code = "backup_failed"
	AdminFailed       Code = "admin_failed"
	AdminListCut      Code = "admin_list_cut"
	AuditFailed       Code = "audit_failed"
	NoSocket          Code = "no_socket"
	Upload            Code = "upload"
	LaneState         Code = "lane_state"
)

// Sections has one row per code.
var Sections = []Section{
	{Title: "Delivery", About: "`advice` says what to do about an answer from Meta, or about its lack; status, page, alerts and doctor use the same text. `failure` is the kind of network error if there was no answer, such as `dns`, `refused` or `certificate_expired`.", Rows: []Row{
		{TokenPaused, slog.LevelError, "Meta refuses the token; its event sets are paused, nothing is lost", "do what `advice` says; delivery resumes by itself"},
		{PermissionPaused, slog.LevelError, "the token has no permission for this event set; it is paused, nothing is lost", "do what `advice` says; delivery resumes by itself"},
		{ConfigPaused, slog.LevelError, "Meta does not accept uploads to this event set as relay is set up; it is paused, nothing is lost", "do what `advice` says: usually about the event set's id, `graph.version` or `graph.app_secret`"},
		{BreakerOpen, slog.LevelError, "many events in a row were refused, so the event set is paused; the rest is kept", "do what `advice` says: usually about the mapping"},
		{TokenResumed, slog.LevelInfo, "Meta accepts the token again", "nothing"},
		{LaneRecovered, slog.LevelInfo, "an event set that was paused accepts uploads again", "nothing"},
		{BreakerClosed, slog.LevelInfo, "an event set that refused everything is tried again", "nothing"},
		{NoToken, slog.LevelWarn, "there is no token any more, or none yet: events are kept, nothing is uploaded", "do what `advice` says"},
		{DryRun, slog.LevelWarn, "`graph.dry_run` is on: nothing is uploaded", "remove it when you go live"},
		{DryRunCounted, slog.LevelInfo, "what a dry run would have sent and held of an event set", "nothing"},
		{FirstUpload, slog.LevelInfo, "the first real upload to an event set begins", "nothing"},
		{Rejected, slog.LevelWarn, "one event was refused and became a dead letter, with the text of the answer", "`relay dead show`, correct the mapping, `relay dead retry`"},
		{Expired, slog.LevelWarn, "Meta refused events for their age; they are dead letters", "nothing; they were sold too long ago"},
		{MetaWarning, slog.LevelWarn, "Meta accepted the events with a warning", "read it: often a weak match key"},
		{ManyUploadTags, slog.LevelWarn, "an event set has had more than 20 upload tags in a day", "use `{store}` or `{date}` in `upload_tag` only if few stores send to one event set: each tag is a request of its own"},
		{Suspect, slog.LevelWarn, "a request got no clear answer several times; it is sent in parts", "nothing: relay finds the event that causes it"},
		{Unanswered, slog.LevelWarn, "Meta answers other events but never this one: it became a dead letter", "look for a firewall or proxy that blocks the event's content, then `relay dead retry --reason unanswered`"},
		{Retrying, slog.LevelWarn, "no answer, or a temporary error; tried again at growing intervals", "do what `advice` says when it lasts"},
		{Recovered, slog.LevelInfo, "uploads to an event set succeed again", "nothing"},
		{Throttled, slog.LevelWarn, "Meta, or a proxy in between, asked for a pause", "do what `advice` says"},
		{AmbiguousResend, slog.LevelInfo, "a request whose outcome is unknown is sent again, unchanged", "nothing; Meta recognises duplicates by event_id"},
		{DoubtRebuilt, slog.LevelInfo, "after a restart a request whose outcome is unknown is rebuilt from the queue and sent again, unchanged", "nothing"},
		{DoubtExpired, slog.LevelWarn, "events whose outcome is unknown are sent again after more than a week", "if Meta has stored them, they count twice; nothing can be done"},
		{RebuildMismatch, slog.LevelWarn, "a request whose outcome is unknown cannot be repeated byte for byte: its events may arrive twice", "nothing; Meta recognises them by event_id"},
		{MapPanic, slog.LevelError, "relay's mapper failed on an event: a bug; the event is a dead letter", "send a support bundle"},
		{ClockSkew, slog.LevelWarn, "this machine's clock is wrong", "set up time synchronisation"},
		{ClockNotNoted, slog.LevelWarn, "relay cannot store when this machine's clock was wrong, or by how much: events without a timestamp that were received then can keep a wrong time, or become dead letters `unknown_time`", "check the disk"},
		{LocalTimes, slog.LevelWarn, "events have times without a zone, and the mapping has no `timezone`: they are read as UTC", "set `timezone: Europe/Berlin`, or the shop's own, in the mapping"},
		{ClockBelieved, slog.LevelInfo, "the time is known from a server's answer", "nothing"},
		{DeadFull, slog.LevelError, "there is no space for more dead letters: the lane waits", "retry, export or drop some, or raise `queue.dead_max_size`"},
		{SettleFailed, slog.LevelError, "progress cannot be written to disk; nothing is sent until it can", "check the disk"},
		{SettleOK, slog.LevelInfo, "progress is written again", "nothing"},
		{QueueFailed, slog.LevelError, "the next events cannot be read from disk", "check the disk"},
		{Released, slog.LevelInfo, "future-dated events are due and queued again", "nothing"},
		{ReleaseFailed, slog.LevelError, "future-dated events cannot be queued again", "check the disk"},
		{Rerouted, slog.LevelInfo, "the mapping now matches events that it did not match before; they are queued", "nothing"},
		{KeptExpired, slog.LevelInfo, "copies of events that were forwarded to another relay are removed after `forward.keep`", "nothing"},
		{UnmappedExpired, slog.LevelInfo, "events that no mapping matched are removed after `queue.keep_unmapped`", "nothing"},
		{StateUnreadable, slog.LevelError, "a lane's state is damaged: it starts with the first pending event, one request may be sent again", "check the disk"},
	}},
	{Title: "The queue", Rows: []Row{
		{QueueFull, slog.LevelWarn, "the queue is full: nothing is accepted until some events are delivered; clients get 429", "find out why it does not drain, or raise `queue.max_size`"},
		{QueueOK, slog.LevelInfo, "the queue accepts events again", "nothing"},
		{VolumeFull, slog.LevelWarn, "the volume is full; that request was refused", "free space on the volume"},
		{ReserveUsed, slog.LevelWarn, "the volume is full; the reserve was released so that draining continues", "free space on the volume"},
		{ReserveMissing, slog.LevelWarn, "there is no space for the reserve", "free space on the volume"},
		{VolumeUnknown, slog.LevelWarn, "the free space of the volume cannot be read", "check the disk"},
		{RecordsDropped, slog.LevelWarn, "events were dropped: `reason` says by which rule", "see `queue.full`, or raise `queue.max_size`"},
		{DropFailed, slog.LevelWarn, "events that a rule drops could not be dropped; tried again", "check the disk"},
		{DeadDroppedOldest, slog.LevelWarn, "`queue.dead_full: drop_oldest` removed dead letters", "look at dead letters sooner"},
		{QueueRestored, slog.LevelWarn, "the first start after `relay restore`: of the pending `events`, those delivered after the backup was `made` are sent again", "Meta recognises them for seven days; run `relay forget` again for everyone forgotten since"},
		{DeadCut, slog.LevelWarn, "dead letters were larger than `queue.dead_max_size`: each keeps the beginning of its event, and is not retried", "raise `queue.dead_max_size`"},
		{RunTimeNotNoted, slog.LevelWarn, "how long the queue has been open cannot be stored: dead letters may be kept longer than `queue.dead_max_age`; tried again", "check the disk"},
		{DeadNotExpired, slog.LevelWarn, "dead letters older than `queue.dead_max_age` cannot be removed; tried again", "check the disk"},
		{QueueGone, slog.LevelError, "the queue directory was removed or moved while relay was running: clients get 503, `/readyz` fails", "put it back; if it is lost, stop relay and restore a backup"},
		{QueueBack, slog.LevelWarn, "the queue directory is back", "nothing"},
		{CommitFailed, slog.LevelError, "a write failed: clients got 503, relay continues in a new file", "check the disk: it is failing"},
		{SegmentMissing, slog.LevelError, "a queue file is missing that was not drained: `records` says how many events it held, and the pending ones are lost; logged once", "if you have the file, stop relay and put it back; only relay may remove files there"},
		{SegmentDamaged, slog.LevelError, "a queue file is damaged: readable events were saved, `lost` says how many were not, and the file is kept as `.bad`", "check the disk; keep the file for the investigation"},
		{DeadDamaged, slog.LevelError, "dead.db is damaged: readable dead letters are kept, the rest is lost", "check the disk"},
		{MetaDamaged, slog.LevelError, "the lanes' positions are lost: everything in the queue is sent again", "nothing; Meta recognises duplicates by event_id for seven days"},
		{MetaMissing, slog.LevelError, "meta.db is gone, and with it the lanes' positions: everything in the queue is sent again", "do not remove it"},
		{MetaRowsDamaged, slog.LevelError, "the positions of some lanes are lost: their events in the queue are sent again", "check the disk"},
		{DamagedRemoved, slog.LevelWarn, "a quarantined file (`.bad`) was removed: its space was needed", "nothing"},
		{DamagedNotRemoved, slog.LevelWarn, "a quarantined file (`.bad`) whose space is needed could not be removed", "check the disk"},
		{SegmentNotOpened, slog.LevelError, "a file cannot be read now; tried again every second", "check the disk, or the encryption key"},
		{DeadNotOpened, slog.LevelError, "dead.db cannot be read now; tried again", "check the disk, or the encryption key"},
		{DeadNotCompacted, slog.LevelWarn, "the file of dead letters cannot be rewritten to free space; tried again", "check the disk"},
		{SegmentNotStarted, slog.LevelError, "no new file can be created; tried again every second", "check the disk: full, read-only, out of inodes?"},
		{SegmentNotCleaned, slog.LevelError, "a file that ended in a failed write cannot be rewritten; readers skip its end", "check the disk"},
		{SegmentNotRemoved, slog.LevelWarn, "a file that is no longer needed stays; it is removed at the next start", "check the disk"},
		{SegmentNotSealed, slog.LevelWarn, "a file was not closed properly; it can still be used", "check the disk"},
		{SegmentNotCounted, slog.LevelWarn, "how many records a file holds cannot be stored: a later loss would be reported without a number; tried again", "check the disk"},
		{SegmentNotRewritten, slog.LevelWarn, "unused space is not freed yet; tried again", "check the disk"},
		{SegmentRewritten, slog.LevelInfo, "a file with few pending events was rewritten to free space", "nothing"},
		{IDsDamaged, slog.LevelError, "a file of message ids is damaged: it is quarantined and the ids of queued events are read again, or part of it is ignored; for the lost ids a duplicate may be stored twice", "check the disk"},
		{IDsNotSearched, slog.LevelWarn, "message ids cannot be searched: a duplicate may be stored twice", "check the disk"},
		{IDsNotLoaded, slog.LevelWarn, "a file of message ids cannot be read: a duplicate may be stored twice", "check the disk"},
		{IDsNotWritten, slog.LevelWarn, "message ids stay in memory; tried again", "check the disk"},
		{IDsNotMerged, slog.LevelWarn, "small files of message ids stay as they are; tried again", "check the disk"},
		{IDsOfLostRecords, slog.LevelWarn, "a resent copy of an event that the disk destroyed is treated as a duplicate and not stored", "send such events under new ids"},
		{StreamRemade, slog.LevelError, "queue on NATS: a stream was recreated or has lost messages; its pending events are lost, settled ones may be sent again", "find out who removed the stream, and whether the servers sync before they answer"},
		{ChunkLost, slog.LevelError, "queue on NATS: a message with events is damaged or missing from its stream", "check the servers' disks"},
		{ServersUnsafe, slog.LevelError, "queue on NATS: a server came back that would lose events; no events are accepted until it is fixed or removed", "configure it like the others: `sync_interval: always`"},
		{ServersSlow, slog.LevelDebug, "queue on NATS: the servers did not answer in time; tried again", "nothing"},
		{KeyMissing, slog.LevelError, "queue on NATS: another relay encrypts with a key that this one does not have; its events cannot be read here", "add the key as another line of `queue.encryption_key` here, and reload"},
		{LeaseTaken, slog.LevelInfo, "queue on NATS: this relay delivers from now on; the others accept events and wait", "nothing"},
		{LeaseLost, slog.LevelWarn, "queue on NATS: this relay could not renew its lease in time and stopped delivering; another relay takes over, or this one later", "if it recurs, check the servers and the network"},
		{LeaseUnknown, slog.LevelWarn, "queue on NATS: this relay could not find out which relay delivers; tried again", "if it recurs, check the servers"},
		{LeaderMoved, slog.LevelDebug, "queue on NATS: another server leads a stream, to spread the load", "nothing"},
		{KeysLoaded, slog.LevelInfo, "a changed encryption key is in use", "nothing"},
		{Resealed, slog.LevelInfo, "everything in the queue is encrypted with the current key", "older keys are needed only for older receipts, which cannot be found without them"},
		{ResealFailed, slog.LevelWarn, "after a change of the encryption key some files keep the old one; tried again", "keep the old key"},
		{ReceiptsFailed, slog.LevelError, "receipts cannot be written, or lack their search keys; delivery continues", "check the disk; report an internal error"},
		{ReceiptsOK, slog.LevelInfo, "receipts are written again", "nothing"},
		{SecretReplaced, slog.LevelWarn, "the secret of the installation was missing and was created again: `relay forget` does not find a person in older receipts", "stop relay, restore the file `secret` from a backup into `queue.path`, start it; or remove the receipts"},
		{ReceiptsUnread, slog.LevelWarn, "some receipts are damaged, or sealed with a key that is not available; all others are found", "add the older key after the current one in `queue.encryption_key`; check the disk"},
		{ReceiptsTorn, slog.LevelWarn, "a crash cut the end of the receipts; some are missing", "nothing"},
	}},
	{Title: "Files and settings", Rows: []Row{
		{ConfigLoaded, slog.LevelInfo, "a changed relay.yaml is in use", "nothing"},
		{ConfigWarning, slog.LevelWarn, "relay.yaml contains something that looks wrong", "the log line says what and where"},
		{ConfigRefused, slog.LevelError, "relay.yaml cannot be used, the previous one stays in use", "correct the file"},
		{ConfigNeedsRestart, slog.LevelWarn, "settings were changed that take effect only after a restart", "restart when convenient"},
		{MappingLoaded, slog.LevelInfo, "a changed mapping is in use", "nothing"},
		{MappingWarning, slog.LevelWarn, "the mapping contains something that looks wrong", "the log line says what and where"},
		{MappingRefused, slog.LevelError, "the mapping cannot be used, the previous one stays in use", "correct the file"},
		{MappingLastGood, slog.LevelError, "relay started with the last good mapping: the file is refused", "correct the file"},
		{MappingGone, slog.LevelWarn, "the file is gone, the mapping stays in use", "put it back"},
		{MappingNotKept, slog.LevelWarn, "the mapping could not be saved for the next start", "check the disk"},
		{PollingOnly, slog.LevelWarn, "the system does not report file changes: relay checks every 30 s", "raise `fs.inotify.max_user_instances`, or nothing"},
		{WatchFailed, slog.LevelDebug, "a directory cannot be watched now; relay checks every 30 s", "nothing"},
		{FileRestless, slog.LevelWarn, "a file that relay reloads has been changing for more than 10 s; it is loaded once it stops changing", "stop the program that writes it, or run `relay reload` to load it as it is"},
	}},
	{Title: "Intake, spool, import", About: "`error_code` is the code with which a request was refused.", Rows: []Row{
		{IntakeRefuses, slog.LevelWarn, "events cannot be stored; clients are told to send them again; logged once per outage", "look for the reason in the queue's log lines"},
		{IntakeOK, slog.LevelInfo, "events are stored again", "nothing"},
		{IntakeCutOff, slog.LevelWarn, "relay stopped while requests were waiting; they were not answered", "nothing; clients send them again"},
		{CertificateLoaded, slog.LevelInfo, "a changed certificate is in use", "nothing"},
		{ConnectionsBounded, slog.LevelWarn, "logged at start: the process may open too few files for `intake.max_connections`; intake accepts `taken` at once", "raise the limit of open files (`LimitNOFILE=` of the unit, `ulimit -n`), or lower `intake.max_connections`"},
		{CertificateRefused, slog.LevelWarn, "a changed certificate cannot be used, the old one stays in use", "correct `tls.cert` and `tls.key`"},
		{SpoolFileStored, slog.LevelInfo, "a dropped file was stored and moved to `done/`", "nothing"},
		{SpoolFileRefused, slog.LevelError, "a dropped file cannot be read, has no usable row, or does not fit the mapping; it was moved to `refused/`, with a report that has `claim` in its name", "correct it, or the mapping, and drop it again"},
		{SpoolRowsRefused, slog.LevelWarn, "a dropped file was stored except for some rows; a report of them, with `claim` in its name, is in `refused/`", "correct them and drop them again"},
		{SpoolWaits, slog.LevelWarn, "the spool waits for the queue", "see `queue_full`"},
		{SpoolUnreadable, slog.LevelWarn, "the spool directory, or its `.work/`, cannot be read; tried again", "check the directory's permissions"},
		{SpoolUnusable, slog.LevelError, "the spool directory, or relay's own directories in it, cannot be used; no files are read from it", "the message says what to do; check who may write to the directory"},
		{SpoolKeeps, slog.LevelInfo, "logged at start: how long stored files stay in `done/`", "`spool_keep` changes it"},
		{SpoolNotTaken, slog.LevelWarn, "something in the spool directory is not processed, `reason` says why", "do what `advice` says"},
		{SpoolNotDeleted, slog.LevelWarn, "a stored file is older than `spool_keep` and cannot be deleted; tried again", "check the permissions of `done/`"},
		{SpoolSealed, slog.LevelInfo, "files in `done/` and `refused/` that were stored before there was a `queue.encryption_key` are sealed with it", "nothing"},
		{SpoolNotSealed, slog.LevelWarn, "a file stored before there was a key cannot be sealed and stays as it is; tried again", "check the disk and the permissions of `done/` and `refused/`"},
		{SpoolQuarantined, slog.LevelError, "relay ended three times while it read a dropped file; the file was moved to `refused/`, with a report that states which rows are stored", "report it; correct the file and drop the rows that are not stored"},
		{SpoolFileNotTaken, slog.LevelWarn, "a dropped file cannot be moved to `.work/`; tried again", "check the permissions of the file and the directory"},
		{SpoolFileNotFound, slog.LevelWarn, "a file that relay was reading is missing from `.work/`; tried again", "put it back, or drop it again"},
		{SpoolFileNotStored, slog.LevelWarn, "a dropped file cannot be read or stored now; tried again", "check the disk"},
		{SpoolReportNotWritten, slog.LevelWarn, "the report of refused rows cannot be written; tried again", "check the disk"},
		{SpoolFileNotMoved, slog.LevelWarn, "a finished file cannot be moved to `done/` or `refused/`; tried again", "check the disk"},
		{SpoolClaimNotRemoved, slog.LevelWarn, "the empty directory of a finished file in `.work/` cannot be removed; tried again", "check the disk"},
		{ImportWaits, slog.LevelWarn, "an import is waiting: its progress cannot be written", "check the disk"},
		{Request, slog.LevelDebug, "a request was answered", "nothing"},
		{HTTPServer, slog.LevelDebug, "a message of Go's HTTP server about a connection", "nothing"},
	}},
	{Title: "Operators and alerts", Rows: []Row{
		{Listening, slog.LevelInfo, "relay accepts events", "nothing"},
		{Stopped, slog.LevelInfo, "relay has stopped", "nothing"},
		{Ended, slog.LevelError, "the Windows service ended with an error", "the log line says why"},
		{Alert, slog.LevelWarn, "an alert; it also goes to the webhook or command of `alerts:`", "what its `action` says"},
		{AlertResolved, slog.LevelInfo, "an alert is over", "nothing"},
		{AlertFailed, slog.LevelWarn, "an alert could not be delivered", "check the webhook or command of `alerts:`"},
		{AlertTimesNotKept, slog.LevelDebug, "after a restart an alert that was just sent may be sent again", "check the disk"},
		{LanePaused, slog.LevelInfo, "an operator paused an event set", "resume it with `relay lane resume`"},
		{LaneResumed, slog.LevelInfo, "an operator resumed an event set", "nothing"},
		{LaneSteered, slog.LevelInfo, "an operator paused, resumed or retried an event set through the admin API", "nothing"},
		{LaneDropped, slog.LevelWarn, "an operator dropped a lane's events", "nothing"},
		{LaneMoved, slog.LevelWarn, "an operator moved a lane's events", "nothing"},
		{DeadDropped, slog.LevelWarn, "an operator dropped dead letters", "nothing"},
		{DeadRedriven, slog.LevelInfo, "an operator redrove dead letters", "nothing"},
		{Replayed, slog.LevelWarn, "an operator ran `relay forward replay`: the events the hub lacked were forwarded again", "nothing"},
		{ForgetNotDone, slog.LevelError, "a forget from the hub could not be carried out at a store's relay (tried again every minute), or the hub's list of forgets for its stores cannot be read", "see `err`; run `relay forget` again"},
		{ForgetNotTold, slog.LevelWarn, "`stores` whose key was removed never received a forget from the hub", "remove the person there by hand"},
		{ForgottenNotTaken, slog.LevelWarn, "a store's relay forwarded events about a person the hub had forgotten meanwhile: they are removed and counted as `forgotten`", "nothing"},
		{PersonForgotten, slog.LevelWarn, "an operator removed a person", "nothing"},
		{BackupSent, slog.LevelInfo, "a backup is complete", "nothing"},
		{BackupFailed, slog.LevelError, "a backup ended early and left no file", "make another one"},
		{AdminFailed, slog.LevelError, "a request to the admin API failed", "the log line says why"},
		{AdminListCut, slog.LevelError, "a list ended early", "request it again"},
		{AuditFailed, slog.LevelError, "audit.log cannot be written: access and changes are not recorded", "the log line says why; logged once until it can be written again"},
		{NoSocket, slog.LevelWarn, "the queue's file system does not support sockets; the commands' socket is elsewhere", "nothing: the commands find it; set `admin.socket.path` to choose the place"},
		{Upload, slog.LevelDebug, "Meta answered a request", "nothing"},
		{LaneState, slog.LevelDebug, "an event set changed its state", "nothing"},
	}},
}
