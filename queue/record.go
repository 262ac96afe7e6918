package queue

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Seq orders the records of one queue: segment number << 32 | index in it.
// Sequence numbers only grow; they are never used again.
type Seq uint64

// Lane names. A lane is keyed by the id of an event set; those below are for what no
// event set gets.
const (
	// LaneUnmapped holds events whose name no mapping knew when they came.
	LaneUnmapped = "unmapped"
	// LaneRefused holds messages that can never become a conversion (not an
	// object, no event name, too large); draining it makes dead letters.
	LaneRefused = "refused"
	// LaneConflict holds events whose id is that of another event; draining it makes
	// dead letters too. It is a lane of its own, since its letters have a bound of their
	// own (ErrDeadFull).
	LaneConflict = "id_conflict"
	// LaneLetters holds dead letters of another relay; draining it makes dead letters of
	// this one, with the reasons they came with.
	LaneLetters = "letters"
	// LaneForward holds what a relay that forwards hands to another relay.
	LaneForward = "forward"
	// LaneHad holds what a relay that others forward to notes of what it took over:
	// a record for each chunk, appended with the chunk's events. Nothing of it is an event.
	LaneHad = "had"
	// LaneKept holds copies of what a relay hands to another one, for a while: a record
	// is stored for it beside its own lane.
	LaneKept = "kept"
)

// Aside says whether nothing that a lane holds waits for anything: what a hub notes, and
// what was handed over already.
func Aside(lane string) bool { return lane == LaneHad || lane == LaneKept }

// Flags travel with a record and mean nothing to the queue. The bits 6 and 7 are
// drain's.
type Flags uint16

const (
	// FlagImported marks events that came late by import or spool: their
	// sentAt says nothing about the sender's clock.
	FlagImported Flags = 1 << iota
	// FlagTooLarge marks a message over the event size limit.
	FlagTooLarge
	// FlagRedriven marks a record that was a dead letter before.
	FlagRedriven
	// FlagMerged marks an event into which its batch's context was merged.
	FlagMerged
	// FlagRepeated marks an event in which a name stood more than once in one
	// object: the last stays.
	FlagRepeated
	// FlagNaN marks an event in which NaN or Infinity became null.
	FlagNaN
	_
	_
	// FlagIDConflict marks an event whose id is that of another event.
	FlagIDConflict
	// Behind it are the slots that were settled when the record was copied.
	flagSlots = FlagIDConflict << 1
	// FlagHad marks a record that says which lanes had its event; engines set it.
	FlagHad = flagSlots << MaxSlots
	// FlagRecipe marks a record with a Recipe; engines set it.
	FlagRecipe = FlagHad << 1
	// FlagStore marks a record with a Store; engines set it.
	FlagStore = FlagRecipe << 1
)

// drainBits are those that mean something to drain alone.
const drainBits Flags = 1<<6 | 1<<7

// Slots is a set of the conversions that a record becomes in one lane, by number:
// what one of them is, whoever drains knows.
type Slots uint8

// MaxSlots bounds their number.
const MaxSlots = 4

const allSlots = 1<<MaxSlots - 1

// Slots are those that were settled before the record was moved to another lane.
func (f Flags) Slots() Slots { return Slots(f/flagSlots) & allSlots }

// WithSlots is f with these in the place of its own.
func (f Flags) WithSlots(s Slots) Flags {
	return f&^(allSlots*flagSlots) | Flags(s&allSlots)*flagSlots
}

// Range is the sequence numbers from From to To, exclusive.
type Range struct{ From, To Seq }

// Part is a record of which some conversions are settled and others are not.
type Part struct {
	Seq   Seq
	Slots Slots
}

// Space is what an Entry is de-duplicated by. Invariant: keys of two spaces are
// never equal, whatever their text.
type Space uint8

const (
	// ByID is the space of the ids that clients give.
	ByID Space = iota
	// ByRefusedID is the space of the messages that cannot be used, by their ID and
	// Print together: one that is corrected and sent again under its id is no
	// duplicate, and neither is another that cannot be used.
	ByRefusedID
	// ByKey is the space of the keys that relay makes for itself, in Entry.Key. They
	// do not count against the bound on the number of ids.
	ByKey
	// BySale is the space of the ids that are made of what tells a sale from others in
	// one export after the other (an order number). They are remembered for SaleWindow,
	// and have a bound of their own. An entry whose ID is known is a duplicate, also
	// with another Print: Appended.Changed counts those.
	BySale
)

