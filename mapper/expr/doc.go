// Package expr evaluates the expressions of a mapping, `when:` and `expr:`, in the language of
// expr-lang. It bounds their cost: whatever the event, an expression makes at most 10,000
// iterations and handles at most 5,000 list items and 64 KiB of text.
//
// The package is pure: the result of an expression depends only on the event. Evaluating it
// again gives the same value, so a retry sends the same bytes.
//
// Caution: error messages of expr-lang quote values of the event. Show and log only Cause.
package expr
