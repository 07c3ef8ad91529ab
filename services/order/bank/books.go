package bank

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer has stripe-mock judge a question, and answers it from the books. It
// reports whether the answer is to be kept under the question's key.
func (b *Bank) answer(ctx context.Context, q question) (reply, bool) {
	judged, err := b.judge(ctx, q)
	if err != nil {
		return refused(http.StatusBadGateway, "api_error", "", err.Error()), false
	}
	if judged.status >= 300 {
		return judged, false // not valid: no execution began
	}
	var form map[string]any
	if err := json.Unmarshal(judged.body, &form); err != nil {
		return refused(http.StatusBadGateway, "api_error", "", "stripe-mock's answer: "+err.Error()), false
	}
	if q.mode == Broken {
		return broken(), true
	}
	if q.op == Confirm || q.op == Refund {
		time.Sleep(b.config.Takes)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a, keep := b.book(q, form)
	if q.mode == Blurred {
		return broken(), true
	}
	return a, keep
}

func broken() reply {
	return refused(http.StatusInternalServerError, "api_error", "", "An unknown error occurred.")
}

// judge passes a question on to stripe-mock.
func (b *Bank) judge(ctx context.Context, q question) (reply, error) {
	// What the client stops waiting for is done all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	to := *b.mock
	to.Path, to.RawQuery = q.path, q.query
	r, err := http.NewRequestWithContext(ctx, q.method, to.String(), bytes.NewReader(q.body))
	if err != nil {
		return reply{}, fmt.Errorf("ask stripe-mock: %w", err)
	}
	r.Header = q.header.Clone()
	r.Header.Del("Accept-Encoding") // the client of this side unpacks
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, fmt.Errorf("ask stripe-mock: %w", err)
	}
	defer res.Body.Close()
	a := reply{status: res.StatusCode}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return reply{}, fmt.Errorf("read stripe-mock's answer: %w", err)
	}
	return a, nil
}

// book makes the entry, in the answer's form. It is called with the lock held.
func (b *Bank) book(q question, form map[string]any) (reply, bool) {
	if q.op == Create {
		i := b.create(q)
		if q.form.Get("confirm") == "true" {
			return b.confirm(i, q, form), true
		}
		return i.reply(form, false), true
	}
	id := q.id
	if q.op == Refund {
		id = q.form.Get("payment_intent")
	}
	i, ok := b.intents[id]
	if !ok {
		return refused(http.StatusNotFound, "invalid_request_error", "resource_missing", "No such payment_intent: '"+id+"'"), true
	}
	switch q.op {
	case Confirm:
		return b.confirm(i, q, form), true
	case Cancel:
		if i.Status == Succeeded || i.Status == Canceled {
			return i.unexpected("cancel"), true
		}
		i.Status = Canceled
	case Refund:
		return i.refund(form), true
	}
	return i.reply(form, strings.Contains(q.query, "latest_charge")), true
}

func (b *Bank) create(q question) *Intent {
	amount, _ := strconv.ParseInt(q.form.Get("amount"), 10, 64)
	i := &Intent{
		ID: "pi_" + rand.Text(), Key: q.header.Get("Idempotency-Key"), Status: NeedsMethod, Amount: amount,
		Currency: q.form.Get("currency"), Method: q.form.Get("payment_method"), Metadata: map[string]string{}, Created: time.Now(),
	}
	if i.Method != "" {
		i.Status = NeedsConfirmation
	}
	for _, name := range slices.Sorted(maps.Keys(q.form)) {
		if key, ok := strings.CutPrefix(name, "metadata["); ok {
			i.Metadata[strings.TrimSuffix(key, "]")] = q.form.Get(name)
		}
	}
	b.intents[i.ID] = i
	b.order = append(b.order, i.ID)
	return i
}

func (b *Bank) confirm(i *Intent, q question, form map[string]any) reply {
	if i.Status == Succeeded || i.Status == Canceled {
		return i.unexpected("confirm")
	}
	if m := q.form.Get("payment_method"); m != "" {
		i.Method = m
	}
	switch {
	case i.Method == "":
		return i.unexpected("confirm")
	case q.mode == Decline || !pays(i.Method):
		i.Method, i.Status = "", NeedsMethod
		a := refused(http.StatusPaymentRequired, "card_error", "card_declined", "Your card was declined.")
		a.body = bytes.Replace(a.body, []byte(`{"error":{`), []byte(`{"error":{"decline_code":"generic_decline",`), 1)
		return a
	}
	i.Status, i.Charge = Succeeded, "ch_"+rand.Text()
	return i.reply(form, false)
}

func (i *Intent) refund(form map[string]any) reply {
	switch {
	case i.Refund != "":
		return refused(http.StatusBadRequest, "invalid_request_error", "charge_already_refunded", "Charge "+i.Charge+" has already been refunded.")
	case i.Charge == "":
		return refused(http.StatusBadRequest, "invalid_request_error", "", "This PaymentIntent ("+i.ID+") does not have a successful charge to refund.")
	}
	i.Refund = "re_" + rand.Text()
	form["id"], form["amount"], form["currency"] = i.Refund, i.Amount, i.Currency
	form["charge"], form["payment_intent"], form["status"] = i.Charge, i.ID, "succeeded"
	body, _ := json.Marshal(form)
	return reply{status: http.StatusOK, body: body}
}

func (i *Intent) reply(form map[string]any, expanded bool) reply {
	i.fill(form, expanded)
	body, _ := json.Marshal(form)
	return reply{status: http.StatusOK, body: body}
}

func (i *Intent) unexpected(what string) reply {
	return refused(http.StatusBadRequest, "invalid_request_error", "payment_intent_unexpected_state",
		fmt.Sprintf("You cannot %s this PaymentIntent because it has a status of %s.", what, i.Status))
}
