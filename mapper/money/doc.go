// Package money reads what tills write as an amount (1.234,50 €, (12.50), US$ 3, 0.55 m), and
// the currency beside it.
//
// The package is pure. An amount is decimal text throughout, never a float. An amount with two
// possible readings keeps both until its currency is known (Amount.In). Text that cannot be
// read, or is larger than any sale, is not an amount.
package money
