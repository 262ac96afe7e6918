package strictyaml

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bool returns true or false; it accepts no other words.
func (v Value) Bool() (value, ok bool) {
	text, ok := v.scalar("true or false")
	switch {
	case !ok:
		return false, false
	case text == "true":
		return true, true
	case text == "false":
		return false, true
	}
	p := v.Errorf("expected true or false, found %s", v.Written())
	switch strings.ToLower(text) {
	case "yes", "on", "y", "1", "true":
		p.Hint = "write true"
	case "no", "off", "n", "0", "false":
		p.Hint = "write false"
	}
	return false, false
}

var (
	wholeForm   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	amountForm  = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)[ ]?([A-Za-zµ]*)$`)
	termForm    = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d|w)`)
	timeForm    = regexp.MustCompile(`^(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h|d|w))+$`)
)

// Int returns a whole number in decimal digits.
func (v Value) Int() (int64, bool) {
	text, ok := v.scalar("a whole number")
	if !ok {
		return 0, false
	}
	if !wholeForm.MatchString(text) {
		p := v.Errorf("expected a whole number, found %s", v.Written())
		plain := strings.NewReplacer("_", "", ",", "", "'", "", " ", "").Replace(text)
		if trimmed := strings.TrimLeft(strings.TrimPrefix(plain, "+"), "0"); wholeForm.MatchString(trimmed) && !v.IsExpanded() {
			p.WithHint("write %s", trimmed)
		}
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		v.Errorf("%s is too large", v.Written())
		return 0, false
	}
	return n, true
}

// Float returns a decimal number, with a point and without an exponent.
func (v Value) Float() (float64, bool) {
	text, ok := v.scalar("a number")
	if !ok {
		return 0, false
	}
	if !decimalForm.MatchString(text) {
		p := v.Errorf("expected a number, found %s", v.Written())
		if plain := strings.Replace(text, ",", ".", 1); decimalForm.MatchString(plain) && !v.IsExpanded() {
			p.WithHint("write %s", plain)
		} else if strings.HasPrefix(text, ".") && decimalForm.MatchString("0"+text) && !v.IsExpanded() {
			p.WithHint("write 0%s", text)
		}
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		v.Errorf("%s is too large", v.Written())
		return 0, false
	}
	return f, true
}

// Duration returns a duration: 2s, 500ms, 1h30m, 62d, 2w; 0 needs no
// unit. A day is 24 hours. It is never negative.
func (v Value) Duration() (time.Duration, bool) {
	text, ok := v.scalar("a duration")
	if !ok {
		return 0, false
	}
	d, err := ParseDuration(text)
	if err != nil {
		p := v.Errorf("expected a duration such as 2s, 10m or 62d, found %s", v.Written())
		if wholeForm.MatchString(text) && !v.IsExpanded() {
			p.WithHint("add the unit: %ss for seconds", text)
		} else if strings.HasPrefix(text, "-") {
			p.WithHint("a duration cannot be negative")
		}
	}
	return d, err == nil
}

// ParseDuration parses the same text as Duration.
func ParseDuration(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if !timeForm.MatchString(text) {
		return 0, fmt.Errorf("parse duration %q: want forms such as 2s, 1h30m, 62d", text)
	}
	units := map[string]time.Duration{
		"ns": 1, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}
	sum := new(big.Rat)
	for _, term := range termForm.FindAllStringSubmatch(text, -1) {
		n, ok := new(big.Rat).SetString(term[1])
		if !ok {
			return 0, fmt.Errorf("parse duration %q", text)
		}
		sum.Add(sum, n.Mul(n, new(big.Rat).SetInt64(int64(units[term[2]]))))
	}
	whole := new(big.Int).Quo(sum.Num(), sum.Denom())
	if !whole.IsInt64() {
		return 0, fmt.Errorf("parse duration %q: too long", text)
	}
	return time.Duration(whole.Int64()), nil
}

var sizeUnits = map[string]int64{
	"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// Size returns a number of bytes: 4MiB, 500KB (of 1,000 bytes), 1.5GiB, or
// plain bytes.
func (v Value) Size() (int64, bool) {
	text, ok := v.scalar("a size")
	if !ok {
		return 0, false
	}
	n, err := ParseSize(text)
	if err != nil {
		p := v.Errorf("expected a size such as 500KB or 4MiB, found %s", v.Written())
		if m := amountForm.FindStringSubmatch(text); m != nil && !v.IsExpanded() {
			switch u := strings.ToUpper(m[2]); u {
			case "K", "M", "G", "T":
				p.WithHint("write %s%siB (powers of 1024) or %s%sB (powers of 1000)", m[1], map[bool]string{true: "K", false: u}[u == "K"], m[1], u)
			}
		}
	}
	return n, err == nil
}

// ParseSize parses the same text as Size.
func ParseSize(text string) (int64, error) {
	m := amountForm.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("parse size %q: want forms such as 500KB, 4MiB", text)
	}
	unit, ok := sizeUnits[strings.ToLower(m[2])]
	if !ok {
		return 0, fmt.Errorf("parse size %q: unknown unit %q", text, m[2])
	}
	n, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return 0, fmt.Errorf("parse size %q", text)
	}
	n.Mul(n, new(big.Rat).SetInt64(unit))
	if !n.IsInt() || !n.Num().IsInt64() {
		return 0, fmt.Errorf("parse size %q: not a whole number of bytes, or too large", text)
	}
	return n.Num().Int64(), nil
}

// sizeText returns a size for display.
func sizeText(n int64) string {
	short := func(f float64, unit string) string {
		return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") + unit
	}
	switch {
	case n >= 1<<20:
		return short(float64(n)/(1<<20), " MiB")
	case n >= 1<<10:
		return short(float64(n)/(1<<10), " KiB")
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
