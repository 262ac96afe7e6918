package queue

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Seq orders the records of one queue. Sequence numbers only grow and are never reused. What they
// are made of is the engine's business: in package local, segment number << 32 | index.
type Seq uint64

// Lane names. A lane is named after the id of its event set. The lanes below hold what goes to no
// event set.
const (
	// LaneUnmapped holds events whose name no mapping knew when they arrived.
	LaneUnmapped = "unmapped"
	// LaneRefused holds messages that can never become a conversion (not an object, no event name,
	// too large). Draining it produces dead letters.
	LaneRefused = "refused"
	// LaneConflict holds events whose id belongs to another event. Draining it produces dead
	// letters. It is a separate lane because its letters have their own size limit (ErrDeadFull).
	LaneConflict = "id_conflict"
	// LaneLetters holds dead letters of another relay. Draining it produces dead letters here, with
	// their original reasons.
	LaneLetters = "letters"
	// LaneForward holds what this relay forwards to another relay.
	LaneForward = "forward"
	// LaneHad holds a hub's record of the chunks it has taken from other relays: one record per
	// chunk, appended together with the chunk's events. Its records are not events.
	LaneHad = "had"
	// LaneKept holds copies, for a limited time, of what was forwarded to another relay. A record
	// is stored for LaneKept in addition to its own lane.
	LaneKept = "kept"
)

// IsBookkeeping reports whether nothing in the lane waits for delivery: a hub's notes, and copies
// of what was already handed over.
func IsBookkeeping(lane string) bool { return lane == LaneHad || lane == LaneKept }

// Flags travel with a record and mean nothing to the queue. Bits 6 and 7 belong to package drain,
// bits 16 to 23 are ClockPeriod.
type Flags uint32

const (
	// FlagImported marks events that arrived late, by import or spool: their sentAt tells nothing
	// about the sender's clock.
	FlagImported Flags = 1 << iota
	// FlagTooLarge marks a message over the event size limit.
	FlagTooLarge
	// FlagRedriven marks a record that was a dead letter.
	FlagRedriven
	// FlagMerged marks an event into which its batch's context was merged.
	FlagMerged
	// FlagRepeated marks an event with a duplicate name in one object; the last one was kept.
	FlagRepeated
	// FlagNaN marks an event in which NaN or Infinity became null.
	FlagNaN
	_
	_
	// FlagIDConflict marks an event whose id belongs to another event.
	FlagIDConflict
	// The following bits hold the slots that were settled when the record was copied.
	flagSlots = FlagIDConflict << 1
	// FlagSeenBy marks a record with SeenBy; engines set it.
	FlagSeenBy = flagSlots << MaxSlots
	// FlagRecipe marks a record with a Recipe; engines set it.
	FlagRecipe = FlagSeenBy << 1
	// FlagStore marks a record with a Store; engines set it.
	FlagStore = FlagRecipe << 1
)

// MaxFlags is the largest value of Flags.
const MaxFlags = 1<<24 - 1

const clockShift = 16

// ClockPeriod is the number of the period in which the record was received by a clock that was
// not trusted. 0: the clock was trusted, or nothing is known about it. Package clock dates such
// records once it knows the time.
func (f Flags) ClockPeriod() uint8 { return uint8(f >> clockShift) }

// WithClockPeriod returns f with its clock period replaced by n.
func (f Flags) WithClockPeriod(n uint8) Flags {
	return f&^(0xff<<clockShift) | Flags(n)<<clockShift
}

// drainFlags are the bits that only package drain uses.
const drainFlags Flags = 1<<6 | 1<<7

// Slots is a set of the conversions a record becomes in one lane, by number. Only the code that
// drains the lane knows what each number means.
type Slots uint8

// MaxSlots is the most slots a record can have in one lane.
const MaxSlots = 4

const allSlots = 1<<MaxSlots - 1

// Slots returns the slots that were settled before the record was moved to another lane.
func (f Flags) Slots() Slots { return Slots(f/flagSlots) & allSlots }

// WithSlots returns f with its slots replaced by s.
func (f Flags) WithSlots(s Slots) Flags {
	return f&^(allSlots*flagSlots) | Flags(s&allSlots)*flagSlots
}

// Range is the sequence numbers from From up to, but not including, To.
type Range struct{ From, To Seq }

// Part is a record of which only some conversions are settled.
type Part struct {
	Seq   Seq
	Slots Slots
}

// Space is what an Entry is de-duplicated by. Invariant: keys of two spaces are never equal,
// whatever their text.
type Space uint8

const (
	// ByID is the space of ids given by clients.
	ByID Space = iota
	// ByRefusedID is the space of unusable messages, by ID and Fingerprint together. A corrected
	// message sent again under the same id is not a duplicate, nor is another unusable one.
	ByRefusedID
	// ByKey is the space of keys that relay makes itself, in Entry.Key. They do not count against
	// the limit on the number of ids.
	ByKey
	// BySale is the space of ids derived from what identifies a sale across repeated exports (an
	// order number). They are remembered for SaleWindow and have their own limit. An entry with a
	// known ID is a duplicate even if its Fingerprint differs; Appended.Changed counts those.
	BySale
)

