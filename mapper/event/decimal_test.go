package event

import (
	"strings"
	"testing"
)

// A number keeps its value exactly, however a program prints it. "" means that it has too many
// digits to be written out.
func TestDecimal(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "-0.00": "0", "47.60": "47.6", "47.6": "47.6", "-3": "-3", "100": "100", "-12.50": "-12.5",
		"1.0E7": "10000000", "4.242e3": "4242", "1e0": "1", "1E+2": "100", "12.34e-1": "1.234", "5e-3": "0.005", "-5e-3": "-0.005",
		"0.10e1": "1", "007.50": "7.5", "0e5": "0", "0e999999999999": "0", "123456789012345678901234567890": "123456789012345678901234567890",
		"1e400": "", "1e-403": "", "1e999999999999": "", "1e-999999999999": "", "-1e400": "", "1e399": "1" + strings.Repeat("0", 399),
		strings.Repeat("9", 401): "", "0." + strings.Repeat("1", 401): "",
		"": "", "abc": "", "1.2.3": "", "1,5": "", "1e": "", "1e+": "", "1e-99999999999999999999": "", "0e-99999999999999999999": "0", "1.5e99999999999999999999": "", "--1": "", ".5": "",
	} {
		got, ok := Decimal(number)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", number, got, ok, want)
		}
	}
}

// The limit applies to the digits of the result. What does not fit leaves the buffer unchanged.
func TestAppendDecimal(t *testing.T) {
	for _, c := range []struct {
		number string
		limit  int
		want   string
		ok     bool
	}{
		{"12.50", 3, "value 12.5", true},
		{"12.50", 2, "value ", false},
		{"1234", 3, "value ", false},
		{"1e3", 4, "value 1000", true},
		{"1e4", 4, "value ", false},
		{"1e-4", 4, "value 0.0001", true},
		{"1e-6", 4, "value ", false},
		{"1e-9", 4, "value ", false},
		{"x", 4, "value ", false},
	} {
		got, ok := AppendDecimal([]byte("value "), c.number, c.limit)
		if string(got) != c.want || ok != c.ok {
			t.Errorf("%s within %d digits: %q, %v; want %q, %v", c.number, c.limit, got, ok, c.want, c.ok)
		}
	}
}

// The price of a weighed product is exact: 0.1 × 3 is 0.3.
func TestMultiplyAndShift(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"25.50", "0.312", "7.956"}, {"0.1", "3", "0.3"}, {"-2", "1.5", "-3"}, {"0", "12.34", "0"}, {"123456789.01", "987654321.09", "121932631133622923.2209"}, {"x", "1", ""}, {"1", "", ""},
	} {
		if got := Multiply(c.a, c.b); got != c.want {
			t.Errorf("%s × %s: %q, want %q", c.a, c.b, got, c.want)
		}
	}
	for _, c := range []struct {
		s      string
		places int
		want   string
	}{
		{"4760", -2, "47.6"}, {"4760", 0, "4760"}, {"47.6", 2, "4760"}, {"5", -3, "0.005"}, {"x", 1, ""},
	} {
		if got := Shift(c.s, c.places); got != c.want {
			t.Errorf("%s by %d: %q, want %q", c.s, c.places, got, c.want)
		}
	}
}
