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
		Short: "Say whether a sale was sent, when, to which event set, and what Meta answered",
		Long: `Looks up an order id or a messageId: in the receipts of what Meta has accepted, among the
dead letters, and in what still waits. Receipts are kept up to queue.receipts_max_size; the
oldest are removed first. Exit code 1 when nothing is known of it.

With - ids are read from standard input, one a line: other users of the machine can read
the arguments of a command, not its input.`,
		Example: "  relay receipt 50314b8e9bcf000000000000\n  relay receipt A-1001 --json\n  relay receipt - < orders.txt",
		Args:    cli.Args(cobra.ExactArgs(1)),
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
					return fmt.Errorf("%s: does not wait here and is no dead letter; what the hub has taken has its receipt there: %s", strings.Join(unknown, ", "), advice.MappingAtHub(st.Forwards))
				}
				if err == nil && st.Delivers != nil {
					return fmt.Errorf("%s: does not wait and is no dead letter; a relay with queue.nats keeps no receipts, so what was delivered is not known", strings.Join(unknown, ", "))
				}
				return fmt.Errorf("nothing is known of %s: never received, not for Meta by the mapping, or its receipt is no longer kept", strings.Join(unknown, ", "))
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "JSON lines")
	return c
}

// receiptIDs are the ids to look up: the argument, or the lines of in when it is "-".
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
		return nil, errors.New("no id on standard input: give order ids or messageIds, one a line")
	}
	return ids, nil
}

// printSales prints what is known of an id and returns how many sales that are.
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
