package track

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"relay/mapper"
	"relay/queue"
)

// letterLanes are the lanes of a dead letter from another relay.
var letterLanes = []string{queue.LaneLetters}

// LetterEntry returns the queue entry for a dead letter of another relay. The event is its
// body, so that a forget finds it; the rest is its recipe. The same letter makes the same
// entry. An event set that already got the event is not sent it again (Lanes). The other
// relay's mapping is not available here, so a letter whose outcome is unknown is mapped again
// with the current mapping.
func LetterEntry(d queue.DeadLetter) (queue.Entry, error) {
	if len(d.Lanes) == 0 && d.EventSet != "" {
		d.Lanes = []string{d.EventSet}
	}
	d.Recipe = ""
	id := d.ID
	d.ID = ""
	b, err := json.Marshal(d)
	if err != nil {
		return queue.Entry{}, fmt.Errorf("dead letter: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %d %s", id, len(b), b)
	sum.Write(d.Body)
	return queue.Entry{
		ID: d.MessageID, Space: queue.ByKey, Key: "letter:" + hex.EncodeToString(sum.Sum(nil)), Store: d.Store,
		Lanes: letterLanes, Recipe: string(b), Received: d.ReceivedAt, Flags: d.Flags, Body: d.Body,
	}, nil
}

// LettersOf returns the dead letters stored in records of LetterEntry.
func LettersOf(records []queue.Record) []queue.DeadLetter {
	out := make([]queue.DeadLetter, len(records))
	for i := range records {
		r := &records[i]
		d := queue.DeadLetter{}
		if json.Unmarshal([]byte(r.Recipe), &d) != nil || d.Reason == "" {
			d = queue.DeadLetter{MessageID: r.ID, Event: Name(r.Body), Reason: mapper.ReasonInvalid, Message: "the other relay's description of this dead letter cannot be read"}
		}
		d.Seq, d.Store, d.ReceivedAt, d.Flags, d.Body = r.Seq, r.Store, r.Received, r.Flags, r.Body
		out[i] = d
	}
	return out
}
