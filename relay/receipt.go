package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/person"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newReceiptCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "receipt ORDER-ID|MESSAGE-ID|-",
		Short: "Show whether and when a sale was sent, to which event set, and Meta's answer",
		Long: `Looks up an order id or a messageId among the receipts of accepted events, the dead letters
and the waiting events. Receipts are kept up to queue.receipts_max_size; the oldest are
removed first. Exits 1 if the id is unknown.

With - the ids are read from standard input, one per line. Use it where other users of the
machine must not see the ids: they can read a command's arguments, but not its input.`,
		Example: "  relay receipt 50314b8e9bcf000000000000\n  relay receipt A-1001 --json\n  relay receipt - < orders.txt",
		Args:    cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := receiptIDs(args[0], c.InOrStdin())
			if err != nil {
				return exit.Usage(err)
			}
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				var unknown []string
				for _, id := range ids {
					n, err := printSales(ctx, d, c.OutOrStdout(), id, asJSON)
					if err != nil {
						return err
					}
					if n == 0 {
						unknown = append(unknown, strconv.Quote(id))
					}
				}
				if len(unknown) == 0 {
					return nil
				}
				st, err := d.Status(ctx)
				if err == nil && st.Forwards != "" {
					return fmt.Errorf("%s: neither waiting nor a dead letter here; the hub has the receipts of what it received: %s", strings.Join(unknown, ", "), advice.MappingAtHub(st.Forwards))
				}
				if err == nil && st.Delivers != nil {
					return fmt.Errorf("%s: neither waiting nor a dead letter; it might have been delivered, but a relay with queue.nats keeps no receipts", strings.Join(unknown, ", "))
				}
				return fmt.Errorf("%s: unknown: never received, not sent because of the mapping, or its receipt was already removed", strings.Join(unknown, ", "))
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

// receiptIDs returns the ids to look up: the argument, or the lines of in if it is "-".
func receiptIDs(arg string, in io.Reader) ([]string, error) {
	if arg != "-" {
		return []string{arg}, nil
	}
	lines, err := person.ReadLines(in)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, line := range lines {
		if id := strings.TrimSpace(line); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("no id on standard input: give order ids or messageIds, one per line")
	}
	return ids, nil
}

// printSales prints the sales with an id and returns their number.
func printSales(ctx context.Context, d *session.Session, out io.Writer, id string, asJSON bool) (n int, err error) {
	err = term.Each(func(fn func(api.Sale) bool) error { return d.Sales(ctx, id, fn) }, func(s api.Sale) error {
		n++
		if asJSON {
			return term.JSONLine(out, s)
		}
		return printSale(out, s)
	})
	return n, err
}

func printSale(out io.Writer, s api.Sale) error {
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
			fmt.Fprintln(&b, "  An earlier attempt of the same request got no answer; this one repeated it unchanged.")
		}
	case s.Dead != nil:
		d := s.Dead
		fmt.Fprintf(&b, "  %s  for %s: %s: %s\n", term.Colour(out, "31", "not sent, a dead letter"), sets, d.Reason, d.Message)
		if d.Code != 0 {
			fmt.Fprintf(&b, "  Meta's error code %d/%d, fbtrace_id %s\n", d.Code, d.Subcode, d.FBTraceID)
		}
		fmt.Fprintf(&b, "  Details: relay dead show %s\n", d.ID)
	default:
		fmt.Fprintf(&b, "  %s  for %s; `relay status` shows why\n", term.Colour(out, "33", "not sent yet, waiting"), sets)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
