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

// Letters travel in requests of so many at most, and of about so many bytes.
const (
	lettersAtOnce = 500
	lettersBytes  = 4 << 20
	maxLetterLine = 64 << 20
)

// StoreLetters stores the dead letters of an export, in pieces.
func (s *Session) StoreLetters(ctx context.Context, in io.ReadSeeker, store string) (done api.Imported, err error) {
	piece, size := api.DeadImport{Store: store}, 0
	send := func() error {
		if len(piece.Letters) == 0 {
			return nil
		}
		r, err := s.ImportDead(ctx, piece)
		done.Stored, done.Duplicates = done.Stored+r.Stored, done.Duplicates+r.Duplicates
		piece.Letters, size = nil, 0
		return err
	}
	err = EachLetter(in, func(x api.DeadDetail, bytes int) error {
		if len(piece.Letters) >= lettersAtOnce || size > 0 && size+bytes > lettersBytes {
			if err := send(); err != nil {
				return err
			}
		}
		piece.Letters, size = append(piece.Letters, x), size+bytes
		return nil
	})
	if err != nil {
		return done, err
	}
	return done, send()
}

// EachLetter reads an export of dead letters from its beginning.
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
			err = errors.New("it is no dead letter as `relay dead export` writes it")
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
