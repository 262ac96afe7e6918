package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/fold"
)

// PhysicalStore is the action_source of a sale in a store, and the default.
const PhysicalStore = "physical_store"

// Parse parses a mapping file. file is its name in messages. Warnings are legal but suspicious
// entries. The error, if any, is a strictyaml.Problems with all mistakes of the file.
func Parse(file string, src []byte) (*Rules, []strictyaml.Problem, error) {
	doc, err := strictyaml.Parse(file, src)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(src)
	p := parser{doc: doc, m: &Rules{
		Digest: hex.EncodeToString(sum[:6]),
		api:    meta.Conversions, Events: map[string][]Route{}, Times: event.Times{Loc: time.UTC}, UploadTag: "Segment",
		Lines: map[string]int{},
	}}
	p.mapping()
	if err := doc.Err(); err != nil {
		return nil, doc.Warnings(), err
	}
	return p.m, doc.Warnings(), nil
}

// parser parses one mapping file. Problems are collected in doc.
type parser struct {
	doc    *strictyaml.Document
	m      *Rules
	byName map[string]Set // event_sets
	byID   map[string]Set
	amount bool // the sources that are being read are amounts

	setPaths []setPath // all paths of custom_data.set
}

// setPath is a path in custom_data.set.
type setPath struct {
	at   strictyaml.Value
	path event.Path
	kept bool // listed in custom_data.keep
}

func (p *parser) mapping() {
	o, ok := p.doc.Root().Object()
	if !ok {
		return
	}
	m := p.m
	p.version(o)
	if v, ok := p.key(o, "api"); ok {
		p.readAPI(v, &m.api)
	}
	p.defaults(o, &m.defaults) // needed to check constants
	p.settings(o)
	p.eventSets(o)
	p.customData(o) // before the events, which can have rules of their own
	for _, list := range Lists() {
		p.list(o, list)
	}
	p.valueFields(o)
	p.currency(o)
	p.products(o)
	p.houseAccounts(o)
	p.limitedUse(o)
	p.matchKeys(o)
	p.checkSetPaths()
	p.orderIDAt(o)
	p.storeData(o)
	p.contentFields(o)
	p.memberKeys(func(name string) (strictyaml.Value, bool) { return p.key(o, name) }, &m.Members)
	o.Done()
	p.warnSuspicious(o)
}

// key is Object.Field. It also stores the line of the key for explanations.
func (p *parser) key(o *strictyaml.Object, name string) (strictyaml.Value, bool) {
	v, ok := o.Field(name)
	if ok {
		p.m.Lines[name], _ = v.Key().Pos()
	}
	return v, ok
}

func (p *parser) version(o *strictyaml.Object) {
	v, ok := o.Field("version")
	if !ok {
		o.Value().Errorf(`the key "version" is missing`).WithHint("start the file with: version: 1")
		return
	}
	if text, ok := v.Text(); ok && text != "1" {
		v.Errorf("this relay does not support version %s", v.Written()).WithHint("write 1")
	}
}

func (p *parser) readAPI(v strictyaml.Value, into *meta.API) {
	text, ok := p.oneOf(v, string(meta.Conversions), string(meta.Offline))
	if !ok {
		return
	}
	*into = meta.API(text)
	if *into == meta.Offline {
		v.Warnf("Meta shut down the offline format on 2025-05-14").WithHint("use conversions unless the receiver is not Meta")
	}
}

// oneOf reads one of the given words.
func (p *parser) oneOf(v strictyaml.Value, words ...string) (string, bool) {
	text, ok := v.Text()
	if !ok || slices.Contains(words, text) {
		return text, ok
	}
	problem := v.Errorf("%s is not one of %s", v.Written(), strings.Join(words, ", "))
	if near := nearMiss(text, words); near != "" {
		problem.WithHint("did you mean %q?", near)
	}
	return "", false
}

// eventSets reads the names and settings of event sets.
func (p *parser) eventSets(o *strictyaml.Object) {
	p.byName, p.byID = map[string]Set{}, map[string]Set{}
	v, ok := p.key(o, "event_sets")
	if !ok {
		return
	}
	sets, ok := v.Object()
	if !ok {
		return
	}
	for _, f := range sets.Fields() {
		set := Set{Name: f.Name, API: p.m.api}
		if fold.IsDigits(f.Name) {
			f.Key.Errorf("a name of an event set cannot consist of digits only: it would be read as an id")
		}
		fields, ok := f.Value.Object()
		if !ok {
			continue
		}
		if v, ok := fields.Need("id"); ok {
			set.ID, _ = p.setID(v)
		}
		if v, ok := fields.Field("api"); ok {
			p.readAPI(v, &set.API)
		}
		if v, ok := fields.Field("test_event_code"); ok {
			if set.TestEventCode, ok = p.nonBlankText(v); ok {
				v.Warnf("events sent with a test_event_code are not a test to Meta: they count").WithHint("remove it before going live")
			}
		}
		p.defaults(fields, &set.defaults)
		fields.Done()
		if twin, taken := p.byID[set.ID]; taken && set.ID != "" {
			f.Value.Errorf("the id %s already has the name %q", set.ID, twin.Name)
			continue
		}
		p.byName[f.Name] = set
		if set.ID != "" {
			p.byID[set.ID] = set
			p.m.Sets = append(p.m.Sets, set)
		}
	}
}

// isSetID reports whether text can be the id of an event set at Meta: up to maxSetID digits, not all zero.
func isSetID(text string) bool {
	return fold.IsDigits(text) && len(text) <= maxSetID && strings.Trim(text, "0") != ""
}

const maxSetID = 32

// setID reads the id of an event set.
func (p *parser) setID(v strictyaml.Value) (string, bool) {
	text, ok := v.Text()
	if !ok {
		return "", false
	}
	if !isSetID(text) {
		if fold.IsDigits(text) {
			v.Errorf("%s is not the id of an event set: ids have at most %d digits, not all zero", v.Written(), maxSetID).WithHint("copy it from Events Manager and put it in quotes")
			return "", false
		}
		problem := v.Errorf("%s is not the id of an event set: ids are digits", v.Written())
		if floatLike(text) {
			problem.WithHint("a spreadsheet or number type has damaged the id; copy it again from Events Manager and put it in quotes")
		}
		return "", false
	}
	return text, true
}

// floatLike reports whether text is a number, possibly in a notation that loses digits of an id.
func floatLike(text string) bool {
	_, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return err == nil
}

// nonBlankText reads a text that is not blank.
func (p *parser) nonBlankText(v strictyaml.Value) (string, bool) {
	text, ok := v.Text()
	if ok && strings.TrimSpace(text) == "" {
		v.Errorf("is empty")
		return "", false
	}
	return text, ok
}
