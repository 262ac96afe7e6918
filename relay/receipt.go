package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/internal/admin"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newReceiptCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "receipt ORDER-ID|MESSAGE-ID",
		Short: "Was this sale sent, when, to which event set, and what did Meta say",
		Long: `Looks an order id or a messageId up: in the receipts of what Meta has accepted, among the
dead letters, and in what still waits. Receipts are kept up to queue.receipts_max_size; the
oldest are removed first. Exit code 1 when nothing is known of it.`,
		Example: "  relay receipt 50314b8e9bcf000000000000\n  relay receipt A-1001 --json",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withSession(c, false, func(ctx context.Context, d *session.Session) error {
				out := c.OutOrStdout()
				n := 0
				var werr error
				err := d.Sales(ctx, args[0], func(s admin.Sale) bool {
					n++
					if asJSON {
						werr = term.JSONLine(out, s)
					} else {
						werr = printSale(out, s)
					}
					return werr == nil
				})
				if err := cmp.Or(werr, err); err != nil {
					return err
				}
				if n == 0 {
					return fmt.Errorf("nothing is known of %q: never received, not for Meta by the mapping, or its receipt is no longer kept", args[0])
				}
				return nil
			})
		},
	}
	addConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "JSON lines")
	return c
}

func printSale(out io.Writer, s admin.Sale) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, message %s", s.Event, s.MessageID)
	if s.OrderID != "" {
		fmt.Fprintf(&b, ", order %s", s.OrderID)
	}
	fmt.Fprintf(&b, ", received %s\n", term.Stamp(s.ReceivedAt))
	sets := strings.Join(s.EventSets, ", ")
	switch {
	case s.Receipt != nil:
		r := s.Receipt
		fmt.Fprintf(&b, "  %s  %s to %s as %s (%s), event time %s\n", term.Colour(out, "32", "delivered"), term.Stamp(r.DeliveredAt), r.EventSet, r.Name, r.API, term.Stamp(r.EventTime))
		fmt.Fprintf(&b, "  Meta accepted it in request %s, fbtrace_id %s, mapping %.12s\n", r.Request, r.FBTraceID, r.Mapping)
		if r.Ambiguous {
			fmt.Fprintln(&b, "  An earlier try of the same request had no answer; this one repeated it unchanged.")
		}
	case s.Dead != nil:
		d := s.Dead
		fmt.Fprintf(&b, "  %s  for %s: %s: %s\n", term.Colour(out, "31", "not sent, a dead letter"), sets, d.Reason, d.Message)
		if d.Code != 0 {
			fmt.Fprintf(&b, "  Meta's code %d/%d, fbtrace_id %s\n", d.Code, d.Subcode, d.FBTraceID)
		}
		fmt.Fprintf(&b, "  See it with: relay dead show %s\n", d.ID)
	default:
		fmt.Fprintf(&b, "  %s  for %s; relay status says why\n", term.Colour(out, "33", "not sent yet, waits"), sets)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