// SaleWindow is for how long an ID of the space BySale is remembered at least: Meta
// takes sales of physical stores for 62 days.
const SaleWindow = 62 * 24 * time.Hour

// Entry is one event to append. In the space ByID, an entry whose ID is known of an
// event with another Print is no duplicate: it is stored for LaneConflict in the
// place of its own lanes, but LaneKept, with FlagIDConflict, once for each ID and Print.
type Entry struct {
	ID       string    // message id: kept with the record
	Space    Space     // what it is de-duplicated by
	Key      string    // in the space ByKey: what takes the place of ID
	Print    uint64    // fingerprint of the event, equal for equal events; 0: not known, and the same as any
	Store    string    // whose event it is, at a relay that others forward to: ids of two stores never meet
	Lanes    []string  // who shall read it: fixed here, once
	Had      []string  // who has had its event, as another record
	Recipe   string    // what it is to be made with; means nothing to the queue
	Received time.Time // time of receipt, kept to the millisecond
	Flags    Flags
	Body     []byte // the bytes that arrived; not kept after Append returns
}

// ConflictLanes are the lanes of an event for lanes whose id is another event's.
func ConflictLanes(lanes []string) []string {
	if slices.Contains(lanes, LaneKept) {
		return []string{LaneConflict, LaneKept}
	}
	return []string{LaneConflict}
}

// maxText is the longest name of a lane or a store, in bytes.
const maxText = 1 << 10

// Valid says whether an entry can be stored, as ErrInvalid tells: by its names, not by its
// size. at is where it stands among others.
func (e *Entry) Valid(at int) error {
	if len(e.Lanes) == 0 || len(e.Lanes) > maxText {
		return fmt.Errorf("entry %d has no lane, or too many: %w", at, ErrInvalid)
	}
	if len(e.Store) > maxText {
		return fmt.Errorf("entry %d: name of its store: %w", at, ErrInvalid)
	}
	for _, name := range e.Lanes { // a summary is JSON, and would name a lane otherwise whose name is no text
		if name == "" || len(name) > maxText || !utf8.ValidString(name) {
			return fmt.Errorf("entry %d has a lane without a proper name: %w", at, ErrInvalid)
		}
	}
	return nil
}

// Record is one event as it lies in the log.
type Record struct {
	Seq      Seq
	ID       string
	Store    string
	Lanes    []string
	Had      []string // lanes that had its event before, as another record
	Recipe   string   // Entry.Recipe
	Received time.Time
	Flags    Flags
	Settled  Slots // in the lane it was read from: what must not be sent again
	Body     []byte
}

// Appended says what became of one Append.
type Appended struct {
	Stored     int // newly on disk
	Duplicates int // already there (or twice in the same call): nothing written
	Changed    int // of those, in the space BySale, with another Print than what is there
	Conflicts  int // newly on disk for LaneConflict, flagged, since their ID is that of another event
}

// Batch is what Read found for one lane: the records of it that are not settled,
// in order.
type Batch struct {
	Records []Record // copies; no transaction stays open
	From    Seq      // the lane has no others from here
	Next    Seq      // to here, exclusive: where the next Read goes on
	More    bool     // the lane has more behind Next

	// Covers are the ranges in which the records are, in their order, and no others of the
	// lane, where an engine orders them otherwise than by number. From and Next are then places in its
	// own order, above every number: they say where to read, never what to settle.
	Covers []Range
}

// Done gives ranges in which every record of the batch is settled, for Settlement:
// all of it but the records for which open says so.
func (b *Batch) Done(open func(i int) bool) (out []Range) {
	if b.Covers == nil {
		return without(nil, Range{b.From, b.Next}, b.Records, open)
	}
	i := 0
	for _, r := range b.Covers {
		first := i
		for i < len(b.Records) && b.Records[i].Seq >= r.From && b.Records[i].Seq < r.To {
			i++
		}
		out = without(out, r, b.Records[first:i], func(k int) bool { return open(first + k) })
	}
	return out
}

