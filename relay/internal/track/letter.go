package track

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"relay/mapper"
	"relay/queue"
)

// letterLanes are the lanes that a dead letter of another relay is stored for.
var letterLanes = []string{queue.LaneLetters}

// LetterEntry is what is stored of a dead letter of another relay: its event, so that a
// forget finds it, and the rest of it as the recipe. The same letter is the same entry.
// What was delivered to a set is not sent there again (Lanes); the mapping of the other
// relay is not here, so that a letter in doubt is made anew by the one in force.
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

// LettersOf are the dead letters that records of LetterEntry are of.
func LettersOf(records []queue.Record) []queue.DeadLetter {
	out := make([]queue.DeadLetter, len(records))
	for i := range records {
		r := &records[i]
		d := queue.DeadLetter{}
		if json.Unmarshal([]byte(r.Recipe), &d) != nil || d.Reason == "" {
			d = queue.DeadLetter{MessageID: r.ID, Event: Name(r.Body), Reason: mapper.ReasonInvalid, Message: "what another relay said of this dead letter cannot be read"}
		}
		d.Seq, d.Store, d.ReceivedAt, d.Flags, d.Body = r.Seq, r.Store, r.Received, r.Flags, r.Body
		out[i] = d
	}
	return out
}
