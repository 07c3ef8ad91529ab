package world

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/services/order/bank"
)

// A Page is what is there of one order, each looked up where it is.
type Page struct {
	Reserved map[string]map[string]int64 // pieces, by warehouse and thing
	Charged  int64                       // in cents
	Refunded int64
	Charges  int
	Open     int            // payment intents that could still be charged
	Letters  map[string]int // how often each came, by Message-ID
}

// Nothing reports whether nothing is left of the order.
func (p Page) Nothing() bool {
	return len(p.Reserved) == 0 && p.Charged == p.Refunded && p.Open == 0 && len(p.Letters) == 0
}

// String is all of it in one line.
func (p Page) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(p.Reserved)) {
		for _, sku := range slices.Sorted(maps.Keys(p.Reserved[name])) {
			words = append(words, fmt.Sprintf("%s: %d × %s reserved", name, p.Reserved[name][sku], sku))
		}
	}
	if p.Charged > 0 {
		words = append(words, "bank: "+money(p.Charged)+" charged")
	}
	if p.Refunded > 0 {
		words = append(words, "bank: "+money(p.Refunded)+" refunded")
	}
	if p.Open > 0 {
		words = append(words, fmt.Sprintf("bank: %d payment intents open", p.Open))
	}
	for range p.Letters {
		words = append(words, "mail: confirmation")
	}
	return strings.Join(words, "\n")
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }

// Books are the pages of all orders that left something anywhere, by saga id. A
// mail server that was stopped must have been started again.
func (w *World) Books(ctx context.Context) (map[string]*Page, error) {
	books := map[string]*Page{}
	page := func(id string) *Page {
		if books[id] == nil {
			books[id] = &Page{Reserved: map[string]map[string]int64{}, Letters: map[string]int{}}
		}
		return books[id]
	}
	for _, place := range w.Warehouses {
		if err := place.reservations(ctx, page); err != nil {
			return nil, fmt.Errorf("look into the warehouse in %s: %w", place.Name, err)
		}
	}
	for _, i := range w.Bank.Intents() {
		p := page(i.Metadata["saga"])
		switch i.Status {
		case bank.Succeeded:
			p.Charged += i.Amount
			p.Charges++
			p.Refunded += i.Amount - i.Kept()
		case bank.Canceled:
		default:
			p.Open++
		}
	}
	for _, post := range []*Post{w.First, w.Second} {
		letters, err := post.Letters(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			page(strings.TrimPrefix(l.Subject, "Your order ")).Letters[l.MessageID]++
		}
	}
	return books, nil
}

// Page is the page of one order.
func (w *World) Page(ctx context.Context, id string) (Page, error) {
	books, err := w.Books(ctx)
	if err != nil || books[id] == nil {
		return Page{}, err
	}
	return *books[id], nil
}

func (p *Place) reservations(ctx context.Context, page func(string) *Page) error {
	rows, err := p.Query(ctx, `SELECT key, sku, quantity FROM reservations`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key, sku string
		var n int64
		if err := rows.Scan(&key, &sku, &n); err != nil {
			return err
		}
		_, rest, _ := strings.Cut(key, "/")
		id, _, _ := strings.Cut(rest, "/")
		reserved := page(id).Reserved
		if reserved[p.Name] == nil {
			reserved[p.Name] = map[string]int64{}
		}
		reserved[p.Name][sku] += n
	}
	return rows.Err()
}

// Audit checks what each warehouse says of itself: as much is reserved of each
// thing as its reservations say, and never more than there is.
func (w *World) Audit(ctx context.Context) error {
	for _, place := range w.Warehouses {
		var wrong int
		err := place.QueryRow(ctx, `
			SELECT count(*) FROM stock LEFT JOIN (SELECT sku, sum(quantity) AS sum FROM reservations GROUP BY sku) r USING (sku)
			WHERE reserved <> coalesce(r.sum, 0) OR reserved > on_hand`).Scan(&wrong)
		if err != nil {
			return fmt.Errorf("audit the warehouse in %s: %w", place.Name, err)
		}
		if wrong > 0 {
			return fmt.Errorf("audit the warehouse in %s: the stock of %d things does not agree with their reservations", place.Name, wrong)
		}
	}
	return nil
}
