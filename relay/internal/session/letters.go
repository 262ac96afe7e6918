package session

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"relay/relay/internal/api"
	"relay/relay/internal/track"
)

// The most letters and about the most bytes of one import request, and the longest line
// of an export in bytes.
const (
	requestLetters = 500
	requestBytes   = 4 << 20
	maxLetterLine  = 64 << 20
)

// StoreLetters stores the dead letters of an export, in several requests. On an error,
// done counts the letters that are stored.
func (s *Session) StoreLetters(ctx context.Context, in io.ReadSeeker, store string) (done api.Imported, err error) {
	request, size := api.DeadImport{Store: store}, 0
	send := func() error {
		if len(request.Letters) == 0 {
			return nil
		}
		r, err := s.ImportDead(ctx, request)
		done.Stored, done.Duplicates = done.Stored+r.Stored, done.Duplicates+r.Duplicates
		request.Letters, size = nil, 0
		return err
	}
	err = EachLetter(in, func(x api.DeadDetail, bytes int) error {
		if len(request.Letters) >= requestLetters || size > 0 && size+bytes > requestBytes {
			if err := send(); err != nil {
				return err
			}
		}
		request.Letters, size = append(request.Letters, x), size+bytes
		return nil
	})
	if err != nil {
		return done, err
	}
	return done, send()
}

// EachLetter calls fn for every dead letter of an export, from the beginning of in. Errors
// name the line.
func EachLetter(in io.ReadSeeker, fn func(x api.DeadDetail, bytes int) error) error {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLetterLine)
	line := 0
	for lines.Scan() {
		line++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		var x api.DeadDetail
		err := json.Unmarshal(text, &x)
		if err == nil {
			err = x.Check(track.IsEventSet)
		} else {
			err = errors.New("not a dead letter in the format of `relay dead export`")
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if err := fn(x, len(text)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", line+1, err)
	}
	return nil
}
