package sidecar

import (
	"encoding/json"
	"fmt"
	"slices"

	"relay/internal/strictyaml"
	"relay/mapper"
)

// mappingHistory is the valid mappings that the queue has stored, in its notes. The newest one
// lets relay start with a broken file. The earlier ones rebuild a request whose outcome was
// unknown when relay stopped, and find the people in earlier events.
type mappingHistory struct {
	notes  mappingNotes
	secret []byte // of the installation, for mapper.Outcome.People; nil: outcomes without people
}

// mappingNotes is the part of the queue that stores mappings.
type mappingNotes interface {
	SetNote(key string, val []byte) error
	Note(key string) []byte
}

// Keys of the notes.
const (
	noteMappings = "mappings" // digests, newest first
	noteMapping  = "mapping/" // + digest: the source
	keepMappings = 16
)

// parse parses a mapping whose outcomes contain the people they are about.
func (h mappingHistory) parse(file string, src []byte) (*mapper.Mapping, []strictyaml.Problem, error) {
	return mapper.Parse(file, src, mapper.WithSecret(h.secret))
}

// digests returns the digests of the stored mappings, newest first.
func (h mappingHistory) digests() []string {
	var ds []string
	if json.Unmarshal(h.notes.Note(noteMappings), &ds) != nil {
		return nil
	}
	return ds
}

// newest returns the source of the mapping that was valid last; false: none is stored.
func (h mappingHistory) newest() (src []byte, ok bool) {
	ds := h.digests()
	if len(ds) == 0 {
		return nil, false
	}
	return h.notes.Note(noteMapping + ds[0]), true
}

// mapping returns a stored mapping; nil if it is no longer stored.
func (h mappingHistory) mapping(digest string) *mapper.Mapping {
	src := h.notes.Note(noteMapping + digest)
	if src == nil {
		return nil
	}
	m, _, err := h.parse("mapping "+digest, src)
	if err != nil {
		return nil // of another version of relay
	}
	return m
}

// mappings returns the stored mappings, newest first.
func (h mappingHistory) mappings() (out []*mapper.Mapping) {
	for _, digest := range h.digests() {
		if m := h.mapping(digest); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// sources returns the sources of the stored mappings, newest first.
func (h mappingHistory) sources() (out []string) {
	for _, digest := range h.digests() {
		if src := h.notes.Note(noteMapping + digest); src != nil {
			out = append(out, string(src))
		}
	}
	return out
}

// add stores a source as the newest one, and removes the oldest beyond keepMappings.
// Invariant: the list names only mappings that are stored.
func (h mappingHistory) add(digest string, src []byte) error {
	ds := h.digests()
	if len(ds) > 0 && ds[0] == digest {
		return nil
	}
	if err := h.notes.SetNote(noteMapping+digest, src); err != nil {
		return fmt.Errorf("store mapping: %w", err)
	}
	ds = slices.DeleteFunc(ds, func(d string) bool { return d == digest })
	ds = slices.Insert(ds, 0, digest)
	var old []string
	if len(ds) > keepMappings {
		old, ds = ds[keepMappings:], ds[:keepMappings]
	}
	list, err := json.Marshal(ds)
	if err != nil {
		return fmt.Errorf("store mapping: %w", err)
	}
	if err := h.notes.SetNote(noteMappings, list); err != nil {
		return fmt.Errorf("store mapping: %w", err)
	}
	for _, d := range old {
		if err := h.notes.SetNote(noteMapping+d, nil); err != nil {
			return fmt.Errorf("remove old mapping: %w", err)
		}
	}
	return nil
}