// without appends to out what a range has between the records that are open.
func without(out []Range, r Range, records []Record, open func(i int) bool) []Range {
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

// Whole are the ranges of all of the batch, for Settlement.
func (b *Batch) Whole() []Range { return b.Done(func(int) bool { return false }) }

// Revision says how a lane stands: each settlement leaves it with another one. It is
// opaque, and never 0 for a lane that there is.
type Revision uint64

// Settlement says what became of records. Everything in it becomes durable together
// and in an order that may repeat work after a crash but never lose it: dead
// letters are synced before their records are settled.
//
// Who drains a lane owns it, and names the revision for which it made the settlement:
// if the lane has another one by now nothing happens (ErrStale). What became of
// records stays true whoever settled some of them meanwhile: the owner makes the same
// settlement again for the lane as it is. Everybody else (a move, an operator) names
// none, and raises LaneStat.Void by it.
type Settlement struct {
	ID       uint64   // names it, unless 0: called again the lane's last settlement is not made twice, also after a crash
	Revision Revision // of the lane, as its owner knows it; 0: of who is not its owner
	Settled  []Range  // every record of the lane in them is; those of Batch.Done leave no number between two batches open
	Parts    []Part   // what is settled of other records
	State    []byte   // replaces the lane's state unless nil (empty clears it); some 10 KB
	Dead     []DeadLetter
	Counts   map[string]int // what the settled records became, added to the lane's counters: "delivered", "skip:no_consent", "dead:expired"
}

// Upto is Settlement.Settled of everything before a sequence number.
func Upto(end Seq) []Range { return []Range{{0, end}} }

// DeadLetter is a conversion or message that is kept because it cannot be
// delivered as it is. A lane has one for a record and slot: storing it again
// overwrites it, under its old id.
type DeadLetter struct {
	ID          string    `json:"id"`              // given by the queue when it is stored
	Seq         Seq       `json:"-"`               // the record it was made of
	Slot        uint8     `json:"-"`               // which of the conversions of that record in this lane
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
	ReleaseAt   time.Time `json:"release_at,omitzero"` // redriven by itself once due (reason future)
	Attempts    int       `json:"attempts"`
	MappingHash string    `json:"mapping,omitempty"` // digest of the mapping that refused it
	Recipe      string    `json:"recipe,omitempty"`  // of its record when it is sent again to its own lane
	Flags       Flags     `json:"flags,omitempty"`
	Body        []byte    `json:"-"`             // the event as it arrived
	Cut         int64     `json:"cut,omitempty"` // bytes of Body that the queue had no room for
}

// Everywhere are the lanes that a record is for, and those that had its event before.
func (r *Record) Everywhere() []string {
	all := slices.Clone(r.Lanes)
	for _, lane := range r.Had {
		if !slices.Contains(all, lane) {
			all = append(all, lane)
		}
	}
	return all
}

// Again is what is appended when the letter is sent again to lanes: the event as it
// arrived, under the id it had. An event whose id is another event's gets one of its
// own, since Meta would take it for the other too. To the lane of the letter goes what
// the letter is of; to another one all of the event, once, however many letters it has.
func (d DeadLetter) Again(lanes []string) (out []Entry) {
	had := d.Lanes
	if d.Flags.Slots() == 0 { // the lane of the letter has nothing of it, once the letter is gone
		had = slices.DeleteFunc(slices.Clone(had), func(lane string) bool { return lane == d.EventSet })
	}
	e := Entry{ID: d.MessageID, Store: d.Store, Space: ByKey, Had: had, Received: d.ReceivedAt, Flags: d.Flags | FlagRedriven, Body: d.Body}
	if d.Flags&FlagIDConflict != 0 {
		e.ID += "." + d.ID
		e.Flags &^= FlagIDConflict
	}
	for _, lane := range lanes {
		to := e
		to.Lanes, to.Key, to.Recipe = []string{lane}, "dead:"+d.ID, d.Recipe
		if lane != d.EventSet {
			to.Flags, to.Key, to.Recipe = to.Flags.WithSlots(0)&^drainBits, "redrive:"+lane+":"+e.ID, ""
			if e.Store != "" { // as ids, such keys never meet those of another store
				to.Key = "redrive@" + fmt.Sprint(len(e.Store)) + ":" + e.Store + to.Key[len("redrive"):]
			}
		}
		out = append(out, to)
	}
	return out
}