// SaleWindow is the minimum time for which an ID of the space BySale is remembered: Meta accepts
// sales of physical stores for 62 days.
const SaleWindow = 62 * 24 * time.Hour

// Entry is one event to append. In the space ByID, an entry whose ID is known from an event with
// another Fingerprint is not a duplicate. It is stored for LaneConflict instead of its own lanes
// (except LaneKept), with FlagIDConflict, once per ID and Fingerprint.
type Entry struct {
	ID          string    // message id: kept with the record
	Space       Space     // what the entry is de-duplicated by
	Key         string    // replaces ID in the space ByKey
	Fingerprint uint64    // of the event: equal for equal events; 0 is unknown and matches any
	Store       string    // whose event it is, at a relay that others forward to: ids of two stores never collide
	Lanes       []string  // which lanes read it; never changed afterwards
	SeenBy      []string  // lanes that already had the event, as another record
	Recipe      string    // how to map it; means nothing to the queue
	Received    time.Time // time of receipt, kept to the millisecond
	Flags       Flags
	Body        []byte // the bytes as received; not used after Append returns
}

// ConflictLanes returns the lanes that store an event for lanes if its id belongs to another event.
func ConflictLanes(lanes []string) []string {
	if slices.Contains(lanes, LaneKept) {
		return []string{LaneConflict, LaneKept}
	}
	return []string{LaneConflict}
}

// maxText is the longest name of a lane or a store, in bytes.
const maxText = 1 << 10

// Valid returns ErrInvalid if the entry's names make it impossible to store; it does not check the
// size. at is the entry's index in the request.
func (e *Entry) Valid(at int) error {
	if len(e.Lanes) == 0 || len(e.Lanes) > maxText {
		return fmt.Errorf("entry %d has no lane or too many lanes: %w", at, ErrInvalid)
	}
	if len(e.Store) > maxText {
		return fmt.Errorf("entry %d: store name is too long: %w", at, ErrInvalid)
	}
	for _, name := range e.Lanes { // summaries are JSON, which would change a name that is not UTF-8
		if name == "" || len(name) > maxText || !utf8.ValidString(name) {
			return fmt.Errorf("entry %d has a lane with an invalid name: %w", at, ErrInvalid)
		}
	}
	return nil
}

// Record is one event as stored in the log.
type Record struct {
	Seq      Seq
	ID       string
	Store    string
	Lanes    []string
	SeenBy   []string // Entry.SeenBy
	Recipe   string   // Entry.Recipe
	Received time.Time
	Flags    Flags
	Settled  Slots // in the lane it was read from: these must not be sent again
	Body     []byte
}

// Appended is the outcome of one Append.
type Appended struct {
	Stored     int // newly stored
	Duplicates int // already stored, or repeated within the call: nothing written
	Changed    int // duplicates in the space BySale with another Fingerprint than the stored one
	Conflicts  int // newly stored for LaneConflict and flagged, because their ID belongs to another event
}

// Batch is what Read found: records that one lane has not settled, in order.
type Batch struct {
	Records []Record // copies; no transaction stays open
	From    Seq      // the batch holds all of the lane's records from here
	Next    Seq      // up to here, exclusive; the next Read continues here
	More    bool     // the lane has more records from Next on

	// Covers is set by engines that do not order records by number: the ranges, in the order of
	// Records, that contain these records and no others of the lane. From and Next are then
	// positions in the engine's own order, above every sequence number. They are for Read only,
	// never for Settle.
	Covers []Range
}

// RangesExcept returns ranges to settle that contain every record of the batch except those for
// which open is true.
func (b *Batch) RangesExcept(open func(i int) bool) (out []Range) {
	if b.Covers == nil {
		return subtractOpen(nil, Range{b.From, b.Next}, b.Records, open)
	}
	i := 0
	for _, r := range b.Covers {
		first := i
		for i < len(b.Records) && b.Records[i].Seq >= r.From && b.Records[i].Seq < r.To {
			i++
		}
		out = subtractOpen(out, r, b.Records[first:i], func(k int) bool { return open(first + k) })
	}
	return out
}

// subtractOpen appends to out the parts of r that lie between the open records.
func subtractOpen(out []Range, r Range, records []Record, open func(i int) bool) []Range {
	for i := range records {
		if open(i) {
			if at := records[i].Seq; at > r.From {
				out = append(out, Range{r.From, at})
			}
			r.From = records[i].Seq + 1
		}
	}
	if r.To > r.From {
		out = append(out, r)
	}
	return out
}

// Ranges returns ranges to settle that contain every record of the batch.
func (b *Batch) Ranges() []Range { return b.RangesExcept(func(int) bool { return false }) }

