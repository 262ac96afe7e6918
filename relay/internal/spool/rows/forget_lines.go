package rows

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"relay/relay/internal/track"
)

// spare takes a person out of a JSON value: of a list, and of a batch, the messages that
// are about them; a batch whose own members are goes whole. left is nil when nothing is
// left, and value itself when nothing goes.
func spare(value []byte, who Seeker) (left []byte, gone int) { return spareIn(value, 0, who) }

// mostLists is how many lists within lists are taken apart.
const mostLists = 3

func spareIn(value []byte, depth int, who Seeker) (left []byte, gone int) {
	if depth < mostLists {
		if items, ok := track.Items(value); ok {
			return spareItems(value, items, make([]bool, len(items)), depth+1, who)
		}
	}
	about := func(v []byte) bool { return who.Event(v, "", time.Time{}) }
	var r track.Reader
	if is, err := r.Batch(bytes.Clone(value)); is && err == nil {
		hers := make([]bool, r.Len())
		for k := range hers { // with what the batch says for all
			hers[k] = about(bytes.Clone(r.Next(k).Body))
		}
		var batch struct {
			Batch json.RawMessage `json:"batch"`
		}
		at := -1
		if json.Unmarshal(value, &batch) == nil && len(batch.Batch) > 0 {
			at = bytes.LastIndex(value, batch.Batch)
		}
		if items, ok := track.Items(batch.Batch); ok && at >= 0 && len(items) == len(hers) {
			list, gone := spareItems(batch.Batch, items, hers, mostLists, who)
			rest := append(append(bytes.Clone(value[:at]), list...), value[at+len(batch.Batch):]...)
			switch {
			case list != nil && !about(rest):
				if gone == 0 {
					return value, 0
				}
				return rest, gone
			default:
				return nil, len(items)
			}
		}
	}
	if about(value) {
		return nil, 1
	}
	return value, 0
}

// spareItems is spare of a list; hers are the items that are known to go.
func spareItems(list []byte, items [][]byte, hers []bool, depth int, who Seeker) (left []byte, gone int) {
	left = []byte{'['}
	for i, item := range items {
		n := 1
		if !hers[i] {
			item, n = spareIn(item, depth, who)
		}
		gone += n
		if hers[i] || item == nil {
			continue
		}
		if len(left) > 1 {
			left = append(left, ',')
		}
		left = append(left, item...)
	}
	switch {
	case gone == 0:
		return list, 0
	case len(left) == 1:
		return nil, gone
	}
	return append(left, ']'), gone
}

// filterLines takes lines: JSON lines, and reports, in which the text of a row stands.
func filterLines(in io.Reader, kept io.Writer, who Seeker) (gone int, err error) {
	r := bufio.NewReader(in)
	var table *tableNote // of the rows of a report
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			left, n := spareLine(line, &table, who)
			gone += n
			if _, err := kept.Write(left); err != nil {
				return gone, err
			}
		}
		if errors.Is(err, io.EOF) {
			return gone, nil
		}
		if err != nil {
			return gone, err
		}
	}
}

// spareLine is spare of a line, with what ends it. table is how rows of a report are read.
func spareLine(line []byte, table **tableNote, who Seeker) (left []byte, gone int) {
	value := bytes.TrimSpace(line)
	if len(value) == 0 {
		return line, 0
	}
	if p, ok := problemIn(value); ok {
		if p.Row == 0 && p.Code == readingCode {
			*table = p.Table
			return p.spareHeader(line, who)
		}
		if p.Table == nil {
			p.Table = *table
		}
		if p.about(who) {
			return nil, 1
		}
		return line, 0
	}
	switch left, gone = spare(value, who); {
	case gone > 0 && left == nil:
		return nil, gone
	case gone > 0:
		return append(left, '\n'), gone
	}
	return line, 0
}

// filterValues takes JSON values over several lines; of a list, each item.
func filterValues(in io.Reader, kept io.Writer, who Seeker) (gone int, err error) {
	all, err := io.ReadAll(in)
	if err != nil {
		return 0, err
	}
	dec := json.NewDecoder(bytes.NewReader(all))
	put := func(v []byte) {
		left, n := spare(v, who)
		if gone += n; left != nil {
			_, _ = fmt.Fprintf(kept, "%s\n", left) // a buffer takes everything
		}
	}
	for {
		var v json.RawMessage
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return gone, nil
		}
		if err != nil { // the rest is text
			put(all[dec.InputOffset():])
			return gone, nil //nolint:nilerr // as it was refused
		}
		if items, ok := track.Items(v); ok {
			for _, item := range items {
				put(item)
			}
			continue
		}
		put(v)
	}
}
