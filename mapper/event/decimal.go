package event

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// Decimal converts a JSON number to plain decimal digits, without exponent and superfluous
// zeros. It reports false when the result would have more than 400 digits.
func Decimal(number string) (string, bool) {
	var buf [64]byte
	out, ok := AppendDecimal(buf[:0], number, 400)
	if !ok {
		return "", false
	}
	if string(out) == number {
		return number, true
	}
	return string(out), true
}

// AppendDecimal appends a JSON number in plain decimal form, without superfluous zeros. When
// that takes more than limit digits, it reports false and returns dst unchanged.
func AppendDecimal(dst []byte, number string, limit int) ([]byte, bool) {
	mantissa, exponent := number, 0
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		e, err := strconv.Atoi(strings.TrimPrefix(number[i+1:], "+"))
		switch {
		case errors.Is(err, strconv.ErrSyntax):
			return dst, false // not a number
		case err != nil:
			e = 1 << 30
			if number[i+1] == '-' {
				e = -e
			}
		}
		mantissa, exponent = number[:i], e
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if whole == "" || strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return dst, false // not a number
	}
	if exponent == 0 && len(whole) <= limit && (whole == "0" || whole[0] != '0') { // the usual case, without a copy
		fraction = strings.TrimRight(fraction, "0")
		if len(whole)+len(fraction) > limit {
			return dst, false
		}
		if negative && (whole != "0" || fraction != "") {
			dst = append(dst, '-')
		}
		dst = append(dst, whole...)
		if fraction != "" {
			dst = append(append(dst, '.'), fraction...)
		}
		return dst, true
	}
	digits := whole + fraction
	point := len(whole) // the decimal point is before digits[point]
	trimmed := strings.TrimLeft(digits, "0")
	if trimmed == "" {
		return append(dst, '0'), true
	}
	point -= len(digits) - len(trimmed)
	digits = strings.TrimRight(trimmed, "0")
	if exponent > 2*limit || exponent < -2*limit {
		return dst, false
	}
	point += exponent
	if len(digits) > limit || point > limit || point < -limit {
		return dst, false
	}
	if negative {
		dst = append(dst, '-')
	}
	switch {
	case point <= 0:
		dst = append(dst, "0."...)
		for range -point {
			dst = append(dst, '0')
		}
		dst = append(dst, digits...)
	case point >= len(digits):
		dst = append(dst, digits...)
		for range point - len(digits) {
			dst = append(dst, '0')
		}
	default:
		dst = append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
	}
	return dst, true
}

// Multiply returns the exact product of two plain decimals, or "" if one is not a decimal.
func Multiply(a, b string) string {
	product, scale := big.NewInt(1), 0
	for _, f := range []string{a, b} {
		whole, fraction, _ := strings.Cut(f, ".")
		n, ok := new(big.Int).SetString(whole+fraction, 10)
		if !ok {
			return ""
		}
		product.Mul(product, n)
		scale += len(fraction)
	}
	return Shift(product.String(), -scale)
}

// Shift moves the decimal point of s to the right by places. A negative number moves it to the
// left.
func Shift(s string, places int) string {
	out, ok := Decimal(s + "e" + strconv.Itoa(places))
	if !ok {
		return ""
	}
	return out
}