// Revision identifies a lane's state: every settlement changes it. It is opaque, and never 0 for a
// lane that exists.
type Revision uint64

// Settlement is the outcome of a lane's records. All of it becomes durable together, in an order
// that after a crash may repeat work but never loses it: dead letters are synced before their
// records are settled.
//
// The caller that drains a lane owns it, and names the revision the settlement was made for. If the
// lane's revision differs, nothing happens (ErrStale). The outcome of a record stays true no matter
// who settled other records in the meantime, so the owner repeats the settlement for the lane's new
// revision. Every other caller (a move, an operator) leaves Revision 0, which raises
// LaneStat.Invalidations.
type Settlement struct {
	ID       uint64   // if not 0, identifies the settlement: repeating the lane's last one has no effect, even after a crash
	Revision Revision // of the lane, as its owner last saw it; 0 if the caller does not own the lane
	Settled  []Range  // settles every record of the lane in these ranges; those of consecutive batches leave no gap
	Parts    []Part   // conversions settled of other records
	State    []byte   // replaces the lane's state unless nil (empty clears it); about 10 KB at most
	Dead     []DeadLetter
	Counts   map[string]int // outcomes of the settled records, added to the lane's counters: "delivered", "skip:no_consent", "dead:expired"
}

// UpTo returns the range of everything before a sequence number, for Settlement.Settled.
func UpTo(end Seq) []Range { return []Range{{0, end}} }

// DeadLetter is a conversion or message kept because it cannot be delivered as it is. A lane has at
// most one per record and slot: storing another replaces it under the same id.
type DeadLetter struct {
	ID          string    `json:"id"`              // assigned by the queue
	Seq         Seq       `json:"-"`               // the record it was made from
	Slot        uint8     `json:"-"`               // which conversion of that record in this lane
	Lanes       []string  `json:"lanes,omitempty"` // that had the event
	MessageID   string    `json:"message_id"`
	Store       string    `json:"store,omitempty"` // Entry.Store
	Event       string    `json:"event"`
	List        string    `json:"list,omitempty"` // events, lead or complete_registration
	EventSet    string    `json:"event_set"`
	Reason      string    `json:"reason"`
	Message     string    `json:"message"`
	Code        int       `json:"code"`
	Subcode     int       `json:"subcode"`
	FBTraceID   string    `json:"fbtrace_id"`
	ReceivedAt  time.Time `json:"received_at"`
	DeadAt      time.Time `json:"dead_at"`
	ReleaseAt   time.Time `json:"release_at,omitzero"` // when it is redriven automatically (reason future)
	Attempts    int       `json:"attempts"`
	MappingHash string    `json:"mapping,omitempty"` // digest of the mapping that refused it
	Recipe      string    `json:"recipe,omitempty"`  // of its record, used if it is sent again to its own lane
	Flags       Flags     `json:"flags,omitempty"`
	Body        []byte    `json:"-"`             // the event as received
	Cut         int64     `json:"cut,omitempty"` // bytes of Body that did not fit in the queue
}

// AllLanes returns the record's lanes and those that already had its event.
func (r *Record) AllLanes() []string {
	all := slices.Clone(r.Lanes)
	for _, lane := range r.SeenBy {
		if !slices.Contains(all, lane) {
			all = append(all, lane)
		}
	}
	return all
}

// RedriveEntries returns the entries that send the letter again to lanes: the event as received,
// under its original id. If the id belongs to another event, the entry gets a new id, because Meta
// would otherwise treat the two events as one. The letter's own lane receives only the letter's
// conversion. Any other lane receives the whole event, once, however many letters it has.
func (d DeadLetter) RedriveEntries(lanes []string) (out []Entry) {
	had := d.Lanes
	if d.Flags.Slots() == 0 { // once the letter is gone, its lane holds nothing of the event
		had = slices.DeleteFunc(slices.Clone(had), func(lane string) bool { return lane == d.EventSet })
	}
	e := Entry{ID: d.MessageID, Store: d.Store, Space: ByKey, SeenBy: had, Received: d.ReceivedAt, Flags: d.Flags | FlagRedriven, Body: d.Body}
	if d.Flags&FlagIDConflict != 0 {
		e.ID += "." + d.ID
		e.Flags &^= FlagIDConflict
	}
	for _, lane := range lanes {
		to := e
		to.Lanes, to.Key, to.Recipe = []string{lane}, "dead:"+d.ID, d.Recipe
		if lane != d.EventSet {
			to.Flags, to.Key, to.Recipe = to.Flags.WithSlots(0)&^drainFlags, "redrive:"+lane+":"+e.ID, ""
			if e.Store != "" { // like ids, such keys never collide with those of another store
				to.Key = "redrive@" + fmt.Sprint(len(e.Store)) + ":" + e.Store + to.Key[len("redrive"):]
			}
		}
		out = append(out, to)
	}
	return out
}
