// Package expr evaluates the expressions of a mapping, `when:` and `expr:`, in the
// language of expr-lang, whose cost it bounds: an expression cannot take more than
// 10,000 rounds, 5,000 items of a list and 64 KiB of text, whatever the event.
//
// It is pure: the functions that an expression may call depend on nothing but the
// event. The same event gives the same value, so a repeated attempt sends the same
// bytes.
//
// What can hurt you: expr's own errors quote values of the event. Only Cause may
// be shown or logged.
package expr
