package queuetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"relay/queue"
)

var crashLanes = []string{"a", "b"}

// lanesOf returns the lanes of an id.
func lanesOf(id string) []string {
	switch len(bodyOf(id)) % 3 {
	case 0:
		return crashLanes[:1]
	case 1:
		return crashLanes[1:]
	}
	return crashLanes
}

// becomesLetter reports whether an id ends as a letter.
func becomesLetter(id string) bool { return len(bodyOf(id))%7 == 0 }

// child uses the log in dir until it is killed: several callers append, and one reader per lane
// settles. It exits when its standard input is closed, and on any unexpected error.
func child(open Opener, dir string) {
	fail := func(format string, a ...any) {
		fmt.Fprintf(os.Stderr, format+"\n", a...)
		os.Exit(1)
	}
	f, err := os.OpenFile(os.Getenv(childJournal), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fail("open journal: %v", err)
	}
	log, err := open(dir)
	if err != nil {
		fail("open log: %v", err)
	}
	c := &crashChild{log: log, journal: f, fail: fail}
	for p := range 6 {
		go c.produce(fmt.Sprintf("%s-%d", os.Getenv(childLife), p))
	}
	for _, lane := range crashLanes {
		go c.consume(lane)
	}
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // it ends with the parent
	os.Exit(1)
}

type crashChild struct {
	log     Log
	journal *os.File
	fail    func(format string, a ...any)
}

// write adds a line for each id, all of them in one call.
func (c *crashChild) write(what string, ids ...string) {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "%s %s\n", what, id)
	}
	if _, err := c.journal.WriteString(b.String()); err != nil {
		c.fail("write journal: %v", err)
	}
}

// produce appends until it is killed. It writes an id to the journal as confirmed only after Append
// has returned.
func (c *crashChild) produce(prefix string) {
	for n := 0; ; {
		var entries []queue.Entry
		var ids []string
		for range 1 + n*7%5 {
			id := fmt.Sprintf("%s-%d", prefix, n)
			n++
			entries, ids = append(entries, event(id, lanesOf(id)...)), append(ids, id)
		}
		c.write(tried, ids...)
		for {
			_, err := c.log.Append(context.Background(), entries)
			if err == nil {
				break
			}
			if full := new(queue.FullError); !errors.As(err, &full) {
				c.fail("append: %v", err)
			}
			<-time.After(time.Millisecond) // until the readers make room
		}
		c.write(acked, ids...)
	}
}

// consume settles a lane until it is killed, part of it as letters. It leaves some records of each
// batch to be settled later.
func (c *crashChild) consume(lane string) {
	ctx := context.Background()
	var rev Revision
	for n := 0; ; n++ {
		changed := c.log.Changed(lane)
		b, err := c.log.Read(ctx, lane, 0, Limit{Records: 40})
		if err != nil {
			c.fail("read: %v", err)
		}
		if len(b.Records) == 0 {
			<-changed
			continue
		}
		if n == 0 {
			if rev, err = c.revision(lane); err != nil {
				c.fail("lanes: %v", err)
			}
		}
		s := Settlement{ID: idOf(os.Getenv(childLife), lane, n), Revision: rev}
		var ids []string
		waits := make(map[queue.Seq]bool)
		for i, r := range b.Records {
			if waits[r.Seq] = (i*7+n)%3 == 0 && n%4 > 0; waits[r.Seq] {
				continue
			}
			ids = append(ids, lane+" "+r.ID)
			if becomesLetter(r.ID) {
				s.Dead = append(s.Dead, letter(r))
			}
		}
		s.Settled = b.done(func(r queue.Record) bool { return waits[r.Seq] })
		c.write(settling, ids...)
		if rev, err = c.log.Settle(ctx, lane, s); err != nil {
			c.fail("settle: %v", err)
		}
		c.write(settled, ids...)
	}
}

func (c *crashChild) revision(lane string) (Revision, error) {
	lanes, err := c.log.Lanes(context.Background())
	for _, l := range lanes {
		if l.Name == lane {
			return l.Revision, err
		}
	}
	return 0, err
}
