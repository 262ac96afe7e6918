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

// removePerson removes from a list or a batch the messages that are about the person. A batch
// whose shared members are about the person is removed as a whole. left is nil if nothing is
// left, and value itself if nothing is removed.
func removePerson(value []byte, who Matcher) (left []byte, gone int) {
	return removePersonAt(value, 0, who)
}

// maxListDepth is how many levels of lists within lists are taken apart.
const maxListDepth = 3

func removePersonAt(value []byte, depth int, who Matcher) (left []byte, gone int) {
	if depth < maxListDepth {
		if items, ok := track.Items(value); ok {
			return removeFromList(value, items, make([]bool, len(items)), depth+1, who)
		}
	}
	about := func(v []byte) bool { return who.Event(v, "", time.Time{}) }
	var r track.Reader
	if is, err := r.Batch(bytes.Clone(value)); is && err == nil {
		matched := make([]bool, r.Len())
		for k := range matched { // including the batch's shared members
			matched[k] = about(bytes.Clone(r.Next(k).Body))
		}
		var batch struct {
			Batch json.RawMessage `json:"batch"`
		}
		at := -1
		if json.Unmarshal(value, &batch) == nil && len(batch.Batch) > 0 {
			at = bytes.LastIndex(value, batch.Batch)
		}
		if items, ok := track.Items(batch.Batch); ok && at >= 0 && len(items) == len(matched) {
			list, gone := removeFromList(batch.Batch, items, matched, maxListDepth, who)
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

// removeFromList removes items from a list; those with matched set are already known to match.
func removeFromList(list []byte, items [][]byte, matched []bool, depth int, who Matcher) (left []byte, gone int) {
	left = []byte{'['}
	for i, item := range items {
		n := 1
		if !matched[i] {
			item, n = removePersonAt(item, depth, who)
		}
		gone += n
		if matched[i] || item == nil {
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

// filterLines filters lines: JSON lines, and reports, which contain the text of rows.
func filterLines(in io.Reader, kept io.Writer, who Matcher) (gone int, err error) {
	r := bufio.NewReader(in)
	var table *tableNote // how to read the rows of a report
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			left, n := removeFromLine(line, &table, who)
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

// removeFromLine is removePerson for a line with its line end. table is how rows of a report are
// read.
func removeFromLine(line []byte, table **tableNote, who Matcher) (left []byte, gone int) {
	value := bytes.TrimSpace(line)
	if len(value) == 0 {
		return line, 0
	}
	if p, ok := problemIn(value); ok {
		if p.Row == 0 && p.Code == readingCode {
			*table = p.Table
			return p.removeFromHeader(line, who)
		}
		if p.Table == nil {
			p.Table = *table
		}
		if p.matches(who) {
			return nil, 1
		}
		return line, 0
	}
	switch left, gone = removePerson(value, who); {
	case gone > 0 && left == nil:
		return nil, gone
	case gone > 0:
		return append(left, '\n'), gone
	}
	return line, 0
}

// filterValues filters JSON values that span several lines; of a list, each item.
func filterValues(in io.Reader, kept io.Writer, who Matcher) (gone int, err error) {
	all, err := io.ReadAll(in)
	if err != nil {
		return 0, err
	}
	dec := json.NewDecoder(bytes.NewReader(all))
	put := func(v []byte) {
		left, n := removePerson(v, who)
		if gone += n; left != nil {
			_, _ = fmt.Fprintf(kept, "%s\n", left) // kept is a buffer, which never fails
		}
	}
	for {
		var v json.RawMessage
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return gone, nil
		}
		if err != nil { // treat the rest as text
			put(all[dec.InputOffset():])
			return gone, nil //nolint:nilerr // an import refused it too
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
