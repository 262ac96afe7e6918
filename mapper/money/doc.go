// Package money reads what tills write where an amount is expected: 1.234,50 €, (12.50),
// US$ 3, 0.55 m, and the currency beside it.
//
// It is pure. An amount is decimal text from beginning to end, never a float. What has two
// readings keeps both until its currency is known (Amount.In); what cannot be read, or is
// beyond what a sale can be, is no amount.
package money
